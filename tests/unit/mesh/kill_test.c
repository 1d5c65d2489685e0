/* What a mesh leaves that is killed while it attaches, at each instant the kernel can tell apart.
 * In namespaces of the test's own. */
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "mesh/link.h"
#include "tests/unit/test.h"

enum { CALLS_MAX = 2000, ADDRESS = 0xac1e0001 };

struct fixture {
        const char *folder;
        char netns_path[64];
        struct mesh_attachment attachment;
        size_t n_found;
};

static void write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
}

/* Root of a world of its own, whoever runs the test. */
static bool enter_namespaces(void)
{
        char uid_map[32], gid_map[32];

        snprintf(uid_map, sizeof uid_map, "0 %u 1", getuid());
        snprintf(gid_map, sizeof gid_map, "0 %u 1", getgid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
                return false;
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", uid_map);
        write_text("/proc/self/gid_map", gid_map);
        CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0);
        CHECK(mkdir("/tmp/netns", 0700) == 0);
        return true;
}

static int setup(void **state)
{
        static struct fixture fixture = { .folder = "/tmp/netns",
                                          .netns_path = "/tmp/netns/task",
                                          .attachment = { .id = "task", .address = ADDRESS } };

        mesh_device_name(fixture.attachment.id, fixture.attachment.device);
        *state = &fixture;
        return 0;
}

/* Kills it at its n-th step in or out of the kernel.  False: it was through before. */
static bool attach_and_kill(struct fixture *f, int n)
{
        int status;
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
                CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
                raise(SIGSTOP);
                _exit(link_attach(&f->attachment, f->netns_path, NULL) < 0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        for (int i = 0; i < n && WIFSTOPPED(status); i++) {
                CHECK(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
                CHECK(waitpid(pid, &status, 0) == pid);
        }
        if (WIFEXITED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0);
                return false;
        }
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
        return true;
}

static bool has_address(const char *device)
{
        struct ifaddrs *list;
        bool has = false;

        CHECK(getifaddrs(&list) == 0);
        for (const struct ifaddrs *at = list; at; at = at->ifa_next)
                has |= strcmp(at->ifa_name, device) == 0 && at->ifa_flags & IFF_UP &&
                       at->ifa_addr && at->ifa_addr->sa_family == AF_INET;
        freeifaddrs(list);
        return has;
}

static bool is_dressed_inside(const struct fixture *f)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int fd = open(f->netns_path, O_RDONLY | O_CLOEXEC);

                _exit(fd < 0 || setns(fd, CLONE_NEWNET) < 0 || !has_address("eth0"));
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        return status == 0;
}

static void found(void *context, const struct mesh_attachment *attachment)
{
        struct fixture *f = context;

        assert_string_equal(attachment->id, f->attachment.id);
        f->n_found++;
}

static bool is_known(void *context, const char *id)
{
        (void)id;
        return ((const struct fixture *)context)->n_found > 0;
}

static void what_is_left_after_a_kill_is_whole_or_swept_away(void **state)
{
        struct fixture *f = *state;
        bool was_killed = true;
        struct err err;

        if (!enter_namespaces())
                skip();
        for (int n = 0; n < CALLS_MAX && was_killed; n++) {
                f->n_found = 0;
                was_killed = attach_and_kill(f, n);
                assert_int_equal(link_list(found, f, &err), 0);
                if (f->n_found) {
                        assert_true(is_dressed_inside(f));
                        assert_true(has_address(f->attachment.device));
                }
                link_sweep(f->folder, is_known, f);
                assert_int_equal(access(f->netns_path, F_OK), f->n_found ? 0 : -1);
                assert_int_equal(if_nametoindex(f->attachment.device) > 0, f->n_found);
                assert_int_equal(link_detach(&f->attachment, f->netns_path, &err), 0);
        }
        assert_false(was_killed);
        assert_int_equal(f->n_found, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(what_is_left_after_a_kill_is_whole_or_swept_away, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
