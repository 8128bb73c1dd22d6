// SPDX-License-Identifier: Apache-2.0
#include "iterator.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>

#include "error.h"

namespace weir {
namespace {

// The kernel fills at most 32 KiB per read of an iterator.
constexpr std::size_t kReadBytes = std::size_t{32} * 1024;

}  // namespace

Link attach_iterator(bpf_program* program, const bpf_map* over) {
  if (program == nullptr) return {};
  bpf_iter_link_info info{};
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  if (over != nullptr) {
    info.map.map_fd = static_cast<__u32>(bpf_map__fd(over));
    options.link_info = &info;
    options.link_info_len = sizeof info;
  }
  return Link(bpf_program__attach_iter(program, &options));
}

void read_iterator(const Link& link, const char* operation, std::vector<std::uint8_t>& into) {
  if (!link) return;
  const FileDescriptor iterator(bpf_iter_create(bpf_link__fd(link.get())));
  if (!iterator) throw Error("ERR_WEIR_ITERATOR", operation, errno);
  for (;;) {
    const std::size_t filled = into.size();
    into.resize(filled + kReadBytes);
    const ssize_t got = ::read(iterator.get(), into.data() + filled, kReadBytes);
    const int error = errno;
    into.resize(filled + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return;
    if (got < 0 && error != EINTR && error != EAGAIN) throw Error("ERR_WEIR_ITERATOR", operation, error);
  }
}

}  // namespace weir
