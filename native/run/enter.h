/* What a process sees of its host: the network, the files about it, and the name. */
#ifndef TSNET_RUN_ENTER_H
#define TSNET_RUN_ENTER_H

#include <sys/types.h>

/* A file that stands in the place of another, in the view of the sandbox only. */
struct file_view {
  const char *source;
  const char *target;
};

enum { FILE_VIEWS = 3 };

/* What a new sandbox is made of; NULL leaves the host's. */
struct sandbox_view {
  const char *netns;
  const char *hostname;
  struct file_view files[FILE_VIEWS];
};

/* Moves the calling process into a new view. Returns NULL, or what failed, with errno set. */
const char *enter_view(const struct sandbox_view *view);

/* Moves the calling process into the view that another process has. Returns NULL, or what failed, with errno set. */
const char *enter_process(int pidfd);

#endif
