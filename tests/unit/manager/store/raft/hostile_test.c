/* Whatever other servers say, this one goes on: it refuses, it never fails a check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "tests/unit/manager/store/raft/server.h"

enum { ENTRIES_MAX = 4, STEPS = 3000, LIVES = 150 };

/* Small numbers, so that nonsense often looks plausible. */
static uint64_t some(struct random *random)
{
        return random_below(random, 50) ? random_below(random, 12) : random_next(random);
}

static struct raft_entry *some_entry(struct random *random, uint64_t index, uint64_t term)
{
        struct raft_entry *entry = raft_entry_new((enum raft_entry_kind)random_below(random, 4),
                                                  random_below(random, 40));

        for (size_t i = 0; i < entry->size; i++)
                entry->data[i] = (uint8_t)random_below(random, 4);
        entry->index = random_below(random, 30) ? index : some(random);
        entry->term = random_below(random, 30) ? term : some(random);
        return entry;
}

static void receive_nonsense(struct server *server, struct random *random)
{
        struct raft_status status = server_status(server);
        uint64_t term =
                random_below(random, 10) ? status.term + random_below(random, 2) : some(random);
        struct raft_entry *entries[ENTRIES_MAX];
        struct raft_message message = {
                .kind = (enum raft_message_kind)random_below(random, RAFT_MESSAGE_KINDS + 1),
                .from = random_below(random, 5),
                .term = term,
                .log_index = random_below(random, 3) ? status.last_index : some(random),
                .log_term = random_below(random, 3) ? status.term : some(random),
                .commit = some(random),
                .match = random_below(random, 3) ? status.last_index : some(random),
                .hint_index = some(random),
                .hint_term = some(random),
                .read_id = some(random),
                .read_index = some(random),
                .stamp = random_below(random, 3) ? server->now : (int64_t)some(random),
                .reject = random_below(random, 2),
                .is_transfer = random_below(random, 2),
                .entries = entries,
                .n_entries = random_below(random, ENTRIES_MAX + 1),
        };

        for (size_t i = 0; i < message.n_entries; i++)
                entries[i] = some_entry(random, message.log_index + 1 + i, message.term);
        server_receive(server, message);
        for (size_t i = 0; i < message.n_entries; i++)
                raft_entry_unref(entries[i]);
}

static void receive_odd_snapshot(struct server *server, struct random *random)
{
        struct raft_snapshot snapshot = { .index = some(random), .term = some(random) };

        snapshot.members.n = random_below(random, 4);
        for (size_t i = 0; i < snapshot.members.n; i++)
                snapshot.members.member[i].id = random_below(random, 10) ? i + 1 : some(random);
        server_step(server,
                    (struct raft_event){ .kind = RAFT_SNAPSHOT_RECEIVED,
                                         .snapshot_received = { random_below(random, 4),
                                                                some(random), &snapshot } });
}

/* Writes under way are reported at any time, in order. */
static void live(struct server *server, struct random *random)
{
        uint64_t persisted = 0;

        for (int i = 0; i < STEPS; i++) {
                switch (random_below(random, 8)) {
                case 0:
                        server_tick(server, (int64_t)random_below(random, 400) * NS_PER_MS);
                        break;
                case 1:
                        persisted += random_below(random, server->written - persisted + 1);
                        server_step(server, (struct raft_event){ .kind = RAFT_PERSISTED,
                                                                 .persisted = persisted });
                        break;
                case 2:
                        server_step(server, (struct raft_event){ .kind = RAFT_APPLIED,
                                                                 .applied = some(random) });
                        break;
                case 3:
                        server_step(server, (struct raft_event){ .kind = RAFT_COMPACT,
                                                                 .compact = { some(random) } });
                        break;
                case 4:
                        if (!random_below(random, 20))
                                receive_odd_snapshot(server, random);
                        break;
                default:
                        receive_nonsense(server, random);
                }
        }
}

static void nonsense_breaks_nothing(void **state)
{
        struct random random;

        (void)state;
        for (uint64_t seed = 0; seed < LIVES; seed++) {
                struct server *server = server_new(seed % 3 ? VOTERS(1, 2, 3) : VOTERS(1));

                random_init(&random, seed);
                live(server, &random);
                server_free(server);
        }
}

/* A term that cannot be followed by another would end all elections, and it is written down. */
static void the_last_of_all_terms_is_refused(void **state)
{
        struct server *server = server_new(VOTERS(1, 2, 3));
        struct raft_snapshot snapshot = { .index = 5, .term = 1, .members = { .n = 0 } };

        (void)state;
        server_receive(server, (struct raft_message){
                                       .kind = RAFT_HEARTBEAT, .from = 2, .term = UINT64_MAX });
        assert_int_equal(server->effects->refused, ERR_INVALID);
        server_step(server,
                    (struct raft_event){ .kind = RAFT_SNAPSHOT_RECEIVED,
                                         .snapshot_received = { 2, UINT64_MAX, &snapshot } });
        assert_int_equal(server->effects->refused, ERR_INVALID);
        assert_int_equal(server_status(server).term, 0);
        server_free(server);
}

static void a_malformed_configuration_is_refused(void **state)
{
        static const uint8_t malformed[][12] = {
                { 0 }, { 1, 200 }, { 1, 1 }, { 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2 }
        };

        (void)state;
        for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
                struct raft_entry *entry = raft_entry_new(RAFT_MEMBERS_ARE, 11);
                struct raft_members members;
                struct err err;

                memcpy(entry->data, malformed[i], 11);
                assert_int_equal(raft_entry_members(entry, &members, NULL, NULL, &err),
                                 ERR_INVALID);
                raft_entry_unref(entry);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nonsense_breaks_nothing),
                cmocka_unit_test(the_last_of_all_terms_is_refused),
                cmocka_unit_test(a_malformed_configuration_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
