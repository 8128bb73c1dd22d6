// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_NODE_MONITOR_H
#define WEIR_CORE_NODE_MONITOR_H

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "handles.h"
#include "node.h"
#include "program_set.h"

namespace weir {

// bpf/node: where processes live, and which cgroups come and go. All members may be called from any thread.
class NodeMonitor {
 public:
  struct Options {
    std::string object_path;
  };
  using Records = std::vector<std::uint8_t>;  // weir_node_record after weir_node_record
  using Lost = std::array<std::uint64_t, WEIR_NODE_LOST_REASONS>;

  // Loads and attaches, as TcpMonitor does.
  explicit NodeMonitor(const Options& options);

  // The agent's own process and those above it, each with its cgroups where they differ from the last one's.
  Records lineage();
  // The processes of the agent's pid namespace, likewise; only the first of several that live in one place.
  Records processes();
  // Cgroups that came or went since the last call.
  Records news();
  // Refusals since load, over all CPUs, by enum weir_node_lost.
  Lost lost();

  std::vector<ProgramReport> reports();
  std::vector<ProgramStatistics> statistics();
  std::vector<MapReport> maps();

  // Detaches and frees. Idempotent; everything else then throws ERR_WEIR_CLOSED.
  void close();

 private:
  ProgramSet& programs(const char* operation);

  std::shared_mutex open_;  // alone: to close
  std::mutex iterating_;    // whoever reads an iterator
  std::mutex draining_;     // whoever drains the ring
  // in the order of their making; freed in reverse
  std::optional<ProgramSet> programs_;
  Link lineage_;
  Link processes_;
  Ring ring_;
  Records drained_;
};

}  // namespace weir

#endif
