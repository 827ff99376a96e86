/* The version of the programs. */
#ifndef VR_VERSION_H
#define VR_VERSION_H

#define VRD_VERSION "0.1.0"

#endif
