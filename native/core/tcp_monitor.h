// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_TCP_MONITOR_H
#define WEIR_CORE_TCP_MONITOR_H

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "handles.h"
#include "node.h"
#include "outboxes.h"
#include "program_set.h"
#include "tcp.h"

namespace weir {

// Which live connections a collection reports.
enum class Sweep { kNone, kChanged, kAll };

// bpf/tcp: the TCP connections of this kernel. All members may be called from any thread; surveys and
// collections take turns, the small questions do not wait for them.
class TcpMonitor {
 public:
  struct Options {
    std::string object_path;
    std::uint32_t max_connections;
    std::uint32_t ring_bytes;  // a power of two, and a multiple of the page size
    weir_node node{};          // whose sockets are measured; by default, all of the host's
  };
  using Records = std::vector<std::uint8_t>;  // weir_tcp_record after weir_tcp_record
  using Lost = std::array<std::uint64_t, WEIR_TCP_LOST_REASONS>;

  // Loads and attaches. Programs that this kernel refuses are reported, not thrown; what makes all of it impossible
  // (no such file, no permission, no memory for the maps) is an Error.
  explicit TcpMonitor(const Options& options);

  // Listeners, and connections older than the programs. Once, after construction.
  Records survey();
  // The sweep's records, then those of the outboxes and the ring: the order in which they must be counted.
  Records collect(Sweep sweep);
  // Fills `into`, which has room for one record at least, with what the outboxes and the ring hold; the bytes filled. What
  // finds no room stays there.
  std::size_t drain(std::span<std::uint8_t> into);
  // Refusals since load, over all CPUs, by enum weir_tcp_lost.
  Lost lost();
  // Connections of other nodes on this kernel, passed over since load.
  std::uint64_t elsewhere();

  std::vector<ProgramReport> reports();
  std::vector<ProgramStatistics> statistics();
  std::vector<MapReport> maps();

  // Detaches and frees. Idempotent; everything else then throws ERR_WEIR_CLOSED.
  void close();

 private:
  ProgramSet& programs(const char* operation);
  std::size_t read_records(std::span<std::uint8_t> into);

  std::shared_mutex open_;  // alone: to close
  std::mutex reading_;      // whoever reads records
  // in the order of their making; freed in reverse
  std::optional<ProgramSet> programs_;
  Link sweep_;
  Link survey_;
  Outboxes outboxes_;
  Ring ring_;
  Mapping orders_;                // a weir_tcp_orders, the programs' only variable
  std::span<std::uint8_t> room_;  // where the ring's next record goes
};

}  // namespace weir

#endif
