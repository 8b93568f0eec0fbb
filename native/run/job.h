/* What tsnet-run is asked to do. */
#ifndef TSNET_RUN_JOB_H
#define TSNET_RUN_JOB_H

#include "enter.h"

enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127, MOST_WORDS = 32 };

struct job {
  struct sandbox_view view;
  int target;              /* a pidfd of the sandbox to join, or -1 */
  const char *working_directory; /* or NULL: where we are */
  const char *user;        /* the number of a user, of its group, and of more groups, with commas; or NULL */
  const char *exit_file;
  int is_detached;
  char *at_end[MOST_WORDS + 1]; /* a command of its own for the end, if nobody waits for ours */
  int words_at_end;
  char **command;
};

/* Reads the command line. Ends the process if it can't be obeyed. */
void read_job(int count, char **words, struct job *job);

#endif
