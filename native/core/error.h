// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_ERROR_H
#define WEIR_CORE_ERROR_H

#include <bpf/libbpf.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir {

// What the system, or libbpf with numbers of its own, calls an errno. For any thread, unlike strerror().
inline std::string describe(int error_number) {
  char text[128];
  libbpf_strerror(error_number, text, sizeof text);
  return text;
}

// The one shape of an error of the core: what was being done, what the system said, and the verifier's last lines
// where there are some.
class Error : public std::runtime_error {
 public:
  Error(std::string code, std::string operation, int error_number, std::string log = {})
      : std::runtime_error("Cannot " + operation + ": " + reason(code, error_number) + (log.empty() ? "" : "\n" + log)),
        code_(std::move(code)),
        operation_(std::move(operation)),
        errno_(error_number),
        log_(std::move(log)) {}

  const std::string& code() const { return code_; }
  const std::string& operation() const { return operation_; }
  int error_number() const { return errno_; }
  const std::string& log() const { return log_; }

 private:
  static std::string reason(const std::string& code, int error_number) {
    if (error_number != 0) return describe(error_number);
    return code == "ERR_WEIR_CLOSED" ? "it was closed before" : code;
  }

  std::string code_;
  std::string operation_;
  int errno_;
  std::string log_;
};

}  // namespace weir

#endif
