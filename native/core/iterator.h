// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_ITERATOR_H
#define WEIR_CORE_ITERATOR_H

#include <cstdint>
#include <vector>

#include "handles.h"

namespace weir {

// An iterator's link; empty where the program was refused by this kernel. `over` is the map it walks, if it walks one.
Link attach_iterator(bpf_program* program, const bpf_map* over);

// Runs an iterator to its end and appends what it wrote. Nothing happens where the link is empty: the program's report
// says why. Throws Error where reading fails; `operation` is what was being done.
void read_iterator(const Link& link, const char* operation, std::vector<std::uint8_t>& into);

}  // namespace weir

#endif
