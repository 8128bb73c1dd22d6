// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A balancer at the socket, as Cilium's in place of kube-proxy: connect() to one address and port becomes connect() to another,
 * before the connection begins. See socket-balancer.c, which sets what is which.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "socket-balancer.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct balanced balanced;

static __always_inline bool is_service(struct bpf_sock_addr *ctx)
{
	return ctx->user_port == balanced.service_port;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	if (is_service(ctx) && ctx->user_ip4 == balanced.service[3]) {
		ctx->user_ip4 = balanced.backend[3];
		ctx->user_port = balanced.backend_port;
	}
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	if (is_service(ctx) && ctx->user_ip6[0] == balanced.service[0] &&
	    ctx->user_ip6[1] == balanced.service[1] && ctx->user_ip6[2] == balanced.service[2] &&
	    ctx->user_ip6[3] == balanced.service[3]) {
		ctx->user_ip6[0] = balanced.backend[0];
		ctx->user_ip6[1] = balanced.backend[1];
		ctx->user_ip6[2] = balanced.backend[2];
		ctx->user_ip6[3] = balanced.backend[3];
		ctx->user_port = balanced.backend_port;
	}
	return 1;
}
