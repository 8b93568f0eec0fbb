#define _GNU_SOURCE
#include "failure.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"

static bool is_for_netavark;
/** Written beforehand: in a signal handler only write(2) and _exit(2) are allowed. */
static char late[1024];
static size_t late_length;

void failures_are_for(bool is_netavark) { is_for_netavark = is_netavark; }

/** Copies a text with what JSON wants escaped. */
static void quote(char *to, size_t room, const char *text) {
  size_t length = 0;
  for (; *text != '\0' && length + 7 < room; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') {
      to[length++] = '\\';
      to[length++] = (char)byte;
    } else if (byte < 0x20 || byte >= 0x7f) {
      length += (size_t)snprintf(to + length, 7, "\\u%04x", byte);
    } else {
      to[length++] = (char)byte;
    }
  }
  to[length] = '\0';
}

/** Source: CNI 1.1.0, Error; netavark's plugin interface, JsonError. */
static size_t format(char *to, size_t room, const char *message, const char *details) {
  char quoted[512] = "";
  if (details != NULL) quote(quoted, sizeof quoted, details);
  const char *form = is_for_netavark ? "{\"error\":\"%s%s%s\"}\n"
                                     : "{\"code\":11,\"msg\":\"%s\"%s\"details\":\"%s\"}\n";
  const char *between = is_for_netavark ? (details == NULL ? "" : ": ") : ",";
  int length = snprintf(to, room, form, message, between, quoted);
  return length < 0 ? 0 : (size_t)length;
}

void fail(const char *message, const char *details) {
  fail_after(0, "");
  char text[1024];
  write_all(STDOUT_FILENO, text, format(text, sizeof text, message, details));
  _exit(1);
}

static void on_alarm(int signal) {
  (void)signal;
  write_all(STDOUT_FILENO, late, late_length);
  _exit(1);
}

void fail_after(unsigned seconds, const char *message) {
  if (seconds > 0) {
    late_length = format(late, sizeof late, message, NULL);
    signal(SIGALRM, on_alarm);
  }
  alarm(seconds);
}
