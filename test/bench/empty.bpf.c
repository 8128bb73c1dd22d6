/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program at the hook of bpf/tcp.bpf.c that does nothing: what the kernel's BPF statistics say of it is what they
 * cost by themselves. The maps are those that the addon looks for.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "../../bpf/tcp.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_tcp_outbox);
} outboxes SEC(".maps");

struct weir_tcp_orders orders;

SEC("tp_btf/inet_sock_set_state")
int tcp_state(void *ctx)
{
	return 0;
}
