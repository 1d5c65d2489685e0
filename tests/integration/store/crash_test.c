/* kill -9 at any moment, under load: what was acknowledged is there, what was never asked for is
 * not, groups are whole, and a commit that is repeated is applied once.
 *
 * SKEP_CRASHES sets how often (20). */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "tests/integration/store/fixture.h"

enum { WRITERS = 32, IDS = 2 * WRITERS };

/* A writer counts up two tasks at once, one commit after the other. */
struct writer {
        struct load *load;
        char ids[2][ID_SIZE];
        uint64_t sent, acknowledged; /* the count of the last commit sent, answered */
        uint64_t acknowledged_version;
        uint64_t standing_version; /* of the last commit, if it was applied, answered or not */
        char request_id[ID_SIZE];
        bool is_open;
};

struct load {
        struct fixture *fixture;
        struct arena arena;
        struct writer writers[WRITERS];
        bool is_stopping;
};

/* --- writing --- */

static Sk__Change *counting(struct load *load, const char *id, uint64_t count)
{
        struct arena *arena = &load->arena;
        Sk__Change *change = arena_alloc(arena, sizeof *change);
        Sk__Part *part = arena_alloc(arena, sizeof *part);
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;

        sk__change__init(change);
        sk__part__init(part);
        definition.slot = count;
        message_pack(arena, &definition.base, &part->data.data, &part->data.len);
        change->op = count == 1 ? SK__CHANGE__OP__CREATE : SK__CHANGE__OP__UPDATE;
        change->kind = SK__KIND__KIND_TASK;
        change->id = (char *)id;
        change->parts = arena_alloc(arena, sizeof part);
        change->parts[0] = part;
        change->n_parts = 1;
        return change;
}

static void write_next(struct writer *writer);

static void written(void *context, const void *out, const struct err *err)
{
        struct writer *writer = context;
        const Sk__CommitResponse *response = out;

        writer->is_open = false;
        if (err)
                return;
        CHECK(!response->n_results);
        writer->acknowledged = writer->sent;
        writer->acknowledged_version = response->version;
        if (!writer->load->is_stopping)
                write_next(writer);
}

static void write_again(struct writer *writer)
{
        struct load *load = writer->load;
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__Change *changes[2];

        for (size_t i = 0; i < 2; i++)
                changes[i] = counting(load, writer->ids[i], writer->sent);
        group.changes = changes;
        group.n_changes = 2;
        request.groups = groups;
        request.n_groups = 1;
        request.request_id = writer->request_id;
        writer->is_open = true;
        rpc_client_call(load->fixture->client, RPC_METHOD(store, Commit), &request.base,
                        20 * NS_PER_S, true, written, writer);
        arena_clear(&load->arena);
}

static void write_next(struct writer *writer)
{
        writer->sent++;
        os_random_id(writer->request_id);
        write_again(writer);
}

static void turn_for(struct load *load, int64_t ms)
{
        int64_t until = loop_now_boot(load->fixture->loop) + ms * NS_PER_MS;

        while (loop_now_boot(load->fixture->loop) < until)
                CHECK(loop_turn(load->fixture->loop, 1, NULL) == 0);
}

static void wait_all(struct load *load)
{
        for (size_t i = 0; i < WRITERS; i++)
                while (load->writers[i].is_open)
                        CHECK(loop_turn(load->fixture->loop, 100, NULL) == 0);
}

/* --- looking --- */

static uint64_t count_of(const Sk__ReadResponse *all, const char *id, uint64_t *ret_version)
{
        struct arena arena = { 0 };
        ProtobufCMessage *message;
        uint64_t count = 0;

        for (size_t i = 0; i < all->n_objects; i++) {
                const Sk__Event *event = all->objects[i];

                if (strcmp(event->id, id) != 0)
                        continue;
                assert_int_equal(message_unpack(&arena, &sk__task_definition__descriptor,
                                                event->parts[0]->data.data,
                                                event->parts[0]->data.len, &message, NULL),
                                 0);
                count = ((Sk__TaskDefinition *)message)->slot;
                *ret_version = event->meta->versions[0];
        }
        arena_done(&arena);
        return count;
}

static void compare(struct writer *writer, uint64_t count, uint64_t version)
{
        assert_true(count >= writer->acknowledged);
        assert_true(count <= writer->sent);
        if (count == writer->acknowledged && count)
                assert_int_equal(version, writer->acknowledged_version);
        writer->standing_version = count == writer->sent ? version : 0;
}

static void look(struct load *load)
{
        struct arena arena = { 0 };
        const Sk__ReadResponse *all = fixture_read_all(load->fixture, SK__KIND__KIND_TASK, &arena);

        for (size_t i = 0; i < WRITERS; i++) {
                struct writer *writer = &load->writers[i];
                uint64_t versions[2] = { 0 }, counts[2];

                for (size_t j = 0; j < 2; j++)
                        counts[j] = count_of(all, writer->ids[j], &versions[j]);
                assert_int_equal(counts[0], counts[1]);
                assert_int_equal(versions[0], versions[1]);
                compare(writer, counts[0], versions[0]);
        }
        arena_done(&arena);
}

/* All repeat their last commit under its request id: what was applied is not applied again, so the
 * version they are told is the one that stands. */
static void ask_again(struct load *load)
{
        load->is_stopping = true;
        for (size_t i = 0; i < WRITERS; i++)
                if (load->writers[i].sent)
                        write_again(&load->writers[i]);
        wait_all(load);
        load->is_stopping = false;
        for (size_t i = 0; i < WRITERS; i++) {
                const struct writer *writer = &load->writers[i];

                assert_int_equal(writer->acknowledged, writer->sent);
                if (writer->standing_version)
                        assert_int_equal(writer->acknowledged_version, writer->standing_version);
        }
}

static void load_init(struct load *load, struct fixture *fixture)
{
        load->fixture = fixture;
        for (size_t i = 0; i < WRITERS; i++) {
                load->writers[i].load = load;
                for (size_t j = 0; j < 2; j++)
                        os_random_id(load->writers[i].ids[j]);
        }
}

static void nothing_acknowledged_is_lost_whenever_the_store_is_killed(void **state)
{
        static const char *const arguments[] = { "--compact-after", "200", "--compact-keep", "10",
                                                 NULL };
        struct load load = { 0 };
        struct random random;
        const char *crashes = getenv("SKEP_CRASHES");
        int n = crashes ? atoi(crashes) : 20;
        uint64_t seed, total = 0;

        os_random(&seed, sizeof seed);
        printf("seed %llu\n", (unsigned long long)seed);
        random_init(&random, seed);
        load_init(&load, *state);
        for (int i = 0; i < n; i++) {
                fixture_start(load.fixture, arguments);
                look(&load);
                ask_again(&load);
                look(&load);
                for (size_t j = 0; j < WRITERS; j++)
                        write_next(&load.writers[j]);
                turn_for(&load, random_between(&random, 1, 700));
                load.is_stopping = true;
                /* Now and then in peace, when all is on disk and the log is not needed. */
                if (random_below(&random, 4) == 0)
                        turn_for(&load, 700);
                fixture_kill(load.fixture);
                wait_all(&load);
                load.is_stopping = false;
        }
        for (size_t i = 0; i < WRITERS; i++)
                total += load.writers[i].acknowledged;
        printf("commits acknowledged over %d crashes: %llu\n", n, (unsigned long long)total);
        assert_true(total > (uint64_t)n);
        arena_done(&load.arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        nothing_acknowledged_is_lost_whenever_the_store_is_killed, fixture_setup,
                        fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
