// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_CORE_CONNTRACK_H
#define WEIR_CORE_CONNTRACK_H

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "handles.h"

namespace weir {

// One direction of a connection. Addresses as in bpf/tcp.h: four 32-bit words in host byte order, most significant
// first; IPv4 is mapped (0, 0, 0xffff, address).
struct ConntrackTuple {
  std::uint32_t source[4];
  std::uint32_t destination[4];
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint8_t transport;  // IPPROTO_TCP, IPPROTO_UDP
  std::uint8_t pad[3];
};
static_assert(sizeof(ConntrackTuple) == 40, "ABI");

// What the table says of one question.
struct ConntrackAnswer {
  std::uint32_t error;      // 0: found; ENOENT: no such connection; else what went wrong
  ConntrackTuple original;  // as the side that began the connection sent it
  ConntrackTuple reply;     // as its answers come in: its source is the backend, before any address was translated back
};
static_assert(sizeof(ConntrackAnswer) == 84, "ABI");

// Which of a connection's two tuples a question holds.
enum class ConntrackDirection { kOriginal, kReply };

// The connection tracking of the network namespace in which this was made, asked by netlink (CAP_NET_ADMIN). Reads
// single connections, never the table. Members may be called from any thread; lookups take turns.
class Conntrack {
 public:
  // Opens the socket and asks once. Throws Error where this kernel has no connection tracking by netlink, or where the
  // process may not ask.
  Conntrack();

  // An answer for each question, in their order. 3 to 4 us each; never waits, for the kernel answers while it is asked.
  std::vector<ConntrackAnswer> lookup(std::span<const ConntrackTuple> questions, ConntrackDirection direction);

  // Idempotent; lookup() then throws ERR_WEIR_CLOSED.
  void close();

 private:
  void ask(std::span<const ConntrackTuple> questions, ConntrackDirection direction, std::span<ConntrackAnswer> answers);
  void send(std::span<const ConntrackTuple> questions, ConntrackDirection direction);
  void receive(std::span<ConntrackAnswer> answers);
  // False where the message belongs to no open question of this chunk.
  bool take(std::span<const std::uint8_t> message, std::span<ConntrackAnswer> answers) const;

  std::mutex turn_;
  FileDescriptor socket_;
  std::uint32_t next_sequence_ = 1;
  std::vector<std::uint8_t> request_;
  std::vector<std::uint8_t> replies_;
};

}  // namespace weir

#endif
