// SPDX-License-Identifier: Apache-2.0
/*
 * Balances at the socket, for what runs in a cgroup, until it is killed:
 *
 *   socket-balancer OBJECT CGROUP SERVICE PORT BACKEND PORT
 *
 * OBJECT is socket-balancer.bpf.c, compiled. Both addresses are IPv4 or IPv6. Prints a line once it is at work.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "socket-balancer.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Returns the program for addresses of this kind. */
static const char *read_address(const char *text, __u32 words[4])
{
	if (inet_pton(AF_INET, text, &words[3]) == 1)
		return "connect4";
	if (inet_pton(AF_INET6, text, words) == 1)
		return "connect6";
	fprintf(stderr, "Cannot read %s: needed is an address\n", text);
	exit(2);
}

int main(int argc, char **argv)
{
	struct balanced balanced = {};
	struct bpf_program *program;
	struct bpf_object *object;
	const char *name;
	int cgroup;

	if (argc != 7) {
		fprintf(stderr, "usage: %s OBJECT CGROUP SERVICE PORT BACKEND PORT\n", argv[0]);
		return 2;
	}
	name = read_address(argv[3], balanced.service);
	read_address(argv[5], balanced.backend);
	balanced.service_port = htons(atoi(argv[4]));
	balanced.backend_port = htons(atoi(argv[6]));

	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		fail(argv[1]);
	if (bpf_map__set_initial_value(bpf_object__find_map_by_name(object, ".rodata"), &balanced,
				       sizeof(balanced)))
		fail("setting what is balanced");
	if (bpf_object__load(object))
		fail("loading");
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		fail(argv[2]);
	program = bpf_object__find_program_by_name(object, name);
	/* the link goes with this process */
	if (!program || !bpf_program__attach_cgroup(program, cgroup))
		fail("attaching");
	puts("balancing");
	fflush(stdout);
	pause();
	return 0;
}
