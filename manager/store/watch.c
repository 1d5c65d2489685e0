/* Watch: feeds written to calls, as fast as each reader takes them. */
#include "lib/base/check.h"
#include "manager/store/feed.h"
#include "manager/store/store.h"

struct watch {
        struct watch *before, *after;
        struct store *store;
        struct rpc_call *call;
        struct feed feed;
};

static void watch_add(struct store *store, struct watch *watch)
{
        watch->after = store->watches;
        if (watch->after)
                watch->after->before = watch;
        store->watches = watch;
        store->n_watches++;
}

static void watch_remove(struct store *store, struct watch *watch)
{
        if (watch->after)
                watch->after->before = watch->before;
        if (watch->before)
                watch->before->after = watch->after;
        else
                store->watches = watch->after;
        store->n_watches--;
}

/* Messages point into the state, which does not change in here. */
static void pump(struct watch *watch)
{
        struct store *store = watch->store;
        Sk__WatchResponse news;

        while (rpc_call_is_writable(watch->call) && feed_next(&watch->feed, &store->arena, &news)) {
                rpc_call_write(watch->call, &news.base);
                arena_clear(&store->arena);
        }
}

static void watch_writable(void *context, struct rpc_call *call)
{
        (void)call;
        pump(context);
}

static void watch_closed(void *context, struct rpc_call *call)
{
        struct watch *watch = context;

        (void)call;
        watch_remove(watch->store, watch);
        feed_done(&watch->feed);
        free(watch);
}

static const struct rpc_call_events watch_events = {
        .writable = watch_writable,
        .closed = watch_closed,
};

/* After a turn of the loop, so that what a turn applied is told at once and with one mark. */
void watch_turn(struct store *store)
{
        for (struct watch *watch = store->watches, *next; watch; watch = next) {
                next = watch->after;
                if (feed_has_news(&watch->feed))
                        pump(watch);
        }
}

void watch_restart(struct store *store)
{
        for (struct watch *watch = store->watches; watch; watch = watch->after)
                feed_restart(&watch->feed, store->state);
}

void watch(void *context, struct rpc_call *call, const Sk__WatchRequest *in)
{
        struct store *store = context;
        struct watch *watch = mem_alloc(sizeof *watch);
        struct err err;

        if (feed_init(&watch->feed, store->state, in, rpc_call_peer(call)->roles, &err) < 0) {
                free(watch);
                rpc_fail(call, &err);
                return;
        }
        watch->store = store;
        watch->call = call;
        watch_add(store, watch);
        rpc_call_on(call, &watch_events, watch);
}
