/* One Raft server under test. */
#include "tests/unit/manager/store/raft/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

enum { ENTRIES_MAX = 10000 };

struct server *server_restored(const struct raft_restore *restore, struct raft_entry *const *log,
                               size_t n)
{
        struct server *server = mem_alloc(sizeof *server);
        struct raft_config config = raft_config_default();
        struct err err = { 0 };

        config.id = ME;
        config.seed = 7;
        server->now = 1000000000;
        CHECK(raft_new(&config, restore, &server->raft, &err) == 0);
        for (size_t i = 0; i < n; i++) {
                CHECK(raft_load(server->raft, log[i], &err) == 0);
                raft_entry_unref(log[i]);
        }
        CHECK(raft_start(server->raft, server->now, &err) == 0);
        return server;
}

struct server *server_new(const uint64_t *voters)
{
        struct raft_restore restore = { 0 };

        for (; *voters; voters++)
                restore.snapshot.members.member[restore.snapshot.members.n++].id = *voters;
        return server_restored(&restore, NULL, 0);
}

void server_free(struct server *server)
{
        raft_free(server->raft);
        free(server);
}

const struct raft_effects *server_step(struct server *server, struct raft_event event)
{
        event.now = server->now += 1000;
        return server->effects = raft_step(server->raft, &event);
}

const struct raft_effects *server_tick(struct server *server, int64_t after_ns)
{
        server->now += after_ns;
        return server_step(server, (struct raft_event){ .kind = RAFT_TICK });
}

const struct raft_effects *server_propose(struct server *server, size_t n, size_t size)
{
        static struct raft_entry *entries[ENTRIES_MAX];

        CHECK(n <= ENTRIES_MAX);
        for (size_t i = 0; i < n; i++)
                entries[i] = raft_entry_new(RAFT_COMMAND, size);
        server_step(server, (struct raft_event){ .kind = RAFT_PROPOSE, .propose = { entries, n } });
        for (size_t i = 0; i < n; i++)
                raft_entry_unref(entries[i]);
        return server->effects;
}

const struct raft_effects *server_persisted(struct server *server)
{
        return server_step(server, (struct raft_event){ .kind = RAFT_PERSISTED,
                                                        .persisted = server->effects->write.id });
}

const struct raft_effects *server_applied(struct server *server)
{
        return server_step(server, (struct raft_event){ .kind = RAFT_APPLIED,
                                                        .applied = server->effects->apply_to });
}

const struct raft_effects *server_receive(struct server *server, struct raft_message message)
{
        message.to = ME;
        return server_step(server,
                           (struct raft_event){ .kind = RAFT_RECEIVED, .received = &message });
}

const struct raft_effects *server_receive_append(struct server *server, struct raft_message message,
                                                 const uint64_t *terms)
{
        struct raft_entry *entries[64];

        message.kind = RAFT_APPEND;
        message.entries = entries;
        for (; terms[message.n_entries]; message.n_entries++)
                entries[message.n_entries] = an_entry(message.log_index + 1 + message.n_entries,
                                                      terms[message.n_entries]);
        server_receive(server, message);
        for (size_t i = 0; i < message.n_entries; i++)
                raft_entry_unref(entries[i]);
        return server->effects;
}

const struct raft_message *server_message(const struct server *server, uint64_t to)
{
        for (size_t i = 0; i < server->effects->n_messages; i++)
                if (server->effects->messages[i].to == to)
                        return &server->effects->messages[i];
        fail_msg("no message to %llu", (unsigned long long)to);
        return NULL;
}

struct raft_entry *an_entry(uint64_t index, uint64_t term)
{
        struct raft_entry *entry = raft_entry_new(RAFT_COMMAND, 16);

        entry->index = index;
        entry->term = term;
        return entry;
}

struct raft_status server_status(const struct server *server)
{
        struct raft_status status;

        raft_status(server->raft, &status);
        return status;
}
