// SPDX-License-Identifier: Apache-2.0
#include "program_memory.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <span>

// Linux 5.4; older C libraries do not name it.
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace weir {
namespace {

// Called for the program itself first, and by its result for no library after it.
int page_out(dl_phdr_info* object, std::size_t, void*) {
  const ElfW(Addr) page_mask = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE)) - 1;
  for (const ElfW(Phdr) & segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const ElfW(Addr) start = object->dlpi_addr + segment.p_vaddr;
    const ElfW(Addr) first_page = start & ~page_mask;
    // advice: where it is not taken, memory stays as it was
    madvise(std::bit_cast<void*>(first_page), start + segment.p_memsz - first_page, MADV_PAGEOUT);
  }
  return 1;
}

}  // namespace

void page_out_program() {
  dl_iterate_phdr(page_out, nullptr);
}

}  // namespace weir
