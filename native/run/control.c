#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void say(const char *format, ...) {
  char line[512];
  va_list values;
  va_start(values, format);
  const int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  if (length > 0) (void)!send(CONTROL, line, (size_t)length, MSG_NOSIGNAL);
}

int is_allowed(void) {
  char line[16];
  const ssize_t length = read(CONTROL, line, sizeof line);
  return length >= 2 && memcmp(line, "go", 2) == 0;
}
