/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types, as far as Weir reads them: only the fields that are used, each relocated at load time (CO-RE),
 * so that one object fits every kernel from 5.10 on. Each struct names the kernel header that it comes from.
 */
#ifndef WEIR_KERNEL_BPF_H
#define WEIR_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* <asm/rwonce.h> */
#define READ_ONCE(x)         (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
/* <linux/socket.h> */
#define AF_INET  2
#define AF_INET6 10
/* <linux/in.h> */
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
/* <linux/stat.h> */
#define S_IFMT   00170000
#define S_IFSOCK 0140000

/* <net/tcp_states.h>; in the kernel's user interface, so the values are fixed */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* <linux/skbuff.h> */
struct sk_buff {
	char cb[48];
};

struct sk_buff_head {
	struct sk_buff *prev;
};

/* <linux/errqueue.h>: what `cb` of a buffer in an error queue is */
struct sock_extended_err {
	__u32 ee_errno;
};

struct sock_exterr_skb {
	struct sock_extended_err ee;
};

/* <net/sock.h> */
enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE, /* a FIN was received */
};

/* <linux/ns_common.h> */
struct ns_common {
	unsigned int inum;
};

/* <net/net_namespace.h> */
struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

/* <linux/kernfs.h> */
struct kernfs_node {
	__u64 id;
};

/* <linux/cgroup-defs.h> */
struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

/* <linux/in6.h> */
struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

/* <net/sock.h> */
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

typedef struct {
	__u32 slock; /* a spin lock, which has this size or begins so */
	int owned; /* by a system call */
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_protocol;
	int sk_err;
	int sk_err_soft; /* what ICMP said while a system call held the socket */
	struct sk_buff_head sk_error_queue;
	struct sock_cgroup_data sk_cgrp_data;
};

/* <net/inet_sock.h> */
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

/* <net/inet_connection_sock.h> */
struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

/* <linux/win_minmax.h> */
struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

/* <linux/tcp.h> */
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u32 segs_in;
	__u32 segs_out;
	__u32 rcv_nxt;
	__u64 tcp_mstamp; /* CLOCK_MONOTONIC microseconds when the last packet was handled */
	__u32 snd_una;
	__u32 write_seq;
	__u32 srtt_us; /* smoothed round trip time, microseconds << 3 */
	__u32 delivered;
	__u32 total_retrans;
	struct minmax rtt_min;
};

/* net/mptcp/protocol.h; absent where the kernel has no MPTCP */
struct mptcp_sock {
	struct sock *first;
};

/* <linux/net.h> */
struct socket {
	struct sock *sk;
};

/* <linux/fs.h> */
struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

/* <linux/sched.h> */
struct task_struct {
	int tgid;
	struct task_struct *group_leader;
	struct css_set *cgroups;
	char comm[16];
};

/* <linux/seq_file.h>, <linux/bpf.h> */
struct seq_file;

struct bpf_map {
	__u32 max_entries;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

/* contexts of iterators: kernel/bpf/map_iter.c, kernel/bpf/task_iter.c */
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
