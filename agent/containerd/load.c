/* Loading images from tars. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/containerd/client.h"
#include "agent/containerd/images.h"
#include "agent/containerd/images_private.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/os/file.h"
#include "lib/os/process.h"

enum { OUTPUT_MAX = 1 << 20, REFERENCES_MOST = 1000 };

struct image_load {
        struct images *images;
        struct image_load_events events;
        void *context;
        char *path, *output_path;
        int fd; /* of the tar; -1: not open yet */
        struct work work;
        bool is_working, is_freed;
        void *data; /* the piece being written */
        size_t size;
        int result;
        struct err err;
        struct process process;
        bool is_running;
        int status; /* of ctr */
        struct str output;
        struct vec references;
};

static void destroy(struct image_load *load)
{
        if (load->fd >= 0)
                close(load->fd);
        (void)unlink(load->path);
        (void)unlink(load->output_path);
        free(load->path);
        free(load->output_path);
        free(load->data);
        str_done(&load->output);
        vec_done(&load->references);
        free(load);
}

static void submit(struct image_load *load, void (*work)(struct work *work),
                   void (*done)(struct work *work))
{
        CHECK(!load->is_working);
        load->is_working = true;
        load->work = (struct work){ .work = work, .done = done };
        worker_submit(load->images->pool, &load->work);
}

static void end(struct image_load *load, const struct err *err)
{
        load->events.done(load->context, load->references.data, err ? 0 : load->references.n, err);
}

/* --- putting it on disk --- */

static int write_piece(struct image_load *load)
{
        const char *at = load->data;
        size_t left = load->size;

        if (load->fd < 0) {
                TRY(file_make_folders(load->images->spool_folder, 0700, &load->err));
                load->fd = open(load->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        }
        while (load->fd >= 0 && left > 0) {
                ssize_t n = write(load->fd, at, left);

                if (n < 0)
                        break;
                at += n;
                left -= (size_t)n;
        }
        if (left > 0)
                return err_set(&load->err, ERR_EXHAUSTED, "write '%s': %s", load->path,
                               strerror(errno));
        return 0;
}

static void write_on_pool(struct work *work)
{
        struct image_load *load = container_of(work, struct image_load, work);

        load->result = write_piece(load);
}

static void wrote(struct work *work)
{
        struct image_load *load = container_of(work, struct image_load, work);

        load->is_working = false;
        free(load->data);
        load->data = NULL;
        if (load->is_freed)
                destroy(load);
        else if (load->result < 0)
                end(load, &load->err);
        else
                load->events.written(load->context);
}

/* --- handing it over --- */

/* ctr says "unpacking docker.io/library/box:v1 (sha256:...)...done" for each image. */
static void read_references(struct image_load *load)
{
        static const char word[] = "unpacking ";

        for (char *line = load->output.text; line && *line;) {
                char *end_of_line = strchrnul(line, '\n');
                char *name = line + strlen(word), *space;

                if (strncmp(line, word, strlen(word)) == 0 &&
                    load->references.n < REFERENCES_MOST &&
                    (space = memchr(name, ' ', (size_t)(end_of_line - name)))) {
                        *space = '\0';
                        vec_push(&load->references, &name);
                }
                line = *end_of_line ? end_of_line + 1 : end_of_line;
        }
}

static void read_output_on_pool(struct work *work)
{
        struct image_load *load = container_of(work, struct image_load, work);
        const char *words;

        load->result = file_read(load->output_path, OUTPUT_MAX, &load->output, &load->err);
        if (load->result < 0)
                return;
        read_references(load);
        if (load->status == 0 && load->references.n > 0)
                return;
        words = strstr(str_text(&load->output), "ctr: ");
        load->result = err_set(&load->err, ERR_INVALID,
                               "the tar holds no image that can be loaded: %.200s",
                               words ? words + strlen("ctr: ") : "no name in it");
}

static void read_output(struct work *work)
{
        struct image_load *load = container_of(work, struct image_load, work);

        load->is_working = false;
        if (load->is_freed)
                destroy(load);
        else
                end(load, load->result < 0 ? &load->err : NULL);
}

static void ctr_exited(void *context, int status)
{
        struct image_load *load = context;

        load->is_running = false;
        load->status = status;
        if (load->is_freed)
                destroy(load);
        else
                submit(load, read_output_on_pool, read_output);
}

static int run_ctr(struct image_load *load, struct err *err)
{
        const char *address = load->images->address;
        const char *const argv[] = {
                "ctr",
                "--address",
                str_starts_with(address, "unix:") ? address + 5 : address,
                "--namespace",
                CONTAINERD_NAMESPACE,
                "images",
                "import",
                "--snapshotter",
                CONTAINERD_SNAPSHOTTER,
                load->path,
                NULL,
        };
        struct process_options options = { .argv = argv, .log_path = load->output_path };

        load->process = (struct process){ .exited = ctr_exited, .context = load };
        TRY(process_start(load->images->loop, &options, &load->process, err));
        load->is_running = true;
        return 0;
}

static void nothing_on_pool(struct work *work)
{
        (void)work;
}

/* A failure to start is told like any other: later. */
static void begin_ctr(struct work *work)
{
        struct image_load *load = container_of(work, struct image_load, work);
        struct err err;

        load->is_working = false;
        if (load->is_freed)
                destroy(load);
        else if (run_ctr(load, &err) < 0)
                end(load, &err);
}

struct image_load *image_load_new(struct images *images, const struct image_load_events *events,
                                  void *context)
{
        struct image_load *load = mem_alloc(sizeof *load);
        struct str path = { 0 }, output_path = { 0 };
        char id[26];

        os_random_id(id);
        str_addf(&path, "%s/%s.tar", images->spool_folder, id);
        str_addf(&output_path, "%s/%s.txt", images->spool_folder, id);
        load->images = images;
        load->events = *events;
        load->context = context;
        load->path = str_take(&path);
        load->output_path = str_take(&output_path);
        load->fd = -1;
        load->references = VEC_OF(const char *);
        return load;
}

void image_load_write(struct image_load *load, const void *data, size_t size)
{
        load->data = mem_copy(data, size);
        load->size = size;
        submit(load, write_on_pool, wrote);
}

void image_load_finish(struct image_load *load)
{
        submit(load, nothing_on_pool, begin_ctr);
}

void image_load_free(struct image_load *load)
{
        if (!load)
                return;
        load->is_freed = true;
        if (load->is_running)
                (void)process_signal(&load->process, SIGKILL, NULL);
        else if (!load->is_working)
                destroy(load);
}
