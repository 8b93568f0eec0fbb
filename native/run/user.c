#define _GNU_SOURCE
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* One is for the user, one for its group. Source: Linux limits.h, NGROUPS_MAX. */
enum { MOST_IDS = 65536 + 2 };

/* The largest number stands for "as it was" in setresuid(2): who is to become nobody would stay root. */
static const unsigned long long largest_id = UINT32_MAX - 1ULL;

/* Numbers with commas between them and nothing else. Returns how many; 0 if that is not what the text is. */
static size_t read_ids(const char *text, gid_t list[MOST_IDS]) {
  size_t count = 0;
  for (const char *rest = text;; rest += 1) {
    if (count == MOST_IDS || *rest < '0' || *rest > '9') return 0;
    char *end;
    errno = 0;
    const unsigned long long id = strtoull(rest, &end, 10);
    if (errno != 0 || id > largest_id) return 0;
    list[count++] = (gid_t)id;
    rest = end;
    if (*rest == '\0') return count;
    if (*rest != ',') return 0;
  }
}

static const char *take_identity(const char *ids) {
  static gid_t list[MOST_IDS];
  const size_t count = read_ids(ids, list);
  if (count < 2) {
    errno = EINVAL;
    return "read the user";
  }
  if (setgroups(count - 2, list + 2) != 0) return "set the groups";
  if (setresgid(list[1], list[1], list[1]) != 0) return "set the group";
  if (setresuid(list[0], list[0], list[0]) != 0) return "set the user";
  return NULL;
}

const char *become_user(const char *ids, const char *folder) {
  /* The folder may be closed to the user, who begins there anyway, or, on some network file systems, to root. */
  const int is_closed = folder != NULL && chdir(folder) != 0;
  if (is_closed && errno != EACCES) return "chdir";
  const char *failed = ids == NULL ? NULL : take_identity(ids);
  if (failed != NULL) return failed;
  return is_closed && chdir(folder) != 0 ? "chdir" : NULL;
}
