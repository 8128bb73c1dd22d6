// SPDX-License-Identifier: Apache-2.0
#include "orders.h"

#include <cerrno>
#include <string>

#include "error.h"

namespace weir {

// Mapped here: what libbpf gives as the variables' memory is, in older versions such as Debian 12's, a copy that the kernel has
// read when the programs were loaded, and does not read again.
Orders::Orders(const bpf_map* variables) : memory_(bpf_map__fd(variables), bpf_map__value_size(variables)) {
  if (!memory_ || memory_.size() < sizeof(weir_tcp_orders))
    throw Error("ERR_WEIR_MAP", std::string("map the memory of ") + bpf_map__name(variables), errno);
}

}  // namespace weir
