/* Watch: feeds written to calls, as fast as each reader takes them. */
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "manager/store/feed.h"
#include "manager/store/store.h"

/* So many tellings in a row come at once: what one small change sets off must not be held up. */
enum { BURST = 16 };

static const int64_t GATHER_MAX_NS = 100 * NS_PER_MS;

struct watch {
        struct watch *before, *after;
        struct store *store;
        struct rpc_call *call;
        struct feed feed;
        bool is_midway; /* the reader is slower than what there is to tell */
        int64_t gather_ns;
        int64_t paid_ns; /* had the tellings so far kept their distance, when the latest was due */
        struct loop_timer gather;
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

/* May it be told now?  If not, it will be woken when it may. */
static bool is_time_to_tell(struct watch *watch)
{
        struct loop *loop = watch->store->options.loop;
        int64_t now = loop_now_boot(loop), due;

        if (!watch->gather_ns)
                return true;
        due = watch->paid_ns - BURST * watch->gather_ns;
        if (due > now) {
                loop_timer_set(loop, &watch->gather, due - now);
                return false;
        }
        watch->paid_ns = (watch->paid_ns > now ? watch->paid_ns : now) + watch->gather_ns;
        return true;
}

/* Everything there is, however many messages it takes.  They point into the state, which does not
 * change in here. */
static void pump(struct watch *watch)
{
        struct store *store = watch->store;
        Sk__WatchResponse news;

        if (!feed_has_news(&watch->feed) || (!watch->is_midway && !is_time_to_tell(watch)))
                return;
        while (rpc_call_is_writable(watch->call) && feed_next(&watch->feed, &store->arena, &news)) {
                rpc_call_write(watch->call, &news.base);
                arena_clear(&store->arena);
        }
        watch->is_midway = feed_has_news(&watch->feed);
}

static void watch_writable(void *context, struct rpc_call *call)
{
        (void)call;
        pump(context);
}

static void gathered(void *context)
{
        pump(context);
}

static void watch_closed(void *context, struct rpc_call *call)
{
        struct watch *watch = context;

        (void)call;
        loop_timer_cancel(&watch->gather);
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
        watch->gather_ns = in->gather_ns < 0               ? 0
                           : in->gather_ns > GATHER_MAX_NS ? GATHER_MAX_NS
                                                           : in->gather_ns;
        watch->gather = (struct loop_timer){ .fire = gathered, .context = watch };
        watch_add(store, watch);
        rpc_call_on(call, &watch_events, watch);
}
