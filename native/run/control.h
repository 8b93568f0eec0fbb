/* The socket to who started us: a line each way at a time. main.c tells which. */
#ifndef TSNET_RUN_CONTROL_H
#define TSNET_RUN_CONTROL_H

enum { CONTROL = 3 };

/* Sends a line. Nobody may be there to read it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits for the one word that lets the command begin. Returns 0 if it does not come. */
int is_allowed(void);

#endif
