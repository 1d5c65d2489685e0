/* The bounds of what waits to be written: to a peer that takes nothing, which needs no gRPC. */
#include "tests/unit/test.h"

#include <grpc/grpc.h>

#include "lib/base/mem.h"
#include "lib/rpc/pipe.h"

struct slow {
        struct writer writer;
        unsigned n_progressed;
};

static void progressed(struct writer *writer)
{
        ((struct slow *)writer)->n_progressed++;
}

/* A writer whose first message is under way for ever. */
static int setup(void **state)
{
        struct slow *slow = mem_alloc(sizeof *slow);

        writer_init(&slow->writer, NULL, NULL, progressed);
        slow->writer.is_busy = true;
        *state = slow;
        return 0;
}

static int teardown(void **state)
{
        struct slow *slow = *state;

        slow->writer.is_busy = false;
        writer_done(&slow->writer);
        free(slow);
        return 0;
}

static grpc_byte_buffer *bytes_of(size_t size)
{
        grpc_slice slice = grpc_slice_malloc(size);
        grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);

        grpc_slice_unref(slice);
        return bytes;
}

static void a_little_may_wait(void **state)
{
        struct slow *slow = *state;

        assert_true(writer_add(&slow->writer, bytes_of(WRITER_HIGH_WATER)));
}

static void above_the_mark_the_writer_is_asked_to_wait(void **state)
{
        struct slow *slow = *state;

        assert_true(writer_add(&slow->writer, bytes_of(WRITER_HIGH_WATER)));
        assert_false(writer_add(&slow->writer, bytes_of(1)));
        assert_false(writer_is_writable(&slow->writer));
}

static void it_goes_on_only_when_little_is_left(void **state)
{
        struct slow *slow = *state;

        writer_add(&slow->writer, bytes_of(WRITER_HIGH_WATER + 1));
        slow->writer.n_bytes = WRITER_LOW_WATER + 1;
        assert_false(writer_take_awaited(&slow->writer));
        slow->writer.n_bytes = WRITER_LOW_WATER;
        assert_true(writer_take_awaited(&slow->writer));
        assert_false(writer_take_awaited(&slow->writer));
}

static void who_was_not_asked_to_wait_is_not_told_to_go_on(void **state)
{
        struct slow *slow = *state;

        writer_add(&slow->writer, bytes_of(10));
        assert_false(writer_take_awaited(&slow->writer));
}

static void who_never_waits_loses_what_waited(void **state)
{
        struct slow *slow = *state;

        for (size_t n = 0; n <= WRITER_BYTES_MAX; n += 1 << 20)
                writer_add(&slow->writer, bytes_of(1 << 20));
        assert_true(slow->writer.is_broken);
        assert_int_equal(slow->writer.n_bytes, 0);
}

static void a_failed_write_drops_the_rest(void **state)
{
        struct slow *slow = *state;

        writer_add(&slow->writer, bytes_of(10));
        slow->writer.sent.happened(&slow->writer.sent, false);
        assert_int_equal(slow->writer.n, 0);
        assert_int_equal(slow->n_progressed, 1);
}

static void what_is_written_after_a_failure_is_dropped(void **state)
{
        struct slow *slow = *state;

        writer_break(&slow->writer);
        assert_true(writer_add(&slow->writer, bytes_of(WRITER_HIGH_WATER + 1)));
        assert_int_equal(slow->writer.n_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_little_may_wait),
                TEST(above_the_mark_the_writer_is_asked_to_wait),
                TEST(it_goes_on_only_when_little_is_left),
                TEST(who_was_not_asked_to_wait_is_not_told_to_go_on),
                TEST(who_never_waits_loses_what_waited),
                TEST(a_failed_write_drops_the_rest),
                TEST(what_is_written_after_a_failure_is_dropped),
        };

        return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
