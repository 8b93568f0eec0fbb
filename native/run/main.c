/*
 * tsnet-run: one command in a sandbox, and the process that waits for it.
 *
 *   tsnet-run [--netns PATH] [--hostname NAME] [--hosts FILE] [--resolv-conf FILE] [--hostname-file FILE]
 *             [--working-directory PATH] [--user UID,GID[,GID]...]
 *             [--exit-file FILE] [--detached] [--at-end WORD]... -- COMMAND...
 *   tsnet-run --target PID --start-time TICKS [--working-directory PATH] [--user ...] [--detached] -- COMMAND...
 *
 * Descriptor 3 is a socket to who started it, a line each way at a time:
 *   > ready PID TICKS      the sandbox is made, the command waits
 *   < go                   it may begin; the end of the socket instead ends everything
 *   > running              it was executed
 *   > failed ERRNO STEP    or not; STEP is `exec` for the command itself, `chdir` for its working directory
 * Afterwards the end of the socket means that the starter is dead: then the command is killed, unless it is detached.
 *
 * Exit status: the command's, 128 and the signal's number if one ended it, 127 if it was not found, 126 if it can't be
 * executed, 125 for everything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "enter.h"
#include "family.h"
#include "job.h"
#include "search.h"
#include "user.h"

/* Between the two processes: an empty step means ready. */
struct report {
  int reason;
  char step[64];
};

static void tell(int channel, const char *step) {
  struct report report = {.reason = errno};
  strncpy(report.step, step, sizeof report.step - 1);
  (void)!write(channel, &report, sizeof report);
}

/* The command's own process, up to execve(2). */
static void become(const struct job *job, pid_t parent, int channel, int gate, const sigset_t *signals) {
  const char *failed = job->target >= 0 ? enter_process(job->target) : enter_view(&job->view);
  if (failed == NULL) failed = become_user(job->user, job->working_directory);
  /* A change of user forgets it. Source: PR_SET_PDEATHSIG(2const). */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(FAILED);
  if (failed != NULL) {
    tell(channel, failed);
    _exit(FAILED);
  }
  tell(channel, "");
  char go;
  if (read(gate, &go, 1) != 1) _exit(FAILED);
  sigprocmask(SIG_SETMASK, signals, NULL);
  execvp(job->command[0], job->command);
  int reason = errno;
  if (reason == EACCES && is_nowhere(job->command[0])) reason = ENOENT;
  errno = reason;
  tell(channel, "exec");
  _exit(reason == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

static void refuse(const struct report *report) {
  say("failed %d %s\n", report->reason, report->step);
}

/* Leads the command to its execution. Returns 0, or the exit status. */
static int start(pid_t child, int channel, int gate) {
  struct report report;
  if (read(channel, &report, sizeof report) != sizeof report) return FAILED;
  if (report.step[0] != '\0') return refuse(&report), FAILED;
  say("ready %d %llu\n", child, start_time_of(child));
  if (!is_allowed()) return FAILED;
  (void)!write(gate, "g", 1);
  /* execve(2) closes the other end. */
  if (read(channel, &report, sizeof report) == sizeof report) {
    refuse(&report);
    return report.reason == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
  }
  say("running\n");
  return 0;
}

static int exit_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Waits for the command's end; passes signals on. Returns its exit status; `is_orphan` tells whether nobody waits for us. */
static int wait_for(const struct job *job, pid_t child, int signals, int *is_orphan) {
  struct pollfd sources[] = {
      {.fd = signals, .events = POLLIN},
      {.fd = job->is_detached ? -1 : CONTROL, .events = POLLIN},
      {.fd = job->target, .events = POLLIN},
  };
  for (;;) {
    if (poll(sources, 3, -1) < 0) continue;
    if (sources[1].revents != 0) {
      *is_orphan = 1;
      sources[1].fd = -1;
      kill(child, SIGKILL);
    }
    /* What was executed in a sandbox ends with it. */
    if (sources[2].revents != 0) {
      sources[2].fd = -1;
      kill(child, SIGKILL);
    }
    struct signalfd_siginfo signal;
    if (sources[0].revents == 0 || read(signals, &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo != SIGCHLD) {
      /* What a terminal sends, it sends to the command as well. */
      if (signal.ssi_code != SI_KERNEL) kill(child, (int)signal.ssi_signo);
      continue;
    }
    int status;
    int result = -1;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == child) result = exit_status(status);
    }
    if (result >= 0) return result;
  }
}

static void note(const char *file, int status) {
  if (file == NULL) return;
  const int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  dprintf(descriptor, "%d\n", status);
  close(descriptor);
}

int main(int count, char **words) {
  static struct job job;
  fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
  read_job(count, words, &job);
  if (job.is_detached) setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);

  sigset_t ours;
  sigset_t before;
  sigfillset(&ours);
  /* Stopping and going on is between the terminal and each process. */
  const int left_alone[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
  for (size_t index = 0; index < sizeof left_alone / sizeof left_alone[0]; index += 1) {
    sigdelset(&ours, left_alone[index]);
  }
  sigprocmask(SIG_BLOCK, &ours, &before);
  const int signals = signalfd(-1, &ours, SFD_CLOEXEC);

  int channel[2];
  int gate[2];
  if (signals < 0 || pipe2(channel, O_CLOEXEC) != 0 || pipe2(gate, O_CLOEXEC) != 0) return FAILED;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    say("failed %d %s\n", errno, "make a process");
    return FAILED;
  }
  if (child == 0) {
    close(gate[1]);
    become(&job, parent, channel[1], gate[0], &before);
  }
  close(channel[1]);
  close(gate[0]);

  int status = start(child, channel[0], gate[1]);
  if (status != 0) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return status;
  }
  if (job.is_detached) {
    close(CONTROL);
    (void)!chdir("/");
  }
  int is_orphan = job.is_detached;
  status = wait_for(&job, child, signals, &is_orphan);
  end_descendants();
  note(job.exit_file, status);
  if (is_orphan && job.words_at_end > 0) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    execv(job.at_end[0], job.at_end);
  }
  return status;
}
