// SPDX-License-Identifier: Apache-2.0
/*
 * peer: a TCP client and server whose totals are the ground truth of traffic tests.
 *
 *   peer serve   --port P [--bind ADDRESS] [--read N|eof] [--respond M] [--close MODE] [--processes K] [--exit-after C]
 *   peer connect --to ADDRESS --port P [--count C] [--concurrency K] [--rate R] [--send N] [--expect M|eof] [...]
 *   peer pause
 *
 * A server reads a request (N bytes, or up to EOF), responds with M bytes, and then does what MODE says:
 *   after-client   waits for the next request or the client's EOF, then closes (default)
 *   first          closes at once, before the client does
 *   reset          closes with a RST (SO_LINGER 0)
 *   hold           as after-client, but never closes before SIGTERM
 * A client opens C connections, sends N bytes on each, reads M bytes (or to EOF), and closes; options:
 *   --rate R           at most R new connections per second (0: no limit)
 *   --concurrency K    at most K open at a time
 *   --processes P      share the work among P processes
 *   --source A[+N]     bind to address A, or in turn to the N addresses from A on
 *   --sendfile         send by sendfile(2)
 *   --half-close       shutdown(SHUT_WR) after sending
 *   --hold             keep the connections open until SIGTERM; SIGUSR1 makes each do one more exchange
 *   --reset            close with a RST
 *   --syn-retries S    TCP_SYNCNT: the kernel gives up after 1 + 2 + 4 … seconds (S = 1: 3 s)
 *   --give-up-ms T     close a socket that has not connected after T ms, as an impatient program does
 * Stopped, it opens no more, lets exchanges that are under way end (for a second), and closes what is left.
 *
 * Both print JSON lines: {"event":"listening"}, {"event":"holding"}, {"event":"round"}, and last {"event":"totals"}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TO_EOF          UINT64_MAX
#define CHUNK_BYTES     (256 * 1024)
#define EVENTS_PER_WAIT 512
#define LAST_ANSWERS_MS 1000

enum close_mode { AFTER_CLIENT, FIRST, RESET, HOLD };
enum phase { CONNECTING, SENDING, RECEIVING, HELD };

struct options {
	struct sockaddr_storage address;
	struct sockaddr_storage source;
	socklen_t address_bytes;
	unsigned sources;
	uint64_t send_bytes;
	uint64_t receive_bytes; /* TO_EOF: all until EOF */
	uint64_t count;
	uint64_t concurrency;
	uint64_t rate_per_s;
	unsigned processes;
	unsigned syn_retries;
	unsigned give_up_ms;
	enum close_mode close_mode;
	bool sendfile, half_close, hold, reset;
};

/* Shared by all processes of one run. */
struct totals {
	_Atomic uint64_t ready, attempted, opened, closed, sent_bytes, received_bytes;
	_Atomic uint64_t refused, timeout, unreachable, connect_reset, gave_up, other;
	_Atomic uint64_t resets; /* established connections that the other end reset */
	_Atomic uint64_t short_reads; /* established connections whose EOF came too early */
	_Atomic uint64_t exchanges; /* requests answered */
	_Atomic uint64_t held;
};

struct connection {
	int fd;
	enum phase phase;
	uint64_t sent_bytes, received_bytes; /* of this exchange */
	uint64_t born_ms;
	bool eof;
};

static struct options options = {
	.count = 1,
	.concurrency = 128,
	.processes = 1,
	.sources = 1,
	.receive_bytes = 0,
};
static struct totals *totals;
static volatile sig_atomic_t stopping, rounds_wanted;
static char chunk[CHUNK_BYTES];
static int file_fd = -1;
static struct timespec started;

static void die(const char *what)
{
	fprintf(stderr, "peer: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int signal_number)
{
	if (signal_number == SIGUSR1)
		rounds_wanted++;
	else
		stopping = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
	atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t failed(void)
{
	return get(&totals->refused) + get(&totals->timeout) + get(&totals->unreachable) +
	       get(&totals->connect_reset) + get(&totals->gave_up) + get(&totals->other);
}

static void count_failure(int error)
{
	switch (error) {
	case ECONNREFUSED:
		add(&totals->refused, 1);
		break;
	case ETIMEDOUT:
		add(&totals->timeout, 1);
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
		add(&totals->unreachable, 1);
		break;
	case ECONNRESET:
		add(&totals->connect_reset, 1);
		break;
	default:
		add(&totals->other, 1);
	}
}

static void close_connection(struct connection *c, bool with_reset)
{
	if (with_reset) {
		struct linger linger = { .l_onoff = 1, .l_linger = 0 };

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	close(c->fd);
	c->fd = -1;
}

/* Moves bytes out until `want` are sent. Returns 1 when done, 0 when the socket is full, -1 when it is dead. */
static int send_some(struct connection *c, uint64_t want)
{
	while (c->sent_bytes < want) {
		uint64_t left = want - c->sent_bytes;
		size_t size = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		off_t offset = 0;
		ssize_t n = options.sendfile ? sendfile(c->fd, file_fd, &offset, size)
					     : send(c->fd, chunk, size, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN)
				return 0;
			if (errno == EINTR)
				continue;
			return -1;
		}
		c->sent_bytes += (uint64_t)n;
		add(&totals->sent_bytes, (uint64_t)n);
	}
	return 1;
}

/* Takes bytes in until `want` are there or EOF. Returns 1 when done, 0 when nothing is left to read, -1 when dead. */
static int receive_some(struct connection *c, uint64_t want)
{
	while (c->received_bytes < want) {
		uint64_t left = want - c->received_bytes;
		ssize_t n = recv(c->fd, chunk, left < CHUNK_BYTES ? left : CHUNK_BYTES, 0);

		if (n < 0) {
			if (errno == EAGAIN)
				return 0;
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (n == 0) {
			c->eof = true;
			return 1;
		}
		c->received_bytes += (uint64_t)n;
		add(&totals->received_bytes, (uint64_t)n);
	}
	return 1;
}

/* --- server --- */

static void end_served(struct connection *c, bool with_reset)
{
	close_connection(c, with_reset);
	add(&totals->closed, 1);
}

static void serve(struct connection *c)
{
	for (;;) {
		int done;

		if (c->phase == RECEIVING) {
			uint64_t want = options.receive_bytes;

			done = receive_some(c, want);
			if (done < 0) {
				add(&totals->resets, 1);
				end_served(c, false);
				return;
			}
			if (done == 0)
				return;
			if (c->eof && want != TO_EOF) {
				if (c->received_bytes)
					add(&totals->short_reads, 1);
				if (options.close_mode == HOLD)
					c->phase = HELD;
				else
					end_served(c, false);
				return;
			}
			c->phase = SENDING;
		} else if (c->phase == SENDING) {
			done = send_some(c, options.send_bytes);
			if (done < 0) {
				add(&totals->resets, 1);
				end_served(c, false);
				return;
			}
			if (done == 0)
				return;
			add(&totals->exchanges, 1);
			if (options.close_mode == FIRST || options.close_mode == RESET ||
			    (c->eof && options.close_mode != HOLD)) {
				end_served(c, options.close_mode == RESET);
				return;
			}
			c->sent_bytes = c->received_bytes = 0;
			/* Without a request to wait for there is one response only; what follows is drained up to EOF. */
			c->phase = c->eof || options.receive_bytes == 0 ? HELD : RECEIVING;
		} else {
			done = c->eof ? 0 : receive_some(c, TO_EOF);
			if (done < 0)
				add(&totals->resets, 1);
			if (done < 0 || (c->eof && options.close_mode != HOLD))
				end_served(c, false);
			return;
		}
	}
}

static int listener(void)
{
	int one = 1, zero = 0;
	int fd = socket(options.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("open a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (options.processes > 1)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (options.address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, (struct sockaddr *)&options.address, options.address_bytes) ||
	    listen(fd, 65535))
		die("listen");
	return fd;
}

static void serve_loop(void)
{
	struct rlimit limit;
	struct epoll_event events[EVENTS_PER_WAIT];
	struct epoll_event event = { .events = EPOLLIN };
	struct connection *connections;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int listen_fd = listener();

	getrlimit(RLIMIT_NOFILE, &limit);
	connections = calloc(limit.rlim_cur, sizeof(*connections)); /* indexed by descriptor */
	if (!connections || epoll < 0)
		die("set up");
	for (size_t i = 0; i < limit.rlim_cur; i++)
		connections[i].fd = -1;
	event.data.fd = listen_fd;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listen_fd, &event);
	add(&totals->ready, 1);
	while (!stopping) {
		int n = epoll_wait(epoll, events, EVENTS_PER_WAIT, 100);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd != listen_fd) {
				if (connections[fd].fd >= 0)
					serve(&connections[fd]);
				continue;
			}
			for (int accepted = 0; accepted < 256; accepted++) {
				struct epoll_event edge = { .events = EPOLLIN | EPOLLOUT |
								      EPOLLRDHUP | EPOLLET };

				fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
				if (fd < 0 &&
				    (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
					break;
				if (fd < 0)
					die("accept a connection");
				add(&totals->opened, 1);
				connections[fd] = (struct connection){
					.fd = fd,
					.phase = options.receive_bytes ? RECEIVING : SENDING
				};
				edge.data.fd = fd;
				epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &edge);
			}
		}
	}
	for (size_t i = 0; i < limit.rlim_cur; i++)
		if (connections[i].fd >= 0)
			end_served(&connections[i], false);
}

/* --- client --- */

static int open_socket(uint64_t number)
{
	int one = 1;
	int fd = socket(options.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (options.syn_retries)
		setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &options.syn_retries,
			   sizeof(options.syn_retries));
	if (options.source.ss_family) {
		struct sockaddr_storage source = options.source;
		uint32_t *last_word =
			source.ss_family == AF_INET
				? &((struct sockaddr_in *)&source)->sin_addr.s_addr
				: &((struct sockaddr_in6 *)&source)->sin6_addr.s6_addr32[3];

		*last_word = htonl(ntohl(*last_word) + (uint32_t)(number % options.sources));
		/* The port is chosen at connect, so that it need be free for this destination only. */
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&source, options.address_bytes))
			die("bind to the source address");
	}
	return fd;
}

static void end_client(struct connection *c)
{
	if (c->phase == HELD)
		atomic_fetch_sub(&totals->held, 1);
	close_connection(c, options.reset);
	add(&totals->closed, 1);
}

static void fail_connect(struct connection *c, int error)
{
	if (error == 0)
		add(&totals->gave_up, 1);
	else
		count_failure(error);
	close_connection(c, false);
}

static void advance(struct connection *c, uint32_t events)
{
	for (;;) {
		int done;

		if (c->phase == CONNECTING) {
			int error = 0;
			socklen_t size = sizeof(error);

			if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
				return;
			getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
			if (error) {
				fail_connect(c, error);
				return;
			}
			add(&totals->opened, 1);
			c->phase = SENDING;
		} else if (c->phase == SENDING) {
			done = send_some(c, options.send_bytes);
			if (done == 0)
				return;
			if (done < 0) {
				add(&totals->resets, 1);
				end_client(c);
				return;
			}
			if (options.half_close)
				shutdown(c->fd, SHUT_WR);
			c->phase = RECEIVING;
		} else if (c->phase == RECEIVING) {
			done = receive_some(c, options.receive_bytes);
			if (done == 0)
				return;
			if (done < 0)
				add(&totals->resets, 1);
			else if (c->eof && options.receive_bytes != TO_EOF)
				add(&totals->short_reads, 1);
			else
				add(&totals->exchanges, 1);
			if (done < 0 || c->eof || !options.hold) {
				end_client(c);
				return;
			}
			c->phase = HELD;
			add(&totals->held, 1);
		} else {
			c->received_bytes = 0;
			done = receive_some(c, TO_EOF);
			if (done < 0)
				add(&totals->resets, 1);
			if (done)
				end_client(c);
			return;
		}
	}
}

static void start_connection(struct connection *c, int epoll, uint64_t number)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				     .data.ptr = c };

	add(&totals->attempted, 1);
	*c = (struct connection){ .fd = open_socket(number),
				  .phase = CONNECTING,
				  .born_ms = now_ms() };
	if (c->fd < 0) {
		add(&totals->other, 1);
		return;
	}
	if (connect(c->fd, (struct sockaddr *)&options.address, options.address_bytes) &&
	    errno != EINPROGRESS) {
		fail_connect(c, errno);
		return;
	}
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void give_up_late(struct connection *connections, uint64_t capacity)
{
	uint64_t at_ms = now_ms();

	for (uint64_t i = 0; i < capacity; i++)
		if (connections[i].fd >= 0 && connections[i].phase == CONNECTING &&
		    at_ms - connections[i].born_ms >= options.give_up_ms)
			fail_connect(&connections[i], 0);
}

static void next_round(struct connection *connections, uint64_t capacity)
{
	for (uint64_t i = 0; i < capacity; i++) {
		struct connection *c = &connections[i];

		if (c->fd < 0 || c->phase != HELD)
			continue;
		c->phase = SENDING;
		c->sent_bytes = c->received_bytes = 0;
		atomic_fetch_sub(&totals->held, 1);
		advance(c, 0);
	}
}

static bool is_any_under_way(const struct connection *connections, uint64_t capacity)
{
	for (uint64_t i = 0; i < capacity; i++)
		if (connections[i].fd >= 0 && connections[i].phase != HELD)
			return true;
	return false;
}

/* Without it the totals would have connections that closed before their answer came, or that only the kernel had opened. */
static void end_exchanges(struct connection *connections, uint64_t capacity, int epoll)
{
	uint64_t deadline_ms = now_ms() + LAST_ANSWERS_MS;
	struct epoll_event events[EVENTS_PER_WAIT];

	while (is_any_under_way(connections, capacity) && now_ms() < deadline_ms) {
		int n = epoll_wait(epoll, events, EVENTS_PER_WAIT, 10);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->fd >= 0)
				advance(c, events[i].events);
		}
	}
}

/* One process' share: every `processes`-th connection, beginning with `index`. */
static void connect_loop(unsigned index)
{
	uint64_t capacity = options.concurrency / options.processes +
			    (index < options.concurrency % options.processes);
	uint64_t share =
		options.count / options.processes + (index < options.count % options.processes);
	uint64_t begun = 0, free_slots, begin_ns = now_ns();
	struct epoll_event events[EVENTS_PER_WAIT];
	int epoll = epoll_create1(EPOLL_CLOEXEC), rounds_done = 0;
	struct connection *connections;
	uint32_t *free_list;

	if (capacity == 0)
		capacity = 1;
	connections = calloc(capacity, sizeof(*connections));
	free_list = calloc(capacity, sizeof(*free_list));
	if (!connections || !free_list || epoll < 0)
		die("set up");
	for (uint64_t i = 0; i < capacity; i++) {
		connections[i].fd = -1;
		free_list[i] = (uint32_t)i;
	}
	free_slots = capacity;
	add(&totals->ready, 1);
	while (!stopping) {
		uint64_t allowed = share;
		int wait_ms = options.give_up_ms ? 10 : 1000;

		if (options.rate_per_s) {
			double elapsed_s = (double)(now_ns() - begin_ns) / 1e9;

			allowed = (uint64_t)(elapsed_s * (double)options.rate_per_s /
					     options.processes) +
				  1;
			if (allowed > share)
				allowed = share;
			if (begun < share)
				wait_ms = 1;
		}
		while (begun < allowed && free_slots && !stopping) {
			struct connection *c = &connections[free_list[--free_slots]];

			start_connection(c, epoll, index + begun * options.processes);
			begun++;
			if (c->fd < 0)
				free_list[free_slots++] = (uint32_t)(c - connections);
			/* Bursts answer what has arrived now and then, so that neither side's queue overflows. */
			if (begun % 64 == 0) {
				wait_ms = 0;
				break;
			}
		}
		if (begun == share && free_slots == capacity)
			break;
		if (rounds_done != rounds_wanted) {
			rounds_done++;
			next_round(connections, capacity);
		}
		int n = epoll_wait(epoll, events, EVENTS_PER_WAIT, wait_ms);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->fd < 0)
				continue;
			advance(c, events[i].events);
			if (c->fd < 0)
				free_list[free_slots++] = (uint32_t)(c - connections);
		}
		if (options.give_up_ms || rounds_done) {
			if (options.give_up_ms)
				give_up_late(connections, capacity);
			/* Both may have closed sockets outside an event. */
			free_slots = 0;
			for (uint64_t i = 0; i < capacity; i++)
				if (connections[i].fd < 0)
					free_list[free_slots++] = (uint32_t)i;
		}
	}
	end_exchanges(connections, capacity, epoll);
	for (uint64_t i = 0; i < capacity; i++) {
		if (connections[i].fd < 0)
			continue;
		if (connections[i].phase == CONNECTING)
			fail_connect(&connections[i], 0);
		else
			end_client(&connections[i]);
	}
}

/* --- command line --- */

static void parse_address(const char *text, struct sockaddr_storage *address, socklen_t *bytes)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	in_port_t port = v4->sin_port; /* at the same place in both */

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		*bytes = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		*bytes = sizeof(*v6);
	} else {
		fprintf(stderr,
			"peer: cannot read address \"%s\": needed is IPv4 or IPv6 in numbers\n",
			text);
		exit(2);
	}
	v4->sin_port = port;
}

static uint64_t parse_number(const char *name, const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end) {
		fprintf(stderr,
			"peer: cannot read --%s: needed is a number, current value is \"%s\"\n",
			name, text);
		exit(2);
	}
	return value;
}

static uint64_t parse_length(const char *name, const char *text)
{
	return strcmp(text, "eof") == 0 ? TO_EOF : parse_number(name, text);
}

static enum close_mode parse_close(const char *text)
{
	static const char *const names[] = { "after-client", "first", "reset", "hold" };

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(text, names[i]) == 0)
			return (enum close_mode)i;
	fprintf(stderr,
		"peer: cannot read --close: needed is after-client, first, reset or hold, current "
		"value is \"%s\"\n",
		text);
	exit(2);
}

static void print_event(const char *event)
{
	printf("{\"event\":\"%s\",\"open\":%llu,\"exchanges\":%llu}\n", event,
	       (unsigned long long)(get(&totals->opened) - get(&totals->closed)),
	       (unsigned long long)get(&totals->exchanges));
	fflush(stdout);
}

static void print_totals(void)
{
#define N(name) ((unsigned long long)get(&totals->name))
	struct timespec ended;

	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("{\"event\":\"totals\",\"attempted\":%llu,\"opened\":%llu,\"closed\":%llu,"
	       "\"failed\":%llu,"
	       "\"failures\":{\"refused\":%llu,\"timeout\":%llu,\"unreachable\":%llu,\"reset\":%"
	       "llu,\"gaveUp\":%llu,\"other\":%llu},"
	       "\"resets\":%llu,\"shortReads\":%llu,\"exchanges\":%llu,\"bytesSent\":%llu,"
	       "\"bytesReceived\":%llu,\"seconds\":%.3f}\n",
	       N(attempted), N(opened), N(closed), (unsigned long long)failed(), N(refused),
	       N(timeout), N(unreachable), N(connect_reset), N(gave_up), N(other), N(resets),
	       N(short_reads), N(exchanges), N(sent_bytes), N(received_bytes),
	       (double)(ended.tv_sec - started.tv_sec) +
		       (double)(ended.tv_nsec - started.tv_nsec) / 1e9);
	fflush(stdout);
#undef N
}

static void parse(int argc, char **argv, bool server, uint64_t *exit_after)
{
	static const struct option longs[] = {
		{ "port", 1, 0, 'p' },
		{ "bind", 1, 0, 't' },
		{ "to", 1, 0, 't' },
		{ "read", 1, 0, 'e' },
		{ "expect", 1, 0, 'e' },
		{ "respond", 1, 0, 's' },
		{ "send", 1, 0, 's' },
		{ "close", 1, 0, 'x' },
		{ "processes", 1, 0, 'P' },
		{ "exit-after", 1, 0, 'E' },
		{ "count", 1, 0, 'c' },
		{ "concurrency", 1, 0, 'k' },
		{ "rate", 1, 0, 'r' },
		{ "source", 1, 0, 'b' },
		{ "sendfile", 0, 0, 'f' },
		{ "half-close", 0, 0, 'h' },
		{ "hold", 0, 0, 'H' },
		{ "reset", 0, 0, 'R' },
		{ "syn-retries", 1, 0, 'S' },
		{ "give-up-ms", 1, 0, 'g' },
		{ 0, 0, 0, 0 },
	};
	socklen_t source_bytes = 0;
	unsigned port = 0;
	int option, at = -1;

	if (server) {
		options.receive_bytes = TO_EOF;
		parse_address("::", &options.address, &options.address_bytes);
	}
	while ((option = getopt_long(argc, argv, "", longs, &at)) != -1) {
		const char *name = at >= 0 ? longs[at].name : "";

		switch (option) {
		case 'p':
			port = (unsigned)parse_number(name, optarg);
			break;
		case 't':
			parse_address(optarg, &options.address, &options.address_bytes);
			break;
		case 'e':
			options.receive_bytes = parse_length(name, optarg);
			break;
		case 's':
			options.send_bytes = parse_number(name, optarg);
			break;
		case 'x':
			options.close_mode = parse_close(optarg);
			break;
		case 'P':
			options.processes = (unsigned)parse_number(name, optarg);
			break;
		case 'E':
			*exit_after = parse_number(name, optarg);
			break;
		case 'c':
			options.count = parse_number(name, optarg);
			break;
		case 'k':
			options.concurrency = parse_number(name, optarg);
			break;
		case 'r':
			options.rate_per_s = parse_number(name, optarg);
			break;
		case 'b': {
			char *plus = strchr(optarg, '+');

			if (plus) {
				*plus = 0;
				options.sources = (unsigned)parse_number(name, plus + 1);
			}
			parse_address(optarg, &options.source, &source_bytes);
			break;
		}
		case 'f':
			options.sendfile = true;
			break;
		case 'h':
			options.half_close = true;
			break;
		case 'H':
			options.hold = true;
			break;
		case 'R':
			options.reset = true;
			break;
		case 'S':
			options.syn_retries = (unsigned)parse_number(name, optarg);
			break;
		case 'g':
			options.give_up_ms = (unsigned)parse_number(name, optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || port == 0 || port > 65535 || !options.address_bytes ||
	    !options.processes || !options.sources) {
		fprintf(stderr, "peer: needed are --port 1..65535 and, to connect, --to ADDRESS; "
				"processes and sources from 1 on\n");
		exit(2);
	}
	if (source_bytes && options.source.ss_family != options.address.ss_family) {
		fprintf(stderr, "peer: --source and --to must be of one IP version\n");
		exit(2);
	}
	((struct sockaddr_in *)&options.address)->sin_port = htons((uint16_t)port);
	if (options.hold && options.concurrency < options.count)
		options.concurrency = options.count;
}

/* Waits for the workers, tells what they reached, and passes signals on. */
static int supervise(pid_t *workers, bool server, uint64_t exit_after)
{
	bool listening = false, stopped = false;
	int rounds_passed = 0, rounds_told = -1, status, worst = 0;
	unsigned alive = options.processes;
	uint64_t exchanges_before = 0;

	while (alive) {
		uint64_t waiting = get(&totals->held) + get(&totals->closed) + failed();

		if (server && !listening && get(&totals->ready) == options.processes) {
			listening = true;
			print_event("listening");
		}
		if (server && exit_after && get(&totals->closed) >= exit_after)
			stopping = 1;
		/* A round is over when all are held again and each survivor has made one more exchange. */
		if (!server && options.hold && rounds_told < rounds_passed &&
		    waiting >= options.count &&
		    get(&totals->exchanges) >= exchanges_before + get(&totals->held)) {
			print_event(rounds_told < 0 ? "holding" : "round");
			rounds_told++;
		}
		if (rounds_told == rounds_passed && rounds_passed < rounds_wanted) {
			exchanges_before = get(&totals->exchanges);
			rounds_passed++;
			for (unsigned i = 0; i < options.processes; i++)
				kill(workers[i], SIGUSR1);
		}
		if (stopping && !stopped) {
			stopped = true;
			for (unsigned i = 0; i < options.processes; i++)
				kill(workers[i], SIGTERM);
		}
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			alive--;
			if (!WIFEXITED(status) || WEXITSTATUS(status)) {
				worst = 1;
				stopping = 1;
			}
		} else {
			usleep(2000);
		}
	}
	return worst;
}

int main(int argc, char **argv)
{
	bool server = argc > 1 && strcmp(argv[1], "serve") == 0;
	struct sigaction action = { .sa_handler = on_signal };
	struct rlimit limit;
	uint64_t exit_after = 0;
	pid_t parent = getpid(), *workers;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	if (argc > 1 && strcmp(argv[1], "pause") == 0) {
		while (!stopping)
			pause();
		return 0;
	}
	if (!server && (argc < 2 || strcmp(argv[1], "connect"))) {
		fprintf(stderr,
			"usage: peer serve|connect|pause [options]; see the head of peer.c\n");
		return 2;
	}
	parse(argc - 1, argv + 1, server, &exit_after);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	workers = calloc(options.processes, sizeof(*workers));
	if (totals == MAP_FAILED || !workers)
		die("set up");
	if (options.sendfile) {
		file_fd = memfd_create("peer", MFD_CLOEXEC);
		if (file_fd < 0 || ftruncate(file_fd, CHUNK_BYTES))
			die("make a file to send");
	}
	clock_gettime(CLOCK_MONOTONIC, &started);
	for (unsigned i = 0; i < options.processes; i++) {
		workers[i] = fork();
		if (workers[i] < 0)
			die("fork");
		if (workers[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			if (server)
				serve_loop();
			else
				connect_loop(i);
			_exit(0);
		}
	}
	int worst = supervise(workers, server, exit_after);

	print_totals();
	return worst;
}
