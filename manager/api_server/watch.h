/* Streams that follow the view: the progress of a service, the events of the cluster. */
#pragma once
#include "manager/api_server/api_server.h"

/* One stream that is told of news.  Embedded by its kind; lives in the call's arena. */
struct watcher {
        struct watcher *next, **back;
        struct api_server *api;
        struct rpc_call *rpc;
        /* News came: 'events' are NULL after a restart.  May write to the call. */
        void (*news)(struct watcher *watcher, const Sk__Event *const *events, size_t n_events);
};

void watcher_add(struct api_server *api, struct watcher *watcher, struct rpc_call *rpc);
void watcher_remove(struct watcher *watcher);

/* End its call: it is told nothing more, though the call may take its time to be closed. */
void watcher_fail(struct watcher *watcher, const struct err *err);
void watcher_finish(struct watcher *watcher);

/* Tells all. */
void watchers_news(struct api_server *api, const Sk__Event *const *events, size_t n_events);
