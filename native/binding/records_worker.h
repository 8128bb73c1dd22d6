// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_RECORDS_WORKER_H
#define WEIR_BINDING_RECORDS_WORKER_H

#include <napi.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "convert.h"

namespace weir::binding {

using Records = std::vector<std::uint8_t>;

// A copy of the records that JavaScript owns.
inline Napi::ArrayBuffer to_buffer(Napi::Env env, const Records& records) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, records.size());
  if (!records.empty()) std::memcpy(buffer.Data(), records.data(), records.size());
  return buffer;
}

// Reads records off the event loop, and hands them over as one ArrayBuffer.
class RecordsWorker : public Napi::AsyncWorker {
 public:
  using Read = std::function<Records()>;

  RecordsWorker(Napi::Env env, Read read)
      : Napi::AsyncWorker(env, "weir.records"), read_(std::move(read)), deferred_(Napi::Promise::Deferred::New(env)) {}

  // Begins to read; the promise is for an ArrayBuffer.
  static Napi::Value queue(Napi::Env env, Read read) {
    auto* worker = new RecordsWorker(env, std::move(read));  // deletes itself when done
    Napi::Promise promise = worker->promise();
    worker->Queue();
    return promise;
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      records_ = read_();
    } catch (const Error& error) {
      error_.emplace(error);
      SetError(error.what());
    }
  }

  void OnOK() override { deferred_.Resolve(to_buffer(Env(), records_)); }

  void OnError(const Napi::Error& other) override {
    deferred_.Reject(error_ ? to_js(Env(), *error_).Value() : other.Value());
  }

 private:
  Read read_;
  Napi::Promise::Deferred deferred_;
  Records records_;
  std::optional<Error> error_;
};

}  // namespace weir::binding

#endif
