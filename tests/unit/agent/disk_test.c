/* What an agent remembers, and what it must not. */
#include "agent/disk.h"

#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

#define TASK "task000000000000000000001"
#define OTHER "task000000000000000000002"
#define SPEC "spec000000000000000000001"
#define SECRET "secret0000000000000000001"

struct fixture {
        char folder[64], journal[80];
        struct worker worker;
        struct disk *disk;
        size_t torn;
        Sk__TaskState reported; /* the last state played back */
};

static void take_report(void *context, const Sk__TaskReport *report)
{
        struct fixture *f = context;

        f->reported = report->status->state;
}

static void open_disk(struct fixture *f)
{
        struct disk_restored restored = { .report = take_report, .context = f };
        struct err err;

        worker_init(&f->worker, NULL);
        if (disk_open(f->folder, &f->worker, &restored, &f->disk, &f->torn, &err) < 0)
                fail_msg("%s", err.text);
        f->worker.sink = disk_sink(f->disk);
}

static void close_disk(struct fixture *f)
{
        disk_free(f->disk);
        worker_done(&f->worker);
}

static void reopen(struct fixture *f)
{
        assert_int_equal(disk_flush(f->disk, NULL), 0);
        close_disk(f);
        f->reported = 0;
        open_disk(f);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-disk-XXXXXX");
        CHECK(mkdtemp(f->folder));
        snprintf(f->journal, sizeof f->journal, "%s/journal", f->folder);
        open_disk(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        close_disk(f);
        file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

/* A COMPLETE set of these tasks, their spec (with credentials) and a secret. */
static void assign(struct fixture *f, const char *const *ids, size_t n)
{
        Sk__Assignments in = SK__ASSIGNMENTS__INIT;
        Sk__TaskAssignment tasks[2] = { SK__TASK_ASSIGNMENT__INIT, SK__TASK_ASSIGNMENT__INIT };
        Sk__TaskAssignment *task_list[] = { &tasks[0], &tasks[1] };
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__ServiceSpecRevision revision = SK__SERVICE_SPEC_REVISION__INIT;
        Sk__ServiceSpecRevisionEntry entry = SK__SERVICE_SPEC_REVISION_ENTRY__INIT;
        Sk__ServiceSpecRevisionEntry *specs[] = { &entry };
        Sk__SecretEntry secret = SK__SECRET_ENTRY__INIT, *secrets[] = { &secret };

        definition.spec_id = SPEC;
        for (size_t i = 0; i < n; i++) {
                tasks[i].id = ids[i];
                tasks[i].definition = &definition;
        }
        auth.password = "pass-word";
        container.image = "img:1";
        container.registry_auth = &auth;
        task.container = &container;
        spec.task = &task;
        revision.spec = &spec;
        entry.id = SPEC;
        entry.revision = &revision;
        secret.id = SECRET;
        secret.content.data = (uint8_t *)"hush-hush";
        secret.content.len = 9;
        in.sequence = 1;
        in.is_last = true;
        in.tasks = task_list;
        in.n_tasks = n;
        in.specs = specs;
        in.n_specs = 1;
        in.secrets = secrets;
        in.n_secrets = 1;
        assert_int_equal(worker_apply(&f->worker, &in, NULL), 0);
}

static void report(struct fixture *f, Sk__TaskState state)
{
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        Sk__TaskReport in = SK__TASK_REPORT__INIT;

        status.state = state;
        in.task_id = TASK;
        in.status = &status;
        disk_report(f->disk, &in);
}

static bool journal_has(const struct fixture *f, const char *text)
{
        struct str content = { 0 };
        bool has;

        assert_int_equal(file_read(f->journal, 1 << 24, &content, NULL), 0);
        has = memmem(content.text, content.length, text, strlen(text));
        str_done(&content);
        return has;
}

static const char *const BOTH[] = { TASK, OTHER };

static void what_was_assigned_is_there_after_a_restart(void **state)
{
        struct fixture *f = *state;

        assign(f, BOTH, 2);
        reopen(f);
        assert_int_equal(worker_count_tasks(&f->worker), 2);
        assert_int_equal(f->torn, 0);
}

static void what_was_removed_stays_removed(void **state)
{
        struct fixture *f = *state;

        assign(f, BOTH, 2);
        assign(f, BOTH, 1);
        reopen(f);
        assert_int_equal(worker_count_tasks(&f->worker), 1);
}

static void the_last_report_is_played_back_last(void **state)
{
        struct fixture *f = *state;

        report(f, SK__TASK_STATE__TASK_PREPARING);
        report(f, SK__TASK_STATE__TASK_RUNNING);
        reopen(f);
        assert_int_equal(f->reported, SK__TASK_STATE__TASK_RUNNING);
}

static void secrets_and_credentials_are_never_written(void **state)
{
        struct fixture *f = *state;

        assign(f, BOTH, 1);
        disk_flush(f->disk, NULL);
        assert_true(journal_has(f, "img:1"));
        assert_false(journal_has(f, "hush-hush"));
        assert_false(journal_has(f, "pass-word"));
}

static void a_task_that_needs_credentials_waits_for_them_after_a_restart(void **state)
{
        struct fixture *f = *state;
        struct arena arena = { 0 };
        struct executor_input input;
        bool lacks_files;

        assign(f, BOTH, 1);
        assert_int_equal(worker_input(&f->worker, TASK, &arena, &input, &lacks_files, NULL), 0);
        assert_false(lacks_files);
        reopen(f);
        assert_int_equal(worker_input(&f->worker, TASK, &arena, &input, &lacks_files, NULL), 0);
        assert_true(lacks_files);
        arena_done(&arena);
}

static void a_torn_end_is_cut_off(void **state)
{
        struct fixture *f = *state;
        struct str content = { 0 };

        assign(f, BOTH, 1);
        disk_flush(f->disk, NULL);
        assert_int_equal(file_read(f->journal, 1 << 24, &content, NULL), 0);
        report(f, SK__TASK_STATE__TASK_RUNNING);
        disk_flush(f->disk, NULL);
        assert_int_equal(truncate(f->journal, (off_t)content.length + 5), 0);
        str_done(&content);
        reopen(f);
        assert_int_equal(f->torn, 5);
        assert_int_equal(f->reported, 0);
        assert_int_equal(worker_count_tasks(&f->worker), 1);
        report(f, SK__TASK_STATE__TASK_RUNNING);
        reopen(f);
        assert_int_equal(f->reported, SK__TASK_STATE__TASK_RUNNING);
}

static void a_flipped_bit_is_not_believed(void **state)
{
        struct fixture *f = *state;
        char byte;
        int fd;

        assign(f, BOTH, 1);
        disk_flush(f->disk, NULL);
        fd = open(f->journal, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, 20), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 20), 1);
        close(fd);
        reopen(f);
        assert_true(f->torn > 0);
        assert_int_equal(worker_count_tasks(&f->worker), 0);
}

static void a_journal_written_anew_says_the_same_in_less(void **state)
{
        struct fixture *f = *state;

        assign(f, BOTH, 2);
        for (int i = 0; i < 40000; i++)
                report(f, SK__TASK_STATE__TASK_PREPARING);
        disk_flush(f->disk, NULL);
        assert_true(disk_is_wasteful(f->disk));
        disk_rewrite_begin(f->disk, &f->worker);
        report(f, SK__TASK_STATE__TASK_RUNNING);
        assert_int_equal(disk_rewrite_finish(f->disk, NULL), 0);
        assert_false(disk_is_wasteful(f->disk));
        reopen(f);
        assert_int_equal(worker_count_tasks(&f->worker), 2);
        assert_int_equal(f->reported, SK__TASK_STATE__TASK_RUNNING);
}

/* Or it would grow by that factor from one restart to the next, until it could be read no more. */
static void a_journal_grows_no_further_because_of_restarts(void **state)
{
        struct fixture *f = *state;

        assign(f, BOTH, 2);
        for (int i = 0; i < 40000; i++)
                report(f, SK__TASK_STATE__TASK_PREPARING);
        reopen(f);
        assert_true(disk_is_wasteful(f->disk));
}

static void a_full_disk_is_made_up_for_when_there_is_room_again(void **state)
{
        struct fixture *f = *state;
        struct rlimit limit, small;

        assign(f, BOTH, 1);
        assert_int_equal(disk_flush(f->disk, NULL), 0);
        getrlimit(RLIMIT_FSIZE, &limit);
        small = (struct rlimit){ 300, limit.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        assign(f, BOTH, 2);
        for (int i = 0; i < 20; i++)
                report(f, SK__TASK_STATE__TASK_RUNNING);
        assert_int_equal(disk_flush(f->disk, NULL), ERR_UNAVAILABLE);
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_true(disk_is_wasteful(f->disk));
        disk_rewrite_begin(f->disk, &f->worker);
        assert_int_equal(disk_rewrite_finish(f->disk, NULL), 0);
        reopen(f);
        assert_int_equal(f->torn, 0);
        assert_int_equal(worker_count_tasks(&f->worker), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_was_assigned_is_there_after_a_restart),
                TEST(what_was_removed_stays_removed),
                TEST(the_last_report_is_played_back_last),
                TEST(secrets_and_credentials_are_never_written),
                TEST(a_task_that_needs_credentials_waits_for_them_after_a_restart),
                TEST(a_torn_end_is_cut_off),
                TEST(a_flipped_bit_is_not_believed),
                TEST(a_full_disk_is_made_up_for_when_there_is_room_again),
                TEST(a_journal_written_anew_says_the_same_in_less),
                TEST(a_journal_grows_no_further_because_of_restarts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
