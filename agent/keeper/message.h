/* What crosses the keeper's socket: a name, with descriptors or without.  Private to agent/keeper.
 */
#pragma once
#include <sys/socket.h>

#include "agent/keeper/keeper.h"

union keeper_control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(KEEPER_FDS_MAX * sizeof(int))];
};
