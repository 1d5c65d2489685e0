/* How fast a view takes news of tasks, and what a task costs: view_bench [TASKS] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/state/block.h"
#include "tests/lib/build_objects.h"

enum { SLOTS = 1000, NODES = 5000 };

/* The news of one task, as a busy cluster tells it: made, allocated, placed, running. */
struct news {
        struct arena arena;
        Sk__Event **events;
        size_t n;
};

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t heap_bytes(void)
{
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static char *name_id(struct arena *arena, const char *prefix, size_t i)
{
        char *id = arena_alloc(arena, ID_SIZE), *number = arena_printf(arena, "%s%zu", prefix, i);

        id_from_parts((const char *const[]){ number, NULL }, id);
        return id;
}

static Sk__Event *event_of(struct arena *arena, const char *id, uint32_t parts_to_tell,
                           const ProtobufCMessage *const *parts)
{
        Sk__Event *event = arena_alloc(arena, sizeof *event);

        sk__event__init(event);
        event->op = SK__EVENT__OP__PUT;
        event->kind = SK__KIND__KIND_TASK;
        event->id = id;
        event->meta = arena_alloc(arena, sizeof *event->meta);
        sk__meta__init(event->meta);
        event->meta->n_versions = 4;
        event->meta->versions = arena_alloc(arena, 4 * sizeof(uint64_t));
        event->parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof *event->parts);
        for (uint32_t i = 0; i < OBJECT_PARTS_MAX; i++) {
                Sk__Part *part;

                if (!(parts_to_tell & 1u << i))
                        continue;
                part = arena_alloc(arena, sizeof *part);
                sk__part__init(part);
                part->index = i;
                message_pack(arena, parts[i], &part->data.data, &part->data.len);
                event->parts[event->n_parts++] = part;
        }
        return event;
}

static void add_task(struct news *news, size_t n, size_t i)
{
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__TaskAllocation allocation = SK__TASK_ALLOCATION__INIT;
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        Sk__TaskStatus__Container container = SK__TASK_STATUS__CONTAINER__INIT;
        const ProtobufCMessage *const parts[] = { &definition.base, &allocation.base,
                                                  &placement.base, &status.base };
        struct arena *arena = &news->arena;
        const char *id = name_id(arena, "task", i);

        definition.service_id = name_id(arena, "service", i / SLOTS);
        definition.spec_id = name_id(arena, "spec", i / SLOTS);
        definition.slot = i % SLOTS + 1;
        definition.generation = i % SLOTS + 1;
        definition.desired_state = SK__TASK_STATE__TASK_RUNNING;
        placement.node_id = name_id(arena, "node", (i * 7919) % NODES);
        placement.at_ns = 1;
        status.state = SK__TASK_STATE__TASK_RUNNING;
        status.at_ns = 1;
        status.message = "started";
        status.container = &container;
        container.id = arena_printf(arena, "%s%s", name_id(arena, "container", i),
                                    "0123456789abcdef0123456789abcdef0123456");
        container.pid = 4711;
        news->events[i] = event_of(arena, id, 1, parts);
        news->events[n + i] = event_of(arena, id, 2, parts);
        news->events[2 * n + i] = event_of(arena, id, 4, parts);
        news->events[3 * n + i] = event_of(arena, id, 8, parts);
        news->events[4 * n + i] = event_of(arena, id, 15, parts);
}

static struct news make_news(size_t n)
{
        struct news news = { .n = n };

        news.events = mem_alloc_array(5 * n, sizeof *news.events);
        for (size_t i = 0; i < n; i++)
                add_task(&news, n, i);
        return news;
}

static void put_all(struct view *view, const struct news *news, size_t from, const char *what)
{
        double start = now();
        struct err err;

        for (size_t i = 0; i < news->n; i++)
                CHECK(view_put(view, news->events[from + i], &err) == 0);
        printf("%s: %.0f puts/s\n", what, (double)news->n / (now() - start));
}

static void look(const struct view *view, const struct news *news)
{
        double start = now();
        struct view_cursor cursor = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < news->n; i++)
                n += view_task(view, news->events[(i * 7919) % news->n]->id) != NULL;
        printf("find by id: %.0f finds/s\n", (double)n / (now() - start));
        start = now();
        for (n = 0; view_each(view, SK__KIND__KIND_TASK, &cursor); n++)
                ;
        printf("each by id: %.0f tasks/s\n", (double)n / (now() - start));
}

int main(int argc, char **argv)
{
        size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, before;
        struct news news = make_news(n);
        struct view *view = view_new();

        before = heap_bytes();
        put_all(view, &news, 0, "definition");
        put_all(view, &news, n, "allocation");
        put_all(view, &news, 2 * n, "placement");
        put_all(view, &news, 3 * n, "status");
        printf("a task with all its parts: %zu bytes\n", (heap_bytes() - before) / n);
        put_all(view, &news, 3 * n, "status again");
        look(view, &news);
        before = heap_bytes();
        view_free(view);
        view = view_new();
        put_all(view, &news, 4 * n, "all parts at once");
        view_free(view);
        arena_done(&news.arena);
        free(news.events);
        return 0;
}
