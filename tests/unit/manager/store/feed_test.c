/* What a reader is told, case by case. */
#include "tests/unit/test.h"

#include "manager/store/feed.h"
#include "tests/unit/manager/store/builders.h"

struct fixture {
        struct state *state;
        struct arena arena;
        struct feed feed;
        Sk__WatchResponse news;
};

static int setup(void **data)
{
        struct fixture *f = mem_alloc(sizeof *f);

        f->state = state_new();
        *data = f;
        return 0;
}

static int teardown(void **data)
{
        struct fixture *f = *data;

        feed_done(&f->feed);
        state_free(f->state);
        arena_done(&f->arena);
        free(f);
        return 0;
}

static void watch(struct fixture *f, Sk__Kind kind, uint32_t parts, uint64_t from, uint32_t roles)
{
        Sk__KindMask mask = SK__KIND_MASK__INIT, *masks[] = { &mask };
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;

        mask.kind = kind;
        mask.parts = parts;
        request.kinds = masks;
        request.n_kinds = 1;
        request.from_version = from;
        assert_int_equal(feed_init(&f->feed, f->state, &request, roles, NULL), 0);
}

static bool next(struct fixture *f)
{
        return feed_next(&f->feed, &f->arena, &f->news);
}

static void create(struct fixture *f, Sk__Kind kind, const char *word, size_t n_parts)
{
        Sk__Change *change = a_change(&f->arena, SK__CHANGE__OP__CREATE, kind, word);

        for (uint32_t i = 0; i < n_parts; i++)
                with_text(&f->arena, change, i, "");
        apply_change(f->state, &f->arena, ROLE_API | ROLE_ORCHESTRATOR, change);
}

static void update(struct fixture *f, const char *word, uint32_t part)
{
        Sk__Change *change =
                a_change(&f->arena, SK__CHANGE__OP__UPDATE, SK__KIND__KIND_SERVICE, word);

        apply_change(f->state, &f->arena, ROLE_API | ROLE_ORCHESTRATOR,
                     with_text(&f->arena, change, part, ""));
}

static void remove_service(struct fixture *f, const char *word)
{
        apply_change(f->state, &f->arena, ROLE_API,
                     a_change(&f->arena, SK__CHANGE__OP__REMOVE, SK__KIND__KIND_SERVICE, word));
}

static void a_snapshot_ends_with_a_mark(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        watch(f, SK__KIND__KIND_SERVICE, 7, 0, ROLE_API);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 1);
        assert_int_equal(f->news.version, 1);
        assert_false(next(f));
}

static void only_the_parts_that_changed_are_told(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 2);
        watch(f, SK__KIND__KIND_SERVICE, 7, 1, ROLE_API);
        update(f, "s1", 1);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 1);
        assert_int_equal(f->news.events[0]->n_parts, 1);
        assert_int_equal(f->news.events[0]->parts[0]->index, 1);
}

static void parts_not_asked_for_are_no_news_but_versions_are(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 2);
        watch(f, SK__KIND__KIND_SERVICE, 1, 1, ROLE_API);
        update(f, "s1", 1);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 0);
        assert_int_equal(f->news.version, 2);
}

static void several_changes_are_told_as_the_last(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 2);
        watch(f, SK__KIND__KIND_SERVICE, 7, 1, ROLE_API);
        update(f, "s1", 0);
        update(f, "s1", 1);
        update(f, "s1", 0);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 1);
        assert_int_equal(f->news.events[0]->n_parts, 2);
        assert_int_equal(f->news.version, 4);
}

static void a_removed_and_recreated_object_is_told_as_both(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 2);
        watch(f, SK__KIND__KIND_SERVICE, 7, 1, ROLE_API);
        remove_service(f, "s1");
        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 2);
        assert_int_equal(f->news.events[0]->op, SK__EVENT__OP__REMOVE);
        assert_int_equal(f->news.events[1]->op, SK__EVENT__OP__PUT);
}

static void guarded_parts_go_to_their_readers_only(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SECRET, "x1", 2);
        watch(f, SK__KIND__KIND_SECRET, 3, 0, ROLE_API);
        assert_true(next(f));
        assert_int_equal(f->news.events[0]->n_parts, 1);
        feed_done(&f->feed);
        f->feed = (struct feed){ 0 };
        watch(f, SK__KIND__KIND_SECRET, 3, 0, ROLE_DISPATCHER);
        assert_true(next(f));
        assert_int_equal(f->news.events[0]->n_parts, 2);
}

static void who_missed_a_forgotten_removal_starts_over(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        create(f, SK__KIND__KIND_SERVICE, "s2", 1);
        remove_service(f, "s1");
        state_forget(f->state, 0, 3);
        watch(f, SK__KIND__KIND_SERVICE, 7, 2, ROLE_API);
        assert_true(next(f));
        assert_true(f->news.restart);
        assert_int_equal(f->news.n_events, 1);
        assert_int_equal(f->news.version, 3);
}

static void a_reader_that_is_on_its_way_starts_over_too(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        watch(f, SK__KIND__KIND_SERVICE, 7, 1, ROLE_API);
        remove_service(f, "s1");
        state_forget(f->state, 0, 2);
        assert_true(next(f));
        assert_true(f->news.restart);
        assert_int_equal(f->news.version, 2);
}

static void who_comes_from_the_future_waits(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        watch(f, SK__KIND__KIND_SERVICE, 7, 2, ROLE_API);
        assert_false(next(f));
        create(f, SK__KIND__KIND_SERVICE, "s2", 1);
        assert_false(next(f));
        create(f, SK__KIND__KIND_SERVICE, "s3", 1);
        assert_true(next(f));
        assert_int_equal(f->news.n_events, 1);
        assert_int_equal(f->news.version, 3);
}

static void a_message_has_no_more_events_than_asked_for(void **data)
{
        struct fixture *f = *data;

        create(f, SK__KIND__KIND_SERVICE, "s1", 1);
        create(f, SK__KIND__KIND_SERVICE, "s2", 1);
        create(f, SK__KIND__KIND_SERVICE, "s3", 1);
        watch(f, SK__KIND__KIND_SERVICE, 1, 0, ROLE_API);
        f->feed.events_max = 2;
        next(f);
        assert_int_equal(f->news.n_events, 2);
        next(f);
        assert_int_equal(f->news.n_events, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_snapshot_ends_with_a_mark),
                TEST(only_the_parts_that_changed_are_told),
                TEST(parts_not_asked_for_are_no_news_but_versions_are),
                TEST(several_changes_are_told_as_the_last),
                TEST(a_removed_and_recreated_object_is_told_as_both),
                TEST(guarded_parts_go_to_their_readers_only),
                TEST(who_missed_a_forgotten_removal_starts_over),
                TEST(a_reader_that_is_on_its_way_starts_over_too),
                TEST(a_message_has_no_more_events_than_asked_for),
                TEST(who_comes_from_the_future_waits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
