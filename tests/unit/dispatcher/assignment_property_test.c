/* Whatever happens to the tasks of a node, in messages of whatever size, the agent ends up with
 * exactly what the node must know: the increments add up to the whole. */
#include "dispatcher/assignment.h"

#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "agent/worker.h"
#include "lib/base/mem.h"
#include "lib/base/random.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/task_life.h"
#include "tests/lib/build_objects.h"

enum { SEEDS = 60, STEPS = 120, SERVICES = 4, SECRETS = 3, SLOTS = 5 };

struct fixture {
        struct world world;
        struct random random;
        struct assignment_index index;
        struct assignment assignment;
        struct worker worker;
        struct arena arena;
};

static const char *name(struct fixture *f, const char *what, uint64_t i)
{
        return arena_printf(&f->arena, "%s%llu", what, (unsigned long long)i);
}

/* --- what happens --- */

static void build_world(struct fixture *f)
{
        world_init(&f->world);
        a_node(&f->world, "n1");
        a_node(&f->world, "n2");
        for (uint64_t i = 0; i < SECRETS; i++)
                a_secret(&f->world, name(f, "key", i));
        for (uint64_t i = 0; i < SERVICES; i++) {
                Sk__ServiceSpec *spec = a_spec(&f->world, name(f, "web", i), SLOTS);
                Sk__ContainerSpec *container = spec->task->container;

                container->secrets = arena_alloc(&f->world.arena, SECRETS * sizeof(void *));
                for (uint64_t k = 0; k < i && k < SECRETS; k++) {
                        Sk__FileReference *file = arena_alloc(&f->world.arena, sizeof *file);

                        sk__file_reference__init(file);
                        file->id = an_id(&f->world, name(f, "key", k));
                        container->secrets[container->n_secrets++] = file;
                }
                a_service_of(&f->world, spec);
        }
}

static const Sk__Task *any_task(struct fixture *f)
{
        size_t n = view_count(f->world.view, SK__KIND__KIND_TASK);
        uint64_t chosen = n ? random_below(&f->random, n) : 0;
        struct view_cursor cursor = { 0 };
        const struct object_head *task = NULL;

        for (uint64_t i = 0; n && i <= chosen; i++)
                task = view_each(f->world.view, SK__KIND__KIND_TASK, &cursor);
        return (const Sk__Task *)task;
}

static const char *create_one(struct fixture *f)
{
        const char *service = name(f, "web", random_below(&f->random, SERVICES));
        const char *node = random_below(&f->random, 4) ? "n1" : "n2";
        bool is_placed = random_below(&f->random, 5);

        return a_task(&f->world, service, 1 + random_below(&f->random, SLOTS),
                      is_placed ? SK__TASK_STATE__TASK_ASSIGNED : SK__TASK_STATE__TASK_PENDING,
                      is_placed ? node : NULL)
                ->id;
}

/* Does one thing to the world and returns the id of the task it was done to; NULL: nothing
 * happened. */
static const char *happen(struct fixture *f)
{
        const Sk__Task *task = any_task(f);
        const char *id = task ? arena_strdup(&f->arena, task->id) : NULL;

        switch (task ? random_below(&f->random, 6) : 0) {
        case 0:
        case 1:
                return arena_strdup(&f->arena, create_one(f));
        case 2:
                if (task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED && !task_is_over(task))
                        is_now(&f->world, task, SK__TASK_STATE__TASK_RUNNING, "");
                return id;
        case 3:
                if (task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED && !task_is_over(task))
                        is_now(&f->world, task, SK__TASK_STATE__TASK_FAILED, "x");
                return id;
        case 4:
                if (task->definition->desired_state < SK__TASK_STATE__TASK_SHUTDOWN)
                        shall_be(&f->world, task, SK__TASK_STATE__TASK_SHUTDOWN);
                return id;
        default:
                no_more(&f->world, SK__KIND__KIND_TASK, id);
                return id;
        }
}

/* --- what is told --- */

static void tell(struct fixture *f, size_t messages_most)
{
        size_t size_max = 1 + random_below(&f->random, 2000);
        const Sk__Assignments *message;
        struct err err;

        while (messages_most-- > 0 &&
               (message = assignment_next(&f->assignment, f->world.view, size_max, &f->arena)))
                if (worker_apply(&f->worker, message, &err) < 0)
                        fail_msg("%s", err.text);
}

static void reconnect(struct fixture *f)
{
        assignment_done(&f->assignment);
        assignment_init(&f->assignment, an_id(&f->world, "n1"), &f->index);
        worker_expect_complete(&f->worker);
}

/* --- what must be so --- */

static void check_task(struct fixture *f, const Sk__Task *task)
{
        bool is_needed = task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED &&
                         str_equal(task_node(task), an_id(&f->world, "n1"));
        bool may_run = !task_is_over(task) &&
                       task->definition->desired_state <= SK__TASK_STATE__TASK_COMPLETE;
        const Sk__TaskAssignment *told = worker_task(&f->worker, task->id, &f->arena);
        struct executor_input input;
        bool lacks_files;

        assert_int_equal(told != NULL, is_needed);
        if (!told)
                return;
        assert_true(message_equal(&told->definition->base, &task->definition->base));
        assert_int_equal(worker_input(&f->worker, task->id, &f->arena, &input, &lacks_files, NULL),
                         0);
        if (may_run)
                assert_false(lacks_files);
}

static size_t count(const struct map *items)
{
        return items->n;
}

/* Is there no spec that no task names, no secret that no task that may run needs? */
static void check_nothing_more(struct fixture *f)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n_tasks = 0, n_specs = 0, n_secrets = 0;
        bool spec[SERVICES] = { 0 }, secret[SECRETS] = { 0 };

        while ((task = view_each_node_task(f->world.view, an_id(&f->world, "n1"), &cursor))) {
                uint64_t i = 0;

                n_tasks++;
                while (!str_equal(an_id(&f->world, name(f, "web", i)),
                                  task->definition->service_id))
                        i++;
                spec[i] = true;
                for (uint64_t k = 0; k < i && k < SECRETS; k++)
                        secret[k] |= !task_is_over(task) && task->definition->desired_state <=
                                                                    SK__TASK_STATE__TASK_COMPLETE;
        }
        for (size_t i = 0; i < SERVICES; i++)
                n_specs += spec[i];
        for (size_t i = 0; i < SECRETS; i++)
                n_secrets += secret[i];
        assert_int_equal(count(&f->worker.items[WORKER_TASK]), n_tasks);
        assert_int_equal(count(&f->worker.items[WORKER_SPEC]), n_specs);
        assert_int_equal(count(&f->worker.items[WORKER_SECRET]), n_secrets);
}

static void check(struct fixture *f)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *task;

        tell(f, SIZE_MAX);
        while ((task = view_each(f->world.view, SK__KIND__KIND_TASK, &cursor)))
                check_task(f, (const Sk__Task *)task);
        check_nothing_more(f);
        arena_clear(&f->arena);
}

static void run(uint64_t seed)
{
        struct fixture f = { 0 };
        const char *id;

        random_init(&f.random, seed);
        build_world(&f);
        assignment_init(&f.assignment, an_id(&f.world, "n1"), &f.index);
        worker_init(&f.worker, NULL);
        for (int step = 0; step < STEPS; step++) {
                id = happen(&f);
                if (id)
                        assignment_touch(&f.assignment, id);
                tell(&f, random_below(&f.random, 3));
                if (random_below(&f.random, 25) == 0)
                        reconnect(&f);
                if (random_below(&f.random, 10) == 0)
                        check(&f);
        }
        check(&f);
        assignment_done(&f.assignment);
        assignment_index_done(&f.index);
        worker_done(&f.worker);
        world_done(&f.world);
        arena_done(&f.arena);
}

static void increments_add_up_to_the_whole(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                print_message("seed %llu\n", (unsigned long long)seed);
                run(seed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(increments_add_up_to_the_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
