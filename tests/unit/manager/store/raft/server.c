/* One Raft server under test. */
#include "tests/unit/manager/store/raft/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"

enum { ENTRIES_MAX = 10000 };

static struct server *make(const struct raft_restore *restore, struct raft_entry *const *log,
                           size_t n, bool has_lease)
{
        struct server *server = mem_alloc(sizeof *server);
        struct raft_config config = raft_config_default();
        struct err err = { 0 };

        config.id = ME;
        config.seed = 7;
        config.lease = has_lease ? config.lease : 0;
        server->now = 1000000000;
        CHECK(raft_new(&config, restore, &server->raft, &err) == 0);
        for (size_t i = 0; i < n; i++) {
                CHECK(raft_load(server->raft, log[i], &err) == 0);
                raft_entry_unref(log[i]);
        }
        CHECK(raft_start(server->raft, server->now, &err) == 0);
        return server;
}

static struct raft_restore with_voters(const uint64_t *voters)
{
        struct raft_restore restore = { 0 };

        for (; *voters; voters++)
                restore.snapshot.members.member[restore.snapshot.members.n++].id = *voters;
        return restore;
}

struct server *server_restored(const struct raft_restore *restore, struct raft_entry *const *log,
                               size_t n)
{
        return make(restore, log, n, true);
}

struct server *server_new(const uint64_t *voters)
{
        struct raft_restore restore = with_voters(voters);

        return make(&restore, NULL, 0, true);
}

struct server *server_without_lease(const uint64_t *voters)
{
        struct raft_restore restore = with_voters(voters);

        return make(&restore, NULL, 0, false);
}

void server_free(struct server *server)
{
        raft_free(server->raft);
        free(server);
}

const struct raft_effects *server_step(struct server *server, struct raft_event event)
{
        event.now = server->now += 1000;
        server->effects = raft_step(server->raft, &event);
        if (server->effects->write.id)
                server->written = server->effects->write.id;
        return server->effects;
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
                                                        .persisted = server->written });
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

void server_lead(struct server *server)
{
        uint64_t term = server_status(server).term + 1;

        server_tick(server, NS_PER_S);
        server_receive(server, (struct raft_message){
                                       .kind = RAFT_PRE_VOTE_REPLY, .from = 2, .term = term });
        server_persisted(server);
        server_receive(server,
                       (struct raft_message){ .kind = RAFT_VOTE_REPLY, .from = 2, .term = term });
        CHECK(server->effects->role == RAFT_LEADER);
}

void server_commit_all(struct server *server)
{
        struct raft_status status = server_status(server);

        server_persisted(server);
        server_receive(server, (struct raft_message){ .kind = RAFT_APPEND_REPLY,
                                                      .from = 2,
                                                      .term = status.term,
                                                      .match = status.last_index,
                                                      .stamp = server->now });
        server_applied(server);
}

size_t server_n_messages(const struct server *server, enum raft_message_kind kind)
{
        size_t n = 0;

        for (size_t i = 0; i < server->effects->n_messages; i++)
                n += server->effects->messages[i].kind == kind;
        return n;
}

bool server_wrote_to(const struct server *server, uint64_t to)
{
        for (size_t i = 0; i < server->effects->n_messages; i++)
                if (server->effects->messages[i].to == to)
                        return true;
        return false;
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
