/* Device features through SIOCETHTOOL: the kernel numbers them, so the number is looked up. */
#include "vr/ethtool.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

static int
ethtool_do(int fd, const char *device, void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static int
feature_count(int fd, const char *device, uint32_t *count)
{
	union {
		struct ethtool_sset_info info;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} u = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
	int rc = ethtool_do(fd, device, &u);

	if (rc == 0)
		memcpy(count, u.room + sizeof(u.info), sizeof(*count));
	return rc;
}

static int
feature_index(int fd, const char *device, const char *feature, uint32_t *index, uint32_t *count)
{
	struct ethtool_gstrings *names;
	uint32_t i;
	int rc = feature_count(fd, device, count);

	if (rc < 0)
		return rc;
	names = calloc(1, sizeof(*names) + (size_t)*count * ETH_GSTRING_LEN);
	if (names == NULL)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = *count;
	rc = ethtool_do(fd, device, names);
	for (i = 0; rc == 0 && i < *count; i++)
		if (strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, feature,
			    ETH_GSTRING_LEN) == 0)
			break;
	if (rc == 0 && i == *count)
		rc = -ENOENT;
	*index = i;
	free(names);
	return rc;
}

int
ethtool_feature_set(const char *device, const char *feature, bool on)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_sfeatures *set = NULL;
	uint32_t index = 0, count = 0, blocks;
	int rc;

	if (fd < 0)
		return -errno;
	rc = feature_index(fd, device, feature, &index, &count);
	if (rc < 0)
		goto out;
	blocks = (count + 31) / 32;
	set = calloc(1, sizeof(*set) + blocks * sizeof(set->features[0]));
	if (set == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	set->cmd = ETHTOOL_SFEATURES;
	set->size = blocks;
	set->features[index / 32].valid = 1U << index % 32;
	set->features[index / 32].requested = on ? 1U << index % 32 : 0;
	rc = ethtool_do(fd, device, set);
out:
	free(set);
	close(fd);
	return rc;
}
