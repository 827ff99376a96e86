/* Capabilities, by the system calls themselves. */
#include "vr/privileges.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#define BIT(capability) (UINT64_C(1) << (capability))

static int
get_permitted(uint64_t *permitted)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) != 0)
		return -errno;
	*permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

/* Permitted and effective, and what another program may be given. */
static int
set_permitted(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = (uint32_t)permitted,
		 .permitted = (uint32_t)permitted,
		 .inheritable = (uint32_t)inheritable},
		{.effective = (uint32_t)(permitted >> 32),
		 .permitted = (uint32_t)(permitted >> 32),
		 .inheritable = (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &head, data) != 0 ? -errno : 0;
}

/* Root would get what is in the bounding set with the next program.  Whoever may not empty it starts with little in it:
 * a service has the set of its unit. */
static int
empty_bounding_set(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
			return -errno;
	return 0;
}

/* A program that we start has these, whoever owns it and us. */
static int
raise_ambient(uint64_t capabilities)
{
	for (int capability = 0; capability < 64; capability++)
		if ((capabilities & BIT(capability)) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
			return -errno;
	return 0;
}

int
privileges_drop(bool low_port, bool hand_on)
{
	uint64_t keep = BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) |
			(low_port || hand_on ? BIT(CAP_NET_BIND_SERVICE) : 0);
	uint64_t permitted = 0;
	int rc = get_permitted(&permitted);

	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		rc = -errno;
	if (rc == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		rc = -errno;
	keep &= permitted;
	/* What is to be handed on has to be noted while the bounding set has it. */
	if (rc == 0 && hand_on)
		rc = set_permitted(permitted, keep);
	if (rc == 0 && (permitted & BIT(CAP_SETPCAP)) != 0)
		rc = empty_bounding_set();
	if (rc == 0)
		rc = set_permitted(keep, hand_on ? keep : 0);
	return rc == 0 && hand_on ? raise_ambient(keep) : rc;
}
