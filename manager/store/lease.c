/* Leases: which holder may act as a loop.  A grant is an entry of the log, and its index is the
 * epoch that apply compares; so a loop that was deposed can do no harm, whatever it believes.  Only
 * the leading store grants, to the holder that asked last on its node. */
#include <string.h>

#include "manager/store/check.h"
#include "manager/store/store.h"

struct lease {
        struct lease *next; /* newest first */
        struct store *store;
        struct rpc_call *call; /* NULL: closed, but a grant is still under way */
        char *loop, *holder;
        uint64_t epoch; /* 0: not held */
        bool is_asking;
        bool was_told; /* anything at all */
};

static void elect(struct store *store, const char *loop);

static void lease_free(struct lease *lease)
{
        free(lease->loop);
        free(lease->holder);
        free(lease);
}

static void tell(struct lease *lease, uint64_t epoch)
{
        Sk__LeaseState state = SK__LEASE_STATE__INIT;

        if (lease->was_told && lease->epoch == epoch)
                return;
        lease->was_told = true;
        lease->epoch = epoch;
        state.is_held = epoch != 0;
        state.epoch = state.version = epoch;
        rpc_call_write(lease->call, &state.base);
}

/* --- granting --- */

/* No longer one of those who ask; a no-op when it is none. */
static void lease_withdraw(struct lease *lease)
{
        struct lease **at = &lease->store->leases;

        while (*at && *at != lease)
                at = &(*at)->next;
        if (*at)
                *at = lease->next;
}

/* Nothing need happen here later that would be a reason to try once more (a full queue runs empty
 * unseen), so the holder asks again. */
static void refuse(struct lease *lease, const struct err *err)
{
        lease_withdraw(lease);
        rpc_fail(lease->call, err);
}

static void granted(struct store *store, void *context, const struct applied *applied,
                    const struct err *err)
{
        struct lease *lease = context;
        struct err refused;

        lease->is_asking = false;
        if (!lease->call) {
                lease_free(lease);
                return;
        }
        if (!err && applied->code) {
                err_set(&refused, applied->code, "%s", applied->why);
                err = &refused;
        }
        if (err) {
                refuse(lease, err);
                return;
        }
        /* Otherwise another's grant made the object meanwhile, and the next try is an update. */
        if (!applied->response->n_results && replica_role(store->replica)->is_ready)
                tell(lease, applied->response->version);
        elect(store, lease->loop);
}

static int propose_grant(struct lease *lease, struct err *err)
{
        struct store *store = lease->store;
        Sk__LeaseGrant grant = SK__LEASE_GRANT__INIT;
        Sk__Change change = SK__CHANGE__INIT;
        char id[26];

        apply_lease_id(lease->loop, id);
        grant.loop = lease->loop;
        grant.holder = lease->holder;
        change.op = state_find(store->state, SK__KIND__KIND_LEASE, id) ? SK__CHANGE__OP__UPDATE
                                                                       : SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_LEASE;
        change.id = id;
        change.name = lease->loop;
        return store_propose_part(store, &change, PART_LEASE_grant, &grant.base, granted, lease,
                                  err);
}

/* The newest who asks for the loop is to hold it; the others are told that they do not. */
static void elect(struct store *store, const char *loop)
{
        struct lease *newest = NULL;
        struct err err;

        for (struct lease *lease = store->leases; lease; lease = lease->next) {
                if (strcmp(lease->loop, loop) != 0)
                        continue;
                if (!newest)
                        newest = lease;
                if (lease != newest || !replica_role(store->replica)->is_ready)
                        tell(lease, 0);
        }
        if (!newest || newest->epoch || newest->is_asking ||
            !replica_role(store->replica)->is_ready)
                return;
        newest->is_asking = propose_grant(newest, &err) == 0;
        if (!newest->is_asking)
                refuse(newest, &err);
}

void lease_role(struct store *store)
{
        for (struct lease *lease = store->leases; lease; lease = lease->next)
                elect(store, lease->loop);
}

/* --- the method --- */

static void lease_closed(void *context, struct rpc_call *call)
{
        struct lease *lease = context;
        struct store *store = lease->store;
        _cleanup_(freep) char *loop = str_copy(lease->loop);

        (void)call;
        lease_withdraw(lease);
        lease->call = NULL;
        if (!lease->is_asking)
                lease_free(lease);
        elect(store, loop);
}

static const struct rpc_call_events lease_events = { .closed = lease_closed };

void acquire_lease(void *context, struct rpc_call *call, const Sk__AcquireLeaseRequest *in)
{
        struct store *store = context;
        struct lease *lease;
        struct err err;

        if (!*in->loop || strlen(in->loop) > CHECK_LOOP_MAX ||
            strlen(in->holder) > CHECK_NAME_MAX) {
                err_set(&err, ERR_INVALID, "name the loop (up to %d bytes) and its holder",
                        CHECK_LOOP_MAX);
                rpc_fail(call, &err);
                return;
        }
        lease = mem_alloc(sizeof *lease);
        lease->store = store;
        lease->call = call;
        lease->loop = str_copy(in->loop);
        lease->holder = str_copy(in->holder);
        lease->next = store->leases;
        store->leases = lease;
        rpc_call_on(call, &lease_events, lease);
        elect(store, lease->loop);
}
