// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_PROGRAM_MEMORY_H
#define WEIR_CORE_PROGRAM_MEMORY_H

namespace weir {

// Gives the running program's own code and constants back to the kernel, which reads again from the file what turns out to be
// needed: of Node's 110 MB, most that is in memory once it has started was for the start. Some 20 ms. Pages that other processes
// map as well stay, and so does everything where the file is not this user's own: then nothing happens.
void page_out_program();

}  // namespace weir

#endif
