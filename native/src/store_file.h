#pragma once

#include <cstdint>
#include <string>

namespace tsnet {

/** What a file of lmdb says of itself. */
struct StoreFile {
  /** Of the file, in bytes. */
  uint64_t size = 0;
  /** Up to the last that was ever used. */
  uint64_t pages = 0;
  /** What is wrong with it, in a few words; empty if nothing is. */
  std::string problem;
};

/**
 * Looks whether lmdb can use a file. lmdb follows what is written there unseen, and ends the process where that leads
 * astray. Both heads are looked at, and unless only these are wished, both trees are followed from their roots: bounds, page
 * numbers, the order of keys (lmdb finds nothing otherwise, and that looks like records that are not there), counts, free
 * pages. To be called while nobody commits.
 *
 * @throws Failure when it can't be read
 */
StoreFile InspectStore(const std::string& path, bool isHeadOnly);

/** What tells a file from another, and from itself before it was written. */
struct FileStamp {
  double device = 0;
  double inode = 0;
  /** In bytes. */
  double size = 0;
  /** Milliseconds since 1970. */
  double written = 0;
};

/** False when there is no file at the path. @throws Failure */
bool StampOf(const std::string& path, FileStamp& stamp);

}  // namespace tsnet
