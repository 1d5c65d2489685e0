/* From structs to protobuf and back. */
#include "manager/store/wire.h"

#include <string.h>

Sk__RaftMessage *wire_pack(const struct raft_message *message, struct arena *arena)
{
        Sk__RaftMessage *wire = arena_alloc(arena, sizeof *wire);

        sk__raft_message__init(wire);
        wire->kind = message->kind;
        wire->from = message->from;
        wire->to = message->to;
        wire->term = message->term;
        wire->log_index = message->log_index;
        wire->log_term = message->log_term;
        wire->commit = message->commit;
        wire->match = message->match;
        wire->hint_index = message->hint_index;
        wire->hint_term = message->hint_term;
        wire->read_id = message->read_id;
        wire->read_index = message->read_index;
        wire->stamp = message->stamp;
        wire->reject = message->reject;
        wire->is_transfer = message->is_transfer;
        wire->entries = arena_alloc(arena, message->n_entries * sizeof *wire->entries);
        for (size_t i = 0; i < message->n_entries; i++) {
                const struct raft_entry *entry = message->entries[i];
                Sk__RaftEntry *copy = arena_alloc(arena, sizeof *copy);

                sk__raft_entry__init(copy);
                copy->index = entry->index;
                copy->term = entry->term;
                copy->kind = entry->kind;
                copy->data.data = (uint8_t *)entry->data;
                copy->data.len = entry->size;
                wire->entries[wire->n_entries++] = copy;
        }
        return wire;
}

static int check(const Sk__RaftMessage *wire, struct err *err)
{
        if (wire->kind >= RAFT_MESSAGE_KINDS)
                return err_set(err, ERR_INVALID, "no such kind of message");
        if (wire->n_entries && wire->kind != RAFT_APPEND)
                return err_set(err, ERR_INVALID, "only an append carries entries");
        for (size_t i = 0; i < wire->n_entries; i++)
                if (wire->entries[i]->index != wire->log_index + 1 + i ||
                    wire->entries[i]->kind >= RAFT_ENTRY_KINDS || !wire->entries[i]->term ||
                    wire->entries[i]->term > wire->term)
                        return err_set(err, ERR_INVALID, "entries that make no sense");
        return 0;
}

static struct raft_entry *entry_of(const Sk__RaftEntry *wire)
{
        struct raft_entry *entry = raft_entry_new((enum raft_entry_kind)wire->kind, wire->data.len);

        entry->index = wire->index;
        entry->term = wire->term;
        if (wire->data.len)
                memcpy(entry->data, wire->data.data, wire->data.len);
        return entry;
}

int wire_unpack(const Sk__RaftMessage *wire, struct arena *arena, struct raft_message *ret,
                struct err *err)
{
        struct raft_entry **entries;

        TRY(check(wire, err));
        entries = arena_alloc(arena, wire->n_entries * sizeof *entries);
        for (size_t i = 0; i < wire->n_entries; i++)
                entries[i] = entry_of(wire->entries[i]);
        *ret = (struct raft_message){
                .kind = (enum raft_message_kind)wire->kind,
                .from = wire->from,
                .to = wire->to,
                .term = wire->term,
                .log_index = wire->log_index,
                .log_term = wire->log_term,
                .commit = wire->commit,
                .match = wire->match,
                .hint_index = wire->hint_index,
                .hint_term = wire->hint_term,
                .read_id = wire->read_id,
                .read_index = wire->read_index,
                .stamp = wire->stamp,
                .reject = wire->reject,
                .is_transfer = wire->is_transfer,
                .entries = entries,
                .n_entries = wire->n_entries,
        };
        return 0;
}

void wire_done(struct raft_message *message)
{
        for (size_t i = 0; i < message->n_entries; i++)
                raft_entry_unref(message->entries[i]);
        message->n_entries = 0;
}
