/* The state: maps, references and the order of last changes. */
#include "manager/store/state.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

struct referrers {
        size_t n;
        char id[];
};

/* A put that may still be undone. */
struct step {
        struct record *old, *new; /* old: NULL when there was none */
};

struct state {
        uint64_t version, forgotten;
        int64_t time;
        size_t n, bytes;
        struct map by_id[OBJECT_KINDS], by_name[OBJECT_KINDS];
        struct map referrers;
        struct order order; /* the ring's head: before the first, after the last */
        struct vec steps;   /* struct step */
        struct record *oldest_removed, *newest_removed;
        size_t n_removed;
        struct answers answers;
};

/* --- order --- */

static void order_insert_after(struct order *where, struct order *what)
{
        what->before = where;
        what->after = where->after;
        where->after->before = what;
        where->after = what;
}

/* Leaves its own pointers alone, so that it can be put back. */
static void order_unlink(struct order *what)
{
        what->before->after = what->after;
        what->after->before = what->before;
}

static void order_relink(struct order *what)
{
        what->before->after = what;
        what->after->before = what;
}

static struct record *record_of(struct order *order)
{
        return container_of(order, struct record, order);
}

/* --- references --- */

static void refer(struct state *state, const char *id)
{
        struct referrers *referrers = map_find(&state->referrers, id);

        if (!referrers) {
                referrers = mem_alloc(sizeof *referrers + strlen(id) + 1);
                strcpy(referrers->id, id);
                map_put(&state->referrers, referrers->id, referrers);
        }
        referrers->n++;
}

static void unrefer(struct state *state, const char *id)
{
        struct referrers *referrers = map_find(&state->referrers, id);

        CHECK(referrers && referrers->n);
        if (--referrers->n)
                return;
        map_remove(&state->referrers, id);
        free(referrers);
}

static bool same_references(const struct record *a, const struct record *b)
{
        struct record_content left, right;

        record_content(a, &left);
        record_content(b, &right);
        return left.references_size == right.references_size &&
               memcmp(left.references, right.references, left.references_size) == 0;
}

/* --- indexes --- */

static bool has_name(const struct record *record)
{
        return *record_name(record) && object_kind((Sk__Kind)record->kind)->has_unique_names;
}

static void index_add(struct state *state, struct record *record)
{
        CHECK(!map_put(&state->by_id[record->kind], record_id(record), record));
        if (has_name(record))
                CHECK(!map_put(&state->by_name[record->kind], record_name(record), record));
        for (const char *id = NULL; (id = record_next_reference(record, id));)
                refer(state, id);
        state->n++;
        state->bytes += record_size(record);
}

static void index_remove(struct state *state, struct record *record)
{
        CHECK(map_remove(&state->by_id[record->kind], record_id(record)) == record);
        if (has_name(record))
                CHECK(map_remove(&state->by_name[record->kind], record_name(record)) == record);
        for (const char *id = NULL; (id = record_next_reference(record, id));)
                unrefer(state, id);
        state->n--;
        state->bytes -= record_size(record);
}

/* 'new' instead of 'old', either of which may be NULL or a removal.  The usual case, another value
 * with the same name and references, touches little. */
static void index_swap(struct state *state, struct record *old, struct record *new)
{
        bool was = old && !old->is_removed, is = new && !new->is_removed;

        if (!was || !is || !str_equal(record_name(old), record_name(new)) ||
            !same_references(old, new)) {
                if (was)
                        index_remove(state, old);
                if (is)
                        index_add(state, new);
                return;
        }
        CHECK(map_put(&state->by_id[new->kind], record_id(new), new) == old);
        if (has_name(new))
                CHECK(map_put(&state->by_name[new->kind], record_name(new), new) == old);
        state->bytes += record_size(new) - record_size(old);
}

/* --- life --- */

struct state *state_new(void)
{
        struct state *state = mem_alloc(sizeof *state);

        state->order.before = state->order.after = &state->order;
        state->order.type = ORDER_MARK;
        state->steps = VEC_OF(struct step);
        return state;
}

void state_free(struct state *state)
{
        struct referrers *referrers;

        if (!state)
                return;
        state_keep(state);
        for (size_t at = 0; (referrers = map_next(&state->referrers, &at));)
                free(referrers);
        map_done(&state->referrers);
        while (state->order.after != &state->order) {
                struct order *first = state->order.after;

                CHECK(first->type == ORDER_RECORD);
                order_unlink(first);
                free(record_of(first));
        }
        for (size_t i = 0; i < OBJECT_KINDS; i++) {
                map_done(&state->by_id[i]);
                map_done(&state->by_name[i]);
        }
        answers_done(&state->answers);
        vec_done(&state->steps);
        free(state);
}

/* --- looking --- */

uint64_t state_version(const struct state *state)
{
        return state->version;
}

int64_t state_time(const struct state *state)
{
        return state->time;
}

const struct record *state_find(const struct state *state, Sk__Kind kind, const char *id)
{
        return object_kind(kind) ? map_find(&state->by_id[kind], id) : NULL;
}

const struct record *state_find_name(const struct state *state, Sk__Kind kind, const char *name)
{
        return object_kind(kind) ? map_find(&state->by_name[kind], name) : NULL;
}

size_t state_count_referrers(const struct state *state, const char *id)
{
        const struct referrers *referrers = map_find(&state->referrers, id);

        return referrers ? referrers->n : 0;
}

size_t state_count(const struct state *state, Sk__Kind kind)
{
        return object_kind(kind) ? state->by_id[kind].n : 0;
}

size_t state_count_all(const struct state *state)
{
        return state->n;
}

size_t state_bytes(const struct state *state)
{
        return state->bytes;
}

const struct record *state_each(const struct state *state, Sk__Kind kind, size_t *at)
{
        return object_kind(kind) ? map_next(&state->by_id[kind], at) : NULL;
}

struct answers *state_answers(struct state *state)
{
        return &state->answers;
}

/* --- changing --- */

void state_put(struct state *state, struct record *record)
{
        struct record *old = map_find(&state->by_id[record->kind], record_id(record));

        CHECK(old || !record->is_removed);
        index_swap(state, old, record);
        if (old)
                order_unlink(&old->order);
        order_insert_after(state->order.before, &record->order);
        vec_push(&state->steps, &(struct step){ .old = old, .new = record });
}

static void remember_removal(struct state *state, struct record *removed)
{
        if (state->newest_removed)
                state->newest_removed->next_removed = removed;
        else
                state->oldest_removed = removed;
        state->newest_removed = removed;
        state->n_removed++;
}

void state_keep(struct state *state)
{
        for (size_t i = 0; i < state->steps.n; i++) {
                struct step *step = vec_at(&state->steps, i);

                if (step->new->is_removed)
                        remember_removal(state, step->new);
                /* A removal that came before stays in the order: it is history, not an old value.
                 */
                free(step->old);
        }
        vec_clear(&state->steps);
}

void state_undo(struct state *state)
{
        struct step step;

        while (state->steps.n) {
                vec_pop(&state->steps, &step);
                order_unlink(&step.new->order);
                if (step.old)
                        order_relink(&step.old->order);
                index_swap(state, step.new, step.old);
                free(step.new);
        }
}

void state_advance(struct state *state, uint64_t version, int64_t time_ns)
{
        CHECK(version > state->version && !state->steps.n);
        state->version = version;
        if (time_ns > state->time)
                state->time = time_ns;
}

/* --- loading --- */

int state_load(struct state *state, struct record *record, struct err *err)
{
        const struct object_kind *kind = object_kind((Sk__Kind)record->kind);

        if (!kind || record->is_removed || state_find(state, kind->kind, record_id(record)) ||
            (has_name(record) && state_find_name(state, kind->kind, record_name(record)))) {
                free(record);
                return err_set(err, ERR_DATA_LOSS, "two stored objects share an id or a name");
        }
        index_add(state, record);
        order_insert_after(state->order.before, &record->order);
        return 0;
}

static int compare_versions(const void *left, const void *right)
{
        const struct record *a = *(struct record *const *)left;
        const struct record *b = *(struct record *const *)right;

        if (a->version != b->version)
                return a->version < b->version ? -1 : 1;
        return a->kind != b->kind ? a->kind - b->kind : strcmp(record_id(a), record_id(b));
}

void state_loaded(struct state *state, uint64_t version, int64_t time_ns)
{
        struct vec records = VEC_OF(struct record *);

        while (state->order.after != &state->order) {
                struct record *record = record_of(state->order.after);

                order_unlink(&record->order);
                vec_push(&records, &record);
        }
        vec_sort(&records, compare_versions);
        for (size_t i = 0; i < records.n; i++)
                order_insert_after(state->order.before,
                                   &VEC_AT(&records, struct record *, i)->order);
        vec_done(&records);
        answers_loaded(&state->answers);
        state->version = state->forgotten = version;
        state->time = time_ns;
}

/* --- reading on --- */

void state_mark_first(struct state *state, struct state_mark *mark)
{
        state_mark_remove(mark);
        mark->state = state;
        mark->order.type = ORDER_MARK;
        order_insert_after(&state->order, &mark->order);
}

void state_mark_after(struct state *state, struct state_mark *mark, uint64_t version)
{
        struct order *at = state->order.before;

        while (at != &state->order && (at->type == ORDER_MARK || record_of(at)->version > version))
                at = at->before;
        state_mark_remove(mark);
        mark->state = state;
        mark->order.type = ORDER_MARK;
        order_insert_after(at, &mark->order);
}

void state_mark_remove(struct state_mark *mark)
{
        if (!mark->state)
                return;
        order_unlink(&mark->order);
        mark->state = NULL;
}

const struct record *state_mark_next(struct state_mark *mark)
{
        struct order *head = &mark->state->order, *at = mark->order.after;

        while (at != head && at->type == ORDER_MARK)
                at = at->after;
        order_unlink(&mark->order);
        order_insert_after(at == head ? head->before : at, &mark->order);
        return at == head ? NULL : record_of(at);
}

uint64_t state_forgotten(const struct state *state)
{
        return state->forgotten;
}

void state_forget(struct state *state, size_t limit, uint64_t up_to)
{
        while (state->n_removed > limit && state->oldest_removed->version <= up_to) {
                struct record *oldest = state->oldest_removed;

                state->oldest_removed = oldest->next_removed;
                if (!state->oldest_removed)
                        state->newest_removed = NULL;
                state->n_removed--;
                state->forgotten = oldest->version;
                order_unlink(&oldest->order);
                free(oldest);
        }
}
