/* The store's side of the replica: requests out, news in. */
#include "manager/store/replica.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "manager/store/replica_internal.h"

enum { URGENT = -10 }; /* as nice(1) counts */

DEFINE_CLEANUP(struct replica, replica_free)

/* --- news --- */

size_t replica_entry_cost(const struct raft_entry *entry)
{
        return sizeof *entry + entry->size;
}

void replica_news_free(struct news *news)
{
        for (size_t i = 0; i < news->entries.n; i++)
                raft_entry_unref(VEC_AT(&news->entries, struct raft_entry *, i));
        vec_done(&news->proposed);
        vec_done(&news->entries);
        vec_done(&news->reads);
        vec_done(&news->snapshots);
        vec_done(&news->named);
        free(news);
}

static void tell_entries(struct replica *replica, const struct news *news)
{
        for (size_t i = 0; i < news->entries.n; i++) {
                const struct raft_entry *entry = VEC_AT(&news->entries, struct raft_entry *, i);

                replica->told_bytes += replica_entry_cost(entry);
                replica->options.events->apply(replica->options.context, entry);
        }
}

static void tell_proposed(struct replica *replica, const struct news *news)
{
        for (size_t i = 0; i < news->proposed.n; i++) {
                const struct proposed *proposed = vec_at(&news->proposed, i);

                replica->options.events->proposed(replica->options.context, proposed->ticket,
                                                  proposed->index, proposed->term,
                                                  proposed->err.code ? &proposed->err : NULL);
        }
}

static void tell_answers(struct replica *replica, const struct news *news)
{
        const struct replica_events *events = replica->options.events;

        for (size_t i = 0; i < news->reads.n; i++) {
                const struct raft_read *read = vec_at(&news->reads, i);

                events->read(replica->options.context, read->id, read->is_ok);
        }
        for (size_t i = 0; i < news->snapshots.n; i++) {
                const struct raft_snapshot_send *send = vec_at(&news->snapshots, i);

                events->send_snapshot(replica->options.context, send->peer, send->term);
        }
        for (size_t i = 0; i < news->named.n; i++) {
                const struct named *named = vec_at(&news->named, i);

                events->snapshot_named(replica->options.context, named->ticket,
                                       named->is_ok ? &named->snapshot : NULL);
        }
}

static void tell(struct replica *replica, const struct news *news)
{
        const struct replica_events *events = replica->options.events;
        void *context = replica->options.context;

        tell_proposed(replica, news);
        if (news->has_installed)
                events->installed(context, news->is_installed);
        tell_entries(replica, news);
        replica->role = news->role;
        if (news->has_role)
                events->role(context, &news->role);
        tell_answers(replica, news);
        events->batch_done(context);
        if (news->has_failed)
                events->failed(context, &news->failure);
}

void replica_news_arrived(struct loop_post *post)
{
        struct news *news = container_of(post, struct news, post);
        struct replica *replica = news->replica;

        replica->n_news_seen++;
        if (!replica->is_closed)
                tell(replica, news);
        replica_news_free(news);
        if (replica->is_closed && replica->n_news_seen == replica->n_news)
                free(replica);
}

const struct replica_role *replica_role(const struct replica *replica)
{
        return &replica->role;
}

/* --- requests --- */

static void send(struct replica *replica, struct request request)
{
        struct request *copy = mem_copy(&request, sizeof request);

        copy->replica = replica;
        copy->post.run = replica_request_arrived;
        loop_post(replica->loop, &copy->post);
}

void replica_propose(struct replica *replica, struct raft_entry *entry, void *ticket)
{
        send(replica,
             (struct request){ .what = REQUEST_PROPOSE, .entry = entry, .ticket = ticket });
}

void replica_read(struct replica *replica, uint64_t id)
{
        send(replica, (struct request){ .what = REQUEST_READ, .id = id });
}

void replica_applied(struct replica *replica, uint64_t index)
{
        size_t bytes = replica->told_bytes;

        replica->told_bytes = 0;
        send(replica, (struct request){ .what = REQUEST_APPLIED, .number = index, .bytes = bytes });
}

void replica_compact(struct replica *replica, uint64_t index)
{
        send(replica, (struct request){ .what = REQUEST_COMPACT, .number = index });
}

void replica_set_peer(struct replica *replica, uint64_t id, const char *address)
{
        send(replica,
             (struct request){ .what = REQUEST_SET_PEER, .id = id, .address = str_copy(address) });
}

void replica_change(struct replica *replica, enum raft_change what, uint64_t id)
{
        send(replica, (struct request){ .what = REQUEST_CHANGE, .change = what, .id = id });
}

void replica_transfer(struct replica *replica)
{
        send(replica, (struct request){ .what = REQUEST_TRANSFER });
}

void replica_name_snapshot(struct replica *replica, uint64_t index, void *ticket)
{
        send(replica,
             (struct request){ .what = REQUEST_NAME_SNAPSHOT, .number = index, .ticket = ticket });
}

void replica_snapshot_sent(struct replica *replica, uint64_t peer, uint64_t index, bool is_ok)
{
        send(replica,
             (struct request){
                     .what = REQUEST_SNAPSHOT_SENT, .id = peer, .number = index, .is_ok = is_ok });
}

void replica_install(struct replica *replica, uint64_t from, uint64_t term,
                     const struct raft_snapshot *snapshot,
                     void (*fill)(void *context, struct disk_batch *batch), void *context)
{
        send(replica, (struct request){ .what = REQUEST_INSTALL,
                                        .id = from,
                                        .term = term,
                                        .snapshot = mem_copy(snapshot, sizeof *snapshot),
                                        .fill = fill,
                                        .context = context });
}

/* --- life --- */

static void *run(void *context)
{
        replica_raft_run(context);
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

        int nice = getpriority(PRIO_PROCESS, 0), r;

        replica->options = *options;
        /* Threads inherit it from the one that makes them: Raft's, its poller's, the log writer's.
         * On a busy machine a late heartbeat costs an election.  May be refused, and goes without.
         */
        setpriority(PRIO_PROCESS, 0, URGENT);
        r = replica_raft_open(replica, err);
        if (r == 0)
                r = start_thread(replica, err);
        setpriority(PRIO_PROCESS, 0, nice);
        TRY(r);
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
                replica_raft_close(replica);
        }
        raft_free(replica->raft);
        loop_free(replica->loop);
        if (replica->news)
                replica_news_free(replica->news);
        replica->is_closed = true;
        /* News under way still name the replica; the last of them frees it. */
        if (replica->n_news_seen == replica->n_news)
                free(replica);
}
