// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_PER_CPU_H
#define WEIR_CORE_PER_CPU_H

#include <bpf/libbpf.h>

#include <cstdint>

namespace weir {

// The sum over all CPUs of one 64-bit count of a per-CPU array. Throws Error where it cannot be read.
std::uint64_t sum_of(const bpf_map* map, std::uint32_t index);

}  // namespace weir

#endif
