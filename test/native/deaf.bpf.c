// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/tcp that is shown no end of a connection. */
#define tcp_state hearing_tcp_state
#define tcp_gone  hearing_tcp_gone
#include "tcp.bpf.c"
#undef tcp_state
#undef tcp_gone

SEC("tp_btf/inet_sock_set_state")
int tcp_state(unsigned long long *ctx)
{
	int from = ctx[1], to = ctx[2];

	return to == TCP_CLOSE ? 0 : ____tcp_state(ctx, (void *)ctx[0], from, to);
}
