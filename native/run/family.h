/* Processes that belong together. */
#ifndef TSNET_RUN_FAMILY_H
#define TSNET_RUN_FAMILY_H

#include <sys/types.h>

/* When a process began, in clock ticks since boot; 0 if it is gone. */
unsigned long long start_time_of(pid_t pid);

/* Kills what the calling process has for children, and theirs, which a subreaper inherits, until none is left. */
void end_descendants(void);

#endif
