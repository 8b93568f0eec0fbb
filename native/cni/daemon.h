#ifndef TSNET_DAEMON_H
#define TSNET_DAEMON_H

#include "bytes.h"

/** How asking the daemon went. */
enum outcome {
  /** It answered, and the answer is whole. */
  ANSWERED,
  /** None listens, or one that lives on another host than the caller: nothing was done. */
  ABSENT,
  /** It vanished or spoke nonsense after it was asked: nobody knows what was done. */
  BROKEN,
};

/** What the daemon wants printed, and the exit code. */
struct answer {
  int code;
  const char *output;
  size_t output_length;
  const char *errors;
  size_t errors_length;
};

/** Asks the daemon to do what this process was called for. Fails the process when it stays silent for too long. */
enum outcome ask_daemon(char *const *arguments, const struct bytes *input, struct answer *answer);

#endif
