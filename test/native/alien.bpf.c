// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A good BPF object, but none of Weir's: it has no maps. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("socket")
int alien(void *context)
{
	return 0;
}
