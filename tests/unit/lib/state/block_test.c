/* Messages as single blocks: equal to what they were made of, and free() is enough. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/message/message.h"
#include "lib/state/block.h"
#include "tests/lib/build_objects.h"

static int set_up(void **state)
{
        struct world *world = malloc(sizeof *world);

        world_init(world);
        *state = world;
        return 0;
}

static int tear_down(void **state)
{
        world_done(*state);
        free(*state);
        return 0;
}

/* The copy is kept while the original's memory is overwritten. */
static void assert_block_is_a_copy(struct world *world, const ProtobufCMessage *message)
{
        uint8_t *before, *after;
        size_t size_before, size_after;
        ProtobufCMessage *block = block_of_message(message);

        message_pack(&world->arena, message, &before, &size_before);
        message_pack(&world->arena, block, &after, &size_after);
        assert_int_equal(size_before, size_after);
        assert_memory_equal(before, after, size_after);
        free(block);
}

static void an_empty_message_is_copied(void **state)
{
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;

        assert_block_is_a_copy(*state, &status.base);
}

static void everything_in_a_message_is_copied(void **state)
{
        struct world *world = *state;
        Sk__ServiceSpec *spec = a_spec(world, "web", 3);
        Sk__ContainerSpec *container = spec->task->container;
        Sk__Label *labels[2] = { a_label(world, "a", "1"), a_label(world, "", "") };
        uint8_t bytes[] = { 1, 0, 2 };
        Sk__Privileges privileges = SK__PRIVILEGES__INIT;
        Sk__Privileges__Seccomp seccomp = SK__PRIVILEGES__SECCOMP__INIT;

        container->env = a_list(world, &container->n_env, "A=1", "", "B=2", NULL);
        container->labels = labels;
        container->n_labels = 2;
        seccomp.profile = (ProtobufCBinaryData){ sizeof bytes, bytes };
        privileges.seccomp = &seccomp;
        container->privileges = &privileges;
        assert_block_is_a_copy(world, &spec->base);
}

static void the_member_of_a_oneof_that_is_set_is_copied(void **state)
{
        Sk__GenericResource count = SK__GENERIC_RESOURCE__INIT;
        Sk__GenericResource named = SK__GENERIC_RESOURCE__INIT;

        count.value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        count.count = 12;
        named.value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
        named.named = "gpu-1";
        assert_block_is_a_copy(*state, &count.base);
        assert_block_is_a_copy(*state, &named.base);
}

static void fields_of_a_newer_release_are_kept(void **state)
{
        struct world *world = *state;
        /* field 2047 of TaskAllocation: the varint 5, twice */
        static const uint8_t packed[] = { 0xf8, 0x7f, 5, 0xf8, 0x7f, 5 };
        ProtobufCMessage *message;
        struct err err;

        assert_int_equal(message_unpack(&world->arena, &sk__task_allocation__descriptor, packed,
                                        sizeof packed, &message, &err),
                         0);
        assert_block_is_a_copy(world, message);
}

static void a_block_does_not_point_into_its_original(void **state)
{
        struct world *world = *state;
        char name[] = "web";
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__Annotations *block;

        (void)world;
        annotations.name = name;
        block = (Sk__Annotations *)block_of_message(&annotations.base);
        name[0] = 'x';
        assert_string_equal(block->name, "web");
        free(block);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_empty_message_is_copied),
                TEST(everything_in_a_message_is_copied),
                TEST(the_member_of_a_oneof_that_is_set_is_copied),
                TEST(fields_of_a_newer_release_are_kept),
                TEST(a_block_does_not_point_into_its_original),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
