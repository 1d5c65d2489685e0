/* Who leads: timeouts, pre-votes, votes. */
#include "manager/store/raft/core.h"

void reset_election_timer(struct raft *raft)
{
        raft->election_at = raft->now + raft->config.election_timeout +
                            random_between(&raft->random, 0, raft->config.election_spread);
}

void become_follower(struct raft *raft, uint64_t term, uint64_t leader)
{
        bool was_follower = raft->role == RAFT_FOLLOWER;

        if (raft->role == RAFT_LEADER) {
                peers_clear(raft);
                raft->transfer_to = 0;
        }
        if (term != raft->term || raft->leader != leader)
                fail_unconfirmed_reads(raft);
        if (term > raft->term) {
                change_vote(raft, term, 0);
                raft->matched = raft->acked = 0;
                raft->leader_stamp = 0;
        }
        raft->role = RAFT_FOLLOWER;
        raft->leader = leader;
        if (!was_follower)
                reset_election_timer(raft);
}

/* A leader's lease rests on this: whoever answered it votes for nobody else for a while. */
bool is_loyal(const struct raft *raft)
{
        return raft->role == RAFT_LEADER ||
               raft->now < raft->heard_at + raft->config.election_timeout;
}

static bool is_up_to_date(const struct raft *raft, const struct raft_message *message)
{
        uint64_t last_term = log_last_term(&raft->log);

        return message->log_term > last_term ||
               (message->log_term == last_term && message->log_index >= raft->log.last);
}

static void ask_for_votes(struct raft *raft, enum raft_message_kind kind, uint64_t term,
                          bool is_transfer)
{
        const struct raft_members *members = log_members(&raft->log);

        for (size_t i = 0; i < members->n; i++) {
                if (members->member[i].is_learner || members->member[i].id == raft->config.id)
                        continue;
                send_message(raft, (struct raft_message){
                                           .kind = kind,
                                           .to = members->member[i].id,
                                           .term = term,
                                           .log_index = raft->log.last,
                                           .log_term = log_last_term(&raft->log),
                                           .is_transfer = is_transfer,
                                   });
        }
}

static void count_vote(struct raft *raft, uint64_t from)
{
        if (!members_has_voter(log_members(&raft->log), from))
                return;
        for (size_t i = 0; i < raft->n_votes; i++)
                if (raft->votes[i] == from)
                        return;
        raft->votes[raft->n_votes++] = from;
}

static bool has_majority(const struct raft *raft)
{
        return raft->n_votes >= members_majority(log_members(&raft->log));
}

void campaign_now(struct raft *raft, bool is_transfer)
{
        fail_unconfirmed_reads(raft);
        raft->role = RAFT_CANDIDATE;
        raft->leader = 0;
        raft->n_votes = 0;
        raft->matched = raft->acked = 0;
        raft->leader_stamp = 0;
        change_vote(raft, raft->term + 1, raft->config.id);
        reset_election_timer(raft);
        ask_for_votes(raft, RAFT_VOTE, raft->term, is_transfer);
}

static const struct configuration *newest_configuration(const struct raft *raft)
{
        return log_configuration_at(&raft->log, raft->log.last);
}

/* The one before, as long as that may still be in force: back to the last one known to be
 * committed. */
static const struct configuration *configuration_before(const struct raft *raft,
                                                        const struct configuration *configuration)
{
        if (configuration->index <= raft->commit)
                return NULL;
        return log_configuration_at(&raft->log, configuration->index - 1);
}

/* A server that is to go may still be the only one that can win: those that stay cannot when its
 * log is longer.  So it runs, without a vote of its own, until its going is committed. */
bool may_run(const struct raft *raft)
{
        const struct configuration *c = newest_configuration(raft);

        for (; c; c = configuration_before(raft, c))
                if (members_has_voter(&c->members, raft->config.id))
                        return true;
        return false;
}

/* A leader that is to go leads on until its going is committed: so the newest configuration alone
 * does not tell. */
bool is_alone(const struct raft *raft)
{
        const struct configuration *c = newest_configuration(raft);

        for (; c; c = configuration_before(raft, c))
                if (members_n_voters(&c->members) != 1 ||
                    !members_has_voter(&c->members, raft->config.id))
                        return false;
        return true;
}

/* Asking first keeps a server that cannot win from driving up everybody's term. */
void campaign(struct raft *raft)
{
        fail_unconfirmed_reads(raft);
        raft->leader = 0;
        reset_election_timer(raft);
        if (!may_run(raft)) {
                raft->role = RAFT_FOLLOWER;
                return;
        }
        raft->role = RAFT_PRE_CANDIDATE;
        raft->n_votes = 0;
        /* Asking disturbs nobody, so ask again soon: others may be loyal for a moment longer. */
        raft->election_at = raft->now + raft->config.heartbeat +
                            random_between(&raft->random, 0, raft->config.election_spread);
        count_vote(raft, raft->config.id);
        if (has_majority(raft))
                campaign_now(raft, false);
        else
                ask_for_votes(raft, RAFT_PRE_VOTE, raft->term + 1, false);
}

static void reply_vote(struct raft *raft, const struct raft_message *message, bool is_granted)
{
        send_message(raft, (struct raft_message){
                                   .kind = message->kind == RAFT_VOTE ? RAFT_VOTE_REPLY
                                                                      : RAFT_PRE_VOTE_REPLY,
                                   .to = message->from,
                                   .term = is_granted ? message->term : raft->term,
                                   .reject = !is_granted,
                           });
}

void receive_pre_vote(struct raft *raft, const struct raft_message *message)
{
        bool may = message->term > raft->term || (message->term == raft->term && !raft->leader &&
                                                  (!raft->vote || raft->vote == message->from));

        reply_vote(raft, message, may && is_up_to_date(raft, message));
}

/* "If votedFor is null or candidateId, and candidate's log is at least as up-to-date as receiver's
 * log, grant vote" */
void receive_vote(struct raft *raft, const struct raft_message *message)
{
        bool may = message->term == raft->term && (!raft->vote || raft->vote == message->from);
        bool is_granted = may && is_up_to_date(raft, message);

        if (is_granted) {
                change_vote(raft, raft->term, message->from);
                raft->role = RAFT_FOLLOWER;
                reset_election_timer(raft);
        }
        reply_vote(raft, message, is_granted);
}

void receive_vote_reply(struct raft *raft, const struct raft_message *message)
{
        bool is_pre = message->kind == RAFT_PRE_VOTE_REPLY;

        if (message->reject || raft->role != (is_pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE))
                return;
        if (message->term != raft->term + is_pre)
                return;
        count_vote(raft, message->from);
        if (is_pre && has_majority(raft))
                campaign_now(raft, false);
}

/* The own vote counts like any other once it is durable. */
void settle_candidate(struct raft *raft)
{
        if (raft->vote_changed || raft->vote_write > raft->durable_write)
                return;
        count_vote(raft, raft->config.id);
        if (has_majority(raft))
                become_leader(raft);
}
