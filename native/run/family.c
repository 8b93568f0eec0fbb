#define _GNU_SOURCE
#include "family.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Source: proc_pid_stat(5): the name, in parentheses, may hold anything; the start time is field 22. */
static unsigned long long started_at(const char *stat) {
  const char *rest = strrchr(stat, ')');
  unsigned long long ticks = 0;
  for (int field = 2; field < 22 && rest != NULL; field += 1) rest = strchr(rest + 1, ' ');
  if (rest != NULL) sscanf(rest, " %llu", &ticks);
  return ticks;
}

unsigned long long start_time_of(pid_t pid) {
  char path[32];
  char line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  const size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = '\0';
  return started_at(line);
}

/* Source: proc_tid_children(5); the list may miss some while others end, so the caller asks again. */
static int kill_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  FILE *list = fopen(path, "re");
  if (list == NULL) return -1;
  for (int pid; fscanf(list, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(list);
  return 0;
}

void end_descendants(void) {
  /* Whose parent ends comes to us, so each round finds the next generation. */
  for (;;) {
    if (kill_children() != 0) return;
    const pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended < 0) return;
    if (ended == 0) usleep(2000);
  }
}
