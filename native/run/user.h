/* Whom the command belongs to. */
#ifndef TSNET_RUN_USER_H
#define TSNET_RUN_USER_H

/*
 * Gives the calling process to a user for good: `UID,GID[,GID]...` in numbers, the first group for new files, the others beside it.
 * Returns NULL, or what failed, with errno set.
 */
const char *become_user(const char *ids);

#endif
