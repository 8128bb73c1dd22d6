// SPDX-License-Identifier: Apache-2.0
#include "tcp_monitor.h"

#include <bpf/bpf.h>
#include <malloc.h>

#include <cstring>

#include "error.h"
#include "iterator.h"
#include "map_memory.h"
#include "per_cpu.h"

namespace weir {
namespace {

constexpr std::size_t kRecordBytes = sizeof(weir_tcp_record);
// The kernel fills at most 32 KiB per read of an iterator.
constexpr std::size_t kReadBytes = std::size_t{32} * 1024;

// Takes one record from the ring. Says to stop where the next would find no room.
int take(void* room, void* data, std::size_t) {
  auto& into = *static_cast<std::span<std::uint8_t>*>(room);
  std::memcpy(into.data(), data, kRecordBytes);
  into = into.subspan(kRecordBytes);
  return into.size() < kRecordBytes ? -ENOSPC : 0;
}

void resize(const bpf_object* object, const char* name, std::uint32_t max_entries) {
  bpf_map* map = bpf_object__find_map_by_name(object, name);
  if (map == nullptr) throw Error("ERR_WEIR_OBJECT", std::string("find the BPF map ") + name, ENOENT);
  if (const int error = bpf_map__set_max_entries(map, max_entries); error != 0)
    throw Error("ERR_WEIR_OBJECT", std::string("size the BPF map ") + name, -error);
}

// Writes the node into the object's constants, before the verifier takes out what depends on them.
void keep_to(const bpf_object* object, const weir_node& node) {
  const bpf_map* constants = bpf_object__find_map_by_name(object, ".rodata.node");
  std::size_t bytes = 0;
  // const in some versions of libbpf, though it is what the map is made from
  const void* value = constants == nullptr ? nullptr : bpf_map__initial_value(const_cast<bpf_map*>(constants), &bytes);
  if (value == nullptr || bytes < sizeof node) throw Error("ERR_WEIR_OBJECT", "find the constants of the node", ENOENT);
  std::memcpy(const_cast<void*>(value), &node, sizeof node);
}

}  // namespace

TcpMonitor::TcpMonitor(const Options& options) {
  programs_.emplace(options.object_path, [&](bpf_object* object) {
    resize(object, "connections", options.max_connections);
    resize(object, "records", options.ring_bytes);
    resize(object, "outboxes", Outboxes::wanted());
    if (options.node.level > 0) keep_to(object, options.node);
  });

  orders_ = map_memory(programs_->map(".bss"), sizeof(weir_tcp_orders));
  outboxes_ = Outboxes(programs_->map("outboxes"));
  ring_.reset(ring_buffer__new(bpf_map__fd(programs_->map("records")), take, &room_, nullptr));
  if (!ring_) throw Error("ERR_WEIR_RING", "map the ring of " + options.object_path, errno);

  sweep_ = attach_iterator(programs_->program("tcp_sweep"), programs_->map("connections"));
  survey_ = attach_iterator(programs_->program("tcp_survey"), nullptr);
  programs_->attach("tcp_error");
  programs_->attach("tcp_gone");
  programs_->attach("tcp_state");
  malloc_trim(0);  // loading took the kernel's type information apart, some 10 MB of it
}

TcpMonitor::Records TcpMonitor::survey() {
  const std::shared_lock open(open_);
  const std::lock_guard turn(reading_);
  programs("survey the sockets");
  Records records;
  read_iterator(survey_, "survey the sockets", records);
  return records;
}

TcpMonitor::Records TcpMonitor::collect(Sweep sweep) {
  const std::shared_lock open(open_);
  const std::lock_guard turn(reading_);
  programs("collect records");
  Records records;
  if (sweep != Sweep::kNone) {
    static_cast<weir_tcp_orders*>(orders_.get())->sweep_is_full = sweep == Sweep::kAll;
    read_iterator(sweep_, "sweep the live connections", records);
  }
  for (;;) {
    const std::size_t filled = records.size();
    records.resize(filled + kReadBytes);
    const std::size_t got = read_records(std::span(records).subspan(filled));
    records.resize(filled + got);
    if (got + kRecordBytes <= kReadBytes) return records;
  }
}

std::size_t TcpMonitor::drain(std::span<std::uint8_t> into) {
  const std::shared_lock open(open_);
  const std::lock_guard turn(reading_);
  programs("drain the ring");
  return read_records(into);
}

std::size_t TcpMonitor::read_records(std::span<std::uint8_t> into) {
  // Outboxes first: what listens is told of in the ring, and in no later batch than the connections that it accepted.
  room_ = into.subspan(outboxes_.take(into));
  if (room_.size() < kRecordBytes) return into.size() - room_.size();
  const int error = ring_buffer__consume(ring_.get());
  if (error < 0 && error != -ENOSPC) throw Error("ERR_WEIR_RING", "drain the ring", -error);
  return into.size() - room_.size();
}

TcpMonitor::Lost TcpMonitor::lost() {
  const std::shared_lock open(open_);
  const bpf_map* map = programs("read the lost counters").map("lost");
  Lost sums{};
  for (std::uint32_t reason = 0; reason < sums.size(); reason++) sums[reason] = sum_of(map, reason);
  return sums;
}

std::uint64_t TcpMonitor::elsewhere() {
  const std::shared_lock open(open_);
  return sum_of(programs("read the count of other nodes' sockets").map("elsewhere"), 0);
}

std::vector<ProgramReport> TcpMonitor::reports() {
  const std::shared_lock open(open_);
  return programs("report the programs").reports();
}

std::vector<ProgramStatistics> TcpMonitor::statistics() {
  const std::shared_lock open(open_);
  return programs("read the programs' statistics").statistics();
}

std::vector<MapReport> TcpMonitor::maps() {
  const std::shared_lock open(open_);
  return programs("report the maps").maps();
}

void TcpMonitor::close() {
  const std::unique_lock alone(open_);
  ring_.reset();
  outboxes_ = Outboxes();
  survey_.reset();
  sweep_.reset();
  programs_.reset();
  orders_ = Mapping();
}

ProgramSet& TcpMonitor::programs(const char* operation) {
  if (!programs_) throw Error("ERR_WEIR_CLOSED", operation, 0);
  return *programs_;
}

}  // namespace weir
