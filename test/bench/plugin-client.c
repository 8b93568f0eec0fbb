/*
 * Hands requests to a plugin's socket and tells how long each answer took: Node would take a millisecond of an attach for
 * itself, which an engine does not.
 *
 *   plugin-client SOCKET
 *
 * Standard input: the length of a request in decimal, a line feed, the request. Standard output: nanoseconds from the
 * first byte sent to the last byte received, a space, the length of the answer's body, a line feed, the body. One after
 * the other, over one connection, as an engine does it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char request[1 << 20];
static char answer[1 << 20];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int plugin = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof address.sun_path) {
		fprintf(stderr, "plugin-client: the path is too long: %s\n", path);
		exit(2);
	}
	strcpy(address.sun_path, path);
	if (plugin < 0 || connect(plugin, (struct sockaddr *)&address, sizeof address) != 0) fail(path);
	return plugin;
}

static void send_all(int plugin, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = write(plugin, bytes, length);
		if (sent <= 0) fail("write");
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* Reads one answer and gives its body. */
static const char *receive(int plugin, size_t *length)
{
	size_t have = 0;
	for (;;) {
		ssize_t got = read(plugin, answer + have, sizeof answer - 1 - have);
		if (got <= 0) fail("read");
		have += (size_t)got;
		answer[have] = '\0';
		const char *body = strstr(answer, "\r\n\r\n");
		if (body == NULL) continue;
		const char *field = strcasestr(answer, "\r\nContent-Length:");
		if (field == NULL || field > body) {
			fputs("plugin-client: an answer without Content-Length\n", stderr);
			exit(1);
		}
		*length = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
		body += 4;
		if ((size_t)(answer + have - body) >= *length) return body;
	}
}

int main(int count, char **arguments)
{
	if (count != 2) {
		fputs("usage: plugin-client SOCKET\n", stderr);
		return 2;
	}
	int plugin = connect_to(arguments[1]);
	size_t length;
	while (scanf("%zu", &length) == 1 && getchar() == '\n') {
		if (length > sizeof request || fread(request, 1, length, stdin) != length) fail("standard input");
		long long begin = now();
		send_all(plugin, request, length);
		size_t size;
		const char *body = receive(plugin, &size);
		long long end = now();
		printf("%lld %zu\n", end - begin, size);
		fwrite(body, 1, size, stdout);
		fflush(stdout);
	}
	return 0;
}
