/* The store's methods: one row each, read by the server and its clients. */
#pragma once
#include "api/roles.h"
#include "api/store.pb-c.h"

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
#define STORE_METHODS(X)                                                                           \
        X(Commit, commit, CommitRequest, CommitResponse, UNARY, ROLE_MANAGER_DAEMONS)              \
        X(Watch, watch, WatchRequest, WatchResponse, SERVER_STREAM, ROLE_MANAGER_DAEMONS)          \
        X(ReadIndex, read_index, ReadIndexRequest, ReadIndexResponse, UNARY, ROLE_MANAGER_DAEMONS) \
        X(Read, read_objects, ReadRequest, ReadResponse, UNARY, ROLE_MANAGER_DAEMONS)              \
        X(AcquireLease, acquire_lease, AcquireLeaseRequest, LeaseState, SERVER_STREAM,             \
          ROLE_MANAGER_DAEMONS)                                                                    \
        X(GetStoreStatus, get_store_status, GetStoreStatusRequest, GetStoreStatusResponse, UNARY,  \
          ROLE_MANAGER_DAEMONS | ROLE_AGENT)
