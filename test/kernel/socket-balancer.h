/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the balancer's program is told. All in network order; of an IPv4 address, only the last word counts. */
#ifndef WEIR_TEST_SOCKET_BALANCER_H
#define WEIR_TEST_SOCKET_BALANCER_H

#include <linux/types.h>

struct balanced {
	__u32 service[4];
	__u32 backend[4];
	__u32 service_port;
	__u32 backend_port;
};

#endif
