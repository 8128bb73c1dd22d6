/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps a program to the sockets of one node. Where several nodes share a kernel, as kind's do, every node's programs see
 * every node's sockets; a node's own are those below its cgroup, and all in its own network namespace.
 *
 * By the socket's cgroup and not the running task's: connections are accepted in softirq, where any task may run. It is
 * that of whoever made the socket, or made the listener of an accepted one.
 */
#ifndef WEIR_NODE_BPF_H
#define WEIR_NODE_BPF_H

#include "cgroup.bpf.h"
#include "drift.bpf.h"
#include "node.h"

/* Set by the agent before load. Where the node is the whole host, the verifier takes out all that depends on it. */
const volatile struct weir_node node SEC(".rodata.node") = {};

/* Connections of other nodes that were passed over: each once, when it is born; one that is older than the agent once for
 * each process that holds it. 8 bytes x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} elsewhere SEC(".maps");

static __always_inline void count_elsewhere(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&elsewhere, &zero);

	if (count)
		*count += 1;
}

/* Whether a cgroup lies outside the node. `vouched`: the verifier knows the pointer. */
static __always_inline bool is_outside(bool vouched, struct cgroup *cgrp)
{
	struct cgroup___whole *whole = (void *)cgrp;
	int level = vouched ? whole->level : cgroup_level_of(cgrp);

	return level < (int)node.level || cgroup_ancestor_id(cgrp, node.level) != node.cgroup_id;
}

/* Whether a socket is another node's. One of no known cgroup is, outside the node's own network namespace. */
static __always_inline bool is_elsewhere(bool vouched, struct sock *sk)
{
	struct cgroup *cgrp;
	__u32 netns;

	if (!node.level)
		return false;
	netns = vouched ? sk->__sk_common.skc_net.net->ns.inum
			: BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (netns == node.netns)
		return false;
	if (vouched && bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return is_outside(true, sk->sk_cgrp_data.cgroup);
	cgrp = sock_cgroup(sk);
	return !cgrp || is_outside(false, cgrp);
}

#endif
