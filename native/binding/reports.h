// SPDX-License-Identifier: Apache-2.0
// What a set of programs tells of itself, as JavaScript's values.
#ifndef WEIR_BINDING_REPORTS_H
#define WEIR_BINDING_REPORTS_H

#include <napi.h>

#include <cstdint>
#include <vector>

#include "../core/program_set.h"

namespace weir::binding {

// An array of objects, one for each item.
template <typename Items, typename Fill>
Napi::Value to_array(Napi::Env env, const Items& items, Fill&& fill) {
  Napi::Array array = Napi::Array::New(env, items.size());
  std::uint32_t index = 0;
  for (const auto& item : items) {
    Napi::Object object = Napi::Object::New(env);
    fill(object, item);
    array.Set(index++, object);
  }
  return array;
}

// An array of numbers, exact up to 2^53.
template <typename Counts>
Napi::Value to_numbers(Napi::Env env, const Counts& counts) {
  Napi::Array array = Napi::Array::New(env, counts.size());
  std::uint32_t index = 0;
  for (const auto count : counts) array.Set(index++, Napi::Number::New(env, static_cast<double>(count)));
  return array;
}

inline Napi::Value to_js(Napi::Env env, const std::vector<ProgramReport>& reports) {
  return to_array(env, reports, [](Napi::Object& object, const ProgramReport& report) {
    object.Set("name", report.name);
    object.Set("hook", report.hook);
    object.Set("state", report.state);
    object.Set("detail", report.detail);
  });
}

inline Napi::Value to_js(Napi::Env env, const std::vector<ProgramStatistics>& statistics) {
  return to_array(env, statistics, [](Napi::Object& object, const ProgramStatistics& program) {
    object.Set("name", program.name);
    object.Set("runTimeNs", static_cast<double>(program.run_time_ns));
    object.Set("runs", static_cast<double>(program.runs));
    object.Set("missed", static_cast<double>(program.missed));
  });
}

inline Napi::Value to_js(Napi::Env env, const std::vector<MapReport>& maps) {
  return to_array(env, maps, [](Napi::Object& object, const MapReport& map) {
    object.Set("name", map.name);
    object.Set("maxEntries", map.max_entries);
    object.Set("bytes", static_cast<double>(map.bytes));
  });
}

}  // namespace weir::binding

#endif
