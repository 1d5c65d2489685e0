/* StreamEvents: what happens to objects, in words. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/state/task_life.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/show.h"
#include "manager/api_server/watch.h"

enum { EVENTS_PER_MESSAGE = 256, ATTRIBUTES_MAX = 8, PAST_MAX = 1000 };

struct event_watcher {
        struct watcher watcher;
        Sk__Filter **filters;
        size_t n_filters;
        int64_t until_ns;
};

/* Those that people hear of; the others are our own business. */
static const Sk__Kind kinds[] = {
        SK__KIND__KIND_SERVICE, SK__KIND__KIND_NODE,   SK__KIND__KIND_TASK,
        SK__KIND__KIND_NETWORK, SK__KIND__KIND_SECRET, SK__KIND__KIND_CONFIG,
        SK__KIND__KIND_VOLUME,
};

static const char *event_type(Sk__Kind kind)
{
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                if (kinds[i] == kind)
                        return object_kind(kind)->name;
        return NULL;
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

/* --- what objects still show of the past --- */

struct past {
        int64_t at_ns;
        Sk__Kind kind;
        const struct object_head *object;
        bool is_creation;
};

static int by_time(const void *a, const void *b)
{
        const struct past *x = a, *y = b;

        return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static void add_past(struct vec *past, Sk__Kind kind, const struct object_head *object,
                     const Sk__StreamEventsRequest *in)
{
        const Sk__Meta *meta = object->meta;
        int64_t until = in->until_ns ? in->until_ns : INT64_MAX;

        if (!meta)
                return;
        if (meta->created_at_ns >= in->since_ns && meta->created_at_ns <= until)
                vec_push(past, &(struct past){ meta->created_at_ns, kind, object, true });
        if (meta->updated_at_ns > meta->created_at_ns && meta->updated_at_ns >= in->since_ns &&
            meta->updated_at_ns <= until)
                vec_push(past, &(struct past){ meta->updated_at_ns, kind, object, false });
}

static void find_past(const struct view *view, const Sk__StreamEventsRequest *in,
                      struct vec *ret_past)
{
        const struct object_head *object;

        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                struct view_cursor cursor = {};

                while ((object = view_each(view, kinds[i], &cursor)))
                        add_past(ret_past, kinds[i], object, in);
        }
        vec_sort(ret_past, by_time);
}

/* The newest that match, in the order they happened; only these are described. */
static size_t describe_past(struct event_watcher *watching, struct call *call,
                            const struct vec *past, Sk__ClusterEvent **newest)
{
        size_t n = 0;

        for (size_t i = past->n; i-- > 0 && n < PAST_MAX;) {
                const struct past *one = vec_at(past, i);
                const Sk__Event news = { .kind = one->kind,
                                         .id = (char *)one->object->id,
                                         .meta = one->object->meta };
                Sk__ClusterEvent *event = event_of(call, &news);

                event->at_ns = one->at_ns;
                event->action = one->is_creation ? "create" : "update";
                if (event_matches(watching, event))
                        newest[PAST_MAX - ++n] = event;
        }
        return n;
}

static void tell_past(struct event_watcher *watching, struct api_server *api, struct rpc_call *rpc,
                      const Sk__StreamEventsRequest *in)
{
        _cleanup_(arena_done) struct arena arena = {};
        _cleanup_(vec_done) struct vec past = VEC_OF(struct past);
        struct call call = { .view = mirror_view(api->mirror), .arena = &arena };
        Sk__StreamEventsResponse out = SK__STREAM_EVENTS_RESPONSE__INIT;
        Sk__ClusterEvent *newest[PAST_MAX];
        size_t n;

        find_past(call.view, in, &past);
        n = describe_past(watching, &call, &past, newest);
        for (size_t left = n; left > 0; left -= out.n_events) {
                out.events = newest + PAST_MAX - left;
                out.n_events = left < EVENTS_PER_MESSAGE ? left : EVENTS_PER_MESSAGE;
                rpc_call_write(rpc, &out.base);
        }
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
                if (event_matches(watching, event) &&
                    (!watching->until_ns || event->at_ns <= watching->until_ns))
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
        struct api_server *api = daemon->state;
        struct err err;

        if (filters_check(in->filters, in->n_filters, known, &err) < 0) {
                rpc_fail(rpc, &err);
                return;
        }
        watching->filters = in->filters;
        watching->n_filters = in->n_filters;
        watching->until_ns = in->until_ns;
        watching->watcher.news = events_news;
        rpc_call_on(rpc, &events, watching);
        if (in->since_ns)
                tell_past(watching, api, rpc, in);
        if (in->until_ns && in->until_ns <= loop_now(daemon->loop))
                rpc_call_finish(rpc);
        else
                watcher_add(api, &watching->watcher, rpc);
}
