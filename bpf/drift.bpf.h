/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What differs between kernels, and nothing else. Decided by what the running kernel's types say, never by its version;
 * the branch not taken is removed by the verifier before it is looked at.
 */
#ifndef WEIR_DRIFT_BPF_H
#define WEIR_DRIFT_BPF_H

#include "kernel.bpf.h"

/* Before 5.15 struct sock_cgroup_data was one word: a pointer to the cgroup, or flags and class ids when its low bits
 * are set. The kernel then means the root cgroup; here 0 says "not known". */
struct sock_cgroup_data___before_5_15 {
	__u64 val;
} __attribute__((preserve_access_index));

/* The id of the cgroup v2 that a socket belongs to; 0 where the kernel cannot say. `sk` is a tracepoint's argument. */
static __always_inline __u64 sock_cgroup_id(struct sock *sk)
{
	const struct sock_cgroup_data___before_5_15 *data;
	__u64 val;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return sk->sk_cgrp_data.cgroup->kn->id;
	data = (const void *)&sk->sk_cgrp_data;
	val = BPF_CORE_READ(data, val);
	return val & 3 ? 0 : BPF_CORE_READ((struct cgroup *)val, kn, id);
}

/* The cgroup v2 of any socket; NULL where the kernel cannot say. */
static __always_inline struct cgroup *sock_cgroup(struct sock *sk)
{
	const struct sock_cgroup_data___before_5_15 *data;
	__u64 val;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	data = (const void *)&sk->sk_cgrp_data;
	val = BPF_CORE_READ(data, val);
	return val & 3 ? NULL : (struct cgroup *)val;
}

/* The TCP socket behind a program's MPTCP socket: its first subflow, which is all there is where the other end does not
 * speak MPTCP. Go's servers listen with MPTCP. NULL where the kernel cannot say. */
static __always_inline struct sock *first_subflow(struct sock *sk)
{
	struct mptcp_sock *mptcp = (struct mptcp_sock *)sk;

	if (!bpf_core_field_exists(mptcp->first))
		return NULL;
	return BPF_CORE_READ(mptcp, first);
}

#endif
