#ifndef TSNET_BYTES_H
#define TSNET_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/** Memory that grows at its end. Starts as `{0}`; freed by the end of the process. */
struct bytes {
  char *at;
  size_t length;
  size_t room;
};

/** Most that is read from anywhere: far above any configuration, and no way to fill the memory. */
enum { MOST_BYTES = 16 << 20 };

/** Appends bytes. Returns false when there is no memory. */
bool append(struct bytes *to, const void *from, size_t length);

/** Appends a text and the NUL that ends it. Returns false when there is no memory. */
bool append_text(struct bytes *to, const char *text);

/**
 * Reads a descriptor to its end, or until what has come is complete; that is asked whenever something came, unless it is
 * NULL. Returns false with errno, EFBIG for more than MOST_BYTES.
 */
bool read_until(int descriptor, struct bytes *into, bool (*is_complete)(const struct bytes *));

/** Writes everything. Returns false with errno. */
bool write_all(int descriptor, const char *from, size_t length);

#endif
