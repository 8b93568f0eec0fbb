/* Whom the command belongs to, and where it begins. */
#ifndef TSNET_RUN_USER_H
#define TSNET_RUN_USER_H

/*
 * Gives the calling process to a user for good: `UID,GID[,GID]...` in numbers, the first group for new files, the others beside it;
 * and moves it into a folder. NULL leaves either. Returns NULL, or what failed, with errno set: `chdir` for the folder.
 */
const char *become_user(const char *ids, const char *folder);

#endif
