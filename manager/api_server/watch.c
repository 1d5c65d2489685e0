/* Streams that follow the view. */
#include "manager/api_server/watch.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/state/task_life.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/show.h"

void watcher_add(struct api_server *api, struct watcher *watcher, struct rpc_call *rpc)
{
        watcher->api = api;
        watcher->rpc = rpc;
        watcher->next = api->watchers;
        watcher->back = &api->watchers;
        if (watcher->next)
                watcher->next->back = &watcher->next;
        api->watchers = watcher;
}

void watcher_remove(struct watcher *watcher)
{
        if (!watcher->back)
                return;
        *watcher->back = watcher->next;
        if (watcher->next)
                watcher->next->back = watcher->back;
        watcher->back = NULL;
}

void watcher_fail(struct watcher *watcher, const struct err *err)
{
        watcher_remove(watcher);
        rpc_fail(watcher->rpc, err);
}

void watcher_finish(struct watcher *watcher)
{
        watcher_remove(watcher);
        rpc_call_finish(watcher->rpc);
}

void watchers_news(struct api_server *api, const Sk__Event *const *events, size_t n_events)
{
        struct watcher *next;

        for (struct watcher *watcher = api->watchers; watcher; watcher = next) {
                next = watcher->next;
                watcher->news(watcher, events, n_events);
        }
}

/* --- one object that is followed --- */

struct object_watcher;

struct watched_kind {
        Sk__Kind kind;
        /* Does this news concern the object or what belongs to it? */
        bool (*is_about)(const struct view *view, const Sk__Event *event, const char *id);
        /* Writes how 'object' is, NULL: gone. */
        void (*tell)(struct object_watcher *watching, struct call *call,
                     const struct object_head *object);
};

struct object_watcher {
        struct watcher watcher;
        const struct watched_kind *kind;
        char id[64];
        struct mirror_read read;
        const char *what;
        /* What was told of a node last. */
        uint64_t told_tasks;
        Sk__NodeSpec__Availability told_availability;
        bool is_told;
        bool is_reading, is_late; /* late: there was news while the stream was full */
};

static void tell(struct object_watcher *watching)
{
        const struct view *view = mirror_view(watching->watcher.api->mirror);
        struct arena arena = { 0 };
        struct call call = { .view = view, .arena = &arena };
        const struct object_head *object = view_find(view, watching->kind->kind, watching->id);

        watching->is_late = !rpc_call_is_writable(watching->watcher.rpc);
        if (watching->is_late)
                return;
        watching->kind->tell(watching, &call, object);
        if (!object)
                watcher_finish(&watching->watcher);
        arena_done(&arena);
}

static void object_news(struct watcher *watcher, const Sk__Event *const *events, size_t n_events)
{
        struct object_watcher *watching = (struct object_watcher *)watcher;
        const struct view *view = mirror_view(watcher->api->mirror);
        bool is_concerned = !events;

        for (size_t i = 0; i < n_events && !is_concerned; i++)
                is_concerned = watching->kind->is_about(view, events[i], watching->id);
        if (is_concerned && !watching->is_reading)
                tell(watching);
}

static void object_writable(void *context, struct rpc_call *rpc)
{
        struct object_watcher *watching = context;

        (void)rpc;
        if (watching->is_late)
                tell(watching);
}

static void object_closed(void *context, struct rpc_call *rpc)
{
        struct object_watcher *watching = context;

        (void)rpc;
        if (watching->is_reading)
                mirror_read_cancel(watching->watcher.api->mirror, &watching->read);
        watcher_remove(&watching->watcher);
}

static void object_fresh(void *context, const struct err *read_err)
{
        struct object_watcher *watching = context;
        const struct object_head *object;
        struct err err;

        watching->is_reading = false;
        if (read_err) {
                watcher_fail(&watching->watcher, read_err);
                return;
        }
        if (view_resolve(mirror_view(watching->watcher.api->mirror), watching->kind->kind,
                         watching->what, &object, &err) < 0) {
                watcher_fail(&watching->watcher, &err);
                return;
        }
        snprintf(watching->id, sizeof watching->id, "%s", object->id);
        tell(watching);
}

static void watch_object(struct daemon *daemon, struct rpc_call *rpc,
                         const struct watched_kind *kind, const char *what)
{
        static const struct rpc_call_events events = { .writable = object_writable,
                                                       .closed = object_closed };
        struct object_watcher *watching = arena_alloc(rpc_call_arena(rpc), sizeof *watching);
        struct api_server *api = daemon->state;

        watching->watcher.news = object_news;
        watching->kind = kind;
        watching->what = what;
        watching->is_reading = true;
        watching->read = (struct mirror_read){ .fresh = object_fresh, .context = watching };
        watcher_add(api, &watching->watcher, rpc);
        rpc_call_on(rpc, &events, watching);
        mirror_read(api->mirror, &watching->read);
}

/* --- WatchService --- */

static bool is_about_service(const struct view *view, const Sk__Event *event, const char *id)
{
        const Sk__Task *task;

        if (event->kind == SK__KIND__KIND_SERVICE)
                return strcmp(event->id, id) == 0;
        if (event->kind != SK__KIND__KIND_TASK)
                return false;
        task = view_task(view, event->id);
        return !task || strcmp(task->definition->service_id, id) == 0;
}

static void tell_service(struct object_watcher *watching, struct call *call,
                         const struct object_head *object)
{
        Sk__WatchServiceResponse out = SK__WATCH_SERVICE_RESPONSE__INIT;

        if (object)
                show_progress(call, (const Sk__Service *)object, &out);
        out.is_gone = !object;
        rpc_call_write(watching->watcher.rpc, &out.base);
}

void watch_service(void *context, struct rpc_call *rpc, const Sk__WatchServiceRequest *in)
{
        static const struct watched_kind kind = { SK__KIND__KIND_SERVICE, is_about_service,
                                                  tell_service };

        watch_object(context, rpc, &kind, in->id);
}

/* --- WatchNode --- */

static bool is_about_node(const struct view *view, const Sk__Event *event, const char *id)
{
        const Sk__Task *task;

        if (event->kind == SK__KIND__KIND_NODE)
                return strcmp(event->id, id) == 0;
        if (event->kind != SK__KIND__KIND_TASK)
                return false;
        task = view_task(view, event->id);
        return !task || strcmp(task_node(task), id) == 0;
}

static void tell_node(struct object_watcher *watching, struct call *call,
                      const struct object_head *object)
{
        const Sk__NodeSpec *spec = object ? ((const Sk__Node *)object)->spec : NULL;
        Sk__NodeSpec__Availability availability = spec ? spec->availability : 0;
        Sk__WatchNodeResponse out = SK__WATCH_NODE_RESPONSE__INIT;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while (object && (task = view_each_node_task(call->view, object->id, &cursor)))
                out.tasks += !task_is_over(task);
        if (object && watching->is_told && watching->told_tasks == out.tasks &&
            watching->told_availability == availability)
                return;
        watching->is_told = true;
        watching->told_tasks = out.tasks;
        watching->told_availability = availability;
        out.node = object ? show_node(call, (const Sk__Node *)object) : NULL;
        out.is_gone = !object;
        rpc_call_write(watching->watcher.rpc, &out.base);
}

void watch_node(void *context, struct rpc_call *rpc, const Sk__WatchNodeRequest *in)
{
        static const struct watched_kind kind = { SK__KIND__KIND_NODE, is_about_node, tell_node };

        watch_object(context, rpc, &kind, in->id);
}
