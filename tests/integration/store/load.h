/* Writers whose every commit can be checked: each counts up two tasks at once, one commit after the
 * other, under a request id. */
#pragma once
#include "api/store.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

enum { WRITERS = 32, LOAD_CLIENTS_MAX = 5 };

struct writer {
        struct load *load;
        char ids[2][ID_SIZE];
        uint64_t sent, acknowledged; /* the count of the last commit sent, answered */
        uint64_t acknowledged_version;
        uint64_t standing_version; /* of the last commit, if it was applied, answered or not */
        char request_id[ID_SIZE];
        bool is_open;
        size_t client; /* whom it asks */
        struct loop_timer retry;
};

struct load {
        struct loop *loop;
        struct rpc_client *clients[LOAD_CLIENTS_MAX];
        size_t n_clients;
        bool retries; /* a commit without an answer is asked for again, of the next client */
        struct arena arena;
        struct writer writers[WRITERS];
        bool is_stopping;
        int64_t last_answer; /* loop_now_boot() */
        int64_t longest_gap; /* between answers, since it was last set to 0 */
};

void load_init(struct load *load, struct loop *loop);
void load_done(struct load *load);

void load_start(struct load *load); /* all writers write on until 'is_stopping' */
void load_turn(struct load *load, int64_t ms);
void load_wait(struct load *load); /* until no commit is open */

/* 'all' are the tasks as read now: nothing acknowledged is missing, nothing is there that was not
 * sent, groups are whole. */
void load_check(struct load *load, const Sk__ReadResponse *all);

/* All repeat their last commit under its request id: what was applied is not applied again, so the
 * version they are told is the one that stands. */
void load_repeat(struct load *load);

uint64_t load_count(const struct load *load); /* of commits acknowledged */
