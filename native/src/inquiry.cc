#include "inquiry.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "framing.h"
#include "netns.h"

namespace tsnet {

namespace {

/** Larger than a datagram of a dump (32 KiB) and than the acknowledgement of any request that is a question. */
constexpr size_t kRoom = 256 << 10;

/** Read at a time: for each setting the kernel allocates and clears as much as its reader has room for. */
constexpr size_t kPage = 4 << 10;

/** More than this, all answers together, is no answer but an attack on memory. */
constexpr size_t kMostBytes = 512 << 20;

class Walker {
 public:
  Walker(const Inquiry& inquiry, const std::atomic<bool>& isStopping, Answers& answers)
      : inquiry_(inquiry), isStopping_(isStopping), answers_(answers), buffer_(kRoom) {}

  void Visit(const std::string& path) {
    Descriptor netns;
    struct stat status {};
    try {
      netns = OpenNetns(path);
      if (fstat(netns.Get(), &status) != 0) Fail("fstat");
      EnterNetns(netns);
    } catch (const Failure& failure) {
      Append(&failure.number, sizeof failure.number);
      return Finish(std::move(netns), status);
    }
    const int none = 0;
    Append(&none, sizeof none);
    Finish(std::move(netns), status);
    Descriptor socket;
    int protocol = 0;
    for (const Question& question : inquiry_.questions) {
      const bool isAnswered = Part([&] {
        if (!socket.IsOpen() || question.protocol != protocol) socket = OpenNetlink(question.protocol);
        protocol = question.protocol;
        AskOne(socket, question);
      });
      // What was not read would be taken for the answer to the next question.
      if (!isAnswered) socket = Descriptor();
    }
    for (const Folder& folder : inquiry_.folders) ReadFolder(folder);
  }

 private:
  /** Writes what the descriptor is, and keeps it. */
  void Finish(Descriptor netns, const struct stat& status) {
    const int32_t number = netns.Get();
    const uint64_t identity[] = {status.st_dev, status.st_ino};
    Append(&number, sizeof number);
    Append(identity, sizeof identity);
    if (netns.IsOpen()) answers_.descriptors.push_back(std::move(netns));
  }

  /** Makes `work` append something, and puts errno and length before it. False, and nothing appended, when it fails. */
  template <typename Work>
  bool Part(Work&& work) {
    const size_t start = answers_.bytes.size();
    const size_t content = start + 2 * sizeof(uint32_t);
    answers_.bytes.resize(content);
    int error = 0;
    try {
      work();
    } catch (const Failure& failure) {
      if (failure.number == ECANCELED) throw;
      error = failure.number;
      answers_.bytes.resize(content);
    }
    const uint32_t head[] = {static_cast<uint32_t>(error), static_cast<uint32_t>(answers_.bytes.size() - content)};
    std::memcpy(answers_.bytes.data() + start, head, sizeof head);
    return error == 0;
  }

  /** The folder is looked up once: the kernel goes through those of all namespaces to find the one of this. */
  void ReadFolder(const Folder& folder) {
    const Descriptor place(open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | kCarefully));
    const int refusal = place.IsOpen() ? 0 : errno;
    for (const std::string& name : folder.files) {
      Part([&] {
        if (refusal != 0) throw Failure{refusal, "open"};
        ReadWhole(place, name);
      });
    }
  }

  void ReadWhole(const Descriptor& place, const std::string& name) {
    const Descriptor file(openat(place.Get(), name.c_str(), O_RDONLY | kCarefully));
    if (!file.IsOpen()) Fail("open");
    for (size_t total = 0;;) {
      const ssize_t size = read(file.Get(), buffer_.data(), kPage);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) Fail("read");
      if (size == 0) return;
      total += static_cast<size_t>(size);
      if (total > kRoom) throw Failure{EFBIG, "read"};
      Append(buffer_.data(), static_cast<size_t>(size));
    }
  }

  void AskOne(const Descriptor& socket, const Question& question) {
    const auto& request = question.request;
    ssize_t sent;
    do {
      sent = send(socket.Get(), request.data(), request.size(), MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) Fail("sendmsg");
    const Completion completion{FirstSequence(request.data()), question.lastSequence, false};
    for (;;) {
      if (isStopping_) throw Failure{ECANCELED, "recvmsg"};
      const size_t size = Receive(socket);
      if (size == 0 || completion.IsStale(buffer_.data(), size)) continue;
      if (answers_.bytes.size() + size > kMostBytes) throw Failure{EMSGSIZE, "recvmsg"};
      Append(buffer_.data(), size);
      if (completion.Judge(buffer_.data(), size) == Progress::kComplete) return;
    }
  }

  /**
   * Reads a datagram of the kernel; 0 for one of somebody else. It never waits: what the kernel has to say it says
   * inside sendmsg and recvmsg, so that EAGAIN means that there will be no more.
   */
  size_t Receive(const Descriptor& socket) {
    sockaddr_nl sender{};
    iovec memory{buffer_.data(), buffer_.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &memory;
    message.msg_iovlen = 1;
    ssize_t size;
    do {
      size = recvmsg(socket.Get(), &message, MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size < 0) Fail("recvmsg");
    if ((message.msg_flags & MSG_TRUNC) != 0) throw Failure{EMSGSIZE, "recvmsg"};
    return sender.nl_pid == 0 ? static_cast<size_t>(size) : 0;
  }

  void Append(const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    answers_.bytes.insert(answers_.bytes.end(), bytes, bytes + size);
  }

  const Inquiry& inquiry_;
  const std::atomic<bool>& isStopping_;
  Answers& answers_;
  std::vector<uint8_t> buffer_;
};

}  // namespace

Answers Ask(const Inquiry& inquiry, const std::atomic<bool>& isStopping) {
  Answers answers;
  try {
    Walker walker(inquiry, isStopping, answers);
    for (const std::string& path : inquiry.namespaces) {
      if (isStopping) throw Failure{ECANCELED, "open"};
      walker.Visit(path);
    }
  } catch (const Failure& failure) {
    answers = {{}, {}, failure};
  } catch (const std::bad_alloc&) {
    answers = {{}, {}, {ENOMEM, "recvmsg"}};
  }
  return answers;
}

}  // namespace tsnet
