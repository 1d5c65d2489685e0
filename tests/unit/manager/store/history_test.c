/* Random histories: the state against a naive model, and readers of every speed against the
 * history. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/random.h"
#include "lib/base/str.h"
#include "manager/store/feed.h"
#include "tests/unit/manager/store/builders.h"

enum { OBJECTS = 12, NAMES = 6, READERS = 5, ENTRIES = 600, SEEDS = 40 };

/* An object as the model sees it: services only, one byte per part. */
struct thing {
        bool exists;
        int name, reference; /* 0: none */
        uint8_t part[2];     /* 0: never written */
        uint64_t version[2];
};

struct model {
        struct thing things[OBJECTS];
};

struct reader {
        struct feed feed;
        struct model seen, marked; /* so far; as of the last mark */
        uint64_t version;          /* of the last mark */
};

struct world {
        struct random random;
        struct state *state;
        struct arena arena;
        struct model model;
        struct model history[ENTRIES + 1];
        struct reader readers[READERS];
};

static char *word_of(struct arena *arena, const char *letter, size_t i)
{
        return arena_printf(arena, "%s%zu", letter, i);
}

static char *name_of(struct arena *arena, int name)
{
        return arena_strdup(arena, name ? word_of(arena, "name", (size_t)name) : "");
}

/* --- the model: what one change should do --- */

static bool model_name_taken(const struct model *model, int name, size_t except)
{
        for (size_t i = 0; i < OBJECTS; i++)
                if (i != except && model->things[i].exists && name && model->things[i].name == name)
                        return true;
        return false;
}

static bool model_referred(const struct model *model, size_t target)
{
        for (size_t i = 0; i < OBJECTS; i++)
                if (model->things[i].exists && model->things[i].reference == (int)target + 1)
                        return true;
        return false;
}

struct doing {
        Sk__Change__Op op;
        size_t thing;
        int name, reference;
        uint8_t part[2]; /* 0: not given */
};

static bool model_create(struct model *model, const struct doing *doing, uint64_t index)
{
        struct thing *thing = &model->things[doing->thing];

        if (thing->exists)
                return thing->name == doing->name &&
                       (!doing->part[0] || thing->part[0] == doing->part[0]) &&
                       (!doing->part[1] || thing->part[1] == doing->part[1]);
        if (model_name_taken(model, doing->name, doing->thing))
                return false;
        *thing = (struct thing){ .exists = true,
                                 .name = doing->name,
                                 .reference = doing->reference,
                                 .part = { doing->part[0], doing->part[1] },
                                 .version = { doing->part[0] ? index : 0,
                                              doing->part[1] ? index : 0 } };
        return true;
}

static bool model_update(struct model *model, const struct doing *doing, uint64_t index)
{
        struct thing *thing = &model->things[doing->thing];

        if (!thing->exists || model_name_taken(model, doing->name, doing->thing))
                return false;
        if (doing->name)
                thing->name = doing->name;
        thing->reference = doing->reference;
        for (size_t i = 0; i < 2; i++) {
                if (!doing->part[i])
                        continue;
                thing->part[i] = doing->part[i];
                thing->version[i] = index;
        }
        return true;
}

static bool model_do(struct model *model, const struct doing *doing, uint64_t index)
{
        switch (doing->op) {
        case SK__CHANGE__OP__CREATE:
                return model_create(model, doing, index);
        case SK__CHANGE__OP__UPDATE:
                return model_update(model, doing, index);
        default:
                model->things[doing->thing] = (struct thing){ 0 };
                return true;
        }
}

/* --- drawing --- */

static struct doing draw(struct random *random)
{
        static const Sk__Change__Op ops[] = { SK__CHANGE__OP__CREATE, SK__CHANGE__OP__UPDATE,
                                              SK__CHANGE__OP__UPDATE, SK__CHANGE__OP__REMOVE };

        return (struct doing){
                .op = ops[random_below(random, COUNT_OF(ops))],
                .thing = random_below(random, OBJECTS),
                .name = (int)random_below(random, NAMES),
                .reference = (int)random_below(random, OBJECTS + 1),
                .part = { (uint8_t)random_below(random, 4), (uint8_t)random_below(random, 4) },
        };
}

static Sk__Change *change_of(struct arena *arena, const struct doing *doing)
{
        Sk__Change *change = a_change(arena, doing->op, SK__KIND__KIND_SERVICE,
                                      word_of(arena, "s", doing->thing));

        if (doing->op == SK__CHANGE__OP__REMOVE)
                return change;
        with_name(arena, change, name_of(arena, doing->name));
        with_reference(arena, change,
                       doing->reference ? word_of(arena, "s", (size_t)doing->reference - 1) : NULL);
        for (uint32_t i = 0; i < 2; i++)
                if (doing->part[i])
                        with_part(arena, change, i, &doing->part[i], 1);
        return change;
}

static Sk__Precondition *draw_precondition(struct world *w, bool *ret_holds)
{
        size_t i = random_below(&w->random, OBJECTS);
        const struct thing *thing = &w->model.things[i];
        const char *word = word_of(&w->arena, "s", i);
        uint64_t version = thing->version[0] - (random_below(&w->random, 3) == 0);

        switch (random_below(&w->random, 5)) {
        case 0:
                *ret_holds = thing->exists;
                return a_precondition(&w->arena, SK__KIND__KIND_SERVICE, word,
                                      SK__PRECONDITION__TEST_EXISTS);
        case 1:
                *ret_holds = !model_referred(&w->model, i);
                return a_precondition(&w->arena, SK__KIND__KIND_SERVICE, word,
                                      SK__PRECONDITION__TEST_NO_REFERRER);
        case 2:
                *ret_holds = thing->exists && thing->version[0] == version;
                return at_version(&w->arena, SK__KIND__KIND_SERVICE, word, 0, version);
        default:
                *ret_holds = true;
                return NULL;
        }
}

/* One entry of one group of one or two changes, to the state and to the model. */
static void do_entry(struct world *w)
{
        uint64_t index = state_version(w->state) + 1;
        struct doing doings[] = { draw(&w->random), draw(&w->random) };
        bool two = random_below(&w->random, 2), holds;
        struct model after = w->model;
        Sk__Precondition *precondition = draw_precondition(w, &holds);
        struct applied result;

        result = apply_commit(w->state, &w->arena, ROLE_API | ROLE_ORCHESTRATOR,
                              a_commit(&w->arena,
                                       a_group(&w->arena, precondition,
                                               change_of(&w->arena, &doings[0]),
                                               two ? change_of(&w->arena, &doings[1]) : NULL),
                                       NULL),
                              (int64_t)index);
        holds = holds && model_do(&after, &doings[0], index) &&
                (!two || model_do(&after, &doings[1], index));
        assert_int_equal(result.code, 0);
        assert_int_equal(holds, result.response->n_results == 0);
        if (holds)
                w->model = after;
        w->history[index] = w->model;
}

/* --- comparing --- */

static void state_is_model(struct world *w)
{
        size_t n = 0;

        for (size_t i = 0; i < OBJECTS; i++) {
                const struct thing *thing = &w->model.things[i];
                const char *id = an_id(&w->arena, word_of(&w->arena, "s", i));
                const struct record *record = state_find(w->state, SK__KIND__KIND_SERVICE, id);
                size_t referrers = 0;

                for (size_t j = 0; j < OBJECTS; j++)
                        referrers += w->model.things[j].reference == (int)i + 1;
                assert_int_equal(state_count_referrers(w->state, id), referrers);
                assert_int_equal(thing->exists, record != NULL);
                if (!record)
                        continue;
                n++;
                assert_string_equal(record_name(record), name_of(&w->arena, thing->name));
                if (thing->name)
                        assert_ptr_equal(state_find_name(w->state, SK__KIND__KIND_SERVICE,
                                                         record_name(record)),
                                         record);
                for (size_t j = 0; j < 2; j++)
                        assert_int_equal(record->part_versions[j], thing->version[j]);
        }
        assert_int_equal(state_count(w->state, SK__KIND__KIND_SERVICE), n);
}

/* Readers see parts, names and existence; not references. */
static bool looks_the_same(const struct model *a, const struct model *b)
{
        for (size_t i = 0; i < OBJECTS; i++) {
                const struct thing *x = &a->things[i], *y = &b->things[i];

                if (x->exists != y->exists)
                        return false;
                if (x->exists &&
                    (x->name != y->name || x->part[0] != y->part[0] || x->part[1] != y->part[1]))
                        return false;
        }
        return true;
}

/* --- readers --- */

static void read_event(struct reader *reader, const Sk__Event *event)
{
        struct thing *thing = &reader->seen.things[atoi(strrchr(event->id, 's') + 1)];

        if (event->op == SK__EVENT__OP__REMOVE) {
                *thing = (struct thing){ 0 };
                return;
        }
        thing->exists = true;
        thing->name = *event->name ? atoi(event->name + 4) : 0;
        for (size_t i = 0; i < event->n_parts; i++)
                thing->part[event->parts[i]->index] = event->parts[i]->data.data[0];
}

/* Takes up to 'limit' messages; at each mark what was seen must be what was true then. */
static void read_some(struct world *w, struct reader *reader, size_t limit)
{
        Sk__WatchResponse news;

        while (limit-- && feed_next(&reader->feed, &w->arena, &news)) {
                if (news.restart)
                        reader->seen = (struct model){ 0 };
                for (size_t i = 0; i < news.n_events; i++)
                        read_event(reader, news.events[i]);
                if (!news.version)
                        continue;
                reader->version = news.version;
                reader->marked = reader->seen;
                assert_true(looks_the_same(&reader->seen, &w->history[news.version]));
        }
}

static void reader_begin(struct world *w, struct reader *reader, uint64_t from)
{
        Sk__KindMask mask = SK__KIND_MASK__INIT, *masks[] = { &mask };
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;

        feed_done(&reader->feed);
        /* Messages of one event, of two, ...: most end in the middle of something. */
        reader->feed = (struct feed){ .events_max = (size_t)(reader - w->readers) + 1 };
        reader->seen = from ? reader->marked : (struct model){ 0 };
        mask.kind = SK__KIND__KIND_SERVICE;
        mask.parts = 3;
        request.kinds = masks;
        request.n_kinds = 1;
        request.from_version = from;
        assert_int_equal(feed_init(&reader->feed, w->state, &request, ROLE_API, NULL), 0);
}

static void do_something_to_a_reader(struct world *w)
{
        struct reader *reader = &w->readers[random_below(&w->random, READERS)];

        switch (random_below(&w->random, 8)) {
        case 0:
                reader_begin(w, reader, 0);
                break;
        case 1:
        case 2:
                reader_begin(w, reader, reader->version);
                break;
        default:
                read_some(w, reader, 1 + random_below(&w->random, 3));
        }
}

/* The same state, after having been on disk. */
static void reload(struct world *w)
{
        struct state *old = w->state;
        const struct record *record;
        struct record *copy;
        uint8_t *data;
        size_t size;

        for (size_t i = 0; i < READERS; i++)
                feed_done(&w->readers[i].feed);
        w->state = state_new();
        for (size_t at = 0; (record = state_each(old, SK__KIND__KIND_SERVICE, &at));) {
                record_pack(record, &w->arena, &data, &size);
                assert_int_equal(record_unpack(data, size, &w->arena, &copy, NULL), 0);
                assert_int_equal(state_load(w->state, copy, NULL), 0);
        }
        state_loaded(w->state, state_version(old), state_time(old));
        state_free(old);
        for (size_t i = 0; i < READERS; i++)
                reader_begin(w, &w->readers[i], w->readers[i].version);
}

static void run(uint64_t seed)
{
        struct world *w = mem_alloc(sizeof *w);

        random_init(&w->random, seed);
        w->state = state_new();
        for (size_t i = 0; i < READERS; i++)
                reader_begin(w, &w->readers[i], 0);
        for (size_t i = 0; i < ENTRIES; i++) {
                do_entry(w);
                state_is_model(w);
                for (uint64_t n = random_below(&w->random, 4); n; n--)
                        do_something_to_a_reader(w);
                if (random_below(&w->random, 20) == 0)
                        state_forget(w->state, random_below(&w->random, 10),
                                     state_version(w->state) - random_below(&w->random, 10));
                if (random_below(&w->random, 150) == 0)
                        reload(w);
                arena_clear(&w->arena);
        }
        for (size_t i = 0; i < READERS; i++) {
                read_some(w, &w->readers[i], SIZE_MAX);
                assert_int_equal(w->readers[i].version, state_version(w->state));
                feed_done(&w->readers[i].feed);
        }
        state_free(w->state);
        arena_done(&w->arena);
        free(w);
}

static void any_history_gives_what_the_model_says_to_every_reader(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
                run(seed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_history_gives_what_the_model_says_to_every_reader),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
