/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What crosses from bpf/tcp.bpf.c to the agent: the only definition of these structs. Compiled by clang for bpf and by
 * the C++ addon, which exports the offsets to TypeScript.
 */
#ifndef WEIR_TCP_H
#define WEIR_TCP_H

#include <linux/types.h>

/* What a record tells. */
enum weir_tcp_kind {
	WEIR_TCP_CLOSED = 1, /* a connection ended, or failed to begin; totals are final */
	WEIR_TCP_LIVE, /* the sweep saw it with totals that changed */
	WEIR_TCP_FOUND, /* older than the agent: its totals are the baseline */
	WEIR_TCP_VANISHED, /* its end was not seen; noticed by a full sweep, totals and local address are unknown (0) */
	WEIR_TCP_LISTEN, /* a socket listens: local address and port, pid, comm */
	WEIR_TCP_UNLISTEN, /* and no longer does */
};

enum weir_tcp_side {
	WEIR_TCP_SIDE_UNKNOWN, /* older than the agent, or its birth was not seen */
	WEIR_TCP_CLIENT, /* it connected */
	WEIR_TCP_SERVER, /* it was accepted */
};

enum weir_tcp_flag {
	WEIR_TCP_OLDER = 1, /* than the agent: never counted as opened */
	WEIR_TCP_UNBORN = 2, /* no state was kept: birth missed, or the map was full */
};

/* Who ended it with a RST. */
enum weir_tcp_reset {
	WEIR_TCP_RESET_NONE,
	WEIR_TCP_RESET_LOCAL,
	WEIR_TCP_RESET_REMOTE,
};

/* Indexes of the `lost` map. */
enum weir_tcp_lost {
	WEIR_TCP_LOST_RING_FULL, /* a record found no room in the ring: its traffic is missing */
	WEIR_TCP_LOST_MAP_FULL, /* a connection found no room in the map: reported when it closes, without its birth */
	WEIR_TCP_LOST_END_MISSED, /* a connection's end was not seen: its last traffic is missing */
	WEIR_TCP_LOST_REASONS,
};

/* What is kept of a connection while it lives. Times are CLOCK_MONOTONIC nanoseconds. Addresses are four 32-bit words in
 * host byte order, most significant first; IPv4 is mapped (0, 0, 0xffff, address). */
struct weir_tcp_birth {
	__u64 id; /* unique since boot of the agent, below 2^53 */
	__u64 born_ns; /* client: connect(); server: established */
	__u64 established_ns; /* 0 until then */
	__u64 cgroup_id; /* cgroup v2; 0 unknown */
	__u32 netns; /* inode number */
	__u32 pid; /* thread group id; 0 unknown (softirq) */
	__u32 remote[4];
	__u32 local_isn; /* sequence numbers of the first payload bytes, 0 until established: */
	__u32 remote_isn; /* the same two at both ends of a connection, through any NAT */
	__u16 local_port;
	__u16 remote_port;
	__u16 soft_error; /* errno of an ICMP error while connecting; 0 none */
	__u8 side; /* enum weir_tcp_side */
	__u8 flags; /* enum weir_tcp_flag */
	__u8 comm[16]; /* zero-terminated bytes of any kind; empty unknown */
};

/* Totals are payload bytes: the SYN and FIN, which the kernel counts as a byte each, are taken off. */
struct weir_tcp_record {
	struct weir_tcp_birth birth;
	__u32 local[4];
	__u64 at_ns; /* when this was read */
	__u64 sent_bytes; /* acknowledged by the other end */
	__u64 received_bytes; /* in order */
	__u32 sent_segments; /* with retransmissions */
	__u32 received_segments;
	__u32 retransmitted_segments;
	__u32 delivered_segments;
	__u32 srtt_us; /* smoothed round trip time; 0 unknown */
	__u32 min_rtt_us; /* 0 unknown */
	__u16 error; /* errno of the socket; 0 none */
	__u8 kind; /* enum weir_tcp_kind */
	__u8 state; /* the TCP state it was in; for CLOSED, the one before */
	__u8 reset; /* enum weir_tcp_reset */
	__u8 pad[3];
};

/* What the agent tells the programs. */
struct weir_tcp_orders {
	__u32 sweep_is_full; /* before a sweep: report every connection, and drop those whose socket is gone */
};

enum {
	WEIR_TCP_OUTBOX_RECORDS = 1024, /* a power of two */
	WEIR_TCP_OUTBOXES = 64, /* CPUs beyond these have none */
};

/*
 * Records of one CPU on their way to the agent. `written` and `taken` count records without end; record n is at
 * n % WEIR_TCP_OUTBOX_RECORDS. Each end writes lines of memory of its own.
 */
struct weir_tcp_outbox {
	__u32 written; /* by the program, after the record */
	__u32 is_open; /* a record is being written */
	__u32 pad[14];
	__u32 taken; /* by the agent, after it has copied the record */
	__u32 pad2[15];
	struct weir_tcp_record records[WEIR_TCP_OUTBOX_RECORDS];
};

#ifdef __cplusplus
static_assert(sizeof(weir_tcp_birth) == 88, "ABI");
static_assert(sizeof(weir_tcp_record) == 160, "ABI");
static_assert(sizeof(weir_tcp_outbox) == 163968, "ABI");
#else
_Static_assert(sizeof(struct weir_tcp_birth) == 88, "ABI");
_Static_assert(sizeof(struct weir_tcp_record) == 160, "ABI");
_Static_assert(sizeof(struct weir_tcp_outbox) == 163968, "ABI");
#endif

#endif
