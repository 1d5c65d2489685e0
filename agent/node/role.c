/* A node's certificates follow its role and its time: a worker becomes a manager, a manager a
 * worker, and what is some way through its life is renewed.  The certificates come first, then what
 * the node remembers, then the daemons.  A crash on the way leaves the old role or the new one;
 * what is left of a manager is cleared at the next start. */
#include <stdio.h>
#include <string.h>

#include "agent/node/keys.h"
#include "agent/node/node_private.h"
#include "agent/node/renewal.h"
#include "api/ports.h"
#include "lib/base/check.h"
#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/trust/trust.h"

static const int64_t retry_least_ns = NS_PER_S, retry_most_ns = 60 * NS_PER_S,
                     renewal_least_ns = NS_PER_MINUTE; /* a clock may be wrong */

/* As docker's: all nodes of a cluster do not come on the same day. */
enum { RENEW_FROM_PERCENT = 50, RENEW_TO_PERCENT = 80 };

struct node_role {
        struct node *node;
        Sk__NodeRole wanted;
        struct renewal *renewal;
        struct loop_timer retry;
        int64_t pause_ns;
        bool is_change;   /* else only the certificates are renewed */
        bool is_stopping; /* the manager's daemons: from here on there is no way back */
};

static void begin(void *context);

static Sk__NodeRole present_role(const struct node *node)
{
        return node_is_manager(node) ? SK__NODE_ROLE__NODE_ROLE_MANAGER
                                     : SK__NODE_ROLE__NODE_ROLE_WORKER;
}

static void change_to(struct node *node, Sk__NodeRole wanted)
{
        node->role = mem_alloc(sizeof *node->role);
        *node->role = (struct node_role){ .node = node,
                                          .wanted = wanted,
                                          .is_change = wanted != present_role(node),
                                          .pause_ns = retry_least_ns };
        node->role->retry = (struct loop_timer){ .fire = begin, .context = node->role };
        loop_timer_set(node->options.loop, &node->role->retry, 0);
}

static void release(struct node_role *role)
{
        loop_timer_cancel(&role->retry);
        role->node->role = NULL;
        free(role);
}

/* The managers may have thought better of it meanwhile. */
static void end(struct node_role *role)
{
        struct node *node = role->node;

        release(role);
        node_role_told(node, node->told_role);
        node_role_schedule(node);
}

static void try_again(struct node_role *role, const struct err *err)
{
        LOG(WARN, "the node's certificates could not be changed yet",
            STR("as", role->wanted == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker"),
            STR("why", err->text));
        loop_timer_set(role->node->options.loop, &role->retry, role->pause_ns);
        role->pause_ns *= 2;
        if (role->pause_ns > retry_most_ns)
                role->pause_ns = retry_most_ns;
}

/* --- what the node remembers --- */

static int write_record(struct node_role *role, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };
        struct node *node = role->node;
        struct node_record record = node->record;

        snprintf(record.role, sizeof record.role, "%s",
                 role->wanted == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker");
        node_state_path(node, "node.conf", &path);
        TRY(node_record_write(str_text(&path), &record, err));
        node->record = record;
        return 0;
}

int node_role_clean(struct node *node, struct err *err)
{
        static const char *const names[] = { "store", "bootstrap" };
        _cleanup_(str_done) struct str identity = { 0 };

        for (size_t i = 0; i < COUNT_OF(names); i++) {
                _cleanup_(str_done) struct str path = { 0 };

                node_state_path(node, names[i], &path);
                TRY(file_remove_tree(str_text(&path), err));
        }
        node_state_path(node, "identity", &identity);
        return keys_forget_manager(str_text(&identity), err);
}

/* --- the daemons --- */

static void managers_stopped(void *context)
{
        struct node_role *role = context;
        struct err err;

        if (write_record(role, &err) < 0 || node_role_clean(role->node, &err) < 0) {
                try_again(role, &err);
                return;
        }
        LOG(INFO, "this node is a worker now");
        end(role);
}

static void become_manager(struct node_role *role)
{
        struct err err;

        if (write_record(role, &err) < 0 || node_start_rows(role->node, &err) < 0) {
                try_again(role, &err);
                return;
        }
        LOG(INFO, "this node is a manager now");
        end(role);
}

static void renewed(void *context, const struct err *err)
{
        struct node_role *role = context;

        role->renewal = NULL;
        if (err) {
                try_again(role, err);
        } else if (!role->is_change) {
                LOG(INFO, "certificates renewed");
                end(role);
        } else if (role->wanted == SK__NODE_ROLE__NODE_ROLE_MANAGER) {
                become_manager(role);
        } else {
                role->is_stopping = true;
                node_stop_daemons(role->node, true, managers_stopped, role);
        }
}

static void begin(void *context)
{
        struct node_role *role = context;
        struct node *node = role->node;
        _cleanup_(str_done) struct str folder = { 0 };
        char addresses[RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE];
        const char *list[RECORD_MANAGERS_MAX];
        size_t n = node_record_managers(&node->record, PORT_CA, addresses);

        if (!role->is_stopping && node->told_role != role->wanted) {
                end(role);
                return;
        }
        for (size_t i = 0; i < n; i++)
                list[i] = addresses[i];
        node_state_path(node, "identity", &folder);
        role->renewal = renewal_begin(&(struct renewal_options){
                .loop = node->options.loop,
                .workers = node->options.workers,
                .folder = str_text(&folder),
                .role = role->wanted,
                .addresses = list,
                .n_addresses = n,
                .ended = renewed,
                .context = role,
        });
}

bool node_role_is_stopping(const struct node *node)
{
        return node->role && node->role->is_stopping;
}

void node_role_told(struct node *node, Sk__NodeRole wanted)
{
        node->told_role = wanted;
        if (node->state != NODE_ACTIVE || node->role || wanted == present_role(node))
                return;
        LOG(INFO, "the managers changed this node's role",
            STR("to", wanted == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker"));
        change_to(node, wanted);
}

/* --- renewal --- */

static void renewal_is_due(void *context)
{
        struct node *node = context;

        if (node->state == NODE_ACTIVE && !node->role)
                change_to(node, present_role(node));
}

/* In how long; ERR_*: the certificate cannot be read. */
static int time_to_renewal(const struct node *node, int64_t *ret_ns, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 }, pem = { 0 };
        int64_t from, to, percent;
        struct random random;
        uint64_t seed;

        node_state_path(node, "identity/agent.crt", &path);
        TRY(file_read(str_text(&path), TRUST_PEM_MAX, &pem, err));
        TRY(trust_certificate_times(str_text(&pem), &from, &to, err));
        os_random(&seed, sizeof seed);
        random_init(&random, seed);
        percent = random_between(&random, RENEW_FROM_PERCENT, RENEW_TO_PERCENT);
        *ret_ns = from + (to - from) / 100 * percent - loop_now(node->options.loop);
        return 0;
}

void node_role_schedule(struct node *node)
{
        int64_t in_ns = 0;
        struct err err;

        if (time_to_renewal(node, &in_ns, &err) < 0)
                LOG(ERROR, "the agent's certificate cannot be read", STR("why", err.text));
        loop_timer_cancel(&node->renewal_due);
        node->renewal_due = (struct loop_timer){ .fire = renewal_is_due, .context = node };
        loop_timer_set(node->options.loop, &node->renewal_due,
                       in_ns > renewal_least_ns ? in_ns : renewal_least_ns);
}

void node_role_cancel(struct node *node)
{
        loop_timer_cancel(&node->renewal_due);
        if (!node->role)
                return;
        if (node->role->renewal)
                renewal_cancel(node->role->renewal);
        release(node->role);
}
