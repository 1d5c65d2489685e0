/* A whole Raft cluster in one process, in virtual time, from a seed.
 *
 * Real: every raft_step.  Simulated: clocks (skewed), network (loss, repetition, delay, reordering,
 * partitions, also one way), disks (slow; a crash forgets what was not reported durable, or keeps a
 * part of it), processes (crash, restart, pause), the state machine, clients, the operator who
 * changes members.
 *
 * After every step: one leader per term; log matching; leader completeness; what commits is on the
 * disks of a majority; state machine safety; linearizability of all appends and reads so far.  In
 * the end, with faults over: all agree. */
#pragma once
#include <stdint.h>

#include "lib/base/heap.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "manager/store/raft/raft.h"

enum { SERVERS_MAX = 7 };

struct sim;

/* ---- What happens when ---- */

struct sim_event {
        struct heap_node node;
        int64_t at;
        uint64_t order;  /* events of one instant happen in the order they were planned */
        uint64_t server; /* 0: the world's */
        uint64_t life;   /* not 0: only while the server lives this life */
        void (*run)(struct sim *, struct sim_event *);
        void (*drop)(struct sim_event *); /* frees what it holds; may be NULL */
};

/* Plans 'event', whose memory the sim takes over: run after 'delay', then dropped and freed. */
void sim_plan(struct sim *sim, struct sim_event *event, int64_t delay);

/* ---- The state machine: a list that clients append to ---- */

struct state {
        uint64_t applied; /* index */
        uint64_t count;   /* of appends */
        uint64_t digest;  /* of all appends in order */
};

void state_apply(struct state *state, const struct raft_entry *entry);
uint64_t entry_op(const struct raft_entry *entry); /* 0: none */

/* ---- Disks ---- */

/* What is on a disk, or would be if all writes were done. */
struct disk {
        uint64_t term, vote;
        struct raft_snapshot snapshot;
        struct vec log; /* of struct raft_entry *, from snapshot.index + 1 on, referenced */
        struct state state;
};

struct disk_write {
        uint64_t id;
        bool has_vote, has_install, has_compact;
        uint64_t term, vote, truncate_from;
        struct raft_snapshot snapshot; /* installed or compacted */
        struct state state;            /* installed */
        struct vec entries;
};

void disk_init(struct disk *disk, const struct raft_members *members);
void disk_done(struct disk *disk);
void disk_copy(struct disk *to, const struct disk *from);
void disk_carry_out(struct disk *disk, const struct disk_write *write);
struct raft_entry *disk_entry(const struct disk *disk, uint64_t index); /* NULL: not in its log */
uint64_t disk_last(const struct disk *disk);
uint64_t disk_term_at(const struct disk *disk, uint64_t index); /* 0: unknown */
struct disk_write *disk_write_new(const struct raft_write *write, const struct state *installed);
void disk_write_free(struct disk_write *write);

/* ---- Servers ---- */

struct proposal {
        uint64_t index, term, op;
};

struct server {
        uint64_t id, life; /* life 0: never started */
        struct raft *raft; /* NULL: down */
        int64_t clock_offset, clock_ppm;
        int64_t paused_until;
        struct disk durable, wanted; /* wanted: durable and all writes under way */
        struct vec writes;           /* of struct disk_write *, under way */
        int64_t disk_free_at;
        uint64_t install_write; /* not 0: nothing is applied until it is durable */
        struct state state;     /* in memory, ahead of durable.state */
        uint64_t apply_to;
        bool is_applying;
        uint64_t wake;        /* the newest planned one */
        struct vec proposals; /* of struct proposal */
        /* as of the last step */
        enum raft_role role;
        bool has_led; /* leads, or led when the step began */
        uint64_t term, leader, commit;
};

void server_boot(struct sim *sim, struct server *server);
void server_crash(struct sim *sim, struct server *server);
void server_step(struct sim *sim, struct server *server, struct raft_event *event,
                 const struct state *snapshot_state);
struct server *sim_server(struct sim *sim, uint64_t id); /* NULL: no such */
void server_take_effects(struct sim *sim, struct server *server, const struct raft_effects *effects,
                         const struct state *snapshot_state);
void server_flush(struct server *server); /* makes its state durable */
int64_t server_clock(const struct sim *sim, const struct server *server);

/* ---- Network ---- */

void net_send(struct sim *sim, const struct raft_message *message);
void net_send_snapshot(struct sim *sim, struct server *from, const struct raft_snapshot_send *send);
void net_partition(struct sim *sim, uint64_t one);
void net_heal(struct sim *sim);

/* ---- Clients ---- */

enum op_status { OP_OPEN, OP_OK, OP_FAILED };

struct op {
        enum op_status status;
        bool is_committed;
        uint64_t floor; /* what had been seen when it was invoked */
};

void clients_start(struct sim *sim);
void client_applied(struct sim *sim, struct server *server, const struct raft_entry *entry);
void client_read_answered(struct sim *sim, struct server *server, uint64_t op, bool is_ok);
struct op *sim_op(struct sim *sim, uint64_t id);

/* ---- Checks ---- */

struct committed {
        uint64_t term, digest;
        struct state state; /* after it */
};

void check_init(struct sim *sim);
void check_done(struct sim *sim);
void check_append(struct sim *sim, const struct server *server, const struct raft_entry *entry);
void check_step(struct sim *sim, struct server *server);
void check_applied(struct sim *sim, const struct server *server);
void check_op_done(struct sim *sim, uint64_t op, uint64_t position, bool is_read);
void check_op_failed(struct sim *sim, uint64_t op);
bool check_convergence(struct sim *sim, char ret_why[static 200]);
uint64_t entry_digest(const struct raft_entry *entry);

/* ---- Faults ---- */

void chaos_start(struct sim *sim);
void chaos_greets_leader(struct sim *sim, struct server *server);
void chaos_in_silence(struct sim *sim); /* restarts followers though nobody asks for anything */
void chaos_stop(struct sim *sim);       /* everything heals and runs */

/* ---- The world ---- */

struct sim_options {
        uint64_t seed;
        int64_t duration; /* with faults */
        bool is_traced;   /* every event to stdout */
};

struct weather {
        unsigned loss_permille, repeat_permille, slow_permille;
        int64_t latency, slow_latency, disk_latency;
        int64_t chaos_every, client_every;
        unsigned change_permille, crash_permille, partition_permille, pause_permille,
                compact_permille, transfer_permille, new_leader_permille, heal_permille;
        bool is_storm; /* leaders suffer most, servers come back at once */
        bool is_tiny;  /* little memory and small windows: entries are read back, windows fill */
        bool has_lease;
};

struct sim {
        struct sim_options options;
        struct random random;
        struct weather weather;
        int64_t now;
        uint64_t order;
        struct heap events;
        struct server servers[SERVERS_MAX]; /* ids 1 .. */
        size_t n_servers;
        bool is_blocked[SERVERS_MAX + 1][SERVERS_MAX + 1]; /* from, to */
        bool is_calm;                                      /* faults are over */
        bool clients_rest;                                 /* and nobody asks for anything */

        struct vec ops;                /* of struct op; id = index + 1 */
        uint64_t seen;                 /* the highest position any finished op has seen */
        struct vec committed;          /* of struct committed; index 1 first */
        struct vec leaders;            /* of uint64_t: who led term i */
        struct entry_record **entries; /* by index and term, for log matching */

        uint64_t trace; /* digest of all that happened */
        uint64_t n_steps, n_elections, n_reads, n_appends, n_installs, n_log_reads, n_changes,
                n_crashes;
        bool is_failed;
        char failure[400];
};

/* Runs one seed.  False: an invariant broke; the reason was printed. */
bool sim_run(struct sim *sim, const struct sim_options *options);
void sim_done(struct sim *sim);
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_mix(struct sim *sim, uint64_t value); /* into the trace's digest */
bool sim_chance(struct sim *sim, unsigned permille);
int64_t sim_between(struct sim *sim, int64_t least, int64_t most);
