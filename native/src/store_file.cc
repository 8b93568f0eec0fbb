#include "store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace tsnet {

namespace {

// Source: lmdb 0.9.90 mdb.c as in lmdb-js 3.5.6: MDB_page_header, MDB_meta, MDB_node, MDB_ovpage. Host order.
constexpr size_t kPageHeader = 24;
constexpr size_t kNodeHeader = 8;
constexpr size_t kMetaLength = kPageHeader + 144;
/** Two pages of the size that lmdb chooses on any processor of ours, or of a larger one. */
constexpr size_t kHeadLength = 0x8000 + kMetaLength;
constexpr uint32_t kMagic = 0xbeefc0de;
constexpr uint32_t kDataVersion = 2;
/** P_BRANCH, P_LEAF, P_OVERFLOW, P_META. */
constexpr uint16_t kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMeta = 0x08;
/** F_BIGDATA. */
constexpr uint16_t kBigData = 0x01;
constexpr size_t kOverflowReference = 24;
/** CURSOR_STACK. */
constexpr uint16_t kDeepestTree = 32;
/** The longest key that lmdb-js allows in a page of 4 KiB. */
constexpr size_t kLongestKey = 1978;
/** Nothing of ours comes near, and the kernel maps no more on any host. */
constexpr uint64_t kLargestMap = uint64_t{1} << 44;
/** P_INVALID. */
constexpr uint64_t kNoPage = UINT64_MAX;

/** Thrown where something is wrong. */
struct Wrong {
  std::string why;
};

void Must(bool holds, const char* otherwise) {
  if (!holds) throw Wrong{otherwise};
}

void MustOfPage(bool holds, uint64_t page, const char* otherwise) {
  if (!holds) throw Wrong{"page " + std::to_string(page) + " " + otherwise};
}

/** The bytes of a file as they were read. */
class Content {
 public:
  Content(const std::string& path, size_t most) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.IsOpen()) Fail("open");
    struct stat about;
    if (fstat(file.Get(), &about) != 0) Fail("fstat");
    length_ = static_cast<uint64_t>(about.st_size);
    const size_t wanted = std::min<uint64_t>(most, length_);
    // Not a vector, which would clear what is about to be written.
    data_.reset(new (std::nothrow) uint8_t[wanted]);
    Must(data_ != nullptr, "it is too large to be looked at");
    while (size_ < wanted) {
      const ssize_t got = pread(file.Get(), data_.get() + size_, wanted - size_, static_cast<off_t>(size_));
      if (got == 0) break;
      if (got > 0) size_ += static_cast<size_t>(got);
      else if (errno != EINTR) Fail("pread");
    }
  }

  /** How much was read. */
  size_t Size() const { return size_; }
  /** Of the whole file. */
  uint64_t Length() const { return length_; }
  const uint8_t* At(size_t offset) const { return data_.get() + offset; }

  template <typename T>
  T Read(size_t offset) const {
    if (offset > size_ || size_ - offset < sizeof(T)) throw Wrong{"it ends too early"};
    T value;
    memcpy(&value, data_.get() + offset, sizeof(T));
    return value;
  }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_ = 0;
  uint64_t length_ = 0;
};

/** MDB_db. */
struct Tree {
  uint16_t depth = 0;
  uint64_t branches = 0, leaves = 0, overflows = 0, entries = 0;
  uint64_t root = kNoPage;
};

struct Meta {
  uint32_t pageSize = 0;
  uint64_t lastPage = 0;
  uint64_t transaction = 0;
  Tree free, records;
};

Tree ReadTree(const Content& file, size_t at) {
  Tree tree;
  tree.depth = file.Read<uint16_t>(at + 6);
  tree.branches = file.Read<uint64_t>(at + 8);
  tree.leaves = file.Read<uint64_t>(at + 16);
  tree.overflows = file.Read<uint64_t>(at + 24);
  tree.entries = file.Read<uint64_t>(at + 32);
  tree.root = file.Read<uint64_t>(at + 40);
  return tree;
}

Meta ReadMeta(const Content& file, size_t at) {
  if (file.Size() < at + kMetaLength) {
    throw Wrong{"it ends after " + std::to_string(file.Size()) + " bytes, in its head"};
  }
  Must(file.Read<uint32_t>(at + kPageHeader) == kMagic, "it does not begin as lmdb does");
  Must((file.Read<uint16_t>(at + 18) & kMeta) != 0, "its head is marked as something else");
  Must((file.Read<uint32_t>(at + 28) & 0xffff) == kDataVersion, "another version of lmdb wrote it");
  Meta meta;
  meta.pageSize = file.Read<uint32_t>(at + 48);
  const bool isPageSize =
      meta.pageSize >= 256 && meta.pageSize <= 0x8000 && (meta.pageSize & (meta.pageSize - 1)) == 0;
  if (!isPageSize) throw Wrong{"its pages would have " + std::to_string(meta.pageSize) + " bytes"};
  meta.lastPage = file.Read<uint64_t>(at + 144);
  meta.transaction = file.Read<uint64_t>(at + 152);
  const bool isPossible = file.Read<uint64_t>(at + 32) == 0 && file.Read<uint64_t>(at + 40) <= kLargestMap &&
                          meta.lastPage < kLargestMap / meta.pageSize;
  Must(isPossible, "its head has impossible sizes");
  // Keys of the free pages are numbers, and nothing else is special in our stores.
  const bool hasOurFlags = (file.Read<uint16_t>(at + 52) & 0x0f) == 0x08 && file.Read<uint16_t>(at + 100) == 0;
  Must(hasOurFlags, "its head has flags that tsnet does not use");
  meta.free = ReadTree(file, at + 48);
  meta.records = ReadTree(file, at + 96);
  return meta;
}

/** The newer of the two, as lmdb picks it; the other one may be of any age. */
Meta ReadHead(const Content& file) {
  const Meta first = ReadMeta(file, 0);
  const Meta second = ReadMeta(file, first.pageSize);
  Must(second.pageSize == first.pageSize, "its two heads have different page sizes");
  return first.transaction >= second.transaction ? first : second;
}

/** Which pages something leads to; only those that are in the file can be. */
using Pages = std::vector<bool>;

/** One tree, its leaves from left to right. */
class TreeWalk {
 public:
  TreeWalk(const Content& file, const Meta& meta, const Tree& tree, Pages& used)
      : file_(file), meta_(meta), tree_(tree), used_(used), isFree_(&tree == &meta.free) {}

  void Walk() {
    if (tree_.root == kNoPage) return Must(tree_.entries == 0, "entries without a root");
    Must(tree_.depth >= 1 && tree_.depth <= kDeepestTree, "a tree of an impossible depth");
    Page(tree_.root, tree_.depth);
    const bool isAsCounted = entries_ == tree_.entries && branches_ == tree_.branches &&
                             leaves_ == tree_.leaves && overflows_ == tree_.overflows;
    if (isAsCounted) return;
    throw Wrong{std::to_string(entries_) + " entries where " + std::to_string(tree_.entries) + " are counted"};
  }

 private:
  struct Key {
    const uint8_t* data = nullptr;
    size_t length = 0;
  };

  void Page(uint64_t number, uint16_t levels) {
    const size_t start = Enter(number, 1);
    const bool isLeaf = levels == 1;
    MustOfPage(file_.Read<uint16_t>(start + 18) == (isLeaf ? kLeaf : kBranch), number, "is of another kind");
    const size_t lower = file_.Read<uint16_t>(start + 20);
    const size_t upper = file_.Read<uint16_t>(start + 22);
    const size_t room = meta_.pageSize - kPageHeader;
    MustOfPage(lower % 2 == 0 && lower <= upper && upper <= room, number, "has no sound bounds");
    const size_t count = lower / 2;
    MustOfPage(count >= (isLeaf ? 1 : 2), number, "is empty");
    (isLeaf ? leaves_ : branches_) += 1;
    for (size_t index = 0; index < count; index++) {
      const size_t offset = file_.Read<uint16_t>(start + kPageHeader + index * 2);
      MustOfPage(offset >= upper && offset + kNodeHeader <= room, number, "points outside itself");
      const size_t node = start + kPageHeader + offset;
      const size_t end = start + meta_.pageSize;
      if (isLeaf) Record(number, node, end);
      else Branch(number, node, end, index == 0, static_cast<uint16_t>(levels - 1));
    }
  }

  void Branch(uint64_t page, size_t node, size_t end, bool isFirst, uint16_t levels) {
    const Key key{file_.At(node + kNodeHeader), file_.Read<uint16_t>(node + 6)};
    MustOfPage(node + kNodeHeader + key.length <= end, page, "has a key beyond its end");
    // The first key of a branch stands for all that is smaller, and is never looked at.
    if (!isFirst && last_.data != nullptr) {
      MustOfPage(Compare(last_, key) <= 0, page, "has keys out of order");
    }
    const uint64_t child = file_.Read<uint32_t>(node) | uint64_t{file_.Read<uint16_t>(node + 4)} << 32;
    Page(child, levels);
  }

  void Record(uint64_t page, size_t node, size_t end) {
    const uint16_t flags = file_.Read<uint16_t>(node + 4);
    const Key key{file_.At(node + kNodeHeader), file_.Read<uint16_t>(node + 6)};
    const size_t length = file_.Read<uint32_t>(node);
    const bool isBig = flags == kBigData;
    MustOfPage(flags == 0 || isBig, page, "has a record of an unknown kind");
    MustOfPage(key.length > 0 && key.length <= kLongestKey, page, "has a key of an impossible length");
    const size_t value = node + kNodeHeader + key.length;
    const bool isInside = value + (isBig ? kOverflowReference : length) <= end;
    MustOfPage(isInside, page, "has a record beyond its end");
    if (last_.data != nullptr) MustOfPage(Compare(last_, key) < 0, page, "has keys out of order");
    last_ = key;
    entries_ += 1;
    const size_t at = isBig ? Overflow(value, length) : value;
    if (isFree_) FreePages(at, length);
  }

  /** Where the data begin that fill pages of their own. */
  size_t Overflow(size_t reference, size_t length) {
    const uint64_t number = file_.Read<uint64_t>(reference);
    const uint64_t pages = file_.Read<uint64_t>(reference + 16);
    const bool isSound = pages == (kPageHeader + length + meta_.pageSize - 1) / meta_.pageSize;
    MustOfPage(isSound, number, "has no sound length");
    const size_t start = Enter(number, pages);
    MustOfPage(file_.Read<uint16_t>(start + 18) == kOverflow, number, "is of another kind");
    MustOfPage(file_.Read<uint32_t>(start + 20) == pages, number, "has no sound length");
    overflows_ += pages;
    return start + kPageHeader;
  }

  /** Where some pages begin, that nothing else may use. */
  size_t Enter(uint64_t number, uint64_t pages) {
    const bool isInside = number >= 2 && number <= meta_.lastPage && pages <= meta_.lastPage - number + 1;
    MustOfPage(isInside, number, "is outside the file");
    // Pages that are free may lie behind the end: they were never written.
    MustOfPage((number + pages) * meta_.pageSize <= file_.Size(), number, "lies behind the end of the file");
    const size_t start = static_cast<size_t>(number) * meta_.pageSize;
    MustOfPage(file_.Read<uint64_t>(start) == number, number, "says it is another");
    for (uint64_t page = number; page < number + pages; page++) {
      MustOfPage(!used_[page], page, "is used twice");
      used_[page] = true;
    }
    return start;
  }

  /** A count and so many numbers; a negative one is how many follow the next, and zeros are places in reserve. */
  void FreePages(size_t list, size_t length) const {
    const auto read = [&](uint64_t index) { return file_.Read<int64_t>(list + index * 8); };
    const int64_t count = length < 8 ? -1 : read(0);
    const bool isWhole = count >= 0 && static_cast<uint64_t>(count) <= length / 8 - 1;
    Must(isWhole, "a list of free pages is longer than its record");
    for (int64_t index = 1; index <= count; index++) {
      int64_t entry = read(index);
      uint64_t run = 1;
      if (entry < 0) {
        run = -static_cast<uint64_t>(entry);
        entry = ++index <= count ? read(index) : 0;
      }
      if (entry == 0) continue;
      const uint64_t first = static_cast<uint64_t>(entry);
      const bool isInside = first >= 2 && first <= meta_.lastPage && run <= meta_.lastPage - first + 1;
      MustOfPage(isInside, first, "is free outside the file");
      const uint64_t end = std::min<uint64_t>(first + run, used_.size());
      for (uint64_t page = first; page < end; page++) MustOfPage(!used_[page], page, "is used and free");
    }
  }

  int Compare(const Key& one, const Key& other) const {
    // Numbers of transactions are kept in host order.
    if (isFree_) {
      Must(one.length == 8 && other.length == 8, "a key of free pages is no number");
      uint64_t left, right;
      memcpy(&left, one.data, 8);
      memcpy(&right, other.data, 8);
      return left < right ? -1 : left > right;
    }
    const int order = memcmp(one.data, other.data, std::min(one.length, other.length));
    if (order != 0) return order;
    return one.length < other.length ? -1 : one.length > other.length;
  }

  const Content& file_;
  const Meta& meta_;
  const Tree& tree_;
  Pages& used_;
  const bool isFree_;
  uint64_t branches_ = 0, leaves_ = 0, overflows_ = 0, entries_ = 0;
  /** The last key of a leaf. */
  Key last_;
};

}  // namespace

StoreFile InspectStore(const std::string& path, bool isHeadOnly) {
  StoreFile found;
  try {
    const Content head(path, kHeadLength);
    found.size = head.Length();
    Must(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tsnet was never tried with this processor's order of bytes");
    const Meta meta = ReadHead(head);
    found.pages = meta.lastPage + 1;
    if (isHeadOnly) return found;
    const Content file(path, found.pages * meta.pageSize);
    // Records first: what they use is not free.
    Pages used(file.Size() / meta.pageSize + 1);
    TreeWalk(file, meta, meta.records, used).Walk();
    TreeWalk(file, meta, meta.free, used).Walk();
  } catch (const Wrong& wrong) {
    found.problem = wrong.why;
  }
  return found;
}

bool StampOf(const std::string& path, FileStamp& stamp) {
  struct stat about;
  if (stat(path.c_str(), &about) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    Fail("stat");
  }
  stamp.device = static_cast<double>(about.st_dev);
  stamp.inode = static_cast<double>(about.st_ino);
  stamp.size = static_cast<double>(about.st_size);
  stamp.written = static_cast<double>(about.st_mtim.tv_sec) * 1e3 + static_cast<double>(about.st_mtim.tv_nsec) / 1e6;
  return true;
}

}  // namespace tsnet
