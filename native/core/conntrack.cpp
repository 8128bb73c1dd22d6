// SPDX-License-Identifier: Apache-2.0
#include "conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"

namespace weir {
namespace {

// Questions per system call. Their answers wait in the socket's buffer, 1 to 2 KiB each with the kernel's own data, and
// must all find room in its default of 208 KiB.
constexpr std::size_t kChunk = 32;
// One answer; longer ones (labels, security contexts) are cut, and the tuples come first.
constexpr std::size_t kReplyBytes = 2048;

constexpr std::uint16_t kGet = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
constexpr std::uint16_t kNew = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;

bool is_ipv4(const std::uint32_t (&words)[4]) {
  return words[0] == 0 && words[1] == 0 && words[2] == 0xffff;
}

// Appends netlink's attributes; a nested one is closed with the offset that its opening gave.
class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& into) : into_(into) {}

  template <typename T>
  void raw(const T& value) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
    into_.insert(into_.end(), from, from + sizeof value);
    pad();
  }

  template <typename T>
  void attribute(int type, const T& value) {
    raw(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + sizeof value), static_cast<std::uint16_t>(type)});
    raw(value);
  }

  std::size_t open(int type) {
    const std::size_t at = into_.size();
    raw(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
    return at;
  }

  void close(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(into_.size() - at);
    std::memcpy(into_.data() + at, &length, sizeof length);
  }

 private:
  void pad() { into_.resize(NLA_ALIGN(into_.size())); }

  std::vector<std::uint8_t>& into_;
};

void write_address(Writer& writer, int ipv4_type, int ipv6_type, const std::uint32_t (&words)[4], bool ipv4) {
  if (ipv4) {
    writer.attribute(ipv4_type, htonl(words[3]));
    return;
  }
  writer.attribute(ipv6_type, std::array{htonl(words[0]), htonl(words[1]), htonl(words[2]), htonl(words[3])});
}

void write_tuple(Writer& writer, int type, const ConntrackTuple& tuple, bool ipv4) {
  const std::size_t outer = writer.open(type);
  const std::size_t addresses = writer.open(CTA_TUPLE_IP);
  write_address(writer, CTA_IP_V4_SRC, CTA_IP_V6_SRC, tuple.source, ipv4);
  write_address(writer, CTA_IP_V4_DST, CTA_IP_V6_DST, tuple.destination, ipv4);
  writer.close(addresses);
  const std::size_t ports = writer.open(CTA_TUPLE_PROTO);
  writer.attribute(CTA_PROTO_NUM, tuple.transport);
  writer.attribute(CTA_PROTO_SRC_PORT, htons(tuple.source_port));
  writer.attribute(CTA_PROTO_DST_PORT, htons(tuple.destination_port));
  writer.close(ports);
  writer.close(outer);
}

using Bytes = std::span<const std::uint8_t>;

// Calls `take(type, value)` for each attribute, and stops where the bytes are none.
template <typename Take>
void each_attribute(Bytes bytes, Take&& take) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr attribute;
    std::memcpy(&attribute, bytes.data(), sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > bytes.size()) return;
    take(attribute.nla_type & NLA_TYPE_MASK, bytes.subspan(NLA_HDRLEN, attribute.nla_len - NLA_HDRLEN));
    bytes = bytes.subspan(std::min<std::size_t>(NLA_ALIGN(attribute.nla_len), bytes.size()));
  }
}

void read_address(Bytes value, std::uint32_t (&words)[4]) {
  if (value.size() == sizeof words) {
    std::memcpy(words, value.data(), sizeof words);
    for (std::uint32_t& word : words) word = ntohl(word);
  } else if (value.size() == sizeof words[3]) {
    words[0] = words[1] = 0;
    words[2] = 0xffff;
    std::memcpy(&words[3], value.data(), sizeof words[3]);
    words[3] = ntohl(words[3]);
  }
}

std::uint16_t read_port(Bytes value) {
  std::uint16_t port = 0;
  if (value.size() == sizeof port) std::memcpy(&port, value.data(), sizeof port);
  return ntohs(port);
}

ConntrackTuple read_tuple(Bytes bytes) {
  ConntrackTuple tuple{};
  each_attribute(bytes, [&](int type, Bytes part) {
    each_attribute(part, [&](int kind, Bytes value) {
      if (type == CTA_TUPLE_IP) {
        if (kind == CTA_IP_V4_SRC || kind == CTA_IP_V6_SRC) read_address(value, tuple.source);
        if (kind == CTA_IP_V4_DST || kind == CTA_IP_V6_DST) read_address(value, tuple.destination);
      } else if (type == CTA_TUPLE_PROTO) {
        if (kind == CTA_PROTO_NUM && value.size() == 1) tuple.transport = value[0];
        if (kind == CTA_PROTO_SRC_PORT) tuple.source_port = read_port(value);
        if (kind == CTA_PROTO_DST_PORT) tuple.destination_port = read_port(value);
      }
    });
  });
  return tuple;
}

}  // namespace

Conntrack::Conntrack() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
  if (!socket_) throw Error("ERR_WEIR_CONNTRACK", "open a netlink socket to netfilter", errno);
  // Nobody has a connection from nowhere to nowhere.
  ConntrackTuple nobody{};
  nobody.source[2] = nobody.destination[2] = 0xffff;
  nobody.transport = IPPROTO_TCP;
  const auto error = static_cast<int>(lookup({&nobody, 1}, ConntrackDirection::kOriginal)[0].error);
  if (error != ENOENT && error != 0) throw Error("ERR_WEIR_CONNTRACK", "ask the kernel's connection tracking", error);
}

std::vector<ConntrackAnswer> Conntrack::lookup(std::span<const ConntrackTuple> questions,
                                               ConntrackDirection direction) {
  const std::lock_guard turn(turn_);
  if (!socket_) throw Error("ERR_WEIR_CLOSED", "ask the kernel's connection tracking", 0);
  std::vector<ConntrackAnswer> answers(questions.size());
  for (std::size_t from = 0; from < questions.size(); from += kChunk) {
    const std::size_t count = std::min(kChunk, questions.size() - from);
    ask(questions.subspan(from, count), direction, std::span(answers).subspan(from, count));
  }
  return answers;
}

void Conntrack::close() {
  const std::lock_guard turn(turn_);
  socket_ = FileDescriptor();
}

void Conntrack::ask(std::span<const ConntrackTuple> questions, ConntrackDirection direction,
                    std::span<ConntrackAnswer> answers) {
  // What no answer comes for was refused by a full buffer.
  for (ConntrackAnswer& answer : answers) answer.error = ENOBUFS;
  try {
    send(questions, direction);
    receive(answers);
  } catch (const Error& error) {
    for (ConntrackAnswer& answer : answers)
      if (answer.error == ENOBUFS) answer.error = static_cast<std::uint32_t>(error.error_number());
  }
  next_sequence_ += static_cast<std::uint32_t>(questions.size());
}

void Conntrack::send(std::span<const ConntrackTuple> questions, ConntrackDirection direction) {
  request_.clear();
  Writer writer(request_);
  for (std::uint32_t index = 0; index < questions.size(); index++) {
    const ConntrackTuple& tuple = questions[index];
    const bool ipv4 = is_ipv4(tuple.source);
    const std::size_t at = request_.size();
    writer.raw(nlmsghdr{0, kGet, NLM_F_REQUEST, next_sequence_ + index, 0});
    writer.raw(nfgenmsg{static_cast<std::uint8_t>(ipv4 ? AF_INET : AF_INET6), NFNETLINK_V0, 0});
    write_tuple(writer, direction == ConntrackDirection::kOriginal ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, tuple, ipv4);
    const auto length = static_cast<std::uint32_t>(request_.size() - at);
    std::memcpy(request_.data() + at, &length, sizeof length);
  }
  // The socket is not connected: port 0 is the kernel.
  if (::send(socket_.get(), request_.data(), request_.size(), 0) < 0)
    throw Error("ERR_WEIR_CONNTRACK", "ask the kernel's connection tracking", errno);
}

void Conntrack::receive(std::span<ConntrackAnswer> answers) {
  replies_.resize(kChunk * kReplyBytes);
  std::array<iovec, kChunk> buffers;
  std::array<mmsghdr, kChunk> messages{};
  for (std::size_t index = 0; index < kChunk; index++) {
    buffers[index] = {replies_.data() + index * kReplyBytes, kReplyBytes};
    messages[index].msg_hdr.msg_iov = &buffers[index];
    messages[index].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t missing = answers.size(); missing > 0;) {
    const int got = ::recvmmsg(socket_.get(), messages.data(), kChunk, MSG_DONTWAIT, nullptr);
    if (got < 0 && (errno == EINTR || errno == ENOBUFS)) continue;  // ENOBUFS is told once, what did fit is there
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) throw Error("ERR_WEIR_CONNTRACK", "read what connection tracking answers", errno);
    for (std::size_t index = 0; index < static_cast<std::size_t>(got); index++) {
      const std::size_t bytes = std::min<std::size_t>(messages[index].msg_len, kReplyBytes);
      if (take({replies_.data() + index * kReplyBytes, bytes}, answers)) missing--;
    }
  }
}

bool Conntrack::take(Bytes message, std::span<ConntrackAnswer> answers) const {
  nlmsghdr header;
  if (message.size() < sizeof header) return false;
  std::memcpy(&header, message.data(), sizeof header);
  // Unsigned: what is left over from a lookup before lies far beyond.
  const std::uint32_t place = header.nlmsg_seq - next_sequence_;
  if (place >= answers.size() || answers[place].error != ENOBUFS) return false;
  ConntrackAnswer& answer = answers[place];
  const Bytes body = message.subspan(NLMSG_HDRLEN);
  if (header.nlmsg_type == NLMSG_ERROR && body.size() >= sizeof(int)) {
    int error = 0;
    std::memcpy(&error, body.data(), sizeof error);
    answer.error = static_cast<std::uint32_t>(-error);
  } else if (header.nlmsg_type == kNew && body.size() >= sizeof(nfgenmsg)) {
    each_attribute(body.subspan(NLMSG_ALIGN(sizeof(nfgenmsg))), [&](int type, Bytes value) {
      if (type == CTA_TUPLE_ORIG) answer.original = read_tuple(value);
      if (type == CTA_TUPLE_REPLY) answer.reply = read_tuple(value);
    });
    answer.error = 0;
  } else {
    answer.error = EBADMSG;
  }
  return true;
}

}  // namespace weir
