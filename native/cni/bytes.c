#define _GNU_SOURCE
#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** What a read asks for at least: nearly every configuration and answer fits. */
enum { READ_SIZE = 16 << 10 };

static bool reserve(struct bytes *in, size_t length) {
  if (in->room - in->length >= length) return true;
  size_t room = in->room == 0 ? READ_SIZE : in->room;
  while (room - in->length < length) room *= 2;
  char *moved = realloc(in->at, room);
  if (moved == NULL) return false;
  in->at = moved;
  in->room = room;
  return true;
}

bool append(struct bytes *to, const void *from, size_t length) {
  if (!reserve(to, length)) return false;
  memcpy(to->at + to->length, from, length);
  to->length += length;
  return true;
}

bool append_text(struct bytes *to, const char *text) { return append(to, text, strlen(text) + 1); }

bool read_until(int descriptor, struct bytes *into, bool (*is_complete)(const struct bytes *)) {
  for (;;) {
    if (into->length > MOST_BYTES) {
      errno = EFBIG;
      return false;
    }
    if (!reserve(into, READ_SIZE)) return false;
    ssize_t count = read(descriptor, into->at + into->length, into->room - into->length);
    if (count == 0) return true;
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    into->length += (size_t)count;
    if (is_complete != NULL && is_complete(into)) return true;
  }
}

bool write_all(int descriptor, const char *from, size_t length) {
  while (length > 0) {
    ssize_t count = write(descriptor, from, length);
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    from += count;
    length -= (size_t)count;
  }
  return true;
}
