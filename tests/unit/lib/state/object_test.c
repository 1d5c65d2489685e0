/* The table of kinds, against what the .proto says. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/state/object.h"

static void the_table_says_what_the_messages_say(void **state)
{
        (void)state;
        for (int i = 1; i < OBJECT_KINDS; i++) {
                const struct object_kind *kind = object_kind((Sk__Kind)i);

                assert_non_null(kind);
                assert_int_equal(kind->kind, i);
                assert_int_equal(kind->descriptor->n_fields, 3 + kind->n_parts);
                for (size_t part = 0; part < kind->n_parts; part++) {
                        const ProtobufCFieldDescriptor *field =
                                protobuf_c_message_descriptor_get_field(kind->descriptor,
                                                                        OBJECT_FIRST_PART_FIELD +
                                                                                (unsigned)part);

                        assert_non_null(field);
                        assert_string_equal(kind->parts[part].name, field->name);
                        assert_ptr_equal(kind->parts[part].descriptor, field->descriptor);
                        assert_int_equal(kind->parts[part].offset, field->offset);
                        assert_true(kind->parts[part].writers);
                }
        }
}

static void numbers_that_are_no_kind_have_no_row(void **state)
{
        (void)state;
        assert_null(object_kind(SK__KIND__KIND_NONE));
        assert_null(object_kind((Sk__Kind)OBJECT_KINDS));
        assert_null(object_kind((Sk__Kind)-1));
}

static void every_kind_of_the_proto_has_a_row(void **state)
{
        (void)state;
        assert_int_equal(sk__kind__descriptor.n_values, OBJECT_KINDS);
        for (unsigned i = 0; i < sk__kind__descriptor.n_values; i++)
                if (sk__kind__descriptor.values[i].value)
                        assert_non_null(
                                object_kind((Sk__Kind)sk__kind__descriptor.values[i].value));
}

static void versions_are_per_part_and_the_largest_is_the_whole_s(void **state)
{
        uint64_t versions[] = { 3, 9, 0 };
        Sk__Meta meta = SK__META__INIT;
        Sk__Task task = SK__TASK__INIT;
        const struct object_head *object = (const struct object_head *)&task;

        (void)state;
        assert_int_equal(object_version(object), 0);
        meta.n_versions = 3;
        meta.versions = versions;
        task.meta = &meta;
        assert_int_equal(object_part_version(object, 0), 3);
        assert_int_equal(object_part_version(object, 3), 0);
        assert_int_equal(object_version(object), 9);
}

static void parts_are_found_by_index(void **state)
{
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        Sk__Task task = SK__TASK__INIT;
        const struct object_kind *kind = object_kind(SK__KIND__KIND_TASK);

        (void)state;
        task.status = &status;
        assert_ptr_equal(object_part((const struct object_head *)&task, kind, PART_TASK_status),
                         &status);
        assert_null(object_part((const struct object_head *)&task, kind, PART_TASK_placement));
        assert_null(object_part((const struct object_head *)&task, kind, 4));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_says_what_the_messages_say),
                cmocka_unit_test(numbers_that_are_no_kind_have_no_row),
                cmocka_unit_test(every_kind_of_the_proto_has_a_row),
                cmocka_unit_test(versions_are_per_part_and_the_largest_is_the_whole_s),
                cmocka_unit_test(parts_are_found_by_index),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
