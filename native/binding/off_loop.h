// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_OFF_LOOP_H
#define WEIR_BINDING_OFF_LOOP_H

#include <napi.h>

#include <optional>
#include <type_traits>
#include <utility>

#include "convert.h"

namespace weir::binding {

template <typename Work, typename Convert>
class OffLoopWorker : public Napi::AsyncWorker {
 public:
  OffLoopWorker(Napi::Env env, const char* name, Work work, Convert convert)
      : Napi::AsyncWorker(env, name),
        work_(std::move(work)),
        convert_(std::move(convert)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      result_.emplace(work_());
    } catch (const Error& error) {
      error_.emplace(error);
      SetError(error.what());
    }
  }

  void OnOK() override { deferred_.Resolve(convert_(Env(), std::move(*result_))); }
  void OnError(const Napi::Error& other) override {
    deferred_.Reject(error_ ? to_js(Env(), *error_).Value() : other.Value());
  }

 private:
  Work work_;
  Convert convert_;
  Napi::Promise::Deferred deferred_;
  std::optional<std::invoke_result_t<Work>> result_;
  std::optional<Error> error_;
};

// Runs `work` on another thread. The promise is for what `convert(env, result)` makes of its result, back on this one; it is
// rejected with the Error that `work` throws. `name` is what diagnostics call it.
template <typename Work, typename Convert>
Napi::Promise off_loop(Napi::Env env, const char* name, Work work, Convert convert) {
  auto* worker = new OffLoopWorker(env, name, std::move(work), std::move(convert));  // deletes itself when done
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace weir::binding

#endif
