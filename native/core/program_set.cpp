// SPDX-License-Identifier: Apache-2.0
#include "program_set.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "error.h"

namespace weir {
namespace {

constexpr std::size_t kVerifierLogBytes = 1 << 20;
constexpr std::size_t kLogLines = 24;
constexpr std::size_t kLibbpfLineBytes = 1024;

// libbpf tells what went wrong only by printing; the thread that loads listens here.
thread_local std::string* listening = nullptr;

int listen(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (listening == nullptr || level != LIBBPF_WARN) return 0;
  char line[kLibbpfLineBytes];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  // the verifier's log has a buffer of its own
  if (length > 0 && std::strstr(line, "PROG LOAD LOG") == nullptr) listening->append(line);
  return 0;
}

class Listening {
 public:
  explicit Listening(std::string& to) {
    listening = &to;
    libbpf_set_print(listen);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  Listening(Listening&&) = delete;
  Listening& operator=(Listening&&) = delete;
  ~Listening() { listening = nullptr; }
};

std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t at = text.size();
  while (at > 0 && text[at - 1] == '\n') at--;
  const std::size_t end = at;
  for (std::size_t lines = 0; at > 0; at--) {
    if (text[at - 1] == '\n' && ++lines == count) break;
  }
  return text.substr(at, end - at);
}

}  // namespace

ProgramSet::ProgramSet(const std::string& path, const std::function<void(bpf_object*)>& prepare) {
  // every attempt but the last finds one more program that this kernel refuses
  while (!try_load(path, prepare)) {
  }
}

// True once the object is loaded, with whatever programs are left.
bool ProgramSet::try_load(const std::string& path, const std::function<void(bpf_object*)>& prepare) {
  std::string said;
  const Listening scope(said);

  object_.reset(bpf_object__open_file(path.c_str(), nullptr));
  if (!object_) throw Error("ERR_WEIR_OBJECT", "open the BPF object " + path, errno, said);
  prepare(object_.get());

  struct Attempt {
    bpf_program* program;
    std::unique_ptr<char[]> log;
  };
  std::vector<Attempt> attempts;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    const std::string name = bpf_program__name(program);
    if (report(name) == nullptr) reports_.push_back({name, bpf_program__section_name(program), "loaded", ""});
    bpf_program__set_autoload(program, report(name)->state != "failed");
    if (!bpf_program__autoload(program)) continue;
    // not cleared beforehand: untouched pages cost nothing
    auto log = std::unique_ptr<char[]>(new char[kVerifierLogBytes]);
    log[0] = '\0';
    bpf_program__set_log_buf(program, log.get(), kVerifierLogBytes);
    attempts.push_back({program, std::move(log)});
  }

  const int error = -bpf_object__load(object_.get());
  for (const Attempt& attempt : attempts) bpf_program__set_log_buf(attempt.program, nullptr, 0);
  if (error == 0) return true;

  // the program that failed is the one libbpf names
  for (const Attempt& attempt : attempts) {
    const std::string name = bpf_program__name(attempt.program);
    if (said.find("prog '" + name + "'") == std::string::npos) continue;
    ProgramReport& failed = *report(name);
    failed.state = "failed";
    const std::string log = last_lines(attempt.log.get(), kLogLines);
    failed.detail = "cannot load: " + describe(error) + "\n" + (log.empty() ? said : log);
    return false;
  }
  throw Error("ERR_WEIR_LOAD", "load " + path, error, last_lines(said, kLogLines));
}

bool ProgramSet::attach(const std::string& name) {
  ProgramReport* known = report(name);
  if (known == nullptr || known->state == "failed") return false;
  std::string said;
  const Listening scope(said);
  Link link(bpf_program__attach(program(name)));
  if (!link) {
    known->state = "failed";
    known->detail = "cannot attach: " + describe(errno) + "\n" + said;
    return false;
  }
  known->state = "attached";
  links_.push_back(std::move(link));
  return true;
}

ProgramReport* ProgramSet::report(const std::string& name) {
  const auto found =
      std::find_if(reports_.begin(), reports_.end(), [&](const auto& each) { return each.name == name; });
  return found == reports_.end() ? nullptr : &*found;
}

bpf_program* ProgramSet::program(const std::string& name) const {
  bpf_program* found = bpf_object__find_program_by_name(object_.get(), name.c_str());
  return found != nullptr && bpf_program__fd(found) >= 0 ? found : nullptr;
}

bpf_map* ProgramSet::map(const std::string& name) const {
  bpf_map* found = bpf_object__find_map_by_name(object_.get(), name.c_str());
  if (found == nullptr) throw Error("ERR_WEIR_OBJECT", "find the BPF map " + name, ENOENT);
  return found;
}

std::vector<ProgramStatistics> ProgramSet::statistics() const {
  std::vector<ProgramStatistics> all;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    const int fd = bpf_program__fd(program);
    bpf_prog_info info{};
    __u32 bytes = sizeof info;
    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes) != 0) continue;
    all.push_back({bpf_program__name(program), info.run_time_ns, info.run_cnt, info.recursion_misses});
  }
  return all;
}

std::vector<MapReport> ProgramSet::maps() const {
  std::vector<MapReport> all;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    std::ifstream fdinfo("/proc/self/fdinfo/" + std::to_string(bpf_map__fd(map)));
    std::uint64_t held = 0;
    for (std::string key; fdinfo >> key;) {
      if (key == "memlock:") fdinfo >> held;
    }
    all.push_back({bpf_map__name(map), bpf_map__max_entries(map), held});
  }
  return all;
}

}  // namespace weir
