/* What stores offer each other: one row each. */
#pragma once
#include "api/raft.pb-c.h"
#include "api/roles.h"

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
/* clang-format off */
#define RAFT_METHODS(X)                                                                            \
        X(SendMessages, send_messages, RaftMessage, SendMessagesResponse, CLIENT_STREAM, ROLE_STORE)

#define STORE_PEER_METHODS(X)                                                                      \
        X(Forward, forward, LogCommit, CommitResponse, UNARY, ROLE_STORE)                          \
        X(AddMember, add_member, AddMemberRequest, AddMemberResponse, UNARY, ROLE_STORE)           \
        X(InstallSnapshot, receive_snapshot, SnapshotChunk, InstallSnapshotResponse,               \
          CLIENT_STREAM, ROLE_STORE)
/* clang-format on */
