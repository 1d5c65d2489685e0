/* What assignments add up to. */
#include "agent/worker.h"

#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/str.h"

#define WEB "webwebwebwebwebwebwebweb1"
#define API "apiapiapiapiapiapiapiapi1"
#define SPEC "specspecspecspecspecspec1"
#define SECRET "secretsecretsecretsecret1"

struct fixture {
        struct worker worker;
        struct arena arena;
        Sk__Assignments message;
        struct err err;
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        worker_init(&f->worker, NULL);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        worker_done(&f->worker);
        arena_done(&f->arena);
        free(f);
        return 0;
}

static void begin(struct fixture *f, Sk__Assignments__Type type, uint64_t sequence)
{
        sk__assignments__init(&f->message);
        f->message.type = type;
        f->message.sequence = sequence;
        f->message.is_last = true;
        f->message.tasks = arena_alloc(&f->arena, 8 * sizeof(void *));
        f->message.specs = arena_alloc(&f->arena, 8 * sizeof(void *));
        f->message.secrets = arena_alloc(&f->arena, 8 * sizeof(void *));
}

static void complete(struct fixture *f, uint64_t sequence)
{
        begin(f, SK__ASSIGNMENTS__TYPE__COMPLETE, sequence);
}

static void incremental(struct fixture *f, uint64_t sequence)
{
        begin(f, SK__ASSIGNMENTS__TYPE__INCREMENTAL, sequence);
}

static void with_task(struct fixture *f, const char *id, Sk__TaskState desired)
{
        Sk__TaskAssignment *task = arena_alloc(&f->arena, sizeof *task);
        Sk__TaskDefinition *definition = arena_alloc(&f->arena, sizeof *definition);

        sk__task_assignment__init(task);
        sk__task_definition__init(definition);
        task->id = id;
        task->definition = definition;
        definition->spec_id = SPEC;
        definition->desired_state = desired;
        f->message.tasks[f->message.n_tasks++] = task;
}

static void with_spec_naming_a_secret(struct fixture *f)
{
        Sk__ServiceSpecRevisionEntry *entry = arena_alloc(&f->arena, sizeof *entry);
        Sk__ServiceSpecRevision *revision = arena_alloc(&f->arena, sizeof *revision);
        Sk__ServiceSpec *spec = arena_alloc(&f->arena, sizeof *spec);
        Sk__TaskSpec *task = arena_alloc(&f->arena, sizeof *task);
        Sk__ContainerSpec *container = arena_alloc(&f->arena, sizeof *container);
        Sk__FileReference *reference = arena_alloc(&f->arena, sizeof *reference);

        sk__service_spec_revision_entry__init(entry);
        sk__service_spec_revision__init(revision);
        sk__service_spec__init(spec);
        sk__task_spec__init(task);
        sk__container_spec__init(container);
        sk__file_reference__init(reference);
        entry->id = SPEC;
        entry->revision = revision;
        revision->spec = spec;
        spec->task = task;
        task->container = container;
        reference->id = SECRET;
        container->secrets = arena_alloc(&f->arena, sizeof(void *));
        container->secrets[container->n_secrets++] = reference;
        f->message.specs[f->message.n_specs++] = entry;
}

static void with_secret(struct fixture *f)
{
        Sk__SecretEntry *entry = arena_alloc(&f->arena, sizeof *entry);

        sk__secret_entry__init(entry);
        entry->id = SECRET;
        entry->content.data = (uint8_t *)arena_strdup(&f->arena, "hush");
        entry->content.len = 4;
        f->message.secrets[f->message.n_secrets++] = entry;
}

static int apply(struct fixture *f)
{
        return worker_apply(&f->worker, &f->message, &f->err);
}

/* "+web -api", in the order told; what is taken is gone. */
static const char *changes(struct fixture *f)
{
        struct vec taken;
        struct str text = {};
        const char *told;

        if (!worker_take_changes(&f->worker, &taken))
                return "";
        for (size_t i = 0; i < taken.n; i++) {
                const struct worker_change *change = vec_at(&taken, i);

                str_addf(&text, "%s%c%.3s", i ? " " : "", change->is_removed ? '-' : '+',
                         change->task_id);
        }
        told = arena_strdup(&f->arena, text.text);
        str_done(&text);
        vec_done(&taken);
        return told;
}

static void a_first_set_opens_its_tasks(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        assert_int_equal(apply(f), 0);
        assert_string_equal(changes(f), "+web");
}

static void the_same_set_again_changes_nothing(void **state)
{
        struct fixture *f = *state;

        for (uint64_t i = 1; i < 3; i++) {
                complete(f, i);
                with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
                apply(f);
                if (i == 1)
                        changes(f);
        }
        assert_string_equal(changes(f), "");
}

static void a_complete_set_removes_what_it_does_not_name(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        with_task(f, API, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        changes(f);
        complete(f, 1);
        with_task(f, API, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        assert_string_equal(changes(f), "-web");
}

static void a_set_in_several_messages_is_told_when_it_is_whole(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        f->message.is_last = false;
        apply(f);
        assert_string_equal(changes(f), "");
        complete(f, 1);
        with_task(f, API, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        assert_string_equal(changes(f), "+web +api");
}

static void an_incremental_set_keeps_what_it_does_not_name(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        changes(f);
        incremental(f, 2);
        with_task(f, API, SK__TASK_STATE__TASK_RUNNING);
        assert_int_equal(apply(f), 0);
        assert_string_equal(changes(f), "+api");
        assert_int_equal(worker_count_tasks(&f->worker), 2);
}

static void a_changed_desire_is_told(void **state)
{
        struct fixture *f = *state;
        const Sk__TaskAssignment *task;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        changes(f);
        incremental(f, 2);
        with_task(f, WEB, SK__TASK_STATE__TASK_SHUTDOWN);
        apply(f);
        assert_string_equal(changes(f), "+web");
        task = worker_task(&f->worker, WEB, &f->arena);
        assert_int_equal(task->definition->desired_state, SK__TASK_STATE__TASK_SHUTDOWN);
}

static void a_removed_task_is_told(void **state)
{
        struct fixture *f = *state;
        const char *removed[] = { WEB };

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        changes(f);
        incremental(f, 2);
        f->message.removed_tasks = removed;
        f->message.n_removed_tasks = 1;
        apply(f);
        assert_string_equal(changes(f), "-web");
}

static void a_gap_in_the_sequence_is_refused(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        apply(f);
        incremental(f, 3);
        assert_int_equal(apply(f), ERR_PRECONDITION);
}

static void a_new_session_must_begin_with_a_complete_set(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        apply(f);
        worker_expect_complete(&f->worker);
        incremental(f, 2);
        assert_int_equal(apply(f), ERR_PRECONDITION);
        complete(f, 1);
        assert_int_equal(apply(f), 0);
}

static void a_bad_id_is_refused(void **state)
{
        struct fixture *f = *state;

        complete(f, 1);
        with_task(f, "../../etc/passwd", SK__TASK_STATE__TASK_RUNNING);
        assert_int_equal(apply(f), ERR_INVALID);
}

static void a_task_is_made_from_its_spec_and_secrets(void **state)
{
        struct fixture *f = *state;
        struct executor_input input;
        bool lacks_files;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        with_spec_naming_a_secret(f);
        with_secret(f);
        apply(f);
        assert_int_equal(worker_input(&f->worker, WEB, &f->arena, &input, &lacks_files, &f->err),
                         0);
        assert_false(lacks_files);
        assert_int_equal(input.n_secrets, 1);
        assert_memory_equal(input.secrets[0]->content.data, "hush", 4);
}

static void a_missing_secret_is_said(void **state)
{
        struct fixture *f = *state;
        struct executor_input input;
        bool lacks_files;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        with_spec_naming_a_secret(f);
        apply(f);
        worker_input(&f->worker, WEB, &f->arena, &input, &lacks_files, &f->err);
        assert_true(lacks_files);
}

static void a_task_without_its_spec_cannot_be_made(void **state)
{
        struct fixture *f = *state;
        struct executor_input input;
        bool lacks_files;

        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        assert_int_equal(worker_input(&f->worker, WEB, &f->arena, &input, &lacks_files, &f->err),
                         ERR_NOT_FOUND);
}

/* Plays everything told to a sink into another worker. */
static void replay_put(void *context, enum worker_kind kind, const uint8_t *data, size_t size)
{
        assert_int_equal(worker_restore(context, kind, data, size, NULL), 0);
}

static void what_was_written_down_can_be_restored(void **state)
{
        struct fixture *f = *state;
        struct worker restored;
        struct worker_sink sink = { .put = replay_put, .context = &restored };

        worker_init(&restored, NULL);
        complete(f, 1);
        with_task(f, WEB, SK__TASK_STATE__TASK_RUNNING);
        apply(f);
        worker_dump(&f->worker, &sink);
        assert_non_null(worker_task(&restored, WEB, &f->arena));
        assert_false(restored.is_fresh);
        worker_done(&restored);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_first_set_opens_its_tasks),
                TEST(the_same_set_again_changes_nothing),
                TEST(a_complete_set_removes_what_it_does_not_name),
                TEST(a_set_in_several_messages_is_told_when_it_is_whole),
                TEST(an_incremental_set_keeps_what_it_does_not_name),
                TEST(a_changed_desire_is_told),
                TEST(a_removed_task_is_told),
                TEST(a_gap_in_the_sequence_is_refused),
                TEST(a_new_session_must_begin_with_a_complete_set),
                TEST(a_bad_id_is_refused),
                TEST(a_task_is_made_from_its_spec_and_secrets),
                TEST(a_missing_secret_is_said),
                TEST(a_task_without_its_spec_cannot_be_made),
                TEST(what_was_written_down_can_be_restored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
