#ifndef TSNET_FAILURE_H
#define TSNET_FAILURE_H

#include <stdbool.h>

/** Whom the answer is for: a caller of CNI knows another form of errors than Podman's netavark. */
void failures_are_for(bool is_netavark);

/**
 * Prints an error as the caller reads it and ends the process with 1. "Try again later" (code 11) is what all errors of
 * this program have in common: it decides nothing, it only could not ask.
 *
 * @param details may be NULL; cut to a few hundred bytes
 */
_Noreturn void fail(const char *message, const char *details);

/** Has `message` printed, as `fail` does, if nothing calls again within so many seconds; 0 takes it back. */
void fail_after(unsigned seconds, const char *message);

#endif
