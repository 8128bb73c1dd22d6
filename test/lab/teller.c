// SPDX-License-Identifier: Apache-2.0
/*
 * teller NAME PORT PERIOD_MS ADDRESS...: who answered whom, connection by connection.
 *
 * Answers every connection to PORT with its NAME, and closes. Every PERIOD_MS it connects to the next of the addresses, same
 * port, and reads who answered, up to the end of file. A line of JSON says when it listens. SIGTERM: what is under way comes
 * to its end, what has connected is answered; then a line says how many it answered, who answered how often, and which
 * connections went wrong: [ADDRESS, "refused" | "unanswered" | "never reached" | another error, milliseconds since the epoch].
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES  64
#define MAX_NAMES   1024
#define MAX_OPEN    4096
#define MAX_LOST    65536
#define PATIENCE_MS 10000 /* for what is under way at the end */

struct call {
	int fd;
	bool connected;
	const char *address;
	uint64_t begun_ms;
	size_t bytes;
	char answer[NAME_BYTES];
};

struct lost {
	const char *address;
	const char *why;
	uint64_t begun_ms;
};

static struct {
	char name[NAME_BYTES];
	uint64_t count;
} names[MAX_NAMES];
static struct lost lost[MAX_LOST];
static struct call calls[MAX_OPEN];
static size_t name_count, lost_count, open_count;
static uint64_t served;
static volatile sig_atomic_t stopping;
static const char *own_name;
static uint16_t port;

static void die(const char *what)
{
	fprintf(stderr, "teller: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

static uint64_t now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int listener(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, zero = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096))
		die("listen");
	return fd;
}

static void serve(int listen_fd)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return;
		if (send(fd, own_name, strlen(own_name), MSG_NOSIGNAL) > 0)
			served++;
		close(fd);
	}
}

static void count_name(const char *name)
{
	size_t at = 0;

	while (at < name_count && strcmp(names[at].name, name) != 0)
		at++;
	if (at == MAX_NAMES) {
		errno = ENOSPC;
		die("count another name");
	}
	if (at == name_count)
		strcpy(names[name_count++].name, name);
	names[at].count++;
}

/* A reset comes to who was connected. */
static const char *why_of(int error)
{
	return error == ECONNREFUSED ? "refused"
	       : error == ECONNRESET ? "unanswered"
				     : strerror(error);
}

static void lose(const char *address, const char *why, uint64_t begun_ms)
{
	if (lost_count == MAX_LOST) {
		errno = ENOSPC;
		die("keep another lost connection");
	}
	lost[lost_count++] = (struct lost){ address, why, begun_ms };
}

static void call(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct call *it = &calls[open_count];

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		errno = EINVAL;
		die("call an address");
	}
	if (open_count == MAX_OPEN) {
		errno = EMFILE;
		die("make another call beside those that nobody answers");
	}
	*it = (struct call){ .address = address, .begun_ms = now_ms(CLOCK_REALTIME) };
	it->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (it->fd < 0)
		die("open a socket");
	if (connect(it->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS) {
		lose(address, why_of(errno), it->begun_ms);
		close(it->fd);
		return;
	}
	open_count++;
}

/* Whether the call is over. */
static bool advance(struct call *it)
{
	if (!it->connected) {
		int error = 0;
		socklen_t size = sizeof(error);

		getsockopt(it->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			lose(it->address, why_of(error), it->begun_ms);
			return true;
		}
		it->connected = true;
	}
	for (;;) {
		ssize_t n = recv(it->fd, it->answer + it->bytes, NAME_BYTES - 1 - it->bytes, 0);

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n > 0) {
			it->bytes += (size_t)n;
			continue;
		}
		if (n == 0 && it->bytes > 0)
			count_name(it->answer);
		else
			lose(it->address, "unanswered", it->begun_ms);
		return true;
	}
}

static void print_results(void)
{
	printf("{\"served\":%llu,\"answers\":{", (unsigned long long)served);
	for (size_t i = 0; i < name_count; i++)
		printf("%s\"%s\":%llu", i ? "," : "", names[i].name,
		       (unsigned long long)names[i].count);
	printf("},\"lost\":[");
	for (size_t i = 0; i < lost_count; i++)
		printf("%s[\"%s\",\"%s\",%llu]", i ? "," : "", lost[i].address, lost[i].why,
		       (unsigned long long)lost[i].begun_ms);
	printf("]}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd polled[MAX_OPEN + 1];
	uint64_t period_ms, due_ms, end_ms = 0;
	int listen_fd, next = 4;

	if (argc < 5 || strlen(argv[1]) >= NAME_BYTES || atoi(argv[3]) <= 0) {
		fprintf(stderr, "Usage: teller NAME PORT PERIOD_MS ADDRESS...\n");
		return 2;
	}
	own_name = argv[1];
	port = (uint16_t)atoi(argv[2]);
	period_ms = (uint64_t)atoi(argv[3]);
	sigaction(SIGTERM, &action, NULL);
	listen_fd = listener();
	printf("{\"listening\":%u}\n", port);
	fflush(stdout);
	due_ms = now_ms(CLOCK_MONOTONIC);
	for (;;) {
		uint64_t now = now_ms(CLOCK_MONOTONIC);
		int timeout_ms;

		if (stopping && end_ms == 0)
			end_ms = now + PATIENCE_MS;
		if (stopping && (open_count == 0 || now >= end_ms))
			break;
		if (!stopping && now >= due_ms) {
			call(argv[next]);
			next = next + 1 < argc ? next + 1 : 4;
			/* After a pause of the machine's it goes on, and does not catch up. */
			due_ms = due_ms + period_ms > now ? due_ms + period_ms : now + period_ms;
		}
		polled[0] = (struct pollfd){ .fd = listen_fd, .events = POLLIN };
		for (size_t i = 0; i < open_count; i++)
			polled[i + 1] =
				(struct pollfd){ .fd = calls[i].fd,
						 .events = calls[i].connected ? POLLIN : POLLOUT };
		now = now_ms(CLOCK_MONOTONIC);
		timeout_ms = stopping ? 100 : due_ms > now ? (int)(due_ms - now) : 0;
		if (poll(polled, open_count + 1, timeout_ms) <= 0)
			continue;
		serve(listen_fd);
		for (size_t i = open_count; i-- > 0;) {
			if (!polled[i + 1].revents || !advance(&calls[i]))
				continue;
			close(calls[i].fd);
			calls[i] = calls[--open_count];
		}
	}
	for (size_t i = 0; i < open_count; i++)
		lose(calls[i].address, calls[i].connected ? "unanswered" : "never reached",
		     calls[i].begun_ms);
	serve(listen_fd);
	close(listen_fd);
	print_results();
	return 0;
}
