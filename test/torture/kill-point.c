/*
 * Kills a program with SIGKILL just before one of the calls by which it changes something that outlives it: state,
 * kernel, files, children. Preloaded into unmodified programs; of all programs it acts in Node only.
 *
 *   TORTURE_KILL_BEFORE=N   before the Nth such call, from 1
 *   TORTURE_KILL_AFTER=N    N microseconds after the program began
 *   TORTURE_STEPS=FILE      a line for each such call, "NUMBER CALL"
 *
 * A step counts over all threads. What only reads is no step, nor what writes to pipes and terminals.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_long steps;
static long kill_before;
static int log_file = -1;
static bool is_active;

static long number_of(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : strtol(text, NULL, 10);
}

static void kill_after(long microseconds) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec when = {.it_value = {microseconds / 1000000, microseconds % 1000000 * 1000}};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0) abort();
}

__attribute__((constructor)) static void begin(void) {
  char path[4096] = "";
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0) return;
  const char *name = strrchr(path, '/');
  if (name == NULL || strcmp(name, "/node") != 0) return;
  is_active = true;
  kill_before = number_of("TORTURE_KILL_BEFORE");
  long after = number_of("TORTURE_KILL_AFTER");
  if (after > 0) kill_after(after);
  const char *log = getenv("TORTURE_STEPS");
  /* Children of the program are no part of it. */
  for (const char **name = (const char *[]){"TORTURE_KILL_BEFORE", "TORTURE_KILL_AFTER", "TORTURE_STEPS", "LD_PRELOAD", NULL};
       *name != NULL; name++)
    unsetenv(*name);
  if (log == NULL) return;
  int (*open_file)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
  log_file = open_file(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void step(const char *call, const char *subject) {
  if (!is_active) return;
  long number = atomic_fetch_add(&steps, 1) + 1;
  if (log_file >= 0) dprintf(log_file, "%ld %s %s\n", number, call, subject);
  if (number == kill_before) kill(getpid(), SIGKILL);
}

static bool is_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && fd != log_file;
}

/* Whether a message to the kernel changes something. Source: linux/rtnetlink.h, linux/netfilter/nfnetlink.h */
static bool is_change(int fd, const void *data, size_t length) {
  int domain = 0, protocol = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) return false;
  size = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return false;
  const struct nlmsghdr *message = data;
  if (length < sizeof *message) return false;
  if (protocol == NETLINK_ROUTE) return (message->nlmsg_type & 3) != 2;
  /* A batch for nf_tables, and the removal of a connection from conntrack. */
  if (protocol == NETLINK_NETFILTER) return message->nlmsg_type == 0x10 || message->nlmsg_type == 0x102;
  return false;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  step("pwrite", "");
  return REAL(pwrite64)(fd, data, length, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  step("pwritev", "");
  return REAL(pwritev64)(fd, parts, count, offset);
}
ssize_t write(int fd, const void *data, size_t length) {
  if (is_active && is_file(fd)) step("write", "");
  return REAL(write)(fd, data, length);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (is_active && is_file(fd)) step("writev", "");
  return REAL(writev)(fd, parts, count);
}
int fdatasync(int fd) {
  step("fdatasync", "");
  return REAL(fdatasync)(fd);
}
int msync(void *address, size_t length, int flags) {
  step("msync", "");
  return REAL(msync)(address, length, flags);
}
ssize_t send(int fd, const void *data, size_t length, int flags) {
  if (is_active && is_change(fd, data, length)) step("netlink", "");
  return REAL(send)(fd, data, length, flags);
}
ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
  if (is_active && is_change(fd, data, length)) step("netlink", "");
  return REAL(sendto)(fd, data, length, flags, to, size);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if (flags & (O_CREAT | O_TRUNC)) step("create", path);
  return REAL(open64)(path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if (flags & (O_CREAT | O_TRUNC)) step("create", path);
  return REAL(openat64)(folder, path, flags, mode);
}
int mkdir(const char *path, mode_t mode) {
  step("mkdir", path);
  return REAL(mkdir)(path, mode);
}
int rmdir(const char *path) {
  step("rmdir", path);
  return REAL(rmdir)(path);
}
int unlink(const char *path) {
  step("unlink", path);
  return REAL(unlink)(path);
}
int rename(const char *from, const char *to) {
  step("rename", to);
  return REAL(rename)(from, to);
}
int ftruncate64(int fd, off64_t length) {
  step("ftruncate", "");
  return REAL(ftruncate64)(fd, length);
}
int mount(const char *from, const char *to, const char *type, unsigned long flags, const void *data) {
  step("mount", to);
  return REAL(mount)(from, to, type, flags, data);
}
int umount2(const char *path, int flags) {
  step("umount", path);
  return REAL(umount2)(path, flags);
}
int flock(int fd, int operation) {
  step("flock", "");
  return REAL(flock)(fd, operation);
}
int kill(pid_t process, int signal) {
  if (signal != 0 && process != getpid()) step("kill", "");
  return REAL(kill)(process, signal);
}
pid_t fork(void) {
  step("fork", "");
  return REAL(fork)();
}
pid_t waitpid(pid_t process, int *status, int options) {
  pid_t ended = REAL(waitpid)(process, status, options);
  if (ended > 0) step("ended", "");
  return ended;
}
