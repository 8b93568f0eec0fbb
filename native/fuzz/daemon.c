/* What the daemon, or whatever listens in its place, answers the static programs; whole and in parts. */
#include "../cni/daemon.c"

#include "../cni/bytes.c"
#include "../cni/failure.c"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  char *exact = malloc(size + 1);
  if (exact == NULL) return 0;
  memcpy(exact, data, size);
  struct bytes received = {.at = exact, .length = size, .room = size};
  struct answer answer;
  is_complete(&received);
  fail_after(0, "");
  if (understand(&received, &answer) == ANSWERED) {
    const char *end = exact + size;
    if (answer.output < exact || answer.output + answer.output_length + answer.errors_length != end) abort();
    if (answer.code < 0 || answer.code > 255) abort();
  }
  /* Details of an error are what a system call or the environment says. */
  exact[size] = '\0';
  char text[1024];
  failures_are_for(size % 2 == 0);
  if (format(text, sizeof text, "what failed", exact) >= sizeof text) abort();
  free(exact);
  return 0;
}
