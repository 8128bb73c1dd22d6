// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_ORDERS_H
#define WEIR_CORE_ORDERS_H

#include <bpf/libbpf.h>

#include "handles.h"
#include "tcp.h"

namespace weir {

// What the agent tells the programs: their own variable, which they see as it is written here.
class Orders {
 public:
  Orders() = default;
  // `variables` is the map of the programs' variables, of which this is the only one. Throws Error where it cannot be mapped.
  explicit Orders(const bpf_map* variables);

  weir_tcp_orders& get() const { return *static_cast<weir_tcp_orders*>(memory_.get()); }

 private:
  Mapping memory_;
};

}  // namespace weir

#endif
