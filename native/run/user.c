#define _GNU_SOURCE
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

/* One is for the user, one for its group. Source: Linux limits.h, NGROUPS_MAX. */
enum { MOST_IDS = 65536 + 2 };

static const char *take_identity(const char *ids) {
  static gid_t list[MOST_IDS];
  size_t count = 0;
  for (const char *rest = ids; count < MOST_IDS; rest += 1) {
    char *end;
    list[count++] = (gid_t)strtoul(rest, &end, 10);
    rest = end;
    if (*rest != ',') break;
  }
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
