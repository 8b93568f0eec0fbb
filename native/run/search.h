/* Where programs are. */
#ifndef TSNET_RUN_SEARCH_H
#define TSNET_RUN_SEARCH_H

/*
 * Whether no folder of the search path has a program of that name. One that is closed to the user makes execvp(3) say EACCES of
 * every program that is in none.
 */
int is_nowhere(const char *program);

#endif
