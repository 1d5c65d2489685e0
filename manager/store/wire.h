/* Raft's messages as they cross the wire. */
#pragma once
#include "api/raft.pb-c.h"
#include "lib/base/mem.h"
#include "manager/store/raft/raft.h"

/* Lies in the arena and points into the message's entries. */
Sk__RaftMessage *wire_pack(const struct raft_message *message, struct arena *arena);

/* The entries are new, each with a reference that the caller drops by wire_done(); the array lies
 * in the arena.  ERR_INVALID: a kind that is none, or entries that do not follow each other. */
int wire_unpack(const Sk__RaftMessage *wire, struct arena *arena, struct raft_message *ret,
                struct err *err);
void wire_done(struct raft_message *message);
