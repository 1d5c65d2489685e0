/* The methods of a node's own sockets: the agent's for people, the mesh's for the agent. */
#pragma once
#include "api/node.pb-c.h"
#include "api/roles.h"

/* Ports of its node that one task can have: skep-mesh notes them in the alias of a device, which
 * has 255 characters. */
enum { TASK_HOST_PORTS_MAX = 12 };

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
/* clang-format off */
#define NODE_AGENT_METHODS(X)                                                                      \
        X(GetNodeInfo, get_node_info, GetNodeInfoRequest, GetNodeInfoResponse, UNARY, ROLE_LOCAL)  \
        X(InitSwarm, init_swarm, InitSwarmRequest, InitSwarmResponse, UNARY, ROLE_LOCAL)           \
        X(JoinSwarm, join_swarm, JoinSwarmRequest, JoinSwarmResponse, UNARY, ROLE_LOCAL)           \
        X(LeaveSwarm, leave_swarm, LeaveSwarmRequest, LeaveSwarmResponse, UNARY, ROLE_LOCAL)       \
        X(PullImage, pull_image, PullImageRequest, PullImageResponse, SERVER_STREAM, ROLE_LOCAL)   \
        X(LoadImage, load_image, LoadImageRequest, LoadImageResponse, CLIENT_STREAM, ROLE_LOCAL)   \
        X(ListImages, list_images, ListImagesRequest, ListImagesResponse, UNARY, ROLE_LOCAL)       \
        X(RemoveImage, remove_image, RemoveImageRequest, RemoveImageResponse, UNARY, ROLE_LOCAL)   \
        X(CreateVolume, create_volume, CreateVolumeRequest, CreateVolumeResponse, UNARY, ROLE_LOCAL)\
        X(ListVolumes, list_volumes, ListVolumesRequest, ListVolumesResponse, UNARY, ROLE_LOCAL)   \
        X(RemoveVolume, remove_volume, RemoveVolumeRequest, RemoveVolumeResponse, UNARY, ROLE_LOCAL)
/* clang-format on */

/* Not named after the method: sync() is the C library's. */
/* clang-format off */
#define MESH_METHODS(X)                                                                            \
        X(Sync, sync_attachments, MeshWanted, MeshReport, BIDI_STREAM, ROLE_LOCAL)
/* clang-format on */
