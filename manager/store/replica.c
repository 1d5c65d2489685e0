/* The replica: two loops and the posts between them. */
#include "manager/store/replica.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "manager/store/log.h"
#include "manager/store/log_writer.h"

enum { FETCH_BYTES = 1 << 20, FETCH_ENTRIES = 256 };

struct proposed {
        void *ticket;
        uint64_t index, term;
        struct err err;
};

/* What one turn of Raft has to tell the store. */
struct news {
        struct loop_post post;
        struct replica *replica;
        struct vec proposed; /* struct proposed */
        struct vec entries;  /* struct raft_entry *, referenced */
        struct vec reads;    /* struct raft_read */
        struct replica_role role;
        bool has_role, has_failed;
        struct err failure;
};

/* What the store asks of Raft. */
struct request {
        struct loop_post post;
        struct replica *replica;
        enum { REQUEST_PROPOSE, REQUEST_READ, REQUEST_APPLIED, REQUEST_COMPACT, REQUEST_STOP } what;
        struct raft_entry *entry;
        void *ticket;
        uint64_t number;
};

struct replica {
        struct replica_options options;
        pthread_t thread;
        bool is_started, is_closed;
        uint64_t n_news_seen; /* the store's count */
        struct replica_role role;

        /* Raft's thread, from here on. */
        struct loop *loop;
        struct raft *raft;
        struct log_writer *writer;
        struct loop_timer deadline;
        uint64_t next_apply;
        struct news *news; /* of this turn; NULL: none yet */
        uint64_t n_news;
        bool is_ready, has_failed;
};

DEFINE_CLEANUP(struct replica, replica_free)

/* --- news: from Raft's thread to the store --- */

static void news_free(struct news *news)
{
        for (size_t i = 0; i < news->entries.n; i++)
                raft_entry_unref(VEC_AT(&news->entries, struct raft_entry *, i));
        vec_done(&news->proposed);
        vec_done(&news->entries);
        vec_done(&news->reads);
        free(news);
}

static void tell_failure(struct replica *replica, const struct news *news)
{
        if (news->has_failed)
                replica->options.events->failed(replica->options.context, &news->failure);
}

static void tell(struct replica *replica, const struct news *news)
{
        const struct replica_events *events = replica->options.events;
        void *context = replica->options.context;

        for (size_t i = 0; i < news->proposed.n; i++) {
                const struct proposed *proposed = vec_at(&news->proposed, i);

                events->proposed(context, proposed->ticket, proposed->index, proposed->term,
                                 proposed->err.code ? &proposed->err : NULL);
        }
        for (size_t i = 0; i < news->entries.n; i++)
                events->apply(context, VEC_AT(&news->entries, struct raft_entry *, i));
        replica->role = news->role;
        if (news->has_role)
                events->role(context, &news->role);
        for (size_t i = 0; i < news->reads.n; i++) {
                const struct raft_read *read = vec_at(&news->reads, i);

                events->read(context, read->id, read->is_ok);
        }
        events->batch_done(context);
        tell_failure(replica, news);
}

static void news_arrived(struct loop_post *post)
{
        struct news *news = container_of(post, struct news, post);
        struct replica *replica = news->replica;

        replica->n_news_seen++;
        if (!replica->is_closed)
                tell(replica, news);
        news_free(news);
        if (replica->is_closed && replica->n_news_seen == replica->n_news)
                free(replica);
}

static struct news *news_now(struct replica *replica)
{
        struct news *news = replica->news;

        if (news)
                return news;
        news = replica->news = mem_alloc(sizeof *news);
        news->post.run = news_arrived;
        news->replica = replica;
        news->proposed = VEC_OF(struct proposed);
        news->entries = VEC_OF(struct raft_entry *);
        news->reads = VEC_OF(struct raft_read);
        return news;
}

static void send_news(void *context)
{
        struct replica *replica = context;
        struct news *news = TAKE(replica->news);
        struct raft_status status;

        if (!news)
                return;
        raft_status(replica->raft, &status);
        news->role.is_leader = status.role == RAFT_LEADER;
        news->role.is_ready = replica->is_ready;
        news->role.term = status.term;
        news->role.leader = status.leader;
        news->role.commit_index = status.commit_index;
        news->role.first_index = status.first_index;
        news->role.last_index = status.last_index;
        news->role.snapshot_index = status.first_index - 1;
        replica->n_news++;
        loop_post(replica->options.loop, &news->post);
}

static void fail(struct replica *replica, const struct err *err)
{
        struct news *news = news_now(replica);

        replica->has_failed = true;
        news->has_failed = true;
        news->failure = *err;
}

/* --- steps --- */

/* Committed entries that Raft no longer keeps in memory are read back; at a start, mostly. */
static int fetch(struct replica *replica, uint64_t last, struct err *err)
{
        struct raft_entry *entries[FETCH_ENTRIES];
        int n = log_read(replica->options.disk, replica->next_apply, last, FETCH_BYTES, entries,
                         FETCH_ENTRIES, err);

        TRY(n);
        if (!n)
                return err_set(err, ERR_DATA_LOSS, "log entry %llu is missing",
                               (unsigned long long)replica->next_apply);
        for (int i = 0; i < n; i++)
                vec_push(&news_now(replica)->entries, &entries[i]);
        replica->next_apply += (uint64_t)n;
        return 0;
}

static void gather_entries(struct replica *replica, uint64_t apply_to)
{
        struct err err;

        while (replica->next_apply <= apply_to) {
                struct raft_entry *entry = raft_entry_at(replica->raft, replica->next_apply);

                if (!entry && fetch(replica, apply_to, &err) < 0) {
                        fail(replica, &err);
                        return;
                }
                if (!entry)
                        continue;
                raft_entry_ref(entry);
                vec_push(&news_now(replica)->entries, &entry);
                replica->next_apply++;
        }
}

static void carry_out(struct replica *replica, const struct raft_effects *effects)
{
        if (effects->write.id)
                log_writer_add(replica->writer, &effects->write);
        gather_entries(replica, effects->apply_to);
        for (size_t i = 0; i < effects->n_reads; i++)
                vec_push(&news_now(replica)->reads, &effects->reads[i]);
        if (effects->role_changed) {
                news_now(replica)->has_role = true;
                replica->is_ready = effects->is_ready;
        }
        if (effects->deadline == TIME_NEVER)
                loop_timer_cancel(&replica->deadline);
        else
                loop_timer_set(replica->loop, &replica->deadline,
                               effects->deadline - loop_now_boot(replica->loop));
}

static const struct raft_effects *step(struct replica *replica, struct raft_event *event)
{
        const struct raft_effects *effects;

        event->now = loop_now_boot(replica->loop);
        effects = raft_step(replica->raft, event);
        carry_out(replica, effects);
        return effects;
}

static void deadline_reached(void *context)
{
        struct replica *replica = context;

        if (!replica->has_failed)
                step(replica, &(struct raft_event){ .kind = RAFT_TICK });
}

static void persisted(void *context, uint64_t id, const struct err *err)
{
        struct replica *replica = context;

        if (err)
                fail(replica, err);
        else if (!replica->has_failed)
                step(replica, &(struct raft_event){ .kind = RAFT_PERSISTED, .persisted = id });
}

/* --- requests: from the store to Raft's thread --- */

static void propose(struct replica *replica, struct request *request)
{
        struct raft_event event = { .kind = RAFT_PROPOSE,
                                    .propose = { .entries = &request->entry, .n = 1 } };
        const struct raft_effects *effects = step(replica, &event);
        struct proposed *proposed = vec_add(&news_now(replica)->proposed);

        proposed->ticket = request->ticket;
        proposed->index = effects->proposed_index;
        proposed->term = effects->term;
        if (effects->refused)
                err_set(&proposed->err, effects->refused, "%s", effects->why);
}

static void request_arrived(struct loop_post *post)
{
        struct request *request = container_of(post, struct request, post);
        struct replica *replica = request->replica;
        struct raft_event event = { 0 };

        switch (replica->has_failed ? REQUEST_STOP : request->what) {
        case REQUEST_PROPOSE:
                propose(replica, request);
                break;
        case REQUEST_READ:
                event.kind = RAFT_READ;
                event.read.id = request->number;
                step(replica, &event);
                break;
        case REQUEST_APPLIED:
                event.kind = RAFT_APPLIED;
                event.applied = request->number;
                step(replica, &event);
                break;
        case REQUEST_COMPACT:
                event.kind = RAFT_COMPACT;
                event.compact.index = request->number;
                step(replica, &event);
                break;
        case REQUEST_STOP:
                break;
        }
        if (request->what == REQUEST_STOP)
                loop_stop(replica->loop);
        raft_entry_unref(request->entry);
        free(request);
}

static void send(struct replica *replica, struct request request)
{
        struct request *copy = mem_copy(&request, sizeof request);

        copy->replica = replica;
        copy->post.run = request_arrived;
        loop_post(replica->loop, &copy->post);
}

void replica_propose(struct replica *replica, struct raft_entry *entry, void *ticket)
{
        send(replica,
             (struct request){ .what = REQUEST_PROPOSE, .entry = entry, .ticket = ticket });
}

void replica_read(struct replica *replica, uint64_t id)
{
        send(replica, (struct request){ .what = REQUEST_READ, .number = id });
}

void replica_applied(struct replica *replica, uint64_t index)
{
        send(replica, (struct request){ .what = REQUEST_APPLIED, .number = index });
}

void replica_compact(struct replica *replica, uint64_t index)
{
        send(replica, (struct request){ .what = REQUEST_COMPACT, .number = index });
}

const struct replica_role *replica_role(const struct replica *replica)
{
        return &replica->role;
}

/* --- life --- */

static int load(struct replica *replica, struct err *err)
{
        struct raft_config config = raft_config_default();
        struct raft_restore restore;

        TRY(log_restore(replica->options.disk, &restore, err));
        restore.applied = replica->options.applied;
        config.id = replica->options.id;
        config.seed = replica->options.seed;
        TRY(raft_new(&config, &restore, &replica->raft, err));
        TRY(log_load(replica->options.disk, &restore, replica->raft, err));
        return raft_start(replica->raft, loop_now_boot(replica->loop), err);
}

static void *run(void *context)
{
        struct replica *replica = context;
        struct err err;

        step(replica, &(struct raft_event){ .kind = RAFT_TICK });
        send_news(replica);
        if (loop_run(replica->loop, &err) < 0) {
                fail(replica, &err);
                send_news(replica);
        }
        log_writer_free(replica->writer);
        return NULL;
}

/* Signals are the store's: this thread takes none. */
static int start_thread(struct replica *replica, struct err *err)
{
        sigset_t all, before;
        int error;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&replica->thread, NULL, run, replica);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (error)
                return err_set(err, ERR_EXHAUSTED, "start Raft's thread: %s", strerror(error));
        pthread_setname_np(replica->thread, "raft");
        replica->is_started = true;
        return 0;
}

int replica_new(const struct replica_options *options, struct replica **ret_replica,
                struct err *err)
{
        _cleanup_(replica_freep) struct replica *replica = mem_alloc(sizeof *replica);

        replica->options = *options;
        replica->next_apply = options->applied + 1;
        replica->deadline.fire = deadline_reached;
        replica->deadline.context = replica;
        TRY(loop_new(&replica->loop, err));
        TRY(load(replica, err));
        TRY(log_writer_new(&(struct log_writer_options){ .loop = replica->loop,
                                                         .disk = options->disk,
                                                         .persisted = persisted,
                                                         .context = replica },
                           &replica->writer, err));
        loop_after_turn(replica->loop, send_news, replica);
        TRY(start_thread(replica, err));
        *ret_replica = TAKE(replica);
        return 0;
}

void replica_free(struct replica *replica)
{
        if (!replica)
                return;
        if (replica->is_started) {
                send(replica, (struct request){ .what = REQUEST_STOP });
                pthread_join(replica->thread, NULL);
        } else {
                log_writer_free(replica->writer);
        }
        raft_free(replica->raft);
        loop_free(replica->loop);
        if (replica->news)
                news_free(replica->news);
        replica->is_closed = true;
        /* News under way still name the replica; the last of them frees it. */
        if (replica->n_news_seen == replica->n_news)
                free(replica);
}
