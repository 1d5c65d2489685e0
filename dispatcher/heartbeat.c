/* Deadlines of nodes. */
#include "dispatcher/heartbeat.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/state/cluster.h"

enum { HEARTBEATS_PER_SECOND = 1000 };

#define NOTICED_NS (6 * NS_PER_S)
#define HANDSHAKE_NS (20 * NS_PER_MS)

struct heartbeat {
        char node_id[64];
        int64_t deadline;
        struct heap_node node;
};

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct heartbeat *x = container_of(a, struct heartbeat, node);
        const struct heartbeat *y = container_of(b, struct heartbeat, node);

        if (x->deadline != y->deadline)
                return x->deadline < y->deadline;
        return strcmp(x->node_id, y->node_id) < 0;
}

void heartbeats_init(struct heartbeats *heartbeats)
{
        *heartbeats = (struct heartbeats){ .deadlines.is_before = is_before };
}

void heartbeats_done(struct heartbeats *heartbeats)
{
        struct heartbeat *heartbeat;

        for (size_t at = 0; (heartbeat = map_next(&heartbeats->nodes, &at));)
                free(heartbeat);
        map_done(&heartbeats->nodes);
        heap_done(&heartbeats->deadlines);
}

void heartbeats_heard(struct heartbeats *heartbeats, const char *node_id, int64_t now,
                      int64_t allowance_ns)
{
        struct heartbeat *heartbeat = map_find(&heartbeats->nodes, node_id);

        if (!heartbeat) {
                heartbeats_expect(heartbeats, node_id, now, allowance_ns);
                return;
        }
        if (now + allowance_ns <= heartbeat->deadline)
                return;
        heartbeat->deadline = now + allowance_ns;
        heap_moved(&heartbeats->deadlines, &heartbeat->node);
}

void heartbeats_expect(struct heartbeats *heartbeats, const char *node_id, int64_t now,
                       int64_t allowance_ns)
{
        struct heartbeat *heartbeat;

        if (map_find(&heartbeats->nodes, node_id) || strlen(node_id) >= sizeof heartbeat->node_id)
                return;
        heartbeat = mem_alloc(sizeof *heartbeat);
        memcpy(heartbeat->node_id, node_id, strlen(node_id) + 1);
        heartbeat->deadline = now + allowance_ns;
        map_put(&heartbeats->nodes, heartbeat->node_id, heartbeat);
        heap_add(&heartbeats->deadlines, &heartbeat->node);
}

void heartbeats_postpone(struct heartbeats *heartbeats, int64_t until)
{
        struct heartbeat *heartbeat;

        for (size_t at = 0; (heartbeat = map_next(&heartbeats->nodes, &at));) {
                if (heartbeat->deadline >= until)
                        continue;
                heartbeat->deadline = until;
                heap_moved(&heartbeats->deadlines, &heartbeat->node);
        }
}

void heartbeats_forget(struct heartbeats *heartbeats, const char *node_id)
{
        struct heartbeat *heartbeat = map_remove(&heartbeats->nodes, node_id);

        if (!heartbeat)
                return;
        heap_remove(&heartbeats->deadlines, &heartbeat->node);
        free(heartbeat);
}

bool heartbeats_has(const struct heartbeats *heartbeats, const char *node_id)
{
        return map_find(&heartbeats->nodes, node_id);
}

bool heartbeats_take_late(struct heartbeats *heartbeats, int64_t now, char ret_node_id[static 64])
{
        if (heartbeats_next(heartbeats) > now)
                return false;
        memcpy(ret_node_id,
               container_of(heap_first(&heartbeats->deadlines), struct heartbeat, node)->node_id,
               64);
        heartbeats_forget(heartbeats, ret_node_id);
        return true;
}

int64_t heartbeats_next(const struct heartbeats *heartbeats)
{
        const struct heap_node *first = heap_first(&heartbeats->deadlines);

        return first ? container_of(first, const struct heartbeat, node)->deadline : TIME_NEVER;
}

int64_t heartbeat_period(size_t n_sessions, int64_t setting_ns)
{
        int64_t wanted = setting_ns > 0 ? setting_ns : 5 * NS_PER_S;
        int64_t most = wanted < CLUSTER_HEARTBEAT_MIN_NS ? CLUSTER_HEARTBEAT_MIN_NS : wanted;
        int64_t fair = (int64_t)n_sessions * (NS_PER_S / HEARTBEATS_PER_SECOND);
        int64_t least = most < NS_PER_S ? most : NS_PER_S;

        if (fair < least)
                return least;
        return fair < most ? fair : most;
}

int64_t heartbeat_moving(size_t n_nodes)
{
        return NOTICED_NS + (int64_t)n_nodes * HANDSHAKE_NS;
}
