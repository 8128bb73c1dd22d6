// SPDX-License-Identifier: Apache-2.0
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "../core/bpf_statistics.h"
#include "../core/program_memory.h"
#include "../core/tcp_monitor.h"
#include "conntrack_object.h"
#include "convert.h"
#include "layout.h"
#include "node_monitor_object.h"
#include "off_loop.h"
#include "tcp_monitor_object.h"

namespace weir::binding {
namespace {

// Loading takes the verifier a while: off the event loop. `Object` is the JavaScript class of a monitor.
template <typename Object>
Napi::Value open(Napi::Env env, typename Object::Monitor::Options options, const Napi::FunctionReference& constructor) {
  return off_loop(
      env, "weir.open", [options = std::move(options)] { return std::make_shared<typename Object::Monitor>(options); },
      [&constructor](Napi::Env, auto monitor) { return Object::wrap(constructor, std::move(monitor)); });
}

// One per environment (the main thread, a worker): nothing is shared between them.
class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports)
      : tcp_constructor_(Napi::Persistent(TcpMonitorObject::define(env))),
        node_constructor_(Napi::Persistent(NodeMonitorObject::define(env))),
        conntrack_constructor_(Napi::Persistent(ConntrackObject::define(env))) {
    DefineAddon(exports, {
                             InstanceMethod("openTcp", &Addon::open_tcp),
                             InstanceMethod("openNode", &Addon::open_node),
                             InstanceMethod("openConntrack", &Addon::open_conntrack),
                             InstanceMethod("measureRunTime", &Addon::measure_run_time),
                             InstanceMethod("pageOutProgram", &Addon::page_out),
                             InstanceValue("tcpLayout", tcp_layout(env), napi_enumerable),
                             InstanceValue("nodeLayout", node_layout(env), napi_enumerable),
                             InstanceValue("conntrackLayout", conntrack_layout(env), napi_enumerable),
                         });
  }

 private:
  Napi::Value open_tcp(const Napi::CallbackInfo& info) {
    if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "openTcp: expected an options object");
    const auto given = info[0].As<Napi::Object>();
    const char* path = "openTcp";
    return open<TcpMonitorObject>(
        info.Env(),
        {string_property(given, path, "objectPath"), uint32_property(given, path, "maxConnections"),
         uint32_property(given, path, "ringBytes"), node_property(given, path, "node")},
        tcp_constructor_);
  }

  Napi::Value open_node(const Napi::CallbackInfo& info) {
    if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "openNode: expected an options object");
    const auto given = info[0].As<Napi::Object>();
    return open<NodeMonitorObject>(info.Env(), {string_property(given, "openNode", "objectPath")}, node_constructor_);
  }

  Napi::Value open_conntrack(const Napi::CallbackInfo&) { return ConntrackObject::open(conntrack_constructor_); }

  Napi::Value page_out(const Napi::CallbackInfo& info) {
    const auto work = [] {
      page_out_program();
      return std::monostate();
    };
    return off_loop(info.Env(), "weir.pageOut", work, [](Napi::Env env, std::monostate) { return env.Undefined(); });
  }

  // Switches the kernel's BPF statistics on (true) or off (false), for as long as this environment lives.
  Napi::Value measure_run_time(const Napi::CallbackInfo& info) {
    if (!info[0].IsBoolean()) throw Napi::TypeError::New(info.Env(), "measureRunTime(on): expected a boolean");
    statistics_.reset();
    if (info[0].As<Napi::Boolean>().Value()) guarded(info.Env(), [&] { statistics_.emplace(); });
    return info.Env().Undefined();
  }

  Napi::FunctionReference tcp_constructor_;
  Napi::FunctionReference node_constructor_;
  Napi::FunctionReference conntrack_constructor_;
  std::optional<BpfStatistics> statistics_;
};

NODE_API_NAMED_ADDON(weir, Addon)

}  // namespace
}  // namespace weir::binding
