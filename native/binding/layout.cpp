// SPDX-License-Identifier: Apache-2.0
#include "layout.h"

#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "../core/conntrack.h"
#include "node.h"
#include "tcp.h"

namespace weir::binding {
namespace {

using Named = std::initializer_list<std::pair<const char*, std::size_t>>;

Napi::Object numbers(Napi::Env env, Named named) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, number] : named) object.Set(name, Napi::Number::New(env, static_cast<double>(number)));
  return object;
}

Napi::Array names(Napi::Env env, std::initializer_list<const char*> all) {
  Napi::Array array = Napi::Array::New(env, all.size());
  std::uint32_t index = 0;
  for (const char* name : all) array.Set(index++, Napi::String::New(env, name));
  return array;
}

}  // namespace

Napi::Object tcp_layout(Napi::Env env) {
  using Record = weir_tcp_record;
  Napi::Object layout = Napi::Object::New(env);
  layout.Set("recordBytes", Napi::Number::New(env, sizeof(Record)));
  layout.Set("offsets", numbers(env, {
                                         {"id", offsetof(Record, birth.id)},
                                         {"bornNs", offsetof(Record, birth.born_ns)},
                                         {"establishedNs", offsetof(Record, birth.established_ns)},
                                         {"cgroupId", offsetof(Record, birth.cgroup_id)},
                                         {"netns", offsetof(Record, birth.netns)},
                                         {"pid", offsetof(Record, birth.pid)},
                                         {"local", offsetof(Record, local)},
                                         {"remote", offsetof(Record, birth.remote)},
                                         {"localIsn", offsetof(Record, birth.local_isn)},
                                         {"remoteIsn", offsetof(Record, birth.remote_isn)},
                                         {"localPort", offsetof(Record, birth.local_port)},
                                         {"remotePort", offsetof(Record, birth.remote_port)},
                                         {"side", offsetof(Record, birth.side)},
                                         {"flags", offsetof(Record, birth.flags)},
                                         {"comm", offsetof(Record, birth.comm)},
                                         {"atNs", offsetof(Record, at_ns)},
                                         {"sentBytes", offsetof(Record, sent_bytes)},
                                         {"receivedBytes", offsetof(Record, received_bytes)},
                                         {"sentSegments", offsetof(Record, sent_segments)},
                                         {"receivedSegments", offsetof(Record, received_segments)},
                                         {"retransmittedSegments", offsetof(Record, retransmitted_segments)},
                                         {"deliveredSegments", offsetof(Record, delivered_segments)},
                                         {"srttUs", offsetof(Record, srtt_us)},
                                         {"minRttUs", offsetof(Record, min_rtt_us)},
                                         {"error", offsetof(Record, error)},
                                         {"kind", offsetof(Record, kind)},
                                         {"state", offsetof(Record, state)},
                                         {"reset", offsetof(Record, reset)},
                                     }));
  layout.Set("kinds", numbers(env, {{"closed", WEIR_TCP_CLOSED},
                                    {"live", WEIR_TCP_LIVE},
                                    {"found", WEIR_TCP_FOUND},
                                    {"vanished", WEIR_TCP_VANISHED},
                                    {"listen", WEIR_TCP_LISTEN},
                                    {"unlisten", WEIR_TCP_UNLISTEN}}));
  layout.Set(
      "sides",
      numbers(env, {{"unknown", WEIR_TCP_SIDE_UNKNOWN}, {"client", WEIR_TCP_CLIENT}, {"server", WEIR_TCP_SERVER}}));
  layout.Set("flags", numbers(env, {{"older", WEIR_TCP_OLDER}, {"unborn", WEIR_TCP_UNBORN}}));
  layout.Set("resets", numbers(env, {{"none", WEIR_TCP_RESET_NONE},
                                     {"local", WEIR_TCP_RESET_LOCAL},
                                     {"remote", WEIR_TCP_RESET_REMOTE}}));
  layout.Set("lost", names(env, {"ring_full", "map_full", "end_missed"}));
  return layout;
}

Napi::Object conntrack_layout(Napi::Env env) {
  using Tuple = ConntrackTuple;
  using Answer = ConntrackAnswer;
  Napi::Object layout = Napi::Object::New(env);
  layout.Set("tupleBytes", Napi::Number::New(env, sizeof(Tuple)));
  layout.Set("answerBytes", Napi::Number::New(env, sizeof(Answer)));
  layout.Set("tuple", numbers(env, {{"source", offsetof(Tuple, source)},
                                    {"destination", offsetof(Tuple, destination)},
                                    {"sourcePort", offsetof(Tuple, source_port)},
                                    {"destinationPort", offsetof(Tuple, destination_port)},
                                    {"transport", offsetof(Tuple, transport)}}));
  layout.Set("answer", numbers(env, {{"error", offsetof(Answer, error)},
                                     {"original", offsetof(Answer, original)},
                                     {"reply", offsetof(Answer, reply)}}));
  layout.Set("absent", Napi::Number::New(env, ENOENT));
  return layout;
}

Napi::Object node_layout(Napi::Env env) {
  using Record = weir_node_record;
  Napi::Object layout = Napi::Object::New(env);
  layout.Set("recordBytes", Napi::Number::New(env, sizeof(Record)));
  layout.Set("nameBytes", Napi::Number::New(env, WEIR_NODE_NAME_BYTES));
  layout.Set("offsets", numbers(env, {{"cgroupId", offsetof(Record, cgroup_id)},
                                      {"parentId", offsetof(Record, parent_id)},
                                      {"level", offsetof(Record, level)},
                                      {"pid", offsetof(Record, pid)},
                                      {"netns", offsetof(Record, netns)},
                                      {"kind", offsetof(Record, kind)},
                                      {"name", offsetof(Record, name)}}));
  layout.Set("kinds", numbers(env, {{"process", WEIR_NODE_PROCESS},
                                    {"cgroup", WEIR_NODE_CGROUP},
                                    {"cgroupGone", WEIR_NODE_CGROUP_GONE}}));
  layout.Set("lost", names(env, {"cgroup_news_full"}));
  return layout;
}

}  // namespace weir::binding
