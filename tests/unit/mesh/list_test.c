/* Listing the node's devices, with a kernel that is told what to answer. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "mesh/link.h"
#include "tests/unit/test.h"

static struct {
        int n_interruptions; /* so many answers are cut short */
        int bind_error;
        int n_opened, n_open, n_told;
} kernel;

/* --- in the place of libmnl's --- */

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
        (void)bus;
        (void)flags;
        kernel.n_opened++;
        kernel.n_open++;
        return (struct mnl_socket *)&kernel;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned groups, pid_t pid)
{
        (void)socket;
        (void)groups;
        (void)pid;
        errno = kernel.bind_error;
        return kernel.bind_error ? -1 : 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size)
{
        (void)socket;
        (void)data;
        return (ssize_t)size;
}

int mnl_socket_close(struct mnl_socket *socket)
{
        (void)socket;
        kernel.n_open--;
        return 0;
}

static void add_device(char *at, const char *alias, uint16_t flags)
{
        struct nlmsghdr *header = mnl_nlmsg_put_header(at);

        header->nlmsg_type = RTM_NEWLINK;
        header->nlmsg_flags = NLM_F_MULTI | flags;
        mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(header, IFLA_IFALIAS, alias);
}

static struct nlmsghdr *after(void *first)
{
        struct nlmsghdr *header = first;

        return (struct nlmsghdr *)((char *)first + NLMSG_ALIGN(header->nlmsg_len));
}

/* Two devices; or one, and then one that says that the list is not whole. */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
        uint16_t flags = kernel.n_opened <= kernel.n_interruptions ? NLM_F_DUMP_INTR : 0;
        struct nlmsghdr *second, *end;

        (void)socket;
        (void)size;
        add_device(buffer, "skep first 172.30.0.1", 0);
        second = after(buffer);
        add_device((char *)second, "skep second 172.30.0.2", flags);
        end = mnl_nlmsg_put_header(after(second));
        end->nlmsg_type = NLMSG_DONE;
        return (char *)after(end) - (char *)buffer;
}

/* --- the tests --- */

static void found(void *context, const struct mesh_attachment *attachment)
{
        static const char *const ids[] = { "first", "second" };

        (void)context;
        assert_in_range(kernel.n_told, 0, 1);
        assert_string_equal(attachment->id, ids[kernel.n_told]);
        kernel.n_told++;
}

static int setup(void **state)
{
        (void)state;
        memset(&kernel, 0, sizeof kernel);
        return 0;
}

static void each_device_of_ours_is_told_of(void **state)
{
        struct err err;

        (void)state;
        assert_int_equal(link_list(found, NULL, &err), 0);
        assert_int_equal(kernel.n_told, 2);
        assert_int_equal(kernel.n_open, 0);
}

static void an_interrupted_list_is_asked_for_again_and_told_once(void **state)
{
        struct err err;

        (void)state;
        kernel.n_interruptions = 3;
        assert_int_equal(link_list(found, NULL, &err), 0);
        assert_int_equal(kernel.n_told, 2);
        assert_int_equal(kernel.n_opened, 4);
        assert_int_equal(kernel.n_open, 0);
}

static void a_list_that_is_always_interrupted_is_given_up(void **state)
{
        struct err err;

        (void)state;
        kernel.n_interruptions = 1000;
        assert_int_equal(link_list(found, NULL, &err), ERR_UNAVAILABLE);
        assert_int_equal(kernel.n_told, 0);
        assert_int_equal(kernel.n_open, 0);
}

static void a_socket_that_cannot_be_bound_is_closed(void **state)
{
        struct err err;

        (void)state;
        kernel.bind_error = ENOBUFS;
        assert_int_equal(link_list(found, NULL, &err), ERR_UNAVAILABLE);
        assert_int_equal(kernel.n_opened, 1);
        assert_int_equal(kernel.n_open, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(each_device_of_ours_is_told_of, setup),
                cmocka_unit_test_setup(an_interrupted_list_is_asked_for_again_and_told_once, setup),
                cmocka_unit_test_setup(a_list_that_is_always_interrupted_is_given_up, setup),
                cmocka_unit_test_setup(a_socket_that_cannot_be_bound_is_closed, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
