// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_BPF_STATISTICS_H
#define WEIR_CORE_BPF_STATISTICS_H

#include <bpf/bpf.h>

#include "error.h"
#include "handles.h"

namespace weir {

// While one lives, the kernel measures the run time of every BPF program: about 20 ns a run.
class BpfStatistics {
 public:
  BpfStatistics() : fd_(bpf_enable_stats(BPF_STATS_RUN_TIME)) {
    if (!fd_) throw Error("ERR_WEIR_STATISTICS", "switch on the kernel's BPF statistics", errno);
  }

 private:
  FileDescriptor fd_;
};

}  // namespace weir

#endif
