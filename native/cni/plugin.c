/*
 * The executables that container runtimes start: the CNI plugins tsnet and tsnet-ipam, and the netavark plugin tsnet.
 * They hand what they were given to the daemon and print what it says; README.md has the rest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "daemon.h"
#include "failure.h"
#include "node.h"
#include "versions.h"

static int print(const struct answer *answer) {
  bool is_printed = write_all(STDOUT_FILENO, answer->output, answer->output_length);
  write_all(STDERR_FILENO, answer->errors, answer->errors_length);
  return is_printed || answer->code != 0 ? answer->code : 1;
}

/** Whether doing it again is the same as doing it once, so that a broken attempt may be followed by another. */
static bool is_repeatable(bool is_netavark, char **arguments, const char *command) {
  if (is_netavark) return strcmp(arguments[1], "setup") != 0;
  return command != NULL && strcmp(command, "ADD") != 0;
}

int main(int argc, char **argv) {
  const char *command = getenv("CNI_COMMAND");
  // Podman asks for it once for each network and command; its answer needs neither input nor daemon.
  if (argc == 1 && command != NULL && strcmp(command, "VERSION") == 0) {
    return write_all(STDOUT_FILENO, VERSIONS, sizeof VERSIONS - 1) ? 0 : 1;
  }
  bool is_netavark = argc > 1;
  failures_are_for(is_netavark);
  struct bytes input = {0};
  // Started by hand it says who it is, and waits for nobody to type.
  bool has_input = is_netavark ? strcmp(argv[1], "info") != 0 : command != NULL;
  if (has_input && !read_until(STDIN_FILENO, &input, NULL)) fail("standard input can't be read", strerror(errno));
  // A daemon that goes away while it is told is a broken exchange, not the end of this process.
  signal(SIGPIPE, SIG_IGN);
  struct answer answer;
  enum outcome outcome = ask_daemon(argv, &input, &answer);
  if (outcome == ANSWERED) return print(&answer);
  signal(SIGPIPE, SIG_DFL);
  if (outcome == BROKEN && !is_repeatable(is_netavark, argv, command)) {
    fail("the tsnet daemon went away before it answered; try again later", NULL);
  }
  become_node(argv, &input);
}
