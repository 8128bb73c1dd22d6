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

}  // namespace weir::binding
