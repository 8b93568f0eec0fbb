#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failure.h"

/** Most that `tsnet install` appends to its copy of this program: see README.md. */
enum { TRAILER_ROOM = 16 << 10 };

static char trailer[TRAILER_ROOM + 1];

/** Reads the last bytes of this program's own file; what the linker wrote there has no lines that are asked for. */
static void read_trailer(void) {
  FILE *self = fopen("/proc/self/exe", "re");
  if (self == NULL) return;
  if (fseek(self, -TRAILER_ROOM, SEEK_END) == 0) {
    size_t length = fread(trailer, 1, TRAILER_ROOM, self);
    for (size_t index = 0; index < length; index++) {
      if (trailer[index] == '\0') trailer[index] = '\n';
    }
  }
  fclose(self);
}

/** The value of the trailer's last line `label value`, as a text of its own; NULL without one. */
static char *trailing(const char *label) {
  char *found = NULL;
  for (char *at = trailer; (at = strstr(at, label)) != NULL;) {
    at += strlen(label);
    // The label itself is in the file as well, among the texts of this program.
    if (*at == '/') found = at;
  }
  return found == NULL ? NULL : strndup(found, strcspn(found, "\n"));
}

/** Replaces the last part of a path. */
static char *beside(char *path, const char *name) {
  char *slash = strrchr(path, '/');
  char *joined = NULL;
  if (slash == NULL) return NULL;
  return asprintf(&joined, "%.*s/%s", (int)(slash - path), path, name) < 0 ? NULL : joined;
}

/**
 * The JavaScript: beside the command `tsnet` that an installed copy was told of, whatever that leads to by now; else in
 * the folder above this program, as the build leaves them.
 */
static char *find_script(void) {
  char *command = trailing("\n# command: ");
  if (command != NULL) {
    char *real = realpath(command, NULL);
    return real == NULL ? NULL : beside(real, "plugin.cjs");
  }
  char *self = realpath("/proc/self/exe", NULL);
  return self == NULL ? NULL : beside(self, "../plugin.cjs");
}

static bool restore_input(const struct bytes *input) {
  int file = memfd_create("input", 0);
  return file >= 0 && write_all(file, input->at, input->length) && lseek(file, 0, SEEK_SET) == 0 &&
         dup2(file, STDIN_FILENO) >= 0 && (file == STDIN_FILENO || close(file) == 0);
}

/** Starts the first `node` of the folders, separated by colons. Returns when none of them has one that starts. */
static void try_folders(const char *folders, char **words) {
  while (folders != NULL && *folders != '\0') {
    size_t length = strcspn(folders, ":");
    char program[PATH_MAX];
    int written = snprintf(program, sizeof program, "%.*s/node", (int)length, folders);
    if (*folders == '/' && written > 0 && (size_t)written < sizeof program) execv(program, words);
    folders += length + (folders[length] == ':');
  }
}

void become_node(char *const *arguments, const struct bytes *input) {
  read_trailer();
  char *script = find_script();
  if (script == NULL || access(script, R_OK) != 0) {
    fail("no tsnet daemon answers, and the program of tsnet is not found", script);
  }
  if (!restore_input(input)) fail("no tsnet daemon answers, and the input can't be handed on", strerror(errno));
  size_t count = 0;
  while (arguments[count] != NULL) count++;
  char **words = calloc(count + 3, sizeof *words);
  if (words == NULL) fail("out of memory", NULL);
  size_t used = 0;
  words[used++] = "node";
  words[used++] = script;
  memcpy(words + used, arguments, count * sizeof *words);
  unsetenv("NODE_EXTRA_CA_CERTS");
  const char *chosen = getenv("TSNET_NODE");
  if (chosen != NULL && *chosen == '/') execv(chosen, words);
  try_folders(trailing("\n# path: "), words);
  try_folders(getenv("PATH"), words);
  try_folders("/usr/local/bin:/usr/bin:/bin", words);
  fail("no tsnet daemon answers, and Node.js is not found", NULL);
}
