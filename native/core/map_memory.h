// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_MAP_MEMORY_H
#define WEIR_CORE_MAP_MEMORY_H

#include <bpf/libbpf.h>

#include <cstddef>

#include "handles.h"

namespace weir {

// A map's memory, which the programs see as it is written here. Throws Error where it cannot be mapped, or is less than `bytes`.
//
// For programs' variables, too: what libbpf gives as theirs is, in older versions such as Debian 12's, a copy that the kernel has
// read when the programs were loaded, and does not read again.
Mapping map_memory(const bpf_map* map, std::size_t bytes);

}  // namespace weir

#endif
