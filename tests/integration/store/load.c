/* The load and what has to be true of it. */
#include "tests/integration/store/load.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

enum { RETRY_MS = 10 };

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

static void note_answer(struct load *load)
{
        int64_t now = loop_now_boot(load->loop);

        if (load->last_answer && now - load->last_answer > load->longest_gap)
                load->longest_gap = now - load->last_answer;
        load->last_answer = now;
}

static void written(void *context, const void *out, const struct err *err)
{
        struct writer *writer = context;
        const Sk__CommitResponse *response = out;
        struct load *load = writer->load;

        if (err && load->retries) {
                writer->client++;
                loop_timer_set(load->loop, &writer->retry, RETRY_MS * NS_PER_MS);
                return;
        }
        writer->is_open = false;
        if (err)
                return;
        CHECK(!response->n_results);
        note_answer(load);
        writer->acknowledged = writer->sent;
        writer->acknowledged_version = response->version;
        if (!load->is_stopping)
                write_next(writer);
}

static void write_again(void *context)
{
        struct writer *writer = context;
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
        rpc_client_call(load->clients[writer->client % load->n_clients], RPC_METHOD(store, Commit),
                        &request.base, 20 * NS_PER_S, !load->retries, written, writer);
        arena_clear(&load->arena);
}

static void write_next(struct writer *writer)
{
        writer->sent++;
        os_random_id(writer->request_id);
        write_again(writer);
}

void load_start(struct load *load)
{
        load->is_stopping = false;
        for (size_t i = 0; i < WRITERS; i++)
                write_next(&load->writers[i]);
}

void load_turn(struct load *load, int64_t ms)
{
        int64_t until = loop_now_boot(load->loop) + ms * NS_PER_MS;

        while (loop_now_boot(load->loop) < until)
                CHECK(loop_turn(load->loop, 1, NULL) == 0);
}

void load_wait(struct load *load)
{
        for (size_t i = 0; i < WRITERS; i++)
                while (load->writers[i].is_open)
                        CHECK(loop_turn(load->loop, 100, NULL) == 0);
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

static void check_writer(struct writer *writer, uint64_t count, uint64_t version)
{
        assert_true(count >= writer->acknowledged);
        assert_true(count <= writer->sent);
        if (count == writer->acknowledged && count)
                assert_int_equal(version, writer->acknowledged_version);
        writer->standing_version = count == writer->sent ? version : 0;
}

void load_check(struct load *load, const Sk__ReadResponse *all)
{
        for (size_t i = 0; i < WRITERS; i++) {
                struct writer *writer = &load->writers[i];
                uint64_t versions[2] = { 0 }, counts[2];

                for (size_t j = 0; j < 2; j++)
                        counts[j] = count_of(all, writer->ids[j], &versions[j]);
                assert_int_equal(counts[0], counts[1]);
                assert_int_equal(versions[0], versions[1]);
                check_writer(writer, counts[0], versions[0]);
        }
}

void load_repeat(struct load *load)
{
        load->is_stopping = true;
        for (size_t i = 0; i < WRITERS; i++)
                if (load->writers[i].sent)
                        write_again(&load->writers[i]);
        load_wait(load);
        for (size_t i = 0; i < WRITERS; i++) {
                const struct writer *writer = &load->writers[i];

                assert_int_equal(writer->acknowledged, writer->sent);
                if (writer->standing_version)
                        assert_int_equal(writer->acknowledged_version, writer->standing_version);
        }
}

uint64_t load_count(const struct load *load)
{
        uint64_t n = 0;

        for (size_t i = 0; i < WRITERS; i++)
                n += load->writers[i].acknowledged;
        return n;
}

/* --- life --- */

void load_init(struct load *load, struct loop *loop)
{
        *load = (struct load){ .loop = loop };
        for (size_t i = 0; i < WRITERS; i++) {
                struct writer *writer = &load->writers[i];

                writer->load = load;
                writer->client = i;
                writer->retry.fire = write_again;
                writer->retry.context = writer;
                for (size_t j = 0; j < 2; j++)
                        os_random_id(writer->ids[j]);
        }
}

void load_done(struct load *load)
{
        for (size_t i = 0; i < WRITERS; i++)
                loop_timer_cancel(&load->writers[i].retry);
        arena_done(&load->arena);
}
