#define _GNU_SOURCE
#include "job.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "control.h"
#include "family.h"

static void usage(void) {
  fputs("tsnet-run: a part of 'tsnet run' and 'tsnet exec'; see there\n", stderr);
  exit(FAILED);
}

/* The process with that number, if it is still the one that began at that time. */
static int open_target(const char *number, const char *start_time) {
  char *end;
  const long pid_number = strtol(number, &end, 10);
  if (end == number || *end != '\0' || pid_number < 1 || pid_number > INT_MAX) usage();
  const pid_t pid = (pid_t)pid_number;
  const int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
  if (descriptor >= 0 && (start_time == NULL || start_time_of(pid) != strtoull(start_time, NULL, 10))) {
    close(descriptor);
    errno = ESRCH;
    return -1;
  }
  return descriptor;
}

void read_job(int count, char **words, struct job *job) {
  static const struct option options[] = {
      {"netns", required_argument, NULL, 'n'},       {"hostname", required_argument, NULL, 'h'},
      {"hosts", required_argument, NULL, 'o'},       {"resolv-conf", required_argument, NULL, 'r'},
      {"hostname-file", required_argument, NULL, 'f'}, {"exit-file", required_argument, NULL, 'x'},
      {"detached", no_argument, NULL, 'd'},          {"at-end", required_argument, NULL, 'e'},
      {"working-directory", required_argument, NULL, 'w'}, {"user", required_argument, NULL, 'u'},
      {"target", required_argument, NULL, 't'},      {"start-time", required_argument, NULL, 's'},
      {NULL, 0, NULL, 0},
  };
  const char *target = NULL;
  const char *start_time = NULL;
  for (int option; (option = getopt_long(count, words, "+", options, NULL)) != -1;) {
    switch (option) {
      case 'n': job->view.netns = optarg; break;
      case 'h': job->view.hostname = optarg; break;
      case 'o': job->view.files[0] = (struct file_view){optarg, "/etc/hosts"}; break;
      case 'r': job->view.files[1] = (struct file_view){optarg, "/etc/resolv.conf"}; break;
      case 'f': job->view.files[2] = (struct file_view){optarg, "/etc/hostname"}; break;
      case 'w': job->working_directory = optarg; break;
      case 'u': job->user = optarg; break;
      case 'x': job->exit_file = optarg; break;
      case 'd': job->is_detached = 1; break;
      case 'e':
        if (job->words_at_end == MOST_WORDS) usage();
        job->at_end[job->words_at_end++] = optarg;
        break;
      case 't': target = optarg; break;
      case 's': start_time = optarg; break;
      default: usage();
    }
  }
  job->command = words + optind;
  if (job->command[0] == NULL) usage();
  job->target = -1;
  if (target == NULL) return;
  job->target = open_target(target, start_time);
  if (job->target >= 0) return;
  say("failed %d %s\n", errno, "find the process of the sandbox");
  exit(FAILED);
}
