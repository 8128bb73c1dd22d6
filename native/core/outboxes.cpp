// SPDX-License-Identifier: Apache-2.0
#include "outboxes.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "map_memory.h"

namespace weir {
namespace {

constexpr std::size_t kRecordBytes = sizeof(weir_tcp_record);

std::size_t take_from(weir_tcp_outbox& outbox, std::span<std::uint8_t> into) {
  const std::uint32_t written = std::atomic_ref(outbox.written).load(std::memory_order_acquire);
  const std::uint32_t taken = outbox.taken;  // nobody else writes it
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(written - taken, into.size() / kRecordBytes));
  // in two pieces where they go on at the beginning
  const std::uint32_t at = taken % WEIR_TCP_OUTBOX_RECORDS;
  const std::uint32_t first = std::min(count, WEIR_TCP_OUTBOX_RECORDS - at);
  std::memcpy(into.data(), outbox.records + at, first * kRecordBytes);
  std::memcpy(into.data() + first * kRecordBytes, outbox.records, (count - first) * kRecordBytes);
  std::atomic_ref(outbox.taken).store(taken + count, std::memory_order_release);
  return count * kRecordBytes;
}

}  // namespace

std::uint32_t Outboxes::wanted() {
  return static_cast<std::uint32_t>(std::clamp(libbpf_num_possible_cpus(), 1, int{WEIR_TCP_OUTBOXES}));
}

Outboxes::Outboxes(const bpf_map* map)
    : memory_(map_memory(map, std::size_t{bpf_map__max_entries(map)} * sizeof(weir_tcp_outbox))) {}

std::span<weir_tcp_outbox> Outboxes::all() const {
  return {static_cast<weir_tcp_outbox*>(memory_.get()), memory_.size() / sizeof(weir_tcp_outbox)};
}

std::size_t Outboxes::take(std::span<std::uint8_t> into) {
  std::size_t bytes = 0;
  for (weir_tcp_outbox& outbox : all()) bytes += take_from(outbox, into.subspan(bytes));
  return bytes;
}

}  // namespace weir
