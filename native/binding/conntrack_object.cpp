// SPDX-License-Identifier: Apache-2.0
#include "conntrack_object.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "convert.h"
#include "records.h"

namespace weir::binding {
namespace {

ConntrackDirection direction_argument(const Napi::CallbackInfo& info) {
  const std::string word = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  if (word == "original") return ConntrackDirection::kOriginal;
  if (word == "reply") return ConntrackDirection::kReply;
  throw Napi::TypeError::New(info.Env(),
                             "lookup(tuples, direction): expected \"original\" or \"reply\", current value is " +
                                 info[1].ToString().Utf8Value());
}

// A copy: JavaScript may write on in its buffer.
std::vector<ConntrackTuple> tuples_argument(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(info.Env(), "lookup(tuples, direction): expected a Uint8Array of tuples");
  const auto given = info[0].As<Napi::Uint8Array>();
  const std::size_t bytes = given.ByteLength();
  if (bytes % sizeof(ConntrackTuple) != 0) {
    throw Napi::RangeError::New(info.Env(), "lookup(tuples, direction): expected a multiple of " +
                                                std::to_string(sizeof(ConntrackTuple)) + " bytes, current value is " +
                                                std::to_string(bytes));
  }
  std::vector<ConntrackTuple> tuples(bytes / sizeof(ConntrackTuple));
  if (bytes > 0) std::memcpy(tuples.data(), given.Data(), bytes);
  return tuples;
}

}  // namespace

Napi::Function ConntrackObject::define(Napi::Env env) {
  return DefineClass(env, "Conntrack",
                     {
                         InstanceMethod<&ConntrackObject::lookup>("lookup"),
                         InstanceMethod<&ConntrackObject::close>("close"),
                     });
}

Napi::Object ConntrackObject::open(const Napi::FunctionReference& constructor) {
  auto conntrack = guarded(constructor.Env(), [] { return std::make_shared<Conntrack>(); });
  auto handle = Napi::External<std::shared_ptr<Conntrack>>::New(constructor.Env(), &conntrack);
  return constructor.New({handle});
}

ConntrackObject::ConntrackObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ConntrackObject>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Conntrack: made by openConntrack(), not by new");
  conntrack_ = *info[0].As<Napi::External<std::shared_ptr<Conntrack>>>().Data();
}

// Off the event loop: a thousand questions take 4 ms.
Napi::Value ConntrackObject::lookup(const Napi::CallbackInfo& info) {
  auto read = [conntrack = conntrack_, tuples = tuples_argument(info), direction = direction_argument(info)] {
    const std::vector<ConntrackAnswer> answers = conntrack->lookup(tuples, direction);
    std::vector<std::uint8_t> bytes(answers.size() * sizeof(ConntrackAnswer));
    if (!bytes.empty()) std::memcpy(bytes.data(), answers.data(), bytes.size());
    return bytes;
  };
  return read_off_loop(info.Env(), std::move(read));
}

Napi::Value ConntrackObject::close(const Napi::CallbackInfo& info) {
  conntrack_->close();
  return info.Env().Undefined();
}

}  // namespace weir::binding
