/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections: who, with whom, how long, how much, and how they ended.
 *
 * The kernel already counts bytes, segments and round trips per socket, so nothing here runs per packet or per system
 * call; a connection costs the same whether it carries a kilobyte or a terabyte.
 *
 *   tcp_state   tp_btf/inet_sock_set_state   births, deaths and listeners; a dead connection leaves as one record
 *   tcp_gone    tp_btf/tcp_destroy_sock      deaths that tcp_state missed, with or without their births
 *   tcp_error   tp_btf/inet_sk_error_report  ICMP errors that the kernel only notes while connect() holds the socket
 *   tcp_sweep   iter/bpf_map_elem            live connections whose totals changed since the last sweep
 *   tcp_survey  iter/task_file               once, at start: listeners, and connections older than the agent
 *
 * From 6.1 on the kernel skips a program that is running on that CPU already: an interrupt may bring a state change that
 * tcp_state does not see, or any task that took the CPU from it, which with lazy preemption (the default since 6.13) may
 * go through whole connections. What it missed of a birth the end makes good, or the sweep; what it missed of an end,
 * tcp_gone, which nothing interrupts: sockets are destroyed with bottom halves off.
 *
 * Where several nodes share the kernel, only one node's sockets are looked at: see node.bpf.h.
 *
 * tcp_error needs kernel 5.15; before, such a connection fails as `other` unless the program left the error unread.
 *
 * Not covered: a connect() that fails before a SYN is built (no route at all: the call returns the error and no state
 * changes), and MPTCP's own totals (its subflows are counted as the TCP connections that they are).
 */
#include <stdbool.h>

#include "drift.bpf.h"
#include "kernel.bpf.h"
#include "node.bpf.h"
#include "tcp.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What is kept of a live connection; all else is read from its socket when it is reported. Spare while its id is 0. */
struct connection {
	struct weir_tcp_birth birth;
	__u64 swept_bytes; /* moved() at the last sweep */
	__u64 told; /* identity() of the last connection of this socket whose end has been told */
};

/*
 * Live connections. Key: address of the struct sock; value: struct connection. Made by tcp_state, tcp_survey and tcp_gone.
 * 131 072 entries x (8 + 104 + 48 of hash element + 16 of bucket) = 23 MB; the agent sets the size before load. When full:
 * counted in lost[MAP_FULL], and the connection is reported once, when it closes.
 *
 * The kernel uses the memory of sockets again at once. So does the next connection with its element, which stays when
 * a connection closes: making and removing it would be half of what a short connection costs. While there are more than an
 * eighth of all, sockets that are destroyed remove theirs.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* Elements of `connections`, spare ones included. 8 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} elements SEC(".maps");

/*
 * Records on their way to the agent, which drains by timer: no wake-ups. 4 MiB hold 24 966 records of 160 + 8 bytes:
 * 125 000 a second at five drains a second. When full: counted in lost[RING_FULL].
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} records SEC(".maps");

/*
 * The faster way for what tcp_state has to tell of a connection's end, which is nearly all there is to tell: it shares no lock
 * with other CPUs, and its memory stays in the caches. Key: CPU; value: 160 KB, of the first 64 CPUs; the agent sets their
 * number before load. When full, or where there is none: the record goes into the ring.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_tcp_outbox);
} outboxes SEC(".maps");

/* Refusals. Key: enum weir_tcp_lost; value: count on each CPU. 8 bytes x 3 x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_TCP_LOST_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Who numbers connections: each may interrupt those before it, between its look at the last number and its own. */
enum numbering {
	BY_SURVEY,
	BY_TASK, /* tcp_state, in a system call */
	BY_PACKET, /* tcp_state, in softirq */
	BY_DESTRUCTION, /* tcp_gone */
	NUMBERINGS,
};

/* The last connection number of each CPU, for ids. Key: enum numbering. 8 bytes x 4 x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NUMBERINGS);
	__type(key, __u32);
	__type(value, __u64);
} sequence SEC(".maps");

struct weir_tcp_orders orders;

/* ids are (number << 14 | numbering << 12 | cpu), of 53 bits: numbers of each of 4096 CPUs begin anew after 2^39. */
#define CPU_BITS  12
#define ID_BITS   (CPU_BITS + 2)
#define ID_MASK   ((1ULL << 53) - 1)
#define NS_PER_US 1000

/* connection.swept_bytes of a connection that no sweep has reported: it will be, traffic or not. */
#define UNSWEPT (~0ULL)

static __always_inline void count_lost(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&lost, &reason);

	if (count)
		*count += 1;
}

static __always_inline __u64 next_id(enum numbering by)
{
	__u32 key = by;
	__u64 *number = bpf_map_lookup_elem(&sequence, &key);

	if (!number)
		return 0;
	*number += 1;
	return (*number << ID_BITS & ID_MASK) | (__u64)by << CPU_BITS | bpf_get_smp_processor_id();
}

static __always_inline bool in_state(int state, __u32 set)
{
	return 1U << state & set;
}

/* ---- reading sockets ---- */

/*
 * A field of a kernel struct: a plain load where the verifier vouches for the pointer, a probe read elsewhere. `vouched` is a
 * constant at every call, so one of the two is all that is compiled.
 */
#define FIELD(vouched, pointer, field)                                             \
	({                                                                         \
		typeof((pointer)->field) value_;                                   \
		if (vouched)                                                       \
			value_ = (pointer)->field;                                 \
		else                                                               \
			bpf_core_read(&value_, sizeof(value_), &(pointer)->field); \
		value_;                                                            \
	})

static __always_inline void map_ipv4(__u32 words[4], __be32 address)
{
	words[0] = 0;
	words[1] = 0;
	words[2] = 0xffff;
	words[3] = bpf_ntohl(address);
}

static __always_inline void copy_ipv6(__u32 words[4], const struct in6_addr *address)
{
	words[0] = bpf_ntohl(address->in6_u.u6_addr32[0]);
	words[1] = bpf_ntohl(address->in6_u.u6_addr32[1]);
	words[2] = bpf_ntohl(address->in6_u.u6_addr32[2]);
	words[3] = bpf_ntohl(address->in6_u.u6_addr32[3]);
}

static __always_inline void read_local_address(bool vouched, struct sock *sk,
					       struct weir_tcp_record *record)
{
	if (FIELD(vouched, sk, __sk_common.skc_family) == AF_INET) {
		map_ipv4(record->local, FIELD(vouched, sk, __sk_common.skc_rcv_saddr));
	} else {
		struct in6_addr address = FIELD(vouched, sk, __sk_common.skc_v6_rcv_saddr);

		copy_ipv6(record->local, &address);
	}
}

static __always_inline void read_remote(bool vouched, struct sock *sk, struct weir_tcp_birth *birth)
{
	__be16 port = FIELD(vouched, sk, __sk_common.skc_dport);

	birth->remote_port = bpf_ntohs(port);
	if (FIELD(vouched, sk, __sk_common.skc_family) == AF_INET) {
		map_ipv4(birth->remote, FIELD(vouched, sk, __sk_common.skc_daddr));
	} else {
		struct in6_addr address = FIELD(vouched, sk, __sk_common.skc_v6_daddr);

		copy_ipv6(birth->remote, &address);
	}
}

/* Unlike skc_num, it stays until the end of the socket was noticed. */
static __always_inline __u16 local_port_of(bool vouched, struct tcp_sock *tp)
{
	__be16 port = FIELD(vouched, tp, inet_conn.icsk_inet.inet_sport);

	return bpf_ntohs(port);
}

/* The sequence numbers of the first bytes that the kernel counts each way: the same until the socket is destroyed. */
static __always_inline __u32 first_sent(bool vouched, struct tcp_sock *tp)
{
	return FIELD(vouched, tp, snd_una) - (__u32)FIELD(vouched, tp, bytes_acked);
}

static __always_inline __u32 first_received(bool vouched, struct tcp_sock *tp)
{
	return FIELD(vouched, tp, rcv_nxt) - (__u32)FIELD(vouched, tp, bytes_received);
}

/* Those of the first payload bytes. A client's own SYN is a byte acknowledged, a server's is not. */
static __always_inline void read_isns(bool vouched, struct tcp_sock *tp,
				      struct weir_tcp_birth *birth)
{
	birth->local_isn = first_sent(vouched, tp) + (birth->side == WEIR_TCP_CLIENT);
	birth->remote_isn = first_received(vouched, tp);
}

/* Tells a socket's connections apart. */
static __always_inline __u64 identity(bool vouched, struct tcp_sock *tp)
{
	return (__u64)first_sent(vouched, tp) << 32 | first_received(vouched, tp);
}

#define FIN_SENT                                                                              \
	(1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSING | 1U << TCP_LAST_ACK | \
	 1U << TCP_TIME_WAIT)

/* Whether the kernel is at work on a socket, so that what it says of itself may not fit together. */
static __always_inline bool is_at_work(struct sock *sk)
{
	__u32 lock = 0;

	bpf_core_read(&lock, sizeof(lock), &sk->sk_lock);
	return lock || FIELD(false, sk, sk_lock.owned);
}

/*
 * Payload bytes each way, without the SYN and FIN that the kernel counts as a byte each. In the sweep all of this moves, and the
 * byte of a FIN is counted before anything else tells of it: where it may have come, it is taken for come. False for such a
 * reading, which is a byte too small, or not.
 */
static __always_inline bool read_bytes(bool vouched, struct tcp_sock *tp,
				       struct weir_tcp_record *record)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u64 sent = FIELD(vouched, tp, bytes_acked);
	__u64 received = FIELD(vouched, tp, bytes_received);
	bool is_live = record->kind == WEIR_TCP_LIVE, is_sure;

	if (is_live)
		record->state = FIELD(vouched, sk, __sk_common.skc_state);
	is_sure = !is_live || !is_at_work(sk);
	if (sent && record->birth.side == WEIR_TCP_CLIENT)
		sent -= 1;
	if (sent && in_state(record->state, FIN_SENT) &&
	    (!is_sure || FIELD(vouched, tp, snd_una) == FIELD(vouched, tp, write_seq)))
		sent -= 1;
	if (received && (!is_sure || FIELD(vouched, sk, __sk_common.skc_flags) & 1UL << SOCK_DONE))
		received -= 1;
	record->sent_bytes = sent;
	record->received_bytes = received;
	return is_sure;
}

/* Both ways, SYN and FIN included: grows with anything that a record says. */
static __always_inline __u64 moved(struct tcp_sock *tp)
{
	return FIELD(false, tp, bytes_acked) + FIELD(false, tp, bytes_received);
}

static __always_inline void read_segments(bool vouched, struct tcp_sock *tp,
					  struct weir_tcp_record *record)
{
	__u32 min_rtt_us = FIELD(vouched, tp, rtt_min.s[0].v);

	record->sent_segments = FIELD(vouched, tp, segs_out);
	record->received_segments = FIELD(vouched, tp, segs_in);
	record->retransmitted_segments = FIELD(vouched, tp, total_retrans);
	record->delivered_segments = FIELD(vouched, tp, delivered);
	record->srtt_us = FIELD(vouched, tp, srtt_us) >> 3;
	record->min_rtt_us = min_rtt_us == ~0U ? 0 : min_rtt_us;
}

/* ---- births, deaths and listeners ---- */

/* By one or by -1. */
static __always_inline void count_elements(__u64 difference)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&elements, &zero);

	if (count)
		__sync_fetch_and_add(count, difference);
}

/* Whether there are so many elements that those of sockets that are gone cannot stay. */
static __always_inline bool is_crowded(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&elements, &zero);

	return !count || *count > ((struct bpf_map *)&connections)->max_entries / 8;
}

/* A socket's element, in use or spare; or NULL. */
static __always_inline struct connection *element_of(__u64 key)
{
	return bpf_map_lookup_elem(&connections, &key);
}

/* The connection kept for a socket, or NULL. */
static __always_inline struct connection *find(__u64 key)
{
	struct connection *connection = element_of(key);

	return connection && connection->birth.id ? connection : NULL;
}

static __always_inline struct connection *make_room(__u64 key)
{
	struct connection blank = {};

	if (bpf_map_update_elem(&connections, &key, &blank, BPF_NOEXIST) == 0)
		count_elements(1);
	return bpf_map_lookup_elem(&connections, &key);
}

/* The end of what was kept of a connection; `told` is its identity(). */
static __always_inline void forget(struct connection *connection, __u64 told)
{
	connection->told = told;
	connection->birth.established_ns = 0;
	connection->birth.id = 0;
}

/* Passes a connection of another node over. What its memory was kept under before is gone without notice. */
static __always_inline void pass_over(__u64 key)
{
	struct connection *connection = find(key);

	count_elsewhere();
	if (!connection)
		return;
	count_lost(WEIR_TCP_LOST_END_MISSED);
	forget(connection, 0);
}

/*
 * Begins to keep a connection; NULL where there is no room, or where it is another node's. `connection` is the element of its
 * socket, or NULL; one still in use is of a socket that is gone without notice.
 */
static __always_inline struct weir_tcp_birth *be_born(struct sock *sk, __u8 side,
						      struct connection *connection)
{
	__u64 key = (__u64)sk;
	struct weir_tcp_birth *birth;

	if (is_elsewhere(true, sk)) {
		pass_over(key);
		return NULL;
	}
	if (!connection)
		connection = make_room(key);
	if (!connection) {
		count_lost(WEIR_TCP_LOST_MAP_FULL);
		return NULL;
	}
	birth = &connection->birth;
	if (birth->id)
		count_lost(WEIR_TCP_LOST_END_MISSED);
	/* first, and set last: no sweep looks at what is not established */
	birth->established_ns = 0;
	birth->id = next_id(side == WEIR_TCP_CLIENT ? BY_TASK : BY_PACKET);
	birth->netns = sk->__sk_common.skc_net.net->ns.inum;
	birth->local_isn = 0;
	birth->remote_isn = 0;
	birth->soft_error = 0;
	birth->side = side;
	birth->flags = 0;
	read_remote(true, sk, birth);
	connection->swept_bytes = UNSWEPT;
	return birth;
}

/* connect(), in the caller's context; the source port is not chosen yet. */
static __always_inline void client_born(struct sock *sk)
{
	struct weir_tcp_birth *birth = be_born(sk, WEIR_TCP_CLIENT, element_of((__u64)sk));

	if (!birth)
		return;
	birth->born_ns = bpf_ktime_get_ns();
	birth->cgroup_id = bpf_get_current_cgroup_id();
	birth->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(birth->comm, sizeof(birth->comm));
}

/* While a packet of the handshake is handled: its time is now, and cheaper to read than the clock. */
static __always_inline void establish(struct sock *sk, struct weir_tcp_birth *birth)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	birth->local_port = sk->__sk_common.skc_num;
	read_isns(true, tp, birth);
	/* last: the sweep looks at connections only once this is set */
	birth->established_ns = tp->tcp_mstamp * NS_PER_US;
}

static __always_inline void client_established(struct sock *sk)
{
	struct connection *connection = find((__u64)sk);

	if (connection)
		establish(sk, &connection->birth);
}

/* The last packet of the handshake, in softirq: whoever runs is not the owner, the socket's cgroup is. */
static __always_inline void server_born(struct sock *sk, struct connection *connection)
{
	struct weir_tcp_birth *birth = be_born(sk, WEIR_TCP_SERVER, connection);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!birth || !tp)
		return;
	birth->born_ns = tp->tcp_mstamp * NS_PER_US;
	birth->cgroup_id = sock_cgroup_id(sk);
	birth->pid = 0;
	__builtin_memset(birth->comm, 0, sizeof(birth->comm));
	establish(sk, birth);
}

/* Two clients that connect to each other at once pass through SYN_RECV, too. */
static __always_inline void accepted_or_met(struct sock *sk)
{
	struct connection *connection = element_of((__u64)sk);

	if (connection && connection->birth.id && connection->birth.side == WEIR_TCP_CLIENT &&
	    !connection->birth.established_ns)
		establish(sk, &connection->birth);
	else
		server_born(sk, connection);
}

/* A socket closed in mid-stream without an error of its own has sent a RST; one that received a RST has the error. */
static __always_inline __u8 reset_by(int from, __u16 error)
{
	const __u32 open = 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT;

	if (error == 104 /* ECONNRESET */ || error == 111 /* ECONNREFUSED */ ||
	    error == 32 /* EPIPE */)
		return WEIR_TCP_RESET_REMOTE;
	if (!error && in_state(from, open))
		return WEIR_TCP_RESET_LOCAL;
	return WEIR_TCP_RESET_NONE;
}

/* Whether the other end's last packet is what closes a socket, so that the time of that packet is now. */
static __always_inline bool ends_by_packet(struct sock *sk, int from)
{
	return !sk->sk_err &&
	       (from == TCP_LAST_ACK ||
		(from == TCP_FIN_WAIT2 && sk->__sk_common.skc_flags & 1UL << SOCK_DONE));
}

static __always_inline void read_end(struct sock *sk, struct tcp_sock *tp, int from,
				     struct weir_tcp_record *record)
{
	record->at_ns = ends_by_packet(sk, from) ? tp->tcp_mstamp * NS_PER_US : bpf_ktime_get_ns();
	record->error = sk->sk_err;
	if (!record->error && from == TCP_SYN_SENT)
		record->error = record->birth.soft_error ?: sk->sk_err_soft;
	record->kind = WEIR_TCP_CLOSED;
	record->state = from;
	record->reset = reset_by(from, record->error);
}

static __always_inline void read_socket(struct tcp_sock *tp, struct weir_tcp_record *record)
{
	read_local_address(true, &tp->inet_conn.icsk_inet.sk, record);
	/* never established, or never seen being so: only now is the local port known */
	if (!record->birth.established_ns) {
		record->birth.local_port = local_port_of(true, tp);
		if (record->state != TCP_SYN_SENT)
			read_isns(true, tp, &record->birth);
	}
	read_bytes(true, tp, record);
	read_segments(true, tp, record);
}

/*
 * This CPU's outbox, open for a record; NULL where it has no room. For tcp_state alone, which on one CPU has one record at a
 * time to write: from 6.1 on the kernel does not run it while it runs there. Before, an interrupt may run it; that ends before
 * what it interrupted goes on, so that a plain flag is enough.
 *
 * On x86 other CPUs see stores in their order. Where they do not, all goes through the ring.
 */
static __always_inline struct weir_tcp_outbox *open_outbox(void)
{
#ifdef __TARGET_ARCH_x86
	__u32 cpu = bpf_get_smp_processor_id();
	struct weir_tcp_outbox *outbox = bpf_map_lookup_elem(&outboxes, &cpu);

	if (!outbox || outbox->is_open)
		return NULL;
	WRITE_ONCE(outbox->is_open, 1);
	if (READ_ONCE(outbox->written) - READ_ONCE(outbox->taken) < WEIR_TCP_OUTBOX_RECORDS)
		return outbox;
	WRITE_ONCE(outbox->is_open, 0);
#endif
	return NULL;
}

/* Hands the record over. */
static __always_inline void close_outbox(struct weir_tcp_outbox *outbox)
{
	barrier();
	WRITE_ONCE(outbox->written, outbox->written + 1);
	WRITE_ONCE(outbox->is_open, 0);
}

/*
 * Forgets before it hands the record over: from then on no sweep shows its connection. `has_outbox`: the program is the one
 * that may use it.
 */
static __always_inline void closed(struct sock *sk, int from, bool has_outbox)
{
	__u64 key = (__u64)sk;
	struct connection *element = element_of(key);
	bool is_kept = element && element->birth.id;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct weir_tcp_outbox *outbox;
	struct weir_tcp_record *record;

	/* never a connection: closed unconnected, or a handshake that its server gave up */
	if (!tp || (!is_kept &&
		    in_state(from, 1U << TCP_CLOSE | 1U << TCP_SYN_RECV | 1U << TCP_NEW_SYN_RECV)))
		return;
	/* counted when it was born */
	if (!is_kept && is_elsewhere(true, sk))
		return;
	if (!element)
		element = make_room(key);
	outbox = has_outbox ? open_outbox() : NULL;
	if (outbox)
		record = &outbox->records[outbox->written % WEIR_TCP_OUTBOX_RECORDS];
	else
		record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		count_lost(WEIR_TCP_LOST_RING_FULL);
		if (element)
			forget(element, identity(true, tp));
		return;
	}
	if (is_kept) {
		record->birth = element->birth;
	} else {
		__builtin_memset(&record->birth, 0, sizeof(record->birth));
		record->birth.id = next_id(has_outbox ? BY_PACKET : BY_DESTRUCTION);
		record->birth.flags = WEIR_TCP_UNBORN;
		record->birth.netns = sk->__sk_common.skc_net.net->ns.inum;
		record->birth.cgroup_id = sock_cgroup_id(sk);
		read_remote(true, sk, &record->birth);
	}
	if (element)
		forget(element, identity(true, tp));
	read_end(sk, tp, from, record);
	read_socket(tp, record);
	if (outbox)
		close_outbox(outbox);
	else
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void listener(struct sock *sk, __u8 kind)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct weir_tcp_record *record;
	struct weir_tcp_birth *birth;

	if (!tp || is_elsewhere(true, sk))
		return;
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		count_lost(WEIR_TCP_LOST_RING_FULL);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->at_ns = bpf_ktime_get_ns();
	record->kind = kind;
	birth = &record->birth;
	birth->id = next_id(BY_TASK);
	birth->netns = sk->__sk_common.skc_net.net->ns.inum;
	birth->cgroup_id = sock_cgroup_id(sk);
	birth->side = WEIR_TCP_SERVER;
	birth->local_port = local_port_of(true, tp);
	read_local_address(true, sk, record);
	if (kind == WEIR_TCP_LISTEN) {
		birth->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(birth->comm, sizeof(birth->comm));
	}
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int from, int to)
{
	/* most state changes are steps of a farewell, and of no interest */
	if (!in_state(to, 1U << TCP_SYN_SENT | 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE |
				  1U << TCP_LISTEN))
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;

	if (to == TCP_SYN_SENT)
		client_born(sk);
	else if (to == TCP_ESTABLISHED && from == TCP_SYN_SENT)
		client_established(sk);
	else if (to == TCP_ESTABLISHED && from == TCP_SYN_RECV)
		accepted_or_met(sk);
	else if (to == TCP_LISTEN)
		listener(sk, WEIR_TCP_LISTEN);
	else if (to == TCP_CLOSE && from == TCP_LISTEN)
		listener(sk, WEIR_TCP_UNLISTEN);
	else if (to == TCP_CLOSE)
		closed(sk, from, true);
	return 0;
}

/*
 * An ICMP error that finds connect() at work is queued and noted softly; the program learns it from SO_ERROR, which wipes
 * it out before the socket closes. Here it has just been queued.
 */
SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(tcp_error, struct sock *sk)
{
	struct connection *connection;
	struct sock_exterr_skb *error;
	struct sk_buff *last;

	if (sk->sk_protocol != IPPROTO_TCP || sk->__sk_common.skc_state != TCP_SYN_SENT ||
	    sk->sk_err)
		return 0;
	connection = find((__u64)sk);
	last = sk->sk_error_queue.prev;
	/* an empty queue is a ring of its head alone */
	if (!connection || (void *)last == (void *)&sk->sk_error_queue)
		return 0;
	error = (struct sock_exterr_skb *)((void *)last + bpf_core_field_offset(last->cb));
	connection->birth.soft_error = BPF_CORE_READ(error, ee.ee_errno);
	return 0;
}

/* The state that a socket was in before it closed, as far as it can be told afterwards. */
static __always_inline int state_before(struct sock *sk, struct tcp_sock *tp)
{
	if (!tp->rcv_nxt)
		return TCP_SYN_SENT;
	return sk->sk_err ? TCP_ESTABLISHED : TCP_LAST_ACK;
}

/* Whether there is nothing to tell of a socket that is destroyed: it was no connection, or its end has been told. */
static __always_inline bool is_settled(struct sock *sk, struct tcp_sock *tp)
{
	struct connection *element = element_of((__u64)sk);

	if (element && element->told == identity(true, tp))
		return true;
	if (element && element->birth.id)
		return false;
	/* unconnected, or given up by its server before it sent anything */
	if (!sk->__sk_common.skc_dport || !tp->segs_out)
		return true;
	/* no room to remember who has been told of */
	return !element && is_crowded();
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_gone, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u64 key = (__u64)sk;

	if (tp && !is_settled(sk, tp))
		closed(sk, state_before(sk, tp), false);
	if (is_crowded() && bpf_map_delete_elem(&connections, &key) == 0)
		count_elements(-1);
	return 0;
}

/* ---- the sweep ---- */

/*
 * Whether the socket that a connection was kept under is still that connection's: memory of sockets is reused. By what
 * stays until after its end was noticed (not skc_num, which goes before).
 */
static __always_inline bool is_same(struct tcp_sock *tp, const struct weir_tcp_birth *birth)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__be16 remote_port = FIELD(false, sk, __sk_common.skc_dport);

	return FIELD(false, sk, __sk_common.skc_state) != TCP_CLOSE &&
	       local_port_of(false, tp) == birth->local_port &&
	       bpf_ntohs(remote_port) == birth->remote_port;
}

/* A live connection's record, or a vanished one's. False where there was nothing to say, or no room for it. */
static __always_inline bool report(struct bpf_iter__bpf_map_elem *ctx,
				   struct connection *connection, __u64 key)
{
	struct tcp_sock *tp = (struct tcp_sock *)key;
	struct weir_tcp_record record = {};
	bool is_sure;

	record.birth = connection->birth;
	record.kind = WEIR_TCP_LIVE;
	is_sure = read_bytes(false, tp, &record);
	read_local_address(false, &tp->inet_conn.icsk_inet.sk, &record);
	read_segments(false, tp, &record);
	/* another's by now, or half of two: the next connection of a socket takes the element over at any moment */
	if (!record.birth.id || !record.birth.established_ns ||
	    connection->birth.id != record.birth.id)
		return false;
	/* after the totals, so that they are known to be this connection's */
	if (!is_same(tp, &record.birth)) {
		/* it may be closing this moment: then its record says so, and only a full sweep believes in a loss */
		if (!orders.sweep_is_full)
			return false;
		/* forgotten before its socket changed: it ended since the look above, with a record of its own */
		if (connection->birth.id != record.birth.id)
			return false;
		record = (struct weir_tcp_record){ .birth = record.birth,
						   .kind = WEIR_TCP_VANISHED };
		forget(connection, identity(false, tp));
		count_lost(WEIR_TCP_LOST_END_MISSED);
	}
	record.at_ns = bpf_ktime_get_ns();
	/* out of room: the kernel shows this connection again in the next read */
	return bpf_seq_write(ctx->meta->seq, &record, sizeof(record)) == 0 && is_sure &&
	       record.kind == WEIR_TCP_LIVE && connection->birth.id == record.birth.id;
}

#define CONNECTED                                                            \
	(1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | \
	 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK | 1U << TCP_CLOSING)

/* A client whose establishment was missed: what is known of it from here on. */
static __always_inline void establish_late(struct connection *connection, __u64 key)
{
	struct tcp_sock *tp = (struct tcp_sock *)key;
	__u8 state = FIELD(false, &tp->inet_conn.icsk_inet.sk, __sk_common.skc_state);

	if (!connection->birth.id || !in_state(state & 15, CONNECTED))
		return;
	connection->birth.local_port = local_port_of(false, tp);
	read_isns(false, tp, &connection->birth);
	connection->birth.established_ns = bpf_ktime_get_ns();
}

SEC("iter/bpf_map_elem")
int tcp_sweep(struct bpf_iter__bpf_map_elem *ctx)
{
	struct connection *connection = ctx->value;
	const __u64 *key = ctx->key;
	__u64 moved_bytes;

	if (!key || !connection)
		return 0;
	if (!connection->birth.established_ns)
		establish_late(connection, *key);
	if (!connection->birth.established_ns)
		return 0;
	/* most connections are idle: what is read of them is no more than tells so */
	moved_bytes = moved((struct tcp_sock *)*key);
	if (moved_bytes == connection->swept_bytes && !orders.sweep_is_full)
		return 0;
	if (report(ctx, connection, *key))
		connection->swept_bytes = moved_bytes;
	return 0;
}

/* ---- the survey at start ---- */

SEC("iter/task_file")
int tcp_survey(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct connection *kept, connection = {};
	struct weir_tcp_birth *birth = &connection.birth;
	struct weir_tcp_record record = {};
	struct tcp_sock *tp;
	struct sock *sk;
	struct socket *socket;
	__u16 family;
	__u64 key;

	if (!task || !file || (file->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return 0;
	socket = file->private_data;
	sk = BPF_CORE_READ(socket, sk);
	if (sk && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP)
		sk = first_subflow(sk);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	record.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (!in_state(record.state & 15, CONNECTED | 1U << TCP_LISTEN))
		return 0;
	if (is_elsewhere(false, sk)) {
		if (record.state != TCP_LISTEN)
			count_elsewhere();
		return 0;
	}

	tp = (struct tcp_sock *)sk;
	birth->id = next_id(BY_SURVEY);
	birth->born_ns = bpf_ktime_get_ns();
	birth->established_ns = birth->born_ns;
	birth->flags = WEIR_TCP_OLDER;
	birth->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	birth->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	birth->pid = task->tgid;
	BPF_CORE_READ_STR_INTO(&birth->comm, task, group_leader, comm);
	birth->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	record.at_ns = birth->born_ns;
	if (record.state == TCP_LISTEN) {
		record.birth = connection.birth;
		read_local_address(false, sk, &record);
		record.kind = WEIR_TCP_LISTEN;
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
		return 0;
	}

	read_remote(false, sk, birth);
	read_isns(false, tp, birth);
	record.birth = connection.birth;
	record.kind = WEIR_TCP_FOUND;
	read_local_address(false, sk, &record);
	read_bytes(false, tp, &record);
	read_segments(false, tp, &record);
	connection.swept_bytes = moved(tp);
	/* Known already: born since the programs were attached, or shared between processes. Written before it is
	 * kept, because a record that finds no room is shown again. */
	key = (__u64)sk;
	if (find(key))
		return 0;
	if (bpf_seq_write(ctx->meta->seq, &record, sizeof(record)))
		return 0;
	kept = bpf_map_lookup_elem(&connections, &key);
	if (!kept)
		kept = make_room(key);
	if (kept) {
		connection.told = kept->told;
		*kept = connection;
	} else {
		count_lost(WEIR_TCP_LOST_MAP_FULL);
	}
	return 0;
}
