/* The store in one function: the truth, and who is told. */
#include "tests/sim/cluster/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/state/task_life.h"
#include "tests/golden/plan_text.h"

void news_unref(struct news *news)
{
        if (!--news->n_readers)
                arena_done(&news->arena);
}

static void mix(struct sim *sim, const void *data, size_t size)
{
        uint64_t words[2] = { sim->result.hash, hash_bytes(data, size) };

        sim->result.hash = hash_bytes(words, sizeof words);
}

static void mix_event(struct sim *sim, const Sk__Event *event)
{
        mix(sim, &sim->world.now, sizeof sim->world.now);
        mix(sim, event->id, strlen(event->id));
        for (size_t i = 0; i < event->n_parts; i++)
                mix(sim, event->parts[i]->data.data, event->parts[i]->data.len);
}

static void trace(struct sim *sim, const struct plan *plan)
{
        struct vec lines = VEC_OF(const char *);
        struct arena arena = { 0 };
        int64_t ms = (sim->world.now - sim->begun) / NS_PER_MS;

        plan_text(sim->world.view, plan, &arena, &lines);
        for (size_t i = 0; i < lines.n; i++)
                printf("%5" PRIi64 ".%03" PRIi64 " %s\n", ms / 1000, ms % 1000,
                       VEC_AT(&lines, const char *, i));
        vec_done(&lines);
        arena_done(&arena);
}

/* Nodes of tasks that are there before: a removed task's agent is told too. */
static void tell_agents(struct sim *sim, const struct applied *applied)
{
        for (size_t i = 0; i < applied->n_events; i++) {
                const Sk__Event *event = applied->events[i];
                const Sk__Task *task = view_task(sim->world.view, event->id);

                if (event->kind != SK__KIND__KIND_TASK)
                        continue;
                if (task)
                        node_news(sim, task_node(task));
                for (size_t n = 0; !task && n < sim->options->n_nodes; n++)
                        if (map_find(&sim->nodes[n].tasks, event->id))
                                node_news(sim, sim->nodes[n].id);
        }
}

struct news *sim_commit(struct sim *sim, const struct plan *plan)
{
        struct news *news = arena_alloc(&sim->arena, sizeof *news);

        vec_push(&sim->all_news, &news);
        if (sim->options->shall_trace)
                trace(sim, plan);
        news->version = ++sim->world.version;
        news->now = sim->world.now;
        view_apply_plan(sim->world.view, plan, news->version, news->now, &news->arena,
                        &news->applied);
        sim->result.n_commits++;
        sim->result.n_conflicts += news->applied.n_groups - news->applied.n_accepted;
        if (news->applied.n_events)
                sim->last_commit = news->now;
        for (size_t i = 0; i < news->applied.n_events; i++)
                mix_event(sim, news->applied.events[i]);
        check_plan(sim, plan, &news->applied);
        news->n_readers = SIM_LOOPS + 1;
        for (size_t i = 0; i < SIM_LOOPS; i++)
                loop_news(&sim->loops[i], news);
        tell_agents(sim, &news->applied);
        return news;
}

static void copy_object(struct view *mirror, const struct object_head *object,
                        const struct object_kind *kind, struct arena *arena)
{
        Sk__Event *event = arena_alloc(arena, sizeof *event);
        struct err err;

        sk__event__init(event);
        event->op = SK__EVENT__OP__PUT;
        event->kind = kind->kind;
        event->id = object->id;
        event->name = object->name;
        event->meta = object->meta;
        event->parts = arena_alloc(arena, kind->n_parts * sizeof *event->parts);
        for (size_t i = 0; i < kind->n_parts; i++) {
                const ProtobufCMessage *message = object_part(object, kind, i);
                Sk__Part *part = arena_alloc(arena, sizeof *part);

                if (!message)
                        continue;
                sk__part__init(part);
                part->index = (uint32_t)i;
                message_pack(arena, message, &part->data.data, &part->data.len);
                event->parts[event->n_parts++] = part;
        }
        CHECK(view_put(mirror, event, &err) == 0);
}

struct view *sim_mirror_new(struct sim *sim)
{
        struct view *mirror = view_new();
        struct arena arena = { 0 };

        for (int i = 0; i < OBJECT_KINDS; i++) {
                const struct object_kind *kind = object_kind((Sk__Kind)i);
                struct view_cursor cursor = { 0 };
                const struct object_head *object;

                while (kind && (object = view_each(sim->world.view, kind->kind, &cursor)))
                        copy_object(mirror, object, kind, &arena);
        }
        view_set_version(mirror, view_version(sim->world.view), sim->world.now);
        arena_done(&arena);
        return mirror;
}
