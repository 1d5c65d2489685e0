/* One Raft server under test: steps it, and says in one line what came out. */
#pragma once
#include "manager/store/raft/raft.h"

enum { ME = 1 };

struct server {
        struct raft *raft;
        int64_t now;
        const struct raft_effects *effects; /* of the last step */
        uint64_t written;                   /* the last write it asked for */
};

/* A new server 1, with these voters (ended by 0) as its configuration. */
struct server *server_new(const uint64_t *voters);
struct server *server_without_lease(const uint64_t *voters);
struct server *server_restored(const struct raft_restore *restore, struct raft_entry *const *log,
                               size_t n);
void server_free(struct server *server);

#define VOTERS(...) ((const uint64_t[]){ __VA_ARGS__, 0 })

/* Steps; 'event.now' is filled in. */
const struct raft_effects *server_step(struct server *server, struct raft_event event);
const struct raft_effects *server_tick(struct server *server, int64_t after_ns);
const struct raft_effects *server_propose(struct server *server, size_t n, size_t size);
const struct raft_effects *server_persisted(struct server *server); /* all that was written */
const struct raft_effects *server_applied(struct server *server);   /* all that may be */
const struct raft_effects *server_receive(struct server *server, struct raft_message message);

/* Receives an append of entries with these terms, ended by 0. */
const struct raft_effects *server_receive_append(struct server *server, struct raft_message message,
                                                 const uint64_t *terms);
#define TERMS(...) ((const uint64_t[]){ __VA_ARGS__, 0 })

/* The first message of the last step to a server; fails the test when there is none. */
const struct raft_message *server_message(const struct server *server, uint64_t to);

/* Makes a server of a cluster of several the leader of the next term, with the voice of server 2;
 * its no-op is written. */
void server_lead(struct server *server);

/* The leader's log is durable here and at server 2, so all of it is committed, and applied. */
void server_commit_all(struct server *server);

/* How many messages of a kind the last step sent. */
size_t server_n_messages(const struct server *server, enum raft_message_kind kind);

/* Whether anything was sent to a server. */
bool server_wrote_to(const struct server *server, uint64_t to);

struct raft_entry *an_entry(uint64_t index, uint64_t term);
struct raft_status server_status(const struct server *server);
