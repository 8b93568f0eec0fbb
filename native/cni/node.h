#ifndef TSNET_NODE_H
#define TSNET_NODE_H

#include "bytes.h"

/** Becomes the same program in Node.js, with the input in front of it again. Fails the process if there is none. */
_Noreturn void become_node(char *const *arguments, const struct bytes *input);

#endif
