// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/tcp with two programs more that no kernel takes: one reads beyond its socket, one hooks on to nothing. */
#include "tcp.bpf.c"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(reads_too_far, struct sock *sk)
{
	return *((volatile __u32 *)sk + 1000000);
}

SEC("tp_btf/weir_no_such_tracepoint")
int BPF_PROG(hooks_on_nothing, struct sock *sk)
{
	return 0;
}
