/* Raft's thread: events in, effects out. */
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "manager/store/log.h"
#include "manager/store/replica_internal.h"

enum {
        FETCH_BYTES = 1 << 20,
        FETCH_ENTRIES = 256,
        LAGGARD_ENTRIES = 4096,
        GATHER_BYTES = 8 << 20, /* of entries that the store is given and has not applied */
};

/* Entries read back from the disk for a follower that lags. */
struct log_fetch {
        struct work work;
        struct replica *replica;
        struct raft_log_read wanted;
        struct raft_entry *entries[LAGGARD_ENTRIES];
        int n; /* or an error */
        struct err err;
};

static const struct raft_effects *step(struct replica *replica, struct raft_event *event);

/* --- news --- */

static struct news *news_now(struct replica *replica)
{
        struct news *news = replica->news;

        if (news)
                return news;
        news = replica->news = mem_alloc(sizeof *news);
        news->post.run = replica_news_arrived;
        news->replica = replica;
        news->proposed = VEC_OF(struct proposed);
        news->entries = VEC_OF(struct raft_entry *);
        news->reads = VEC_OF(struct raft_read);
        news->snapshots = VEC_OF(struct raft_snapshot_send);
        news->named = VEC_OF(struct named);
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
        news->role = (struct replica_role){
                .is_leader = status.role == RAFT_LEADER,
                .is_ready = replica->is_ready,
                .term = status.term,
                .leader = status.leader,
                .commit_index = status.commit_index,
                .first_index = status.first_index,
                .last_index = status.last_index,
                .members = status.members,
        };
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

/* --- entries from the disk --- */

static void fetch_work(struct work *work)
{
        struct log_fetch *fetch = container_of(work, struct log_fetch, work);

        fetch->n = log_read(fetch->replica->options.disk, fetch->wanted.first, fetch->wanted.last,
                            fetch->wanted.max_bytes, fetch->entries, LAGGARD_ENTRIES, &fetch->err);
        /* Cut away meanwhile: Raft sends a snapshot instead. */
        if (fetch->n == ERR_NOT_FOUND)
                fetch->n = 0;
}

static void fetch_done(struct work *work)
{
        struct log_fetch *fetch = container_of(work, struct log_fetch, work);
        struct raft_event event = { .kind = RAFT_LOG_READ };

        event.log_read.peer = fetch->wanted.peer;
        event.log_read.first = fetch->wanted.first;
        event.log_read.entries = fetch->entries;
        event.log_read.n = fetch->n < 0 ? 0 : (size_t)fetch->n;
        /* Asked again, a damaged entry would be read again and again. */
        if (work->was_run && fetch->n < 0)
                fail(fetch->replica, &fetch->err);
        else if (work->was_run && !fetch->replica->has_failed)
                step(fetch->replica, &event);
        for (int i = 0; i < fetch->n; i++)
                raft_entry_unref(fetch->entries[i]);
        free(fetch);
}

static void fetch_start(struct replica *replica, const struct raft_log_read *wanted)
{
        struct log_fetch *fetch = mem_alloc(sizeof *fetch);

        fetch->replica = replica;
        fetch->wanted = *wanted;
        fetch->work.work = fetch_work;
        fetch->work.done = fetch_done;
        worker_submit(replica->readers, &fetch->work);
}

/* To be applied; takes the reference over. */
static void give(struct replica *replica, struct raft_entry *entry)
{
        replica->gathered_bytes += replica_entry_cost(entry);
        replica->next_apply++;
        vec_push(&news_now(replica)->entries, &entry);
}

/* Committed entries that Raft no longer keeps in memory: at a start, or when the store lags. */
static int read_back(struct replica *replica, uint64_t last, struct err *err)
{
        struct raft_entry *entries[FETCH_ENTRIES];
        int n = log_read(replica->options.disk, replica->next_apply, last, FETCH_BYTES, entries,
                         FETCH_ENTRIES, err);

        if (!n || n == ERR_NOT_FOUND)
                return err_set(err, ERR_DATA_LOSS, "log entry %llu is missing",
                               (unsigned long long)replica->next_apply);
        TRY(n);
        for (int i = 0; i < n; i++)
                give(replica, entries[i]);
        return 0;
}

/* A follower's disk may be faster than its applying, for long: so what the store has before it is
 * bounded, and when it has applied some it is given more. */
static void gather_entries(struct replica *replica, uint64_t apply_to)
{
        struct err err;

        while (!replica->install_id && replica->next_apply <= apply_to &&
               replica->gathered_bytes < GATHER_BYTES) {
                struct raft_entry *entry = raft_entry_at(replica->raft, replica->next_apply);

                if (!entry && read_back(replica, apply_to, &err) < 0) {
                        fail(replica, &err);
                        return;
                }
                if (entry)
                        give(replica, raft_entry_ref(entry));
        }
}

/* --- steps --- */

static void carry_out_messages(struct replica *replica, const struct raft_effects *effects)
{
        for (size_t i = 0; i < effects->n_messages; i++)
                transport_send(replica->transport, &effects->messages[i]);
        for (size_t i = 0; i < effects->n_log_reads; i++)
                fetch_start(replica, &effects->log_reads[i]);
        for (size_t i = 0; i < effects->n_snapshot_sends; i++)
                vec_push(&news_now(replica)->snapshots, &effects->snapshot_sends[i]);
}

static void carry_out(struct replica *replica, const struct raft_effects *effects)
{
        if (effects->write.install) {
                replica->install_id = effects->write.id;
                replica->next_apply = effects->write.install->index + 1;
        }
        if (effects->write.id)
                log_writer_add(replica->writer, &effects->write);
        carry_out_messages(replica, effects);
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

static void message_received(void *context, const struct raft_message *message)
{
        struct replica *replica = context;

        if (!replica->has_failed)
                step(replica, &(struct raft_event){ .kind = RAFT_RECEIVED, .received = message });
}

static void persisted(void *context, uint64_t id, const struct err *err)
{
        struct replica *replica = context;

        if (err) {
                fail(replica, err);
                return;
        }
        if (replica->has_failed)
                return;
        if (replica->install_id && id >= replica->install_id) {
                replica->install_id = 0;
                news_now(replica)->has_installed = true;
                news_now(replica)->is_installed = true;
        }
        step(replica, &(struct raft_event){ .kind = RAFT_PERSISTED, .persisted = id });
}

/* --- requests --- */

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

static void install(struct replica *replica, struct request *request)
{
        struct raft_event event = { .kind = RAFT_SNAPSHOT_RECEIVED };

        event.snapshot_received.from = request->id;
        event.snapshot_received.term = request->term;
        event.snapshot_received.snapshot = request->snapshot;
        log_writer_on_install(replica->writer, request->fill, request->context);
        step(replica, &event);
        if (!replica->install_id)
                news_now(replica)->has_installed = true;
}

static void name_snapshot(struct replica *replica, const struct request *request)
{
        struct named *named = vec_add(&news_now(replica)->named);

        named->ticket = request->ticket;
        named->is_ok = raft_snapshot_at(replica->raft, request->number, &named->snapshot);
}

/* The event that a plain request is; false for those that are more. */
static bool event_of(const struct request *request, struct raft_event *ret)
{
        switch (request->what) {
        case REQUEST_READ:
                ret->kind = RAFT_READ;
                ret->read.id = request->id;
                return true;
        case REQUEST_APPLIED:
                ret->kind = RAFT_APPLIED;
                ret->applied = request->number;
                return true;
        case REQUEST_COMPACT:
                ret->kind = RAFT_COMPACT;
                ret->compact.index = request->number;
                return true;
        case REQUEST_CHANGE:
                ret->kind = RAFT_CHANGE_MEMBERS;
                ret->change.what = request->change;
                ret->change.id = request->id;
                return true;
        case REQUEST_TRANSFER:
                ret->kind = RAFT_TRANSFER;
                return true;
        case REQUEST_SNAPSHOT_SENT:
                ret->kind = RAFT_SNAPSHOT_SENT;
                ret->snapshot_sent.peer = request->id;
                ret->snapshot_sent.index = request->number;
                ret->snapshot_sent.is_ok = request->is_ok;
                return true;
        default:
                return false;
        }
}

static void carry_out_request(struct replica *replica, struct request *request)
{
        struct raft_event event = { 0 };

        if (replica->has_failed)
                return;
        replica->gathered_bytes -= request->bytes;
        if (event_of(request, &event))
                step(replica, &event);
        else if (request->what == REQUEST_PROPOSE)
                propose(replica, request);
        else if (request->what == REQUEST_INSTALL)
                install(replica, request);
        else if (request->what == REQUEST_NAME_SNAPSHOT)
                name_snapshot(replica, request);
        else if (request->what == REQUEST_SET_PEER)
                transport_set_peer(replica->transport, request->id, request->address);
}

void replica_request_arrived(struct loop_post *post)
{
        struct request *request = container_of(post, struct request, post);
        struct replica *replica = request->replica;

        if (request->what == REQUEST_STOP)
                loop_stop(replica->loop);
        else
                carry_out_request(replica, request);
        raft_entry_unref(request->entry);
        free(request->address);
        free(request->snapshot);
        free(request);
}

/* --- life --- */

static int open_raft(struct replica *replica, struct err *err)
{
        struct raft_config config = raft_config_default();
        struct raft_restore restore;

        TRY(log_restore(replica->options.disk, &restore, err));
        restore.applied = replica->options.applied;
        config.id = replica->options.id;
        config.seed = replica->options.seed;
        if (replica->options.heartbeat) {
                config.heartbeat = replica->options.heartbeat;
                config.election_timeout = 6 * config.heartbeat;
                config.election_spread = 3 * config.heartbeat;
                config.lease = 5 * config.heartbeat;
        }
        TRY(raft_new(&config, &restore, &replica->raft, err));
        TRY(log_load(replica->options.disk, &restore, replica->raft, err));
        return raft_start(replica->raft, loop_now_boot(replica->loop), err);
}

int replica_raft_open(struct replica *replica, struct err *err)
{
        struct log_writer_options writer = { .disk = replica->options.disk,
                                             .persisted = persisted,
                                             .context = replica };
        struct transport_options transport = { .identity = replica->options.identity,
                                               .listen = replica->options.listen,
                                               .received = message_received,
                                               .context = replica };

        replica->next_apply = replica->options.applied + 1;
        replica->deadline.fire = deadline_reached;
        replica->deadline.context = replica;
        TRY(loop_new(&replica->loop, err));
        TRY(open_raft(replica, err));
        writer.loop = transport.loop = replica->loop;
        TRY(worker_pool_new(replica->loop, 1, &replica->readers, err));
        TRY(log_writer_new(&writer, &replica->writer, err));
        TRY(transport_new(&transport, &replica->transport, err));
        loop_after_turn(replica->loop, send_news, replica);
        return 0;
}

void replica_raft_run(struct replica *replica)
{
        struct err err;

        step(replica, &(struct raft_event){ .kind = RAFT_TICK });
        send_news(replica);
        if (loop_run(replica->loop, &err) < 0) {
                fail(replica, &err);
                send_news(replica);
        }
        replica_raft_close(replica);
}

void replica_raft_close(struct replica *replica)
{
        transport_free(TAKE(replica->transport));
        log_writer_free(TAKE(replica->writer));
        if (replica->readers)
                worker_pool_free(TAKE(replica->readers));
}
