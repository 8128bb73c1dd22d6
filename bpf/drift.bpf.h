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

/* The id of the cgroup v2 that a socket belongs to; 0 where the kernel cannot say. */
static __always_inline __u64 sock_cgroup_id(struct sock *sk)
{
	const struct cgroup *cgroup;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup)) {
		cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	} else {
		const struct sock_cgroup_data___before_5_15 *data = (const void *)&sk->sk_cgrp_data;
		__u64 val = BPF_CORE_READ(data, val);

		if (val & 3)
			return 0;
		cgroup = (const struct cgroup *)val;
	}
	return BPF_CORE_READ(cgroup, kn, id);
}

/* From 5.11 on tracing programs may ask the kernel to vouch for a TCP socket, and then read its fields as plain
 * loads; the helper that tells by came with it. Before, every field is a probe read. */
enum bpf_func_id___from_5_11 {
	BPF_FUNC_sock_from_file___from_5_11 = 162,
};

static __always_inline bool can_trust_tcp_sock(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id___from_5_11, BPF_FUNC_sock_from_file___from_5_11);
}

#endif
