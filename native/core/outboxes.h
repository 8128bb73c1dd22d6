// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_OUTBOXES_H
#define WEIR_CORE_OUTBOXES_H

#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "handles.h"
#include "tcp.h"

namespace weir {

// The agent's end of the map `outboxes`: takes the records that wait there. One thread at a time.
class Outboxes {
 public:
  // As many as the map should have: one for each CPU that may ever be there, up to WEIR_TCP_OUTBOXES.
  static std::uint32_t wanted();

  Outboxes() = default;
  // Throws Error where the map cannot be mapped.
  explicit Outboxes(const bpf_map* map);

  // Copies records into `into` as far as there is room; the bytes copied. What finds no room stays.
  std::size_t take(std::span<std::uint8_t> into);

 private:
  std::span<weir_tcp_outbox> all() const;

  Mapping memory_;
};

}  // namespace weir

#endif
