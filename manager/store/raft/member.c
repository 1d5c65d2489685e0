/* Sets of members: who votes, what is a majority. */
#include "manager/store/raft/member.h"

#include <string.h>

#include "lib/base/check.h"

const struct raft_member *raft_members_find(const struct raft_members *members, uint64_t id)
{
        for (size_t i = 0; i < members->n; i++)
                if (members->member[i].id == id)
                        return &members->member[i];
        return NULL;
}

bool members_has_voter(const struct raft_members *members, uint64_t id)
{
        const struct raft_member *member = raft_members_find(members, id);

        return member && !member->is_learner;
}

size_t members_n_voters(const struct raft_members *members)
{
        size_t n = 0;

        for (size_t i = 0; i < members->n; i++)
                n += !members->member[i].is_learner;
        return n;
}

size_t members_majority(const struct raft_members *members)
{
        return members_n_voters(members) / 2 + 1;
}

void members_add(struct raft_members *members, struct raft_member member)
{
        size_t at = 0;

        members_remove(members, member.id);
        CHECK(members->n < RAFT_MEMBERS_MAX);
        while (at < members->n && members->member[at].id < member.id)
                at++;
        memmove(&members->member[at + 1], &members->member[at],
                (members->n - at) * sizeof *members->member);
        members->member[at] = member;
        members->n++;
}

void members_remove(struct raft_members *members, uint64_t id)
{
        for (size_t i = 0; i < members->n; i++) {
                if (members->member[i].id != id)
                        continue;
                members->n--;
                memmove(&members->member[i], &members->member[i + 1],
                        (members->n - i) * sizeof *members->member);
                members->member[members->n] = (struct raft_member){ 0 };
                return;
        }
}

bool members_are_valid(const struct raft_members *members)
{
        uint64_t previous = 0;

        if (members->n > RAFT_MEMBERS_MAX)
                return false;
        for (size_t i = 0; i < members->n; i++) {
                if (members->member[i].id <= previous)
                        return false;
                previous = members->member[i].id;
        }
        return true;
}
