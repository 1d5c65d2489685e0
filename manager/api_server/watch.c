/* Streams that follow the view. */
#include "manager/api_server/watch.h"

#include <string.h>

#include "lib/base/str.h"
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

/* --- WatchService --- */

struct service_watcher {
        struct watcher watcher;
        char service_id[64];
        struct mirror_read read;
        const char *what;
        bool is_reading, is_late; /* late: there was news while the stream was full */
};

static void tell_progress(struct service_watcher *watching)
{
        Sk__WatchServiceResponse out = SK__WATCH_SERVICE_RESPONSE__INIT;
        struct arena arena = { 0 };
        const struct view *view = mirror_view(watching->watcher.api->mirror);
        struct call call = { .view = view, .arena = &arena };
        const Sk__Service *service = view_service(view, watching->service_id);

        watching->is_late = !rpc_call_is_writable(watching->watcher.rpc);
        if (watching->is_late)
                return;
        if (service)
                show_progress(&call, service, &out);
        out.is_gone = !service;
        rpc_call_write(watching->watcher.rpc, &out.base);
        if (!service)
                watcher_finish(&watching->watcher);
        arena_done(&arena);
}

/* Does this news concern the service: itself, one of its tasks, one of its specs? */
static bool is_about(const struct view *view, const Sk__Event *event, const char *service_id)
{
        const Sk__Task *task;

        if (event->kind == SK__KIND__KIND_SERVICE)
                return strcmp(event->id, service_id) == 0;
        if (event->kind != SK__KIND__KIND_TASK)
                return false;
        task = view_task(view, event->id);
        return !task || strcmp(task->definition->service_id, service_id) == 0;
}

static void service_news(struct watcher *watcher, const Sk__Event *const *events, size_t n_events)
{
        struct service_watcher *watching = (struct service_watcher *)watcher;
        const struct view *view = mirror_view(watcher->api->mirror);
        bool is_concerned = !events;

        for (size_t i = 0; i < n_events && !is_concerned; i++)
                is_concerned = is_about(view, events[i], watching->service_id);
        if (is_concerned && !watching->is_reading)
                tell_progress(watching);
}

static void service_writable(void *context, struct rpc_call *rpc)
{
        struct service_watcher *watching = context;

        (void)rpc;
        if (watching->is_late)
                tell_progress(watching);
}

static void service_closed(void *context, struct rpc_call *rpc)
{
        struct service_watcher *watching = context;

        (void)rpc;
        if (watching->is_reading)
                mirror_read_cancel(watching->watcher.api->mirror, &watching->read);
        watcher_remove(&watching->watcher);
}

static void service_fresh(void *context, const struct err *read_err)
{
        struct service_watcher *watching = context;
        const struct object_head *object;
        struct err err;

        watching->is_reading = false;
        if (read_err) {
                watcher_fail(&watching->watcher, read_err);
                return;
        }
        if (view_resolve(mirror_view(watching->watcher.api->mirror), SK__KIND__KIND_SERVICE,
                         watching->what, &object, &err) < 0) {
                watcher_fail(&watching->watcher, &err);
                return;
        }
        snprintf(watching->service_id, sizeof watching->service_id, "%s", object->id);
        tell_progress(watching);
}

void watch_service(void *context, struct rpc_call *rpc, const Sk__WatchServiceRequest *in)
{
        static const struct rpc_call_events events = { .writable = service_writable,
                                                       .closed = service_closed };
        struct service_watcher *watching = arena_alloc(rpc_call_arena(rpc), sizeof *watching);
        struct daemon *daemon = context;
        struct api_server *api = daemon->state;

        watching->watcher.news = service_news;
        watching->what = in->id;
        watching->is_reading = true;
        watching->read = (struct mirror_read){ .fresh = service_fresh, .context = watching };
        watcher_add(api, &watching->watcher, rpc);
        rpc_call_on(rpc, &events, watching);
        mirror_read(api->mirror, &watching->read);
}
