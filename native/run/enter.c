#define _GNU_SOURCE
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { MOST_MOUNTS = 64 };

struct mount_point {
  int descriptor;
  char *path;
};

/* The mounts below /sys, each held open: control groups, BPF, tracing. They come from no network namespace. */
static int hold_mounts_below_sys(struct mount_point *held) {
  FILE *list = fopen("/proc/self/mountinfo", "re");
  if (list == NULL) return 0;
  char *line = NULL;
  size_t size = 0;
  int count = 0;
  while (count < MOST_MOUNTS && getline(&line, &size, list) != -1) {
    char path[4096];
    /* Source: proc_pid_mountinfo(5), the fifth field is the mount point. */
    if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1 || strncmp(path, "/sys/", 5) != 0) continue;
    const int descriptor = open(path, O_PATH | O_CLOEXEC);
    if (descriptor < 0) continue;
    held[count].descriptor = descriptor;
    held[count].path = strdup(path);
    count += 1;
  }
  free(line);
  fclose(list);
  return count;
}

/* /sys/class/net shows the namespace that sysfs was mounted in. A host that refuses keeps its own; nothing else depends on it. */
static void remount_sys(void) {
  struct mount_point held[MOST_MOUNTS];
  const int count = hold_mounts_below_sys(held);
  const int mounted = mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
  for (int index = 0; index < count; index += 1) {
    char source[32];
    snprintf(source, sizeof source, "/proc/self/fd/%d", held[index].descriptor);
    if (mounted == 0 && held[index].path != NULL) mount(source, held[index].path, NULL, MS_BIND, NULL);
    close(held[index].descriptor);
    free(held[index].path);
  }
}

static const char *enter_netns(const char *path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "open the network namespace";
  const int entered = setns(descriptor, CLONE_NEWNET);
  const int reason = errno;
  close(descriptor);
  errno = reason;
  return entered == 0 ? NULL : "enter the network namespace";
}

const char *enter_view(const struct sandbox_view *view) {
  if (view->netns != NULL) {
    const char *failed = enter_netns(view->netns);
    if (failed != NULL) return failed;
  }
  if (unshare(CLONE_NEWNS) != 0) return "make a mount namespace";
  /* What the host mounts and unmounts later is still seen; what is mounted here is not seen there. */
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0) return "keep mounts apart from the host's";
  if (view->netns != NULL) remount_sys();
  for (int index = 0; index < FILE_VIEWS; index += 1) {
    const struct file_view *file = &view->files[index];
    if (file->source == NULL) continue;
    if (mount(file->source, file->target, NULL, MS_BIND, NULL) == 0) continue;
    /* A host may do without /etc/hostname; sethostname(2) below says the same. */
    if (errno == ENOENT && strcmp(file->target, "/etc/hostname") == 0) continue;
    return file->target;
  }
  if (view->hostname != NULL) {
    if (unshare(CLONE_NEWUTS) != 0) return "make a namespace for the host name";
    if (sethostname(view->hostname, strlen(view->hostname)) != 0) return "set the host name";
  }
  return NULL;
}

const char *enter_process(int pidfd) {
  /* setns(2) moves to the root of the other mount namespace. */
  char *folder = getcwd(NULL, 0);
  if (setns(pidfd, CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS) != 0) {
    free(folder);
    return "enter the sandbox";
  }
  if (folder != NULL && chdir(folder) != 0) errno = 0;
  free(folder);
  return NULL;
}
