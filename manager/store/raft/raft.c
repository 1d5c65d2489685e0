/* A server: made from what its disk held, stepped by events, looked at. */
#include "manager/store/raft/core.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct raft_config raft_config_default(void)
{
        return (struct raft_config){
                .heartbeat = 50 * NS_PER_MS,
                .election_timeout = 300 * NS_PER_MS,
                .election_spread = 150 * NS_PER_MS,
                .lease = 250 * NS_PER_MS,
                .max_append_bytes = 256 * 1024,
                .max_inflight = 64,
                .max_inflight_bytes = 8 * 1024 * 1024,
                .max_uncommitted_bytes = 64 * 1024 * 1024,
                .cache_bytes = 32 * 1024 * 1024,
                .promote_lag = 1000,
        };
}

static int check_config(const struct raft_config *config, struct err *err)
{
        if (!config->id)
                return err_set(err, ERR_INVALID, "raft: a server's id is not 0");
        if (config->heartbeat <= 0 || config->election_timeout <= config->heartbeat ||
            config->election_spread < 0)
                return err_set(err, ERR_INVALID,
                               "raft: the election timeout must be longer than a heartbeat");
        if (config->lease < 0 || config->lease >= config->election_timeout)
                return err_set(err, ERR_INVALID,
                               "raft: the lease must be shorter than the election timeout");
        if (!config->max_inflight || config->max_inflight > RAFT_INFLIGHT_MAX ||
            !config->max_append_bytes || !config->max_inflight_bytes)
                return err_set(err, ERR_INVALID,
                               "raft: at least one append, at most %d, must fit on its way",
                               RAFT_INFLIGHT_MAX);
        return 0;
}

int raft_new(const struct raft_config *config, const struct raft_restore *restore,
             struct raft **ret, struct err *err)
{
        const struct raft_snapshot *snapshot = &restore->snapshot;
        struct raft *raft;

        TRY(check_config(config, err));
        if (!members_are_valid(&snapshot->members) || snapshot->term > restore->term ||
            restore->applied < snapshot->index || !snapshot->index != !snapshot->term)
                return err_set(err, ERR_DATA_LOSS,
                               "raft: the snapshot record at index %llu is damaged",
                               (unsigned long long)snapshot->index);
        raft = mem_alloc(sizeof *raft);
        raft->config = *config;
        random_init(&raft->random, config->seed);
        raft->next_token = random_next(&raft->random) | 1; /* unlike those of earlier lives */
        raft->term = restore->term;
        raft->vote = restore->vote;
        raft->applied = restore->applied;
        log_init(&raft->log, snapshot);
        raft->reads = VEC_OF(struct waiting_read);
        effects_init(raft);
        *ret = raft;
        return 0;
}

int raft_load(struct raft *raft, struct raft_entry *entry, struct err *err)
{
        struct raft_members members;
        unsigned long long index = entry->index;

        CHECK(!raft->is_started);
        if (entry->index != raft->log.last + 1)
                return err_set(err, ERR_DATA_LOSS, "raft: entry %llu of the log follows entry %llu",
                               index, (unsigned long long)raft->log.last);
        if (!entry->term || entry->term < log_last_term(&raft->log) || entry->term > raft->term ||
            entry->kind >= RAFT_ENTRY_KINDS)
                return err_set(err, ERR_DATA_LOSS, "raft: entry %llu of the log is damaged", index);
        if (entry->kind == RAFT_MEMBERS_ARE &&
            raft_entry_members(entry, &members, NULL, NULL, err) < 0)
                return err_prefix(err, "raft: entry %llu of the log is damaged", index);
        log_append(&raft->log, entry);
        log_evict(&raft->log, raft->config.cache_bytes, entry->index);
        return 0;
}

int raft_start(struct raft *raft, int64_t now, struct err *err)
{
        CHECK(!raft->is_started && now >= 0);
        if (raft->applied > raft->log.last)
                return err_set(err, ERR_DATA_LOSS,
                               "raft: the state is at index %llu, the log ends at %llu",
                               (unsigned long long)raft->applied,
                               (unsigned long long)raft->log.last);
        raft->is_started = true;
        raft->now = now;
        raft->persisted = raft->log.last;
        raft->commit = raft->apply_to = raft->applied;
        /* This server may have answered a leader just before it went down, so it is loyal as if it
         * had. */
        raft->heard_at = now;
        reset_election_timer(raft);
        if (is_alone(raft)) {
                raft->heard_at = now - raft->config.election_timeout;
                raft->election_at = now;
        }
        return 0;
}

void raft_free(struct raft *raft)
{
        if (!raft)
                return;
        peers_clear(raft);
        effects_done(raft);
        vec_done(&raft->reads);
        log_done(&raft->log);
        free(raft);
}

static void handle(struct raft *raft, const struct raft_event *event)
{
        switch (event->kind) {
        case RAFT_PROPOSE:
                take_proposal(raft, event);
                break;
        case RAFT_RECEIVED:
                receive(raft, event->received);
                break;
        case RAFT_PERSISTED:
                take_persisted(raft, event->persisted);
                break;
        case RAFT_APPLIED:
                take_applied(raft, event->applied);
                break;
        case RAFT_LOG_READ:
                take_log_read(raft, event);
                break;
        case RAFT_COMPACT:
                take_compact(raft, event->compact.index);
                break;
        case RAFT_SNAPSHOT_SENT:
                take_snapshot_sent(raft, event);
                break;
        case RAFT_SNAPSHOT_RECEIVED:
                take_snapshot_received(raft, event);
                break;
        case RAFT_CHANGE_MEMBERS:
                take_change(raft, event);
                break;
        case RAFT_TRANSFER:
                take_transfer(raft, event);
                break;
        case RAFT_READ:
                take_read(raft, event->read.id);
                break;
        case RAFT_TICK:
        case RAFT_EVENT_KINDS:
                break;
        }
}

static void run_timers(struct raft *raft)
{
        if (raft->role == RAFT_LEADER)
                run_leader_timers(raft);
        else if (raft->now >= raft->election_at)
                campaign(raft);
}

static void settle(struct raft *raft)
{
        if (raft->role == RAFT_CANDIDATE)
                settle_candidate(raft);
        if (raft->role == RAFT_LEADER)
                settle_leader(raft);
        if (raft->role == RAFT_FOLLOWER)
                settle_follower(raft);
        settle_reads(raft);
}

static int64_t next_deadline(struct raft *raft)
{
        int64_t deadline = reads_deadline(raft), heard;

        if (raft->role != RAFT_LEADER) {
                bool is_idle = !raft->leader && !may_run(raft);

                return is_idle || deadline < raft->election_at ? deadline : raft->election_at;
        }
        if (!raft->n_peers)
                return deadline;
        heard = quorum_acked_at(raft);
        if (heard < raft->led_since)
                heard = raft->led_since;
        deadline = raft->heartbeat_at;
        if (deadline > heard + raft->config.election_timeout)
                deadline = heard + raft->config.election_timeout;
        if (raft->transfer_to && deadline > raft->transfer_until)
                deadline = raft->transfer_until;
        return deadline;
}

const struct raft_effects *raft_step(struct raft *raft, const struct raft_event *event)
{
        CHECK(raft->is_started);
        raft->now = event->now > raft->now ? event->now : raft->now + 1;
        effects_begin(raft);
        handle(raft, event);
        run_timers(raft);
        settle(raft);
        effects_end(raft);
        raft->effects.deadline = next_deadline(raft);
        return &raft->effects;
}

struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index)
{
        return log_cached(&raft->log, index);
}

bool raft_snapshot_at(const struct raft *raft, uint64_t index, struct raft_snapshot *ret)
{
        if (index < raft->log.snapshot_index || index > raft->apply_to)
                return false;
        *ret = (struct raft_snapshot){
                .index = index,
                .term = log_term_at(&raft->log, index),
                .members = log_configuration_at(&raft->log, index)->members,
        };
        return true;
}

static void status_of_peers(const struct raft *raft, struct raft_status *ret)
{
        for (size_t i = 0; i < raft->n_peers; i++) {
                const struct peer *peer = &raft->peers[i];

                ret->peers[ret->n_peers++] = (struct raft_peer_status){
                        .id = peer->id,
                        .is_learner = !members_has_voter(log_members(&raft->log), peer->id),
                        .progress = peer->progress,
                        .match = peer->match,
                        .acked_at = peer->acked_at,
                };
        }
}

void raft_status(const struct raft *raft, struct raft_status *ret)
{
        const struct configuration *configuration =
                log_configuration_at(&raft->log, raft->log.last);

        *ret = (struct raft_status){
                .id = raft->config.id,
                .term = raft->term,
                .vote = raft->vote,
                .leader = raft->leader,
                .role = raft->role,
                .first_index = raft->log.snapshot_index + 1,
                .last_index = raft->log.last,
                .persisted_index = raft->persisted,
                .commit_index = raft->commit,
                .applied_index = raft->applied,
                .members_index = configuration->index,
                .members = configuration->members,
                .cached_bytes = raft->log.cached_bytes,
        };
        status_of_peers(raft, ret);
}
