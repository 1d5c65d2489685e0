/* Private to the orchestrator: what the files about preemption share. */
#pragma once
#include "lib/base/map.h"
#include "manager/orchestrator/work.h"

struct room;

/* Who goes so that a task fits on a node. */
struct eviction {
        struct room *room;
        const Sk__Task **tasks;
        size_t n;
        int32_t highest; /* priority of the most important of them */
};

/* A node as it will be. */
struct room {
        const Sk__Node *node;
        struct placement_usage usage;
        struct vec coming; /* const struct placement_need *: found their room here */
        bool is_read;
        uint32_t change; /* counts them, from 1 */
        /* What was thought through last: for whom, and as of which change. */
        struct eviction offer;
        const struct placement_need *offered_to;
        uint32_t offered_at;
};

struct preempt {
        const struct view *view;
        struct plan *plan;
        size_t limit;
        struct room *rooms; /* ascending by node id */
        size_t n_rooms;
        struct vec waiting;           /* struct waiting */
        struct map askers;            /* struct asker, by spec id */
        struct map victims;           /* const Sk__Task, by id: told to go by this decision */
        struct placement_usage usage; /* of a room, while it is thought through */
        size_t n_evictions, n_rooms_searched;
};

/* Of a spec; 0 when it is gone. */
int32_t preempt_priority(const struct view *view, const char *spec_id);

/* Told to go, by whomever; 'context' is the struct preempt. */
bool preempt_is_going(const void *context, const Sk__Task *task);

/* What is on the node when those are gone of which 'is_gone' says so, and what comes is there. */
void preempt_read_usage(struct preempt *preempt, const struct room *room,
                        bool (*is_gone)(const void *context, const Sk__Task *task),
                        const void *context, struct placement_usage *ret);

/* --- evict.c: who has to go from a node --- */

/* Makes room->offer, when room->usage has been read; false when nobody's going helps here, or that
 * costs no less than 'best' (no room: there is none yet). */
bool evict_on(struct preempt *preempt, struct room *room, const struct placement_need *need,
              const struct eviction *best);
