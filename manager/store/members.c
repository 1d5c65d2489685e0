/* The cluster's membership, as an object: who the voters are and where they are reached.  The
 * leader keeps it as Raft has it. */
#include <string.h>

#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/state/object.h"
#include "manager/store/store.h"

enum { LEVEL = 1 }; /* the rules this build knows; see docs/store.md */

static void written(struct store *store, void *context, const struct applied *applied,
                    const struct err *err)
{
        (void)store;
        (void)context;
        if (err || applied->code || applied->response->n_results)
                LOG(WARN, "the membership could not be written",
                    STR("error", err             ? err->text
                                 : applied->code ? applied->why
                                                 : applied->response->results[0]->message));
}

/* What the membership should say, packed.  A cluster of one: this store. */
static void wanted(const struct store *store, struct arena *arena, uint8_t **ret_data,
                   size_t *ret_size)
{
        Sk__ClusterMembership__Member member = SK__CLUSTER_MEMBERSHIP__MEMBER__INIT;
        Sk__ClusterMembership__Member *members[] = { &member };
        Sk__ClusterMembership membership = SK__CLUSTER_MEMBERSHIP__INIT;

        member.node_id = (char *)store->options.node_id;
        member.address = (char *)store->options.config->advertise;
        membership.members = members;
        membership.n_members = 1;
        membership.level = LEVEL;
        message_pack(arena, &membership.base, ret_data, ret_size);
}

static void write_membership(struct store *store, const char *cluster_id, uint8_t *data,
                             size_t size)
{
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;

        part.index = PART_CLUSTER_membership;
        part.data.data = data;
        part.data.len = size;
        change.op = SK__CHANGE__OP__UPDATE;
        change.kind = SK__KIND__KIND_CLUSTER;
        change.id = (char *)cluster_id;
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        store_propose(store, &request, ROLE_STORE, written, NULL, NULL);
}

void members_role(struct store *store)
{
        struct arena arena = { 0 };
        struct record_content content;
        const struct record *cluster;
        size_t at = 0, size;
        uint8_t *data;

        cluster = state_each(store->state, SK__KIND__KIND_CLUSTER, &at);
        if (!cluster || !replica_role(store->replica)->is_ready)
                return;
        wanted(store, &arena, &data, &size);
        record_content(cluster, &content);
        if (content.parts[PART_CLUSTER_membership].size != size ||
            memcmp(content.parts[PART_CLUSTER_membership].data, data, size) != 0)
                write_membership(store, content.id, data, size);
        arena_done(&arena);
}
