/* Offload features of a device, by the names that `ethtool -k` prints. */
#ifndef VR_ETHTOOL_H
#define VR_ETHTOOL_H

#include "base/err.h"
#include "base/types.h"

/* Kernels hand a super-frame to the device whole only while these are on; with "checksum" off it
 * hands over finished packets of at most the MTU. */
#define ETHTOOL_TX_CSUM "tx-checksum-ip-generic"
#define ETHTOOL_TX_USO  "tx-udp-segmentation"

/* 0; -ENOENT: the kernel does not know the feature; another -errno: the device refuses. */
MUST_USE int ethtool_feature_set(const char *device, const char *feature, bool on);

#endif
