/* StreamEvents: what happens to objects, in words. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/show.h"
#include "manager/api_server/watch.h"

enum { EVENTS_PER_MESSAGE = 256, ATTRIBUTES_MAX = 8 };

struct event_watcher {
        struct watcher watcher;
        Sk__Filter **filters;
        size_t n_filters;
        uint64_t n_dropped; /* told when the reader has caught up */
};

/* Kinds that people hear of; the others are our own business. */
static const char *event_type(Sk__Kind kind)
{
        switch (kind) {
        case SK__KIND__KIND_SERVICE:
        case SK__KIND__KIND_NODE:
        case SK__KIND__KIND_TASK:
        case SK__KIND__KIND_NETWORK:
        case SK__KIND__KIND_SECRET:
        case SK__KIND__KIND_CONFIG:
        case SK__KIND__KIND_VOLUME:
                return object_kind(kind)->name;
        default:
                return NULL;
        }
}

static void add_attribute(struct call *call, Sk__ClusterEvent *event, const char *key,
                          const char *value)
{
        Sk__Label *label;

        if (str_is_empty(value) || event->n_attributes == ATTRIBUTES_MAX)
                return;
        label = CALL_NEW(call, Sk__Label, SK__LABEL__INIT);
        label->key = key;
        label->value = arena_strdup(call->arena, value);
        event->attributes[event->n_attributes++] = label;
}

static void describe_task(struct call *call, Sk__ClusterEvent *event, const Sk__Task *task)
{
        const Sk__Service *service = view_service(call->view, task->definition->service_id);
        char name[160];

        if (service) {
                task_slot_name(task, service->name, name, sizeof name);
                add_attribute(call, event, "name", name);
        }
        add_attribute(call, event, "state", task_state_name(task_state(task)));
        add_attribute(call, event, "desired", task_state_name(task->definition->desired_state));
        add_attribute(call, event, "service", task->definition->service_id);
        add_attribute(call, event, "node", task_node(task));
        add_attribute(call, event, "err", task->status ? task->status->err : "");
}

static void describe(struct call *call, Sk__ClusterEvent *event, Sk__Kind kind, const char *id)
{
        const struct object_head *object = view_find(call->view, kind, id);
        static const char *const node_states[] = { "unknown", "down", "ready", "disconnected" };

        if (!object)
                return;
        if (kind == SK__KIND__KIND_TASK) {
                describe_task(call, event, (const Sk__Task *)object);
                return;
        }
        add_attribute(call, event, "name", object->name);
        if (kind == SK__KIND__KIND_NODE) {
                const Sk__Node *node = (const Sk__Node *)object;

                if (node->status && node->status->state < COUNT_OF(node_states))
                        add_attribute(call, event, "state", node_states[node->status->state]);
        }
}

/* Was the object made by the change this news tells of? */
static bool is_creation(const Sk__Event *event)
{
        return event->meta && event->meta->created_at_ns == event->meta->updated_at_ns;
}

static Sk__ClusterEvent *event_of(struct call *call, const Sk__Event *news)
{
        Sk__ClusterEvent *event = CALL_NEW(call, Sk__ClusterEvent, SK__CLUSTER_EVENT__INIT);

        event->attributes = arena_alloc(call->arena, ATTRIBUTES_MAX * sizeof *event->attributes);
        event->type = event_type(news->kind);
        event->id = news->id;
        event->at_ns = news->meta ? news->meta->updated_at_ns : view_now(call->view);
        if (news->op == SK__EVENT__OP__REMOVE)
                event->action = "remove";
        else
                event->action = is_creation(news) ? "create" : "update";
        describe(call, event, news->kind, news->id);
        if (news->op == SK__EVENT__OP__REMOVE)
                add_attribute(call, event, "name", news->name);
        return event;
}

static bool event_matches(const struct event_watcher *watching, const Sk__ClusterEvent *event)
{
        Sk__Filter *const *filters = watching->filters;
        size_t n = watching->n_filters;
        const Sk__Filter *subject = filters_find(filters, n, event->type);
        const char *name = "";

        for (size_t i = 0; i < event->n_attributes; i++)
                if (strcmp(event->attributes[i]->key, "name") == 0)
                        name = event->attributes[i]->value;
        if (!filters_match_exact(filters, n, "type", event->type) ||
            !filters_match_exact(filters, n, "event", event->action))
                return false;
        return !subject || filters_match_exact(filters, n, event->type, event->id) ||
               filters_match_exact(filters, n, event->type, name);
}

static void events_news(struct watcher *watcher, const Sk__Event *const *events, size_t n_events)
{
        struct event_watcher *watching = (struct event_watcher *)watcher;
        Sk__StreamEventsResponse out = SK__STREAM_EVENTS_RESPONSE__INIT;
        struct arena arena = { 0 };
        struct call call = { .view = mirror_view(watcher->api->mirror), .arena = &arena };

        out.events = arena_alloc(&arena, EVENTS_PER_MESSAGE * sizeof *out.events);
        for (size_t i = 0; i < n_events; i++) {
                Sk__ClusterEvent *event;

                if (!event_type(events[i]->kind))
                        continue;
                event = event_of(&call, events[i]);
                if (event_matches(watching, event))
                        out.events[out.n_events++] = event;
                if (out.n_events == EVENTS_PER_MESSAGE) {
                        rpc_call_write(watcher->rpc, &out.base);
                        out.n_events = 0;
                }
        }
        if (out.n_events && !rpc_call_write(watcher->rpc, &out.base)) {
                struct err err;

                err_set(&err, ERR_EXHAUSTED,
                        "events came faster than they were read: some were missed, ask again");
                watcher_fail(watcher, &err);
        }
        arena_done(&arena);
}

static void events_closed(void *context, struct rpc_call *rpc)
{
        (void)rpc;
        watcher_remove(context);
}

void stream_events(void *context, struct rpc_call *rpc, const Sk__StreamEventsRequest *in)
{
        static const char *const known[] = { "type",    "event",  "node",   "service", "task",
                                             "network", "secret", "config", "volume",  NULL };
        static const struct rpc_call_events events = { .closed = events_closed };
        struct event_watcher *watching = arena_alloc(rpc_call_arena(rpc), sizeof *watching);
        struct daemon *daemon = context;
        struct err err;

        if (filters_check(in->filters, in->n_filters, known, &err) < 0) {
                rpc_fail(rpc, &err);
                return;
        }
        watching->filters = in->filters;
        watching->n_filters = in->n_filters;
        watching->watcher.news = events_news;
        rpc_call_on(rpc, &events, watching);
        watcher_add(daemon->state, &watching->watcher, rpc);
}
