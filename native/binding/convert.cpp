// SPDX-License-Identifier: Apache-2.0
#include "convert.h"

#include <cmath>
#include <limits>

namespace weir::binding {

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error js = Napi::Error::New(env, error.what());
  js.Set("code", Napi::String::New(env, error.code()));
  js.Set("errno", Napi::Number::New(env, error.error_number()));
  js.Set("operation", Napi::String::New(env, error.operation()));
  js.Set("log", Napi::String::New(env, error.log()));
  return js;
}

std::string string_property(const Napi::Object& options, const char* path, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsString())
    throw Napi::TypeError::New(options.Env(), std::string(path) + "." + name + ": expected a string");
  return value.As<Napi::String>().Utf8Value();
}

std::uint32_t uint32_property(const Napi::Object& options, const char* path, const char* name) {
  const Napi::Value value = options.Get(name);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  const bool fits = number >= 1 && number <= std::numeric_limits<std::uint32_t>::max();
  if (!fits || number != std::floor(number)) {
    throw Napi::TypeError::New(options.Env(), std::string(path) + "." + name +
                                                  ": expected an integer from 1 to 4294967295, current value is " +
                                                  value.ToString().Utf8Value());
  }
  return static_cast<std::uint32_t>(number);
}

weir_node node_property(const Napi::Object& options, const char* path, const char* name) {
  const Napi::Value value = options.Get(name);
  if (value.IsUndefined()) return {};
  const std::string inner = std::string(path) + "." + name;
  if (!value.IsObject()) throw Napi::TypeError::New(options.Env(), inner + ": expected an object");
  const auto node = value.As<Napi::Object>();
  const Napi::Value id = node.Get("cgroupId");
  bool exact = false;
  const std::uint64_t cgroup_id = id.IsBigInt() ? id.As<Napi::BigInt>().Uint64Value(&exact) : 0;
  if (!exact) throw Napi::TypeError::New(options.Env(), inner + ".cgroupId: expected a bigint of 64 bits");
  return {cgroup_id, uint32_property(node, inner.c_str(), "level"), uint32_property(node, inner.c_str(), "netns")};
}

}  // namespace weir::binding
