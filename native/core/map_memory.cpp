// SPDX-License-Identifier: Apache-2.0
#include "map_memory.h"

#include <cerrno>
#include <string>

#include "error.h"

namespace weir {

Mapping map_memory(const bpf_map* map, std::size_t bytes) {
  const std::string operation = std::string("map the memory of ") + bpf_map__name(map);
  if (std::size_t{bpf_map__max_entries(map)} * bpf_map__value_size(map) < bytes)
    throw Error("ERR_WEIR_MAP", operation, EOVERFLOW);
  Mapping memory(bpf_map__fd(map), bytes);
  if (!memory) throw Error("ERR_WEIR_MAP", operation, errno);
  return memory;
}

}  // namespace weir
