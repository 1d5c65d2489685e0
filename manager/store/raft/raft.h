/* Raft as a pure step function: raft_step(raft, event) -> effects.
 *
 * No clock, file, socket, thread or randomness inside.  The shell (the store) tells what happened,
 * one event at a time, from one thread; Raft answers with what is to be done.  The same events
 * always give the same effects.
 *
 * What the shell must respect
 *
 * 1. *Writes* are carried out in the order they were given, each as a whole or not at all, and
 * reported with RAFT_PERSISTED once they survive power loss.  Several may be under way; one report
 * covers all up to its id.
 * 2. *Everything else* may be done at once, in any order, in parallel with the writes.  Nothing has
 * to be held back: a message that promises something (a vote, an acknowledged entry) is only given
 * out after the write it rests on was reported.  So a leader's own fsync runs in parallel with its
 * followers'.
 * 3. Entries are *applied* in order up to effects->apply_to, and reported with RAFT_APPLIED.  What
 * is to be applied is always on the own disk already; the applied index must be stored together
 * with the state it describes.
 * 4. Messages may be lost, repeated, delayed and reordered; keeping those to one peer in order
 * saves retransmissions.
 * 5. After any failed write the process must stop: what a disk holds after an error is anyone's
 * guess.
 * 6. raft_step is called at effects->deadline at the latest (RAFT_TICK when there is no other
 * event).
 *
 * A cluster begins with one server whose snapshot, at index 0, names it as the only voter; it
 * elects itself in its first step.  Others start with an empty snapshot and wait to be added.
 * Recovery from a lost majority needs nothing from here: apply the whole log, then start from a
 * snapshot at its last index that names the survivor as the only voter.
 *
 * Words are those of the Raft paper; "stamp" is the leader's clock in a message, which the answer
 * gives back. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* ---- Members ---- */

enum { RAFT_MEMBERS_MAX = 32 };

/* Server ids are chosen by the shell: not 0, never reused. */
struct raft_member {
        uint64_t id;
        bool is_learner; /* receives the log, does not vote */
};

struct raft_members {
        struct raft_member member[RAFT_MEMBERS_MAX]; /* by ascending id */
        size_t n;
};

const struct raft_member *raft_members_find(const struct raft_members *members,
                                            uint64_t id); /* NULL if absent */

/* ---- Entries ---- */

enum raft_entry_kind {
        RAFT_COMMAND,     /* bytes of the shell */
        RAFT_NOOP,        /* what a leader appends when elected; nothing to apply */
        RAFT_MEMBERS_ARE, /* a configuration, see raft_entry_members */
        RAFT_ENTRY_KINDS
};

/* An entry of the log.  Counted, because the log, the disk and several connections hold the same
 * one at the same time, on different threads; immutable once it has an index. */
struct raft_entry {
        uint64_t index, term; /* 0 until Raft appends it */
        atomic_uint refs;
        uint32_t kind; /* enum raft_entry_kind */
        size_t size;   /* of data */
        uint8_t data[];
};

/* A new entry with one reference, the caller's, and 'size' zeroed bytes to fill in.  The shell sets
 * index and term itself only for what it read from its disk or received. */
struct raft_entry *raft_entry_new(enum raft_entry_kind kind, size_t size);
struct raft_entry *raft_entry_ref(struct raft_entry *entry);
void raft_entry_unref(struct raft_entry *entry); /* NULL is fine */

/* Reads a RAFT_MEMBERS_ARE entry: the whole configuration from here on, and the bytes the shell
 * gave with the change (they point into the entry).  The configuration counts as soon as it is in
 * the log, committed or not. Errors: ERR_INVALID, malformed. */
int raft_entry_members(const struct raft_entry *entry, struct raft_members *ret_members,
                       const uint8_t **ret_context, size_t *ret_size, struct err *err);

/* ---- Messages between servers ---- */

enum raft_message_kind {
        RAFT_PRE_VOTE, /* would you vote for me?  changes nothing */
        RAFT_PRE_VOTE_REPLY,
        RAFT_VOTE, /* RequestVote */
        RAFT_VOTE_REPLY,
        RAFT_APPEND, /* AppendEntries */
        RAFT_APPEND_REPLY,
        RAFT_HEARTBEAT, /* I lead; says nothing about the log but the commit index */
        RAFT_HEARTBEAT_REPLY,
        RAFT_TIMEOUT_NOW, /* leadership transfer: run for leader at once */
        RAFT_READ_INDEX,  /* a follower asks for a read index */
        RAFT_READ_INDEX_REPLY,
        RAFT_MESSAGE_KINDS
};

/* Unused fields are 0.  To be carried as it is, every field of it. */
struct raft_message {
        enum raft_message_kind kind;
        uint64_t from, to;
        uint64_t term; /* the sender's; PRE_VOTE and a granted reply: the term it would be */
        /* VOTE, PRE_VOTE: the last of the log; APPEND: the one before its entries; APPEND_REPLY
         * that rejects: as asked; HEARTBEAT_REPLY: received, and as the leader's log, up to here */
        uint64_t log_index;
        uint64_t log_term; /* the term of that entry */
        uint64_t commit;   /* APPEND, HEARTBEAT */
        /* APPEND_REPLY, HEARTBEAT_REPLY: durable, and as the leader's log, up to here */
        uint64_t match;
        uint64_t hint_index, hint_term;    /* APPEND_REPLY that rejects: try from here */
        uint64_t read_id;                  /* READ_INDEX and reply */
        uint64_t read_index;               /* READ_INDEX_REPLY */
        int64_t stamp;                     /* APPEND, HEARTBEAT and replies */
        bool reject;                       /* replies */
        bool is_transfer;                  /* VOTE: the leader itself wants this election */
        struct raft_entry *const *entries; /* APPEND: consecutive from log_index + 1 */
        size_t n_entries;
};

const char *raft_message_name(enum raft_message_kind kind); /* "append"; for logs */

/* ---- Snapshots ---- */

/* What the state after applying 'index' replaces: all entries up to there. */
struct raft_snapshot {
        uint64_t index, term;
        struct raft_members members;
};

/* ---- Events: what happened ---- */

enum raft_event_kind {
        RAFT_TICK,              /* time went by */
        RAFT_PROPOSE,           /* append these; refused unless this server leads */
        RAFT_RECEIVED,          /* a message from a peer, authenticated as such by the shell */
        RAFT_PERSISTED,         /* all writes up to this id are durable */
        RAFT_APPLIED,           /* the state includes all entries up to here */
        RAFT_LOG_READ,          /* the answer to effects->log_reads */
        RAFT_COMPACT,           /* the state up to 'index' is durable: the log before it may go */
        RAFT_SNAPSHOT_SENT,     /* the answer to effects->snapshot_sends */
        RAFT_SNAPSHOT_RECEIVED, /* a leader's snapshot arrived, complete and checked, and can be
                                   installed */
        RAFT_CHANGE_MEMBERS,
        RAFT_TRANSFER, /* hand leadership to another */
        RAFT_READ,     /* a linearizable read wants to know when */
        RAFT_EVENT_KINDS
};

enum raft_change {
        RAFT_ADD_LEARNER, /* a newcomer; give it the log first */
        RAFT_PROMOTE,     /* learner -> voter; refused until it has caught up */
        RAFT_DEMOTE,      /* voter -> learner */
        RAFT_REMOVE,
};

struct raft_event {
        enum raft_event_kind kind;
        int64_t now; /* nanoseconds of a clock that never goes back and counts suspended time
                        (CLOCK_BOOTTIME) */
        union {
                struct {
                        struct raft_entry *const *entries; /* RAFT_COMMAND, without index; Raft
                                                              takes its own references */
                        size_t n;
                } propose;
                const struct raft_message
                        *received;  /* borrowed; entries Raft keeps are referenced */
                uint64_t persisted; /* raft_write.id */
                uint64_t applied;
                struct {
                        uint64_t peer, first;
                        struct raft_entry *const
                                *entries; /* from 'first' on; n = 0 when they are gone */
                        size_t n;
                } log_read;
                struct {
                        uint64_t index; /* applied already; keep some thousand entries more for slow
                                           followers */
                } compact;
                struct {
                        uint64_t peer, index; /* which snapshot */
                        bool is_ok;           /* the peer has it on disk */
                } snapshot_sent;
                struct {
                        uint64_t from, term; /* the leader that sent it, and its term */
                        const struct raft_snapshot *snapshot;
                } snapshot_received;
                struct {
                        enum raft_change what;
                        uint64_t id;
                        const uint8_t
                                *context; /* kept in the entry for the shell: an address, say */
                        size_t context_size;
                } change;
                struct {
                        uint64_t to; /* 0: the voter that is most up to date */
                } transfer;
                struct {
                        uint64_t id; /* given back in effects->reads; one may stand for many clients
                                      */
                } read;
        };
};

/* ---- Effects: what to do ---- */

/* To be made durable as one, in the order of the fields.  Nothing when id is 0. */
struct raft_write {
        uint64_t id; /* grows by one with each write */
        bool has_vote;
        uint64_t term, vote; /* currentTerm and votedFor, when has_vote */
        /* Replace the whole state and the whole log by this received snapshot.  Nothing more is to
         * be applied until this is persisted; then the applied index is the snapshot's, without
         * RAFT_APPLIED. */
        const struct raft_snapshot *install;
        uint64_t truncate_from;            /* not 0: drop the entries from here on */
        struct raft_entry *const *entries; /* append */
        size_t n_entries;
        /* Record this as the snapshot the log begins after, and drop the entries up to it. */
        const struct raft_snapshot *compact;
};

struct raft_log_read {
        uint64_t peer, first, last; /* as many of these as max_bytes allows, at least one; answer
                                       with RAFT_LOG_READ */
        size_t max_bytes;
};

/* Send the peer the state as of any applied index, with raft_snapshot_at() of it and 'term'; answer
 * with RAFT_SNAPSHOT_SENT.  Only one per peer is asked for at a time; forget those under way when
 * the role changes. */
struct raft_snapshot_send {
        uint64_t peer, term;
};

/* A read may be answered from the state as it is now; or it failed and may be tried again. */
struct raft_read {
        uint64_t id;
        bool is_ok;
};

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* Belongs to the raft and is valid until its next step; reference the entries that are needed
 * longer. */
struct raft_effects {
        /* RAFT_PROPOSE, RAFT_CHANGE_MEMBERS, RAFT_TRANSFER, RAFT_RECEIVED and the like: the event
         * was refused and changed nothing.  The rest is to be carried out all the same. */
        enum err_code refused;
        const char *why;         /* a sentence, when refused */
        uint64_t proposed_index; /* of the first entry accepted; 0: none.  Its term is 'term' */

        struct raft_write write;
        const struct raft_message *messages;
        size_t n_messages;
        const struct raft_log_read *log_reads;
        size_t n_log_reads;
        const struct raft_snapshot_send *snapshot_sends;
        size_t n_snapshot_sends;
        const struct raft_read *reads;
        size_t n_reads;

        /* Apply up to here: raft_entry_at(), or the own log where that has NULL.  A proposal
         * succeeded when its index is applied with its term, failed when another term's entry is
         * applied there.  Never decreases. */
        uint64_t apply_to;

        /* The situation after this step; 'role_changed' when role, term, leader or is_ready differ
         * from before. */
        bool role_changed;
        enum raft_role role;
        bool is_ready;         /* leads, and the own state holds everything of earlier terms */
        uint64_t term, leader; /* 0: unknown */

        int64_t deadline; /* call again by then, TIME_NEVER: no need */
};

/* ---- The server ---- */

/* Durations in nanoseconds. */
struct raft_config {
        uint64_t id;
        uint64_t seed; /* different on every server and start: spreads elections */
        int64_t heartbeat;
        int64_t election_timeout; /* no vote against a leader heard from this recently; several
                                     heartbeats */
        int64_t election_spread;  /* a server waits up to this much longer before it runs */
        /* How long after a majority's last answer a leader may serve reads alone; below
         * election_timeout by more than clocks can drift apart in that time.  0: every read asks a
         * majority. */
        int64_t lease;
        size_t max_append_bytes;   /* of entries in one message; a larger entry travels alone */
        size_t max_inflight;       /* messages under way to one follower, 1 .. RAFT_INFLIGHT_MAX */
        size_t max_inflight_bytes; /* of entries in them */
        size_t max_uncommitted_bytes; /* beyond it proposals are refused with ERR_EXHAUSTED */
        size_t cache_bytes;   /* committed entries kept in memory; older ones are read back by the
                                 shell */
        uint64_t promote_lag; /* a learner at most this many entries behind may become a voter */
};

enum { RAFT_INFLIGHT_MAX = 256 };

/* Sensible values for a local network; id and seed are still 0. */
struct raft_config raft_config_default(void);

struct raft;

/* A server as it was on disk.  Its log follows with raft_load, entry by entry. */
struct raft_restore {
        uint64_t term, vote;
        struct raft_snapshot snapshot; /* what the log begins after; index 0 for a new server */
        uint64_t applied;              /* the index its state has applied, >= snapshot.index */
};

/* Errors: ERR_INVALID, the configuration makes no sense; ERR_DATA_LOSS, what was on disk does not.
 */
int raft_new(const struct raft_config *config, const struct raft_restore *restore,
             struct raft **ret, struct err *err);

/* The next entry of the own log.  Errors: ERR_DATA_LOSS, it does not follow the last one. */
int raft_load(struct raft *raft, struct raft_entry *entry, struct err *err);

/* Once, when the log is loaded; raft_step may follow, the first one (RAFT_TICK) at once.
 * Errors: ERR_DATA_LOSS, the state is ahead of the log. */
int raft_start(struct raft *raft, int64_t now, struct err *err);

void raft_free(struct raft *raft); /* NULL is fine */

const struct raft_effects *raft_step(struct raft *raft, const struct raft_event *event);

/* ---- Looking ---- */

/* The entry at 'index' if it is in memory, borrowed until the next step; else NULL. */
struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index);

/* What a snapshot of the state at 'index' is called.  False when 'index' is not between the log's
 * beginning and apply_to. */
bool raft_snapshot_at(const struct raft *raft, uint64_t index, struct raft_snapshot *ret);

enum raft_progress {
        RAFT_PROBE,     /* finding out where its log agrees */
        RAFT_REPLICATE, /* streaming */
        RAFT_SNAPSHOT,  /* waits for its snapshot */
};

struct raft_peer_status {
        uint64_t id;
        bool is_learner;
        enum raft_progress progress;
        uint64_t match;   /* has it on disk up to here; compacting beyond it costs a snapshot */
        int64_t acked_at; /* stamp of the last message it answered; 0: none in this term */
};

/* For metrics, `node ls` and the decision where to compact. */
struct raft_status {
        uint64_t id, term, vote, leader;
        enum raft_role role;
        uint64_t first_index, last_index; /* of the log; first > last: empty */
        uint64_t persisted_index, commit_index, applied_index;
        uint64_t members_index; /* of the entry that made 'members'; above commit_index: a change is
                                   under way */
        struct raft_members members;
        size_t cached_bytes;
        struct raft_peer_status peers[RAFT_MEMBERS_MAX]; /* a leader's, without itself */
        size_t n_peers;
};

void raft_status(const struct raft *raft, struct raft_status *ret);
