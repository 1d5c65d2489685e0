/* Containers that are only names. */
#include "agent/executor_fake.h"

#include <stdio.h>
#include <string.h>

#include "agent/executor_fake_enter.h"
#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/random.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

struct fake {
        struct executor executor;
        struct executor_fake_options options;
        char *hostname;
        struct random random;
        struct map containers; /* struct container */
        size_t n_handles;
        unsigned n_opens_to_fail;
        struct listing *listings;
};

struct container {
        struct fake *fake;
        char task_id[ID_SIZE], id[65];
        bool is_running;
        struct executor_exit exit; /* how it ended; told when somebody opens it */
        bool has_exited;
        struct loop_timer end, flap;
        Sk__HealthStatus readiness;
        struct executor_task *handle; /* NULL: nobody watches */
};

enum verb { VERB_NONE, VERB_OPEN, VERB_PREPARE, VERB_START, VERB_STOP, VERB_REMOVE };

struct executor_task {
        struct fake *fake;
        char task_id[ID_SIZE];
        const struct executor_events *events;
        void *context;
        enum verb verb;
        bool is_interrupted; /* the verb before has to end as cancelled first */
        struct loop_timer timer;
        struct executor_facts facts;
};

struct listing {
        struct fake *fake;
        void (*listed)(void *context, const char *const *task_ids, size_t n, const struct err *err);
        void *context;
        struct loop_timer timer;
        struct listing *next;
};

static struct container *container_of_task(const struct executor_task *task)
{
        return map_find(&task->fake->containers, task->task_id);
}

static bool happens(struct fake *fake, unsigned permille)
{
        return permille && random_below(&fake->random, 1000) < permille;
}

/* --- containers --- */

static void container_exits(struct container *container, int exit_code)
{
        container->is_running = false;
        container->has_exited = true;
        container->exit = (struct executor_exit){ .exit_code = exit_code };
        if (exit_code)
                snprintf(container->exit.err, sizeof container->exit.err,
                         "task: non-zero exit (%d)", exit_code);
        loop_timer_cancel(&container->end);
        loop_timer_cancel(&container->flap);
        if (!container->handle)
                return;
        container->handle->facts.is_running = container->handle->facts.is_unready = false;
        container->handle->facts.pid = 0;
        container->handle->events->exited(container->handle->context, &container->exit);
}

static void container_ends(void *context)
{
        struct container *container = context;

        container_exits(container, container->fake->options.exit_code);
}

static void container_free(struct container *container)
{
        loop_timer_cancel(&container->end);
        loop_timer_cancel(&container->flap);
        map_remove(&container->fake->containers, container->task_id);
        free(container);
}

static void fill_facts(struct executor_task *task)
{
        const struct container *container = container_of_task(task);

        task->facts = (struct executor_facts){};
        if (!container)
                return;
        task->facts.container_id = container->id;
        task->facts.image_digest = "sha256:fake";
        task->facts.is_running = container->is_running;
        task->facts.pid = container->is_running ? 1 : 0;
        if (!task->fake->options.flaps_ns)
                return;
        task->facts.readiness = &container->readiness;
        task->facts.is_unready = container->is_running &&
                                 container->readiness.state != SK__HEALTH_STATUS__STATE__HEALTHY;
}

static void flap_later(struct container *container)
{
        struct fake *fake = container->fake;

        if (fake->options.flaps_ns)
                loop_timer_set(fake->options.loop, &container->flap,
                               random_between(&fake->random, 1, fake->options.flaps_ns));
}

static void container_flaps(void *context)
{
        struct container *container = context;
        bool was_ready = container->readiness.state == SK__HEALTH_STATUS__STATE__HEALTHY;

        container->readiness.state =
                was_ready ? SK__HEALTH_STATUS__STATE__UNHEALTHY : SK__HEALTH_STATUS__STATE__HEALTHY;
        flap_later(container);
        if (!container->handle)
                return;
        fill_facts(container->handle);
        container->handle->events->changed(container->handle->context);
}

/* --- how verbs end --- */

static int end_open(struct executor_task *task, struct err *err)
{
        struct container *container = container_of_task(task);

        if (container)
                container->handle = task;
        if (container && container->has_exited)
                task->events->exited(task->context, &container->exit);
        if (!task->fake->n_opens_to_fail)
                return 0;
        task->fake->n_opens_to_fail--;
        return err_set(err, ERR_UNAVAILABLE, "the executor is away");
}

static int end_prepare(struct executor_task *task, struct err *err)
{
        struct fake *fake = task->fake;
        struct container *container = container_of_task(task);

        if (happens(fake, fake->options.rejected_permille))
                return err_set(err, ERR_NOT_FOUND, "No such image: fake");
        if (container)
                return 0;
        container = mem_alloc(sizeof *container);
        container->fake = fake;
        container->handle = task;
        memcpy(container->task_id, task->task_id, ID_SIZE);
        snprintf(container->id, sizeof container->id, "%s%s", task->task_id, task->task_id);
        container->end = (struct loop_timer){ .fire = container_ends, .context = container };
        container->flap = (struct loop_timer){ .fire = container_flaps, .context = container };
        sk__health_status__init(&container->readiness);
        container->readiness.state = SK__HEALTH_STATUS__STATE__STARTING;
        map_put(&fake->containers, container->task_id, container);
        return 0;
}

static int end_start(struct executor_task *task, struct err *err)
{
        struct fake *fake = task->fake;
        struct container *container = container_of_task(task);
        int64_t lives_ns = fake->options.lives_ns;

        if (!container)
                return err_set(err, ERR_INTERNAL, "nothing was prepared");
        if (happens(fake, fake->options.failed_permille))
                return err_set(err, ERR_INVALID, "the container does not start");
        container->is_running = true;
        flap_later(container);
        if (lives_ns)
                loop_timer_set(fake->options.loop, &container->end,
                               random_between(&fake->random, 1, 2 * lives_ns));
        return 0;
}

static void end_stop(struct executor_task *task)
{
        struct container *container = container_of_task(task);

        if (container && container->is_running)
                container_exits(container, 143);
}

static int end_verb(struct executor_task *task, enum verb verb, struct err *err)
{
        switch (verb) {
        case VERB_OPEN:
                return end_open(task, err);
        case VERB_PREPARE:
                return end_prepare(task, err);
        case VERB_START:
                return end_start(task, err);
        case VERB_STOP:
                end_stop(task);
                break;
        case VERB_REMOVE:
                if (container_of_task(task))
                        container_free(container_of_task(task));
                break;
        case VERB_NONE:
                break;
        }
        return 0;
}

static void verb_ends(void *context)
{
        struct executor_task *task = context;
        enum verb verb = task->verb;
        struct err err;
        int r;

        if (task->is_interrupted) {
                task->is_interrupted = false;
                err_set(&err, ERR_CANCELLED, "interrupted");
                task->events->done(task->context, &err);
        }
        task->verb = VERB_NONE;
        r = end_verb(task, verb, &err);
        fill_facts(task);
        task->events->done(task->context, r < 0 ? &err : NULL);
}

/* --- verbs --- */

static void begin(struct executor_task *task, enum verb verb, int64_t delay_ns)
{
        task->is_interrupted = task->verb != VERB_NONE;
        CHECK(!task->is_interrupted || verb == VERB_STOP);
        task->verb = verb;
        loop_timer_set(task->fake->options.loop, &task->timer, delay_ns);
}

static struct executor_task *fake_open(struct executor *executor,
                                       const struct executor_input *input,
                                       const struct executor_events *events, void *context)
{
        struct executor_task *task = mem_alloc(sizeof *task);

        task->fake = container_of(executor, struct fake, executor);
        task->fake->n_handles++;
        snprintf(task->task_id, sizeof task->task_id, "%s", input->assignment->id);
        task->events = events;
        task->context = context;
        task->timer = (struct loop_timer){ .fire = verb_ends, .context = task };
        begin(task, VERB_OPEN, 0);
        return task;
}

static void fake_prepare(struct executor_task *task)
{
        begin(task, VERB_PREPARE, task->fake->options.prepare_ns);
}

static void fake_start(struct executor_task *task)
{
        begin(task, VERB_START, task->fake->options.start_ns);
}

static void fake_shutdown(struct executor_task *task)
{
        begin(task, VERB_STOP, task->fake->options.shutdown_ns);
}

static void fake_terminate(struct executor_task *task)
{
        begin(task, VERB_STOP, 0);
}

static void fake_remove(struct executor_task *task)
{
        begin(task, VERB_REMOVE, 0);
}

static void fake_close(struct executor_task *task)
{
        struct container *container = container_of_task(task);

        if (container && container->handle == task)
                container->handle = NULL;
        task->fake->n_handles--;
        loop_timer_cancel(&task->timer);
        free(task);
}

static const struct executor_facts *fake_facts(const struct executor_task *task)
{
        return &task->facts;
}

static void fake_describe(struct executor *executor, struct arena *arena, Sk__NodeDescription *ret)
{
        const struct fake *fake = container_of(executor, struct fake, executor);

        ret->hostname = arena_strdup(arena, fake->hostname);
        ret->platform = arena_alloc(arena, sizeof *ret->platform);
        sk__platform__init(ret->platform);
        ret->platform->architecture = "x86_64";
        ret->platform->os = "linux";
        ret->resources = arena_alloc(arena, sizeof *ret->resources);
        sk__resources__init(ret->resources);
        ret->resources->nano_cpus = fake->options.nano_cpus;
        ret->resources->memory_bytes = fake->options.memory_bytes;
        ret->engine_version = "fake";
}

/* --- listing --- */

static void list_ends(void *context)
{
        struct listing *listing = context;
        const struct container *container;
        struct vec ids = VEC_OF(const char *);

        for (size_t at = 0; (container = map_next(&listing->fake->containers, &at));) {
                const char *id = container->task_id;

                vec_push(&ids, &id);
        }
        for (struct listing **at = &listing->fake->listings; *at; at = &(*at)->next)
                if (*at == listing) {
                        *at = listing->next;
                        break;
                }
        listing->listed(listing->context, ids.data, ids.n, NULL);
        vec_done(&ids);
        free(listing);
}

static void fake_list(struct executor *executor,
                      void (*listed)(void *context, const char *const *task_ids, size_t n,
                                     const struct err *err),
                      void *context)
{
        struct fake *fake = container_of(executor, struct fake, executor);
        struct listing *listing = mem_alloc(sizeof *listing);

        *listing = (struct listing){ .fake = fake,
                                     .listed = listed,
                                     .context = context,
                                     .timer = { .fire = list_ends, .context = listing },
                                     .next = fake->listings };
        fake->listings = listing;
        loop_timer_set(fake->options.loop, &listing->timer, 0);
}

static struct executor_entry *enter(struct executor *executor, const Sk__EnterStart *start,
                                    const struct executor_entry_events *events, void *context)
{
        const struct fake *fake = container_of(executor, struct fake, executor);

        (void)start;
        return fake_enter(fake->options.loop, events, context);
}

/* --- life --- */

static void fake_free(struct executor *executor)
{
        struct fake *fake = container_of(executor, struct fake, executor);
        struct container *container;
        struct listing *next;

        for (size_t at = 0; (container = map_next(&fake->containers, &at));)
                container_free(container);
        for (struct listing *listing = fake->listings; listing; listing = next) {
                next = listing->next;
                loop_timer_cancel(&listing->timer);
                free(listing);
        }
        map_done(&fake->containers);
        free(fake->hostname);
        free(fake);
}

static const struct executor_ops fake_ops = {
        .describe = fake_describe,
        .open = fake_open,
        .prepare = fake_prepare,
        .start = fake_start,
        .shutdown = fake_shutdown,
        .terminate = fake_terminate,
        .remove = fake_remove,
        .close = fake_close,
        .facts = fake_facts,
        .list = fake_list,
        .enter = enter,
        .entry_end_input = fake_entry_end_input,
        .entry_resize = fake_entry_resize,
        .entry_finish = fake_entry_finish,
        .entry_leave = fake_entry_leave,
        .free = fake_free,
};

struct executor *executor_fake_new(const struct executor_fake_options *options)
{
        struct fake *fake = mem_alloc(sizeof *fake);

        fake->executor.ops = &fake_ops;
        fake->options = *options;
        fake->hostname = str_copy(str_or(options->hostname, "fake"));
        if (!fake->options.nano_cpus)
                fake->options.nano_cpus = 4000000000;
        if (!fake->options.memory_bytes)
                fake->options.memory_bytes = (int64_t)8 << 30;
        random_init(&fake->random, options->seed);
        return &fake->executor;
}

bool executor_fake_exit(struct executor *executor, const char *task_id, int exit_code)
{
        struct fake *fake = container_of(executor, struct fake, executor);
        struct container *container = map_find(&fake->containers, task_id);

        if (!container || !container->is_running)
                return false;
        container_exits(container, exit_code);
        return true;
}

size_t executor_fake_count(const struct executor *executor)
{
        return container_of(executor, const struct fake, executor)->containers.n;
}

void executor_fake_fail_opens(struct executor *executor, unsigned n)
{
        container_of(executor, struct fake, executor)->n_opens_to_fail = n;
}

size_t executor_fake_count_handles(const struct executor *executor)
{
        return container_of(executor, const struct fake, executor)->n_handles;
}
