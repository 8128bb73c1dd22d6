// SPDX-License-Identifier: Apache-2.0
#include "node_monitor.h"

#include <malloc.h>

#include <utility>

#include "error.h"
#include "iterator.h"
#include "per_cpu.h"

namespace weir {
namespace {

int append(void* records, void* data, std::size_t bytes) {
  auto& into = *static_cast<NodeMonitor::Records*>(records);
  const auto* from = static_cast<const std::uint8_t*>(data);
  into.insert(into.end(), from, from + bytes);
  return 0;
}

}  // namespace

NodeMonitor::NodeMonitor(const Options& options) {
  programs_.emplace(options.object_path, [](bpf_object*) {});
  ring_.reset(ring_buffer__new(bpf_map__fd(programs_->map("news")), append, &drained_, nullptr));
  if (!ring_) throw Error("ERR_WEIR_RING", "map the ring of " + options.object_path, errno);
  lineage_ = attach_iterator(programs_->program("node_lineage"), nullptr);
  processes_ = attach_iterator(programs_->program("node_processes"), nullptr);
  programs_->attach("cgroup_gone");
  programs_->attach("cgroup_made");
  malloc_trim(0);  // loading took the kernel's type information apart, some 10 MB of it
}

NodeMonitor::Records NodeMonitor::lineage() {
  const std::shared_lock open(open_);
  const std::lock_guard turn(iterating_);
  programs("look at the agent's own processes");
  Records records;
  read_iterator(lineage_, "look at the agent's own processes", records);
  return records;
}

NodeMonitor::Records NodeMonitor::processes() {
  const std::shared_lock open(open_);
  const std::lock_guard turn(iterating_);
  programs("look at the processes");
  Records records;
  read_iterator(processes_, "look at the processes", records);
  return records;
}

NodeMonitor::Records NodeMonitor::news() {
  const std::shared_lock open(open_);
  const std::lock_guard turn(draining_);
  programs("read news of cgroups");
  drained_.clear();
  const int error = ring_buffer__consume(ring_.get());
  if (error < 0) throw Error("ERR_WEIR_RING", "drain the ring of cgroups", -error);
  return std::move(drained_);
}

NodeMonitor::Lost NodeMonitor::lost() {
  const std::shared_lock open(open_);
  const bpf_map* map = programs("read the lost counters").map("lost");
  Lost sums{};
  for (std::uint32_t reason = 0; reason < sums.size(); reason++) sums[reason] = sum_of(map, reason);
  return sums;
}

std::vector<ProgramReport> NodeMonitor::reports() {
  const std::shared_lock open(open_);
  return programs("report the programs").reports();
}

std::vector<ProgramStatistics> NodeMonitor::statistics() {
  const std::shared_lock open(open_);
  return programs("read the programs' statistics").statistics();
}

std::vector<MapReport> NodeMonitor::maps() {
  const std::shared_lock open(open_);
  return programs("report the maps").maps();
}

void NodeMonitor::close() {
  const std::unique_lock alone(open_);
  ring_.reset();
  processes_.reset();
  lineage_.reset();
  programs_.reset();
}

ProgramSet& NodeMonitor::programs(const char* operation) {
  if (!programs_) throw Error("ERR_WEIR_CLOSED", operation, 0);
  return *programs_;
}

}  // namespace weir
