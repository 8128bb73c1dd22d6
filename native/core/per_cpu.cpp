// SPDX-License-Identifier: Apache-2.0
#include "per_cpu.h"

#include <bpf/bpf.h>

#include <numeric>
#include <string>
#include <vector>

#include "error.h"

namespace weir {

std::uint64_t sum_of(const bpf_map* map, std::uint32_t index) {
  std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  if (bpf_map_lookup_elem(bpf_map__fd(map), &index, per_cpu.data()) != 0)
    throw Error("ERR_WEIR_MAP", std::string("read the counts of ") + bpf_map__name(map), errno);
  return std::accumulate(per_cpu.begin(), per_cpu.end(), std::uint64_t{0});
}

}  // namespace weir
