/* Copies between here and the inside of a task: a thread that packs or unpacks, a pipe, and the
 * stream that goes inside. */
#include "cli/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "cli/inside.h"
#include "cli/print.h"
#include "cli/size.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/copy/pack.h"
#include "lib/copy/unpack.h"
#include "lib/os/os_error.h"
#include "lib/os/worker.h"

static const int64_t progress_ns = NS_PER_S / 10;

struct copying {
        struct cli *cli;
        const struct copy_wish *wish;
        bool is_in;
        /* The thread's, while it runs. */
        struct work work;
        int pipe_fd; /* its end */
        struct copy_unpacking unpacking;
        const char *name; /* what is packed, as */
        int place_fd;     /* and where it is */
        size_t n_skipped;
        int result;
        struct err err;
        /* The loop's. */
        int64_t n_bytes, told_ns;
        bool shows_progress, is_own_failure;
};

/* --- telling --- */

static void passed(void *context, size_t n)
{
        _cleanup_(str_done) struct str line = { 0 };
        struct copying *copying = context;
        int64_t now_ns = loop_now_boot(copying->cli->loop);

        copying->n_bytes += (int64_t)n;
        if (!copying->shows_progress || now_ns - copying->told_ns < progress_ns)
                return;
        copying->told_ns = now_ns;
        str_addf(&line, "\r\x1b[2KCopying %s container - ", copying->is_in ? "to" : "from");
        add_size(&line, copying->n_bytes);
        fputs(str_text(&line), stderr);
}

static void tell_end(const struct copying *copying, const char *where)
{
        _cleanup_(str_done) struct str line = { 0 };

        if (copying->n_skipped > 0)
                fprintf(stderr, "%zu device node%s left out\n", copying->n_skipped,
                        copying->n_skipped == 1 ? " was" : "s were");
        if (copying->wish->is_quiet)
                return;
        str_add(&line, "Successfully copied ");
        add_size(&line, copying->n_bytes);
        str_addf(&line, " to %s%s%s", copying->is_in ? copying->wish->task : "",
                 copying->is_in ? ":" : "", where);
        print_line(stderr, str_text(&line));
}

/* --- the thread --- */

static void work(struct work *at)
{
        struct copying *copying = container_of(at, struct copying, work);

        if (copying->is_in) {
                copying->result = copy_pack(copying->place_fd, copying->name, copying->pipe_fd,
                                            &copying->err);
                return;
        }
        copying->result = copy_unpack(&copying->unpacking, copying->pipe_fd, &copying->n_skipped,
                                      &copying->err);
        if (copying->result < 0)
                closep(&copying->pipe_fd);
}

/* The end of what was packed is told by the end of the pipe; what broke off is no end. */
static void work_done(struct work *at)
{
        struct copying *copying = container_of(at, struct copying, work);

        if (copying->result < 0)
                copying->cli->stops = true;
        else
                closep(&copying->pipe_fd);
        copying->pipe_fd = -1;
}

/* --- the stream --- */

static Sk__CopySpec spec_of(const struct copying *copying)
{
        const struct copy_wish *wish = copying->wish;
        Sk__CopySpec spec = SK__COPY_SPEC__INIT;

        spec.path = wish->inside;
        spec.called = wish->task;
        spec.is_in = copying->is_in;
        spec.keeps_owners = wish->keeps_owners;
        spec.follow_link = wish->follows_link;
        spec.name = str_or(copying->name, "");
        return spec;
}

/* Through the inside: 'in' goes there, or what comes goes to 'out'. */
static int run_stream(struct copying *copying, int in, int out)
{
        Sk__EnterStart start = SK__ENTER_START__INIT;
        Sk__CopySpec spec = spec_of(copying);
        const struct inside_options options = { .start = &start,
                                                .in = in,
                                                .out = out,
                                                .errors = STDERR_FILENO,
                                                .passed = passed,
                                                .context = copying };
        int code, result;

        start.task = copying->wish->task;
        start.what_case = SK__ENTER_START__WHAT_COPY;
        start.copy = &spec;
        copying->shows_progress =
                !copying->wish->is_quiet && out != STDOUT_FILENO && isatty(STDERR_FILENO);
        result = inside_run(copying->cli, &options, &code);
        if (copying->shows_progress)
                fputs("\r\x1b[2K", stderr);
        return result;
}

/* The thread at one end of a pipe, the stream at the other.  What went wrong there comes first:
 * then the thread only saw a pipe break. */
static int run_with_thread(struct copying *copying)
{
        struct cli *cli = copying->cli;
        struct worker_pool *pool;
        int fds[2], result, failed;

        TRY(worker_pool_new(cli->loop, 1, &pool, &cli->err));
        if (pipe2(fds, O_CLOEXEC) < 0) {
                failed = os_error(&cli->err, errno, "make a pipe");
                worker_pool_free(pool);
                return failed;
        }
        copying->pipe_fd = fds[copying->is_in ? 1 : 0];
        copying->work = (struct work){ .work = work, .done = work_done };
        worker_submit(pool, &copying->work);
        result = run_stream(copying, copying->is_in ? fds[0] : -1, copying->is_in ? -1 : fds[1]);
        close(fds[copying->is_in ? 0 : 1]);
        worker_pool_free(pool);
        if (result < 0 || copying->result >= 0)
                return result;
        copying->is_own_failure = true;
        cli->err = copying->err;
        return copying->result;
}

/* --- paths here --- */

static int here_path(struct cli *cli, const char *path, const char **ret)
{
        char folder[PATH_MAX];

        if (!getcwd(folder, sizeof folder))
                return os_error(&cli->err, errno, "find the working directory");
        *ret = copy_path_in(&cli->arena, folder, path);
        return 0;
}

static const struct copy_root everything = { .fd = AT_FDCWD };

/* Where it goes, as docker wants it to be. */
static int find_here(struct cli *cli, const char *path, struct copy_destination *ret)
{
        const char *parent = copy_path_parent(&cli->arena, path);
        mode_t mode;

        if (access(parent, F_OK) < 0)
                return err_set(&cli->err, ERR_NOT_FOUND,
                               "invalid output path: directory \"%.200s\" does not exist", parent);
        TRY(copy_find_destination(&everything, path, &cli->arena, ret, &mode, &cli->err));
        if (S_ISCHR(mode) || S_ISBLK(mode))
                return err_set(&cli->err, ERR_PRECONDITION,
                               "invalid output path: \"%.200s\" must be a directory or a regular "
                               "file: got a device",
                               path);
        return 0;
}

/* --- in and out --- */

static int pack_here(struct copying *copying, const char *path)
{
        struct cli *cli = copying->cli;

        TRY(here_path(cli, path, &path));
        copying->place_fd =
                copy_open_place(&everything, path, copying->wish->follows_link ? 0 : O_NOFOLLOW);
        if (copying->place_fd < 0)
                return copy_failed(&cli->err, errno, "lstat %.200s", path);
        copying->name = copy_path_base(&cli->arena, path);
        if (str_equal(copying->name, "/"))
                copying->name = ".";
        return 0;
}

/* Tells how it went; returns the exit code. */
static int finish(struct copying *copying, int result, const char *where)
{
        closep(&copying->place_fd);
        closep(&copying->unpacking.root.fd);
        if (result < 0)
                return copying->is_own_failure ? print_failure(copying->cli)
                                               : cli_fail(copying->cli);
        if (where)
                tell_end(copying, where);
        return 0;
}

int copy_in(struct cli *cli, const struct copy_wish *wish)
{
        struct copying copying = {
                .cli = cli, .wish = wish, .is_in = true, .place_fd = -1, .unpacking.root.fd = -1
        };
        bool is_archive = str_equal(wish->here, "-");

        if (!is_archive && pack_here(&copying, wish->here) < 0)
                return print_failure(cli);
        return finish(&copying,
                      is_archive ? run_stream(&copying, STDIN_FILENO, -1)
                                 : run_with_thread(&copying),
                      wish->inside);
}

/* Nothing of what comes may be anywhere but where it was asked for: no link is followed on the way,
 * and names begin with the one that was asked for. */
static int plan_here(struct copying *copying, const char *path, struct copy_destination *to)
{
        struct copy_unpacking *unpacking = &copying->unpacking;
        struct arena *arena = &copying->cli->arena;
        struct copy_plan plan;
        const char *asked;

        TRY(find_here(copying->cli, path, to));
        plan = copy_plan(arena, to);
        unpacking->root.fd = open(plan.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (unpacking->root.fd < 0)
                return copy_failed(&copying->cli->err, errno, "open %.200s", plan.folder);
        asked = copy_path_base(arena, copy_path_in(arena, "/", copying->wish->inside));
        unpacking->root.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        unpacking->folder = ".";
        unpacking->from = str_equal(asked, "/") ? "." : asked;
        unpacking->to = plan.name;
        unpacking->destination = to;
        unpacking->keeps_owners = copying->wish->keeps_owners;
        return 0;
}

int copy_out(struct cli *cli, const struct copy_wish *wish)
{
        struct copying copying = {
                .cli = cli, .wish = wish, .place_fd = -1, .unpacking.root.fd = -1
        };
        struct copy_destination to;
        const char *path;

        if (str_equal(wish->here, "-"))
                return finish(&copying, run_stream(&copying, -1, STDOUT_FILENO), NULL);
        if (here_path(cli, wish->here, &path) < 0 || plan_here(&copying, path, &to) < 0)
                return print_failure(cli);
        return finish(&copying, run_with_thread(&copying), path);
}
