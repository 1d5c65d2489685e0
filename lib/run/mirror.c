/* The store's news turned into a view. */
#include "lib/run/mirror.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/run/backoff.h"

static const int64_t READ_INDEX_NS = 5 * NS_PER_S, READ_AGAIN_NS = 50 * NS_PER_MS;

struct mirror {
        struct mirror_options options;
        Sk__KindMask masks[OBJECT_KINDS];
        struct view *view;
        struct view *snapshot; /* being built; NULL: none */
        struct rpc_stream *stream;
        struct loop_timer retry;
        struct backoff backoff;
        bool is_complete, is_connected, was_lost;

        /* News whose mark has not come. */
        struct arena arena;
        struct vec events; /* const Sk__Event * */

        struct heap waits; /* struct mirror_wait, by version */
        struct loop_timer waits_timer;

        /* Reads go from list to list: asked for with the next read index, with the one on its way,
         * called back now. */
        struct mirror_read *next_reads, *asked_reads, *answered_reads;
        struct rpc_request *read_index;
        struct loop_timer read_again;
        int64_t unread_since_ns; /* boot time; 0: the last read index came */
        uint64_t n_restarts, n_interruptions, n_events;
};

static void open_stream(void *context);

/* --- waits --- */

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct mirror_wait *x = container_of(a, const struct mirror_wait, node);
        const struct mirror_wait *y = container_of(b, const struct mirror_wait, node);

        return x->version != y->version ? x->version < y->version : x < y;
}

static void call_waits(void *context)
{
        struct mirror *mirror = context;
        struct heap_node *node;

        while (mirror->is_complete && (node = heap_first(&mirror->waits))) {
                struct mirror_wait *wait = container_of(node, struct mirror_wait, node);

                if (wait->version > view_version(mirror->view))
                        return;
                heap_remove(&mirror->waits, node);
                wait->reached(wait->context);
        }
}

void mirror_wait(struct mirror *mirror, struct mirror_wait *wait, uint64_t version)
{
        mirror_wait_cancel(wait);
        wait->mirror = mirror;
        wait->version = version;
        heap_add(&mirror->waits, &wait->node);
        if (mirror->is_complete && version <= view_version(mirror->view))
                loop_timer_set(mirror->options.loop, &mirror->waits_timer, 0);
}

void mirror_wait_cancel(struct mirror_wait *wait)
{
        if (wait->mirror)
                heap_remove(&wait->mirror->waits, &wait->node);
}

/* --- news --- */

static int apply_events(struct view *view, const struct vec *events, struct err *err)
{
        for (size_t i = 0; i < events->n; i++) {
                const Sk__Event *event = VEC_AT(events, const Sk__Event *, i);

                if (event->op == SK__EVENT__OP__REMOVE)
                        view_remove(view, event->kind, event->id);
                else
                        TRY(view_put(view, event, err));
        }
        return 0;
}

static void clear_events(struct mirror *mirror)
{
        vec_clear(&mirror->events);
        arena_clear(&mirror->arena);
}

/* Whatever was shown is not to be believed: all of it has to come again. */
static void start_over(struct mirror *mirror, const struct err *err)
{
        LOG(ERROR, "the store's news cannot be applied; starting over", STR("error", err->text));
        if (!mirror->snapshot)
                mirror->snapshot = view_new();
        clear_events(mirror);
        rpc_stream_cancel(mirror->stream);
        mirror->stream = NULL;
        mirror->is_connected = false;
        loop_timer_set(mirror->options.loop, &mirror->retry, backoff_next(&mirror->backoff));
}

static void marked(struct mirror *mirror, const Sk__WatchResponse *news)
{
        bool is_restart = mirror->snapshot != NULL;

        if (is_restart) {
                view_take_over(mirror->view, TAKE(mirror->snapshot));
                mirror->n_restarts++;
                vec_clear(&mirror->events);
        }
        view_set_version(mirror->view, news->version, news->time_ns);
        mirror->is_complete = true;
        if (mirror->options.changed)
                mirror->options.changed(mirror->options.context, mirror->events.data,
                                        mirror->events.n, is_restart);
        clear_events(mirror);
        call_waits(mirror);
}

static void gather(struct mirror *mirror, const Sk__WatchResponse *news, bool must_copy)
{
        for (size_t i = 0; i < news->n_events; i++) {
                const Sk__Event *event = news->events[i];

                if (must_copy)
                        event = (Sk__Event *)message_copy(&mirror->arena, &event->base);
                vec_push(&mirror->events, &event);
        }
        mirror->n_events += news->n_events;
}

static void told(void *context, const void *out)
{
        struct mirror *mirror = context;
        const Sk__WatchResponse *news = out;
        struct err err;
        int result = 0;

        if (!mirror->is_connected && mirror->was_lost)
                LOG(INFO, "the store's news comes again");
        mirror->is_connected = true;
        mirror->was_lost = false;
        backoff_reset(&mirror->backoff);
        if (news->restart) {
                view_free(mirror->snapshot);
                mirror->snapshot = view_new();
                clear_events(mirror);
        }
        gather(mirror, news, !mirror->snapshot && !news->version);
        if (mirror->snapshot) {
                result = apply_events(mirror->snapshot, &mirror->events, &err);
                vec_clear(&mirror->events);
        } else if (news->version) {
                result = apply_events(mirror->view, &mirror->events, &err);
        }
        if (result < 0)
                start_over(mirror, &err);
        else if (news->version)
                marked(mirror, news);
}

static void closed(void *context, const struct err *err)
{
        struct mirror *mirror = context;

        mirror->stream = NULL;
        mirror->is_connected = false;
        if (!mirror->was_lost)
                LOG(WARN, "no news from the store", STR("error", err->text));
        mirror->was_lost = true;
        mirror->n_interruptions++;
        clear_events(mirror);
        loop_timer_set(mirror->options.loop, &mirror->retry, backoff_next(&mirror->backoff));
}

/* Resumes after what is shown; from a snapshot when nothing is, or when one was being told. */
static void open_stream(void *context)
{
        static const struct rpc_stream_events events = { .message = told, .closed = closed };
        struct mirror *mirror = context;
        Sk__KindMask *masks[OBJECT_KINDS];
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;

        for (size_t i = 0; i < mirror->options.n_kinds; i++)
                masks[i] = &mirror->masks[i];
        request.gather_ns = mirror->options.gather_ns;
        request.n_kinds = mirror->options.n_kinds;
        request.kinds = masks;
        if (mirror->is_complete && !mirror->snapshot)
                request.from_version = view_version(mirror->view);
        if (!request.from_version) {
                view_free(mirror->snapshot);
                mirror->snapshot = view_new();
        }
        mirror->stream = rpc_client_stream(mirror->options.store, RPC_METHOD(store, Watch),
                                           &request.base, &events, mirror);
}

/* --- reads --- */

static void ask_read_index(struct mirror *mirror);

static void read_reached(void *context)
{
        struct mirror_read *read = context;

        read->fresh(read->context, NULL);
}

/* A leader dies, and another is there within the second: who asks meanwhile need not know. */
static bool may_ask_again(struct mirror *mirror, const struct err *err)
{
        int64_t now = loop_now_boot(mirror->options.loop);

        if (!err || err->code != ERR_UNAVAILABLE) {
                mirror->unread_since_ns = 0;
                return false;
        }
        if (!mirror->unread_since_ns)
                mirror->unread_since_ns = now;
        return now - mirror->unread_since_ns < READ_INDEX_NS;
}

static void wait_to_ask_again(struct mirror *mirror)
{
        struct mirror_read **end = &mirror->next_reads;

        while (*end)
                end = &(*end)->next;
        *end = TAKE(mirror->asked_reads);
        loop_timer_set(mirror->options.loop, &mirror->read_again, READ_AGAIN_NS);
}

static void read_index_answered(void *context, const void *out, const struct err *err)
{
        struct mirror *mirror = context;
        const Sk__ReadIndexResponse *answer = out;
        struct mirror_read *read;

        mirror->read_index = NULL;
        if (may_ask_again(mirror, err)) {
                wait_to_ask_again(mirror);
                return;
        }
        mirror->answered_reads = TAKE(mirror->asked_reads);
        while ((read = mirror->answered_reads)) {
                mirror->answered_reads = read->next;
                read->next = NULL;
                if (answer)
                        mirror_wait(mirror, &read->wait, answer->version);
                else
                        read->fresh(read->context, err);
        }
        if (mirror->next_reads && !mirror->read_index)
                ask_read_index(mirror);
}

static void ask_read_index(struct mirror *mirror)
{
        Sk__ReadIndexRequest request = SK__READ_INDEX_REQUEST__INIT;

        mirror->asked_reads = TAKE(mirror->next_reads);
        mirror->read_index =
                rpc_client_call(mirror->options.store, RPC_METHOD(store, ReadIndex), &request.base,
                                READ_INDEX_NS, true, read_index_answered, mirror);
}

void mirror_read(struct mirror *mirror, struct mirror_read *read)
{
        read->wait = (struct mirror_wait){ .reached = read_reached, .context = read };
        read->next = mirror->next_reads;
        mirror->next_reads = read;
        if (!mirror->read_index && !mirror->answered_reads &&
            !loop_timer_is_set(&mirror->read_again))
                ask_read_index(mirror);
}

static void read_again(void *context)
{
        struct mirror *mirror = context;

        if (mirror->next_reads)
                ask_read_index(mirror);
}

static void take_from_list(struct mirror_read **list, struct mirror_read *read)
{
        for (; *list; list = &(*list)->next)
                if (*list == read) {
                        *list = read->next;
                        return;
                }
}

void mirror_read_cancel(struct mirror *mirror, struct mirror_read *read)
{
        take_from_list(&mirror->next_reads, read);
        take_from_list(&mirror->asked_reads, read);
        take_from_list(&mirror->answered_reads, read);
        mirror_wait_cancel(&read->wait);
}

/* --- life --- */

int mirror_new(const struct mirror_options *options, struct mirror **ret_mirror, struct err *err)
{
        struct mirror *mirror;

        if (!options->n_kinds || options->n_kinds > OBJECT_KINDS)
                return err_set(err, ERR_INVALID, "a mirror of %zu kinds", options->n_kinds);
        mirror = mem_alloc(sizeof *mirror);
        mirror->options = *options;
        memcpy(mirror->masks, options->kinds, options->n_kinds * sizeof *options->kinds);
        mirror->options.kinds = mirror->masks;
        mirror->view = view_new();
        mirror->events = VEC_OF(const Sk__Event *);
        mirror->waits.is_before = is_before;
        mirror->retry = (struct loop_timer){ .fire = open_stream, .context = mirror };
        mirror->read_again = (struct loop_timer){ .fire = read_again, .context = mirror };
        mirror->waits_timer = (struct loop_timer){ .fire = call_waits, .context = mirror };
        open_stream(mirror);
        *ret_mirror = mirror;
        return 0;
}

void mirror_free(struct mirror *mirror)
{
        struct heap_node *node;

        if (!mirror)
                return;
        if (mirror->stream)
                rpc_stream_cancel(mirror->stream);
        loop_timer_cancel(&mirror->read_again);
        if (mirror->read_index)
                rpc_request_cancel(mirror->read_index);
        loop_timer_cancel(&mirror->retry);
        loop_timer_cancel(&mirror->waits_timer);
        while ((node = heap_first(&mirror->waits)))
                mirror_wait_cancel(container_of(node, struct mirror_wait, node));
        heap_done(&mirror->waits);
        view_free(mirror->view);
        view_free(mirror->snapshot);
        vec_done(&mirror->events);
        arena_done(&mirror->arena);
        free(mirror);
}

struct view *mirror_view(struct mirror *mirror)
{
        return mirror->view;
}

bool mirror_is_complete(const struct mirror *mirror)
{
        return mirror->is_complete;
}

bool mirror_is_connected(const struct mirror *mirror)
{
        return mirror->is_connected;
}

void mirror_metrics(const struct mirror *mirror, struct str *str)
{
        str_addf(str, "# TYPE skep_mirror_version gauge\nskep_mirror_version %" PRIu64 "\n",
                 view_version(mirror->view));
        str_addf(str, "# TYPE skep_mirror_connected gauge\nskep_mirror_connected %d\n",
                 mirror->is_connected);
        str_addf(str,
                 "# TYPE skep_mirror_events_total counter\nskep_mirror_events_total %" PRIu64 "\n",
                 mirror->n_events);
        str_addf(str,
                 "# TYPE skep_mirror_restarts_total counter\nskep_mirror_restarts_total %" PRIu64
                 "\n",
                 mirror->n_restarts);
        str_addf(str,
                 "# TYPE skep_mirror_interruptions_total counter\n"
                 "skep_mirror_interruptions_total %" PRIu64 "\n",
                 mirror->n_interruptions);
        str_add(str, "# TYPE skep_mirror_objects gauge\n");
        for (size_t i = 0; i < mirror->options.n_kinds; i++) {
                const struct object_kind *kind = object_kind(mirror->masks[i].kind);

                if (kind)
                        str_addf(str, "skep_mirror_objects{kind=\"%s\"} %zu\n", kind->name,
                                 view_count(mirror->view, kind->kind));
        }
}
