#define _GNU_SOURCE
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "failure.h"

/** A daemon that works says so every second. */
enum { LONGEST_SILENCE_S = 10 };

static void expect_progress(void) {
  fail_after(LONGEST_SILENCE_S, "the tsnet daemon does not answer; try again later");
}

/** Connects to the daemon's socket. Returns -1 where none can be reached. */
static int reach(void) {
  const char *folder = getenv("TSNET_RUN_DIR");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/tsnet.sock",
                        folder == NULL || *folder == '\0' ? "/run/tsnet" : folder);
  if (length < 0 || (size_t)length >= sizeof address.sun_path || address.sun_path[0] != '/') return -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  close(descriptor);
  return -1;
}

/** Appends the identity of one of this process's namespaces, such as `net:[4026531840]`. Source: namespaces(7). */
static bool append_namespace(struct bytes *to, const char *path) {
  char name[64];
  ssize_t length = readlink(path, name, sizeof name - 1);
  if (length < 0) return false;
  name[length] = '\0';
  return append_text(to, name);
}

static bool append_list(struct bytes *to, char *const *texts) {
  for (; *texts != NULL; texts++) {
    if (!append_text(to, *texts)) return false;
  }
  return true;
}

/**
 * A line with the lengths of four parts, then the parts: the namespaces, the arguments and the environment as texts that
 * end with NUL, and the input as it is.
 */
static bool send_request(int descriptor, char *const *arguments, const struct bytes *input) {
  struct bytes place = {0}, words = {0}, settings = {0};
  if (!append_namespace(&place, "/proc/self/ns/net") || !append_namespace(&place, "/proc/self/ns/mnt")) return false;
  if (!append_list(&words, arguments) || !append_list(&settings, environ)) return false;
  char header[128];
  int length = snprintf(header, sizeof header, "tsnet1 %zu %zu %zu %zu\n", place.length, words.length,
                        settings.length, input->length);
  struct bytes request = {0};
  return length > 0 && append(&request, header, (size_t)length) && append(&request, place.at, place.length) &&
         append(&request, words.at, words.length) && append(&request, settings.at, settings.length) &&
         append(&request, input->at, input->length) && write_all(descriptor, request.at, request.length);
}

/**
 * Any number of dots, each a sign of life, then a line with the exit code and the lengths of two parts, then the parts.
 * A code of -1 means: this is not my host. Returns whether the line is there and well formed; the parts may be
 * missing, and where the second begins is not told.
 */
static bool read_header(const struct bytes *received, struct answer *answer) {
  const char *at = received->at, *end = received->at + received->length;
  while (at < end && *at == '.') at++;
  const char *line_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
  char header[64] = "";
  if (line_end == NULL || (size_t)(line_end - at) >= sizeof header) return false;
  memcpy(header, at, (size_t)(line_end - at));
  int used = 0;
  // Digits only: of a sign scanf(3) would make a length beyond all memory.
  char output[10], errors[10];
  if (sscanf(header, "tsnet1 %4d %9[0-9] %9[0-9]%n", &answer->code, output, errors, &used) != 3) return false;
  answer->output_length = strtoul(output, NULL, 10);
  answer->errors_length = strtoul(errors, NULL, 10);
  answer->output = line_end + 1;
  return header[used] == '\0';
}

/** Whether nothing is missing. The end of the connection takes 0.1 ms longer to come than the answer. */
static bool is_complete(const struct bytes *received) {
  expect_progress();
  struct answer answer;
  return read_header(received, &answer) &&
         received->length - (size_t)(answer.output - received->at) >= answer.output_length + answer.errors_length;
}

static enum outcome understand(const struct bytes *received, struct answer *answer) {
  if (!read_header(received, answer)) return BROKEN;
  size_t rest = received->length - (size_t)(answer->output - received->at);
  if (answer->output_length + answer->errors_length != rest) return BROKEN;
  answer->errors = answer->output + answer->output_length;
  if (answer->code == -1) return ABSENT;
  return answer->code < 0 || answer->code > 255 ? BROKEN : ANSWERED;
}

enum outcome ask_daemon(char *const *arguments, const struct bytes *input, struct answer *answer) {
  // The queue of a daemon that hangs may be full, so that even connecting waits.
  expect_progress();
  int descriptor = reach();
  if (descriptor < 0) {
    fail_after(0, "");
    return ABSENT;
  }
  struct bytes received = {0};
  bool is_read = send_request(descriptor, arguments, input) && read_until(descriptor, &received, is_complete);
  fail_after(0, "");
  close(descriptor);
  return is_read && received.length > 0 ? understand(&received, answer) : BROKEN;
}
