/* Linearizable reads: Raft says when the state is new enough; all that came meanwhile share the
 * next question. */
#include "lib/base/check.h"
#include "manager/store/feed.h"
#include "manager/store/store.h"

enum { READ_BYTES_MAX = 32 << 20, READ_NAMES_MAX = 10000 };

/* --- sharing --- */

static void ask(struct store *store)
{
        if (store->reads_asked || !store->reads_waiting || bootstrap_is_pending(store))
                return;
        store->reads_asked = TAKE(store->reads_waiting);
        replica_read(store->replica, ++store->read_id);
}

void store_read(struct store *store, struct store_read *read)
{
        read->next = store->reads_waiting;
        store->reads_waiting = read;
        ask(store);
}

void read_begin(struct store *store)
{
        ask(store);
}

/* What was asked for before the cluster was begun is asked for again after it. */
static void wait_for_beginning(struct store *store, struct store_read *read)
{
        for (struct store_read *next; read; read = next) {
                next = read->next;
                read->next = store->reads_waiting;
                store->reads_waiting = read;
        }
}

void read_answered(struct store *store, uint64_t id, bool is_ok)
{
        struct store_read *read = store->reads_asked;
        struct err err;

        if (id != store->read_id)
                return;
        store->reads_asked = NULL;
        if (bootstrap_is_pending(store)) {
                wait_for_beginning(store, read);
                return;
        }
        (void)store_no_leader(store, &err);
        for (struct store_read *next; read; read = next) {
                next = read->next;
                read->done(store, read, is_ok ? NULL : &err);
        }
        ask(store);
}

/* --- ReadIndex --- */

struct index_read {
        struct store_read read;
        struct rpc_call *call;
};

static void index_done(struct store *store, struct store_read *read, const struct err *err)
{
        struct index_read *index = container_of(read, struct index_read, read);
        Sk__ReadIndexResponse response = SK__READ_INDEX_RESPONSE__INIT;

        response.version = state_version(store->state);
        if (err)
                rpc_fail(index->call, err);
        else
                rpc_reply(index->call, &response.base);
        free(index);
}

void read_index(void *context, struct rpc_call *call, const Sk__ReadIndexRequest *in)
{
        struct index_read *read = mem_alloc(sizeof *read);

        (void)in;
        read->call = call;
        read->read.done = index_done;
        store_read(context, &read->read);
}

/* --- Read --- */

struct object_read {
        struct store_read read;
        struct rpc_call *call;
        Sk__Kind kind;
        uint32_t parts;
        size_t n_ids, n_names;
        char **wanted; /* ids, then names; in the call's arena */
};

struct answer_draft {
        Sk__ReadResponse response;
        struct arena *arena;
        uint32_t parts;
        size_t bytes, capacity;
};

static void draft_add(struct answer_draft *draft, const struct record *record)
{
        Sk__Event **longer;

        if (!record)
                return;
        if (draft->response.n_objects == draft->capacity) {
                draft->capacity = draft->capacity * 2 + 16;
                longer = arena_alloc(draft->arena, draft->capacity * sizeof *longer);
                for (size_t i = 0; i < draft->response.n_objects; i++)
                        longer[i] = draft->response.objects[i];
                draft->response.objects = longer;
        }
        draft->response.objects[draft->response.n_objects++] =
                record_event(record, draft->parts, 0, draft->arena);
        draft->bytes += record_size(record);
}

static int draft_fill(struct answer_draft *draft, const struct store *store,
                      const struct object_read *read, struct err *err)
{
        const struct record *record;

        if (!read->n_ids && !read->n_names)
                for (size_t at = 0; draft->bytes <= READ_BYTES_MAX &&
                                    (record = state_each(store->state, read->kind, &at));)
                        draft_add(draft, record);
        for (size_t i = 0; i < read->n_ids; i++)
                draft_add(draft, state_find(store->state, read->kind, read->wanted[i]));
        for (size_t i = 0; i < read->n_names; i++)
                draft_add(draft,
                          state_find_name(store->state, read->kind, read->wanted[read->n_ids + i]));
        if (draft->bytes > READ_BYTES_MAX)
                return err_set(err, ERR_EXHAUSTED, "too much for one answer; watch instead");
        return 0;
}

static void object_done(struct store *store, struct store_read *store_read, const struct err *err)
{
        struct object_read *read = container_of(store_read, struct object_read, read);
        struct answer_draft draft = { .response = SK__READ_RESPONSE__INIT,
                                      .arena = &store->arena,
                                      .parts = read->parts };
        struct err refused;

        draft.response.version = state_version(store->state);
        if (!err && draft_fill(&draft, store, read, &refused) < 0)
                err = &refused;
        if (err)
                rpc_fail(read->call, err);
        else
                rpc_reply(read->call, &draft.response.base);
        arena_clear(&store->arena);
        free(read);
}

static int read_check(const Sk__ReadRequest *in, struct err *err)
{
        if (!object_kind(in->kind))
                return err_set(err, ERR_INVALID, "%d is no kind of object", (int)in->kind);
        if (in->n_ids + in->n_names > READ_NAMES_MAX)
                return err_set(err, ERR_INVALID, "at most %d objects can be read at once",
                               READ_NAMES_MAX);
        return 0;
}

void read_objects(void *context, struct rpc_call *call, const Sk__ReadRequest *in)
{
        struct object_read *read;
        struct arena *arena = rpc_call_arena(call);
        struct err err;

        if (read_check(in, &err) < 0) {
                rpc_fail(call, &err);
                return;
        }
        read = mem_alloc(sizeof *read);
        read->read.done = object_done;
        read->call = call;
        read->kind = in->kind;
        read->parts = feed_readable(in->kind, in->parts, rpc_call_peer(call)->roles);
        read->wanted = arena_alloc(arena, (in->n_ids + in->n_names) * sizeof *read->wanted);
        for (size_t i = 0; i < in->n_ids; i++)
                read->wanted[read->n_ids++] = arena_strdup(arena, in->ids[i]);
        for (size_t i = 0; i < in->n_names; i++)
                read->wanted[read->n_ids + read->n_names++] = arena_strdup(arena, in->names[i]);
        store_read(context, &read->read);
}
