// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_PROGRAM_SET_H
#define WEIR_CORE_PROGRAM_SET_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "handles.h"

namespace weir {

// What became of one program of an object.
struct ProgramReport {
  std::string name;
  std::string hook;    // the section it was compiled into, such as tp_btf/inet_sock_set_state
  std::string state;   // "attached", "loaded" (runs when asked) or "failed"
  std::string detail;  // for a failure: what failed, and the verifier's last lines
};

// What a program has cost since it was loaded. Times are 0 unless the kernel keeps BPF statistics.
struct ProgramStatistics {
  std::string name;
  std::uint64_t run_time_ns;
  std::uint64_t runs;
  std::uint64_t missed;  // runs that the kernel skipped, because the program was already running on that CPU
};

// A map's name, size and how much memory the kernel says it holds.
struct MapReport {
  std::string name;
  std::uint32_t max_entries;
  std::uint64_t bytes;
};

// A compiled BPF object, loaded so that a program that this kernel refuses does not take the others with it.
class ProgramSet {
 public:
  // `prepare` sets map sizes and the like; it is called on the opened object before every attempt to load.
  // Throws Error where the file is no BPF object, or where a map cannot be made.
  ProgramSet(const std::string& path, const std::function<void(bpf_object*)>& prepare);

  // Attaches a loaded program to its hook. False where it cannot be: the report says why.
  bool attach(const std::string& name);

  // A loaded program, or nullptr.
  bpf_program* program(const std::string& name) const;
  // Throws Error where the object has no such map.
  bpf_map* map(const std::string& name) const;

  const std::vector<ProgramReport>& reports() const { return reports_; }
  std::vector<ProgramStatistics> statistics() const;
  std::vector<MapReport> maps() const;

 private:
  ProgramReport* report(const std::string& name);
  bool try_load(const std::string& path, const std::function<void(bpf_object*)>& prepare);

  Object object_;
  std::vector<Link> links_;
  std::vector<ProgramReport> reports_;
};

}  // namespace weir

#endif
