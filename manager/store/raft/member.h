/* Sets of members: who votes, what is a majority. */
#pragma once
#include "manager/store/raft/raft.h"

bool members_has_voter(const struct raft_members *members, uint64_t id);
size_t members_n_voters(const struct raft_members *members);
size_t members_majority(const struct raft_members *members);

void members_add(struct raft_members *members,
                 struct raft_member member); /* or changes its role; must fit */
void members_remove(struct raft_members *members, uint64_t id);

/* Ids grow, none is 0, not too many? */
bool members_are_valid(const struct raft_members *members);

/* The RAFT_MEMBERS_ARE entry that says so; the caller's reference. */
struct raft_entry *members_entry(const struct raft_members *members, const void *context,
                                 size_t context_size);
