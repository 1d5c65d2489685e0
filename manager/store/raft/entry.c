/* Entries: counted, immutable, and the encoding of those that change the members. */
#include "manager/store/raft/raft.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "manager/store/raft/member.h"

/* A RAFT_MEMBERS_ARE entry: version, how many, per member its id (least byte first) and role; then
 * the context. */
enum { ENCODING_VERSION = 1, HEADER_SIZE = 2, MEMBER_SIZE = 9 };

struct raft_entry *raft_entry_new(enum raft_entry_kind kind, size_t size)
{
        struct raft_entry *entry;

        CHECK(size <= SIZE_MAX - sizeof *entry);
        entry = mem_alloc(sizeof *entry + size);
        atomic_init(&entry->refs, 1);
        entry->kind = kind;
        entry->size = size;
        return entry;
}

struct raft_entry *raft_entry_ref(struct raft_entry *entry)
{
        atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
        return entry;
}

void raft_entry_unref(struct raft_entry *entry)
{
        if (!entry)
                return;
        if (atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1)
                free(entry);
}

struct raft_entry *members_entry(const struct raft_members *members, const void *context,
                                 size_t context_size)
{
        size_t header = HEADER_SIZE + members->n * MEMBER_SIZE;
        struct raft_entry *entry = raft_entry_new(RAFT_MEMBERS_ARE, header + context_size);
        uint8_t *at = entry->data;

        *at++ = ENCODING_VERSION;
        *at++ = (uint8_t)members->n;
        for (size_t i = 0; i < members->n; i++) {
                for (int byte = 0; byte < 8; byte++)
                        *at++ = (uint8_t)(members->member[i].id >> (8 * byte));
                *at++ = members->member[i].is_learner;
        }
        if (context_size)
                memcpy(at, context, context_size);
        return entry;
}

static int decode_member(const uint8_t *at, uint64_t previous, struct raft_member *ret,
                         struct err *err)
{
        uint64_t id = 0;

        for (int byte = 0; byte < 8; byte++)
                id |= (uint64_t)at[byte] << (8 * byte);
        if (id <= previous)
                return err_set(err, ERR_INVALID, "raft members: ids must grow and not be 0");
        if (at[8] > 1)
                return err_set(err, ERR_INVALID, "raft members: unknown role %d", at[8]);
        *ret = (struct raft_member){ .id = id, .is_learner = at[8] };
        return 0;
}

int raft_entry_members(const struct raft_entry *entry, struct raft_members *ret_members,
                       const uint8_t **ret_context, size_t *ret_size, struct err *err)
{
        struct raft_members members = { 0 };
        size_t header;

        if (entry->kind != RAFT_MEMBERS_ARE || entry->size < HEADER_SIZE ||
            entry->data[0] != ENCODING_VERSION)
                return err_set(err, ERR_INVALID, "raft members: not an entry of a known form");
        header = HEADER_SIZE + entry->data[1] * (size_t)MEMBER_SIZE;
        if (entry->data[1] > RAFT_MEMBERS_MAX || entry->size < header)
                return err_set(err, ERR_INVALID, "raft members: %d of them do not fit",
                               entry->data[1]);
        for (; members.n < entry->data[1]; members.n++)
                TRY(decode_member(entry->data + HEADER_SIZE + members.n * MEMBER_SIZE,
                                  members.n ? members.member[members.n - 1].id : 0,
                                  &members.member[members.n], err));
        *ret_members = members;
        if (ret_context)
                *ret_context = entry->data + header;
        if (ret_size)
                *ret_size = entry->size - header;
        return 0;
}
