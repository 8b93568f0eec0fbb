/* What tsnet-run is given: its words, the users, the search path; and what /proc says of processes. */
#include "../run/family.c"
#include "../run/search.c"
#include "../run/user.c"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  static gid_t list[MOST_IDS];
  const size_t count = read_ids(text, list);
  if (count > MOST_IDS) abort();
  started_at(text);
  setenv("PATH", text, 1);
  is_nowhere("no-such-program");
  free(text);
  return 0;
}
