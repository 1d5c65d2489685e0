/* What message_unpack() lets in, and what it refuses before protobuf-c sees it. */
#include "tests/unit/test.h"

#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/message/message.h"

static int setup(void **state)
{
        *state = mem_alloc(sizeof(struct arena));
        return 0;
}

static int teardown(void **state)
{
        arena_done(*state);
        free(*state);
        return 0;
}

static Sk__Event *an_event(struct arena *arena)
{
        Sk__Event *event = arena_alloc(arena, sizeof *event);
        Sk__Part *part = arena_alloc(arena, sizeof *part);

        sk__event__init(event);
        sk__part__init(part);
        part->index = 3;
        part->data = (ProtobufCBinaryData){ .len = 2, .data = (uint8_t *)"\0\xff" };
        event->op = SK__EVENT__OP__PUT;
        event->id = "a1";
        event->name = "bienenst\xc3\xb6"
                      "cke";
        event->parts = arena_alloc(arena, sizeof *event->parts);
        event->parts[event->n_parts++] = part;
        return event;
}

static int unpack_bytes(struct arena *arena, const void *data, size_t size, struct err *err)
{
        ProtobufCMessage *message;

        return message_unpack(arena, &sk__watch_response__descriptor, data, size, &message, err);
}

#define UNPACK(arena, literal, err) unpack_bytes(arena, literal, sizeof(literal) - 1, err)

static void what_was_packed_comes_back_equal(void **state)
{
        struct arena *arena = *state;
        Sk__Event *event = an_event(arena);
        ProtobufCMessage *again;
        uint8_t *data;
        size_t size;

        message_pack(arena, &event->base, &data, &size);
        assert_int_equal(message_unpack(arena, &sk__event__descriptor, data, size, &again, NULL),
                         0);
        assert_true(message_equal(&event->base, again));
}

static void a_copy_is_equal_until_it_is_changed(void **state)
{
        Sk__Event *event = an_event(*state);
        Sk__Event *copy = (Sk__Event *)message_copy(*state, &event->base);

        assert_true(message_equal(&event->base, &copy->base));
        copy->parts[0]->index = 4;
        assert_false(message_equal(&event->base, &copy->base));
}

static void nothing_equals_only_nothing(void **state)
{
        Sk__Event *event = an_event(*state);

        assert_true(message_equal(NULL, NULL));
        assert_false(message_equal(&event->base, NULL));
}

static void an_empty_message_is_fine(void **state)
{
        assert_int_equal(UNPACK(*state, "", NULL), 0);
}

static void unknown_fields_are_let_through(void **state)
{
        assert_int_equal(UNPACK(*state, "\xba\x3e\x03\xff\x00\xfe", NULL), 0);
}

static void text_must_be_utf8(void **state)
{
        struct err err;

        assert_int_equal(UNPACK(*state, "\x0a\x04\x1a\x02\xc3\x28", &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "'id' of skep.v1.Event is not text"));
}

static void text_may_not_hold_nul(void **state)
{
        assert_int_equal(UNPACK(*state,
                                "\x0a\x0c\x1a\x0a"
                                "abcdefg\0ij",
                                NULL),
                         ERR_INVALID);
}

static void bytes_may_hold_anything(void **state)
{
        assert_int_equal(UNPACK(*state, "\x0a\x06\x32\x04\x12\x02\x00\xff", NULL), 0);
}

static void what_is_cut_off_is_refused(void **state)
{
        struct arena *arena = *state;
        Sk__WatchResponse response = SK__WATCH_RESPONSE__INIT;
        Sk__Event *events[] = { an_event(arena) };
        uint8_t *data;
        size_t size;

        response.events = events;
        response.n_events = 1;
        message_pack(arena, &response.base, &data, &size);
        for (size_t n = 1; n < size; n++)
                assert_int_equal(unpack_bytes(arena, data, n, NULL), ERR_INVALID);
}

static void what_is_no_protobuf_is_refused(void **state)
{
        static const char *const rows[] = {
                "\x0b",                                         /* a group */
                "\x0f\x01",                                     /* wire type 7 */
                "\x02\x00",                                     /* field 0 */
                "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* a varint without end */
                "\x08\x01",                                     /* a number where messages are */
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                assert_int_equal(unpack_bytes(*state, rows[i], strlen(rows[i]), NULL), ERR_INVALID);
}

static void a_sub_message_may_not_come_twice(void **state)
{
        struct err err;

        assert_int_equal(UNPACK(*state, "\x0a\x04\x2a\x00\x2a\x00", &err), ERR_INVALID);
        assert_string_equal(err.text, "'meta' of skep.v1.Event is given twice");
}

static void a_small_message_may_not_unpack_to_a_huge_one(void **state)
{
        struct arena *arena = *state;
        size_t size = 1 << 20;
        uint8_t *data = arena_alloc(arena, size);

        for (size_t i = 0; i < size; i += 2)
                data[i] = 0x0a; /* an empty event after the other, 2 bytes each */
        assert_int_equal(unpack_bytes(arena, data, size, NULL), ERR_INVALID);
}

/* A type that holds itself; ours never do, but the walk must not depend on it. */
static ProtobufCMessageDescriptor nest;
static const ProtobufCFieldDescriptor nest_fields[] = { {
        .name = "nest",
        .id = 1,
        .label = PROTOBUF_C_LABEL_REPEATED,
        .type = PROTOBUF_C_TYPE_MESSAGE,
        .descriptor = &nest,
} };
static const ProtobufCIntRange nest_ranges[] = { { 1, 0 }, { 0, 1 } };

static int check_nest(unsigned depth)
{
        uint8_t data[2 * MESSAGE_DEPTH_MAX + 2];
        size_t at = 2 * MESSAGE_DEPTH_MAX + 2;

        nest = (ProtobufCMessageDescriptor){
                .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                .name = "nest",
                .sizeof_message = sizeof(ProtobufCMessage),
                .fields = nest_fields,
                .n_fields = 1,
                .field_ranges = nest_ranges,
                .n_field_ranges = 1,
        };
        for (uint8_t length = 0; --depth; length += 2) {
                data[--at] = length;
                data[--at] = 0x0a;
        }
        return message_check(&nest, data + at, sizeof data - at, NULL);
}

static void nesting_is_bounded(void **state)
{
        (void)state;
        assert_int_equal(check_nest(MESSAGE_DEPTH_MAX), 0);
        assert_int_equal(check_nest(MESSAGE_DEPTH_MAX + 1), ERR_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_packed_comes_back_equal),
                cmocka_unit_test(a_copy_is_equal_until_it_is_changed),
                cmocka_unit_test(nothing_equals_only_nothing),
                cmocka_unit_test(an_empty_message_is_fine),
                cmocka_unit_test(unknown_fields_are_let_through),
                cmocka_unit_test(text_must_be_utf8),
                cmocka_unit_test(text_may_not_hold_nul),
                cmocka_unit_test(bytes_may_hold_anything),
                cmocka_unit_test(what_is_cut_off_is_refused),
                cmocka_unit_test(what_is_no_protobuf_is_refused),
                cmocka_unit_test(a_sub_message_may_not_come_twice),
                cmocka_unit_test(a_small_message_may_not_unpack_to_a_huge_one),
                cmocka_unit_test(nesting_is_bounded),
        };

        return cmocka_run_group_tests_name("message", tests, setup, teardown);
}
