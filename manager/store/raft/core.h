/* What the files of the Raft core share.  Nobody else includes this.
 *
 * Events change facts (handlers: receive_*, take_*); when the facts are settled, the role's
 * settle_* function derives from them what is to be done.  So nothing is sent, committed or
 * answered from two places. */
#pragma once
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "manager/store/raft/log.h"
#include "manager/store/raft/member.h"
#include "manager/store/raft/raft.h"

/* An append message under way to a follower. */
struct inflight {
        uint64_t last; /* index of its last entry */
        size_t bytes;
        int64_t stamp;
};

/* A leader's view of another server. */
struct peer {
        uint64_t id;
        enum raft_progress progress;
        uint64_t match, next; /* matchIndex, nextIndex; next runs ahead while streaming */
        uint64_t told_commit; /* the commit index last sent */
        int64_t acked_at;     /* stamp of the newest message it answered; 0: none in this term */
        bool is_reading;      /* the shell is reading entries back for it */
        struct inflight *inflight; /* a ring of config.max_inflight */
        size_t inflight_head, n_inflight, inflight_bytes;
};

/* A write that was handed out and is not reported back yet. */
struct pending_write {
        uint64_t id;
        uint64_t last; /* once durable, the log is durable up to here */
};

/* A message that may not leave before a write is durable. */
struct held_message {
        uint64_t write;
        struct raft_message message;
};

struct waiting_read {
        uint64_t id;    /* the asker's */
        uint64_t from;  /* the server that asks; may be this one */
        uint64_t index; /* 0: waits for the leader or a majority; else for this to be applied */
        uint64_t token; /* names it in messages */
        int64_t stamp;  /* when it was asked */
};

struct raft {
        struct raft_config config;
        struct random random;
        int64_t now; /* grows with every step, so that a stamp names one */

        uint64_t term, vote; /* currentTerm, votedFor; durable once vote_write is */
        bool vote_changed;   /* in this step */
        uint64_t vote_write;

        enum raft_role role;
        uint64_t leader;
        int64_t heard_at;    /* when the leader was last heard */
        int64_t election_at; /* when this server runs unless the leader is heard before */

        struct log log;
        uint64_t persisted; /* the log is durable up to here */
        uint64_t commit, applied, apply_to;

        /* Follower: what it shares with the leader of this term. */
        uint64_t matched;     /* the log agrees up to here */
        uint64_t acked;       /* and the leader was told that it is durable up to here */
        int64_t leader_stamp; /* newest stamp received */
        bool owes_ack;        /* the leader asked in this step */

        /* Candidate. */
        uint64_t votes[RAFT_MEMBERS_MAX];
        size_t n_votes;

        /* Leader. */
        struct peer peers[RAFT_MEMBERS_MAX];
        size_t n_peers;
        int64_t led_since, heartbeat_at;
        int64_t round; /* stamp of the last heartbeat to all */
        uint64_t noop_index;
        size_t uncommitted_bytes;
        uint64_t transfer_to;
        int64_t transfer_until;
        bool is_transfer_asked; /* the one that is to lead was told to run */
        bool is_transfer_sent;  /* in this term: others may vote although they hear us, so the lease
                                   is void */

        struct vec reads; /* of struct waiting_read */
        uint64_t next_token;

        uint64_t last_write, durable_write;
        struct vec pending; /* of struct pending_write */
        struct vec held;    /* of struct held_message */

        /* What this step gathers. */
        struct raft_effects effects;
        struct raft_snapshot install, compact;
        struct vec writes;   /* of struct raft_entry *, borrowed from the log */
        struct vec messages; /* of struct raft_message, their entries one after the other in
                                'carried' */
        struct vec carried;  /* of struct raft_entry *, referenced */
        struct vec log_reads, snapshot_sends, answers;
        bool is_started;
};

/* effects.c: gathering what a step wants done. */
void effects_init(struct raft *raft);
void effects_done(struct raft *raft);
void effects_begin(struct raft *raft);
void effects_end(struct raft *raft);
void refuse(struct raft *raft, enum err_code code, const char *why);
/* Sends at once, or as soon as the present term and vote are durable.  Fills in 'from', and 'term'
 * when that is 0. */
void send_message(struct raft *raft, struct raft_message message);
void send_append(struct raft *raft, struct raft_message message, struct raft_entry *const *entries,
                 size_t n);
void change_vote(struct raft *raft, uint64_t term, uint64_t vote);
void append_entry(struct raft *raft, struct raft_entry *entry);
void truncate_log(struct raft *raft, uint64_t from);
void install_snapshot(struct raft *raft, const struct raft_snapshot *snapshot);
void take_persisted(struct raft *raft, uint64_t id);

/* message.c: NULL, or what is wrong with it. */
const char *message_fault(const struct raft *raft, const struct raft_message *message);
void receive(struct raft *raft, const struct raft_message *message);

/* election.c: who leads. */
void reset_election_timer(struct raft *raft);
void become_follower(struct raft *raft, uint64_t term, uint64_t leader);
bool may_run(const struct raft *raft);  /* is a voter, by a configuration that may be in force */
bool is_alone(const struct raft *raft); /* no other server can be leader */
void campaign(struct raft *raft);       /* asks whether it could win, then runs */
void campaign_now(struct raft *raft, bool is_transfer); /* runs */
bool is_loyal(const struct raft *raft); /* heard its leader too recently to vote against it */
void receive_pre_vote(struct raft *raft, const struct raft_message *message);
void receive_vote(struct raft *raft, const struct raft_message *message);
void receive_vote_reply(struct raft *raft, const struct raft_message *message); /* of either kind */
void settle_candidate(struct raft *raft);

/* follow.c: a follower and its leader. */
void receive_append(struct raft *raft, const struct raft_message *message);
void receive_heartbeat(struct raft *raft, const struct raft_message *message);
void take_snapshot_received(struct raft *raft, const struct raft_event *event);
void settle_follower(struct raft *raft);

/* lead.c: what a leader does besides replicating. */
void become_leader(struct raft *raft);
void take_proposal(struct raft *raft, const struct raft_event *event);
void take_change(struct raft *raft, const struct raft_event *event);
void run_leader_timers(struct raft *raft);
void settle_leader(struct raft *raft);

/* transfer.c: handing leadership over. */
void take_transfer(struct raft *raft, const struct raft_event *event);
void receive_timeout_now(struct raft *raft, const struct raft_message *message);
void settle_transfer(struct raft *raft);

/* peer.c: a leader's book about its followers. */
struct peer *peer_find(struct raft *raft, uint64_t id); /* NULL if absent */
void peers_follow_members(struct raft *raft);
void peers_clear(struct raft *raft);
void peer_probe(struct peer *peer, uint64_t next);
bool peer_has_room(const struct raft *raft, const struct peer *peer);
void peer_sent(struct raft *raft, struct peer *peer, uint64_t last, size_t bytes);
void peer_arrived(struct raft *raft, struct peer *peer, uint64_t match);
bool peer_lost_any(const struct raft *raft, const struct peer *peer, uint64_t match, int64_t stamp);

/* replicate.c: a leader's log goes to its followers. */
void replicate(struct raft *raft, struct peer *peer);
void broadcast_heartbeat(struct raft *raft);
void receive_append_reply(struct raft *raft, const struct raft_message *message);
void receive_heartbeat_reply(struct raft *raft, const struct raft_message *message);
void take_log_read(struct raft *raft, const struct raft_event *event);
void take_snapshot_sent(struct raft *raft, const struct raft_event *event);

/* quorum.c: what a majority has. */
uint64_t quorum_match(const struct raft *raft);
int64_t quorum_acked_at(const struct raft *raft); /* stamp up to which a majority has answered */
void commit_to(struct raft *raft, uint64_t index);
void take_applied(struct raft *raft, uint64_t index);
void take_compact(struct raft *raft, uint64_t index);

/* read.c: linearizable reads. */
void take_read(struct raft *raft, uint64_t id);
void receive_read_index(struct raft *raft, const struct raft_message *message);
void receive_read_index_reply(struct raft *raft, const struct raft_message *message);
void fail_unconfirmed_reads(struct raft *raft);
void confirm_reads(struct raft *raft); /* leader */
void settle_reads(struct raft *raft);  /* any role */
int64_t reads_deadline(const struct raft *raft);
