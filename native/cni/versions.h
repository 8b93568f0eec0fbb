#ifndef TSNET_VERSIONS_H
#define TSNET_VERSIONS_H

/** The answer to VERSION. A test holds it against what the daemon would say. */
#define VERSIONS                                             \
  "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":"         \
  "[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"

#endif
