/* skep image load: a tar goes to the node in chunks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/image.h"
#include "cli/print.h"
#include "cli/size.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/os_error.h"

enum { CHUNK_SIZE = 256 << 10 };

const struct flag image_load_flags[] = {
        { "input", 'i', FLAG_STRING, NULL, "Read from tar archive file, instead of STDIN", NULL },
        { "platform", 0, FLAG_STRING, NULL, "Load only the given platform variant(s)",
          "nodes take their own platform" },
        { "quiet", 'q', FLAG_BOOL, NULL, "Suppress the load output", NULL },
        { 0 },
};

struct loading {
        struct cli *cli;
        int fd;
        int64_t n_sent, n_told;
        bool can_write, is_closed;
        const Sk__LoadImageResponse *response;
        struct err err;
};

static void load_answered(void *context, const void *out)
{
        struct loading *loading = context;

        loading->response = (const Sk__LoadImageResponse *)message_copy(&loading->cli->arena, out);
}

static void load_writable(void *context)
{
        struct loading *loading = context;

        loading->can_write = true;
}

static void load_closed(void *context, const struct err *err)
{
        struct loading *loading = context;

        loading->is_closed = true;
        loading->err = *err;
}

static void show_progress(struct loading *loading)
{
        _cleanup_(str_done) struct str size = { 0 };

        if (!loading->cli->is_terminal || loading->n_sent - loading->n_told < (4 << 20))
                return;
        loading->n_told = loading->n_sent;
        add_size(&size, loading->n_sent);
        printf("\r\x1b[2KLoading: %s", str_text(&size));
        fflush(stdout);
}

/* Sends one chunk, or says that there are no more. */
static int send_chunk(struct loading *loading, struct rpc_stream *stream, char *buffer,
                      bool *ret_end)
{
        Sk__LoadImageRequest request = SK__LOAD_IMAGE_REQUEST__INIT;
        ssize_t n = read(loading->fd, buffer, CHUNK_SIZE);

        if (n < 0)
                return os_error(&loading->cli->err, errno, "read the archive");
        if (n == 0) {
                rpc_stream_half_close(stream);
                *ret_end = true;
                return 0;
        }
        request.chunk.data = (uint8_t *)buffer;
        request.chunk.len = (size_t)n;
        loading->can_write = rpc_stream_write(stream, &request.base);
        loading->n_sent += n;
        show_progress(loading);
        return 0;
}

static int send_all(struct loading *loading)
{
        static const struct rpc_stream_events events = { .message = load_answered,
                                                         .writable = load_writable,
                                                         .closed = load_closed };
        _cleanup_(freep) char *buffer = mem_alloc(CHUNK_SIZE);
        const struct rpc_method_id *method = RPC_METHOD(node_agent, LoadImage);
        struct cli *cli = loading->cli;
        struct rpc_client *client;
        struct rpc_stream *stream;
        bool is_end = false;
        int result = 0;

        TRY(cli_check_there(cli, method));
        client = cli_client(cli, method);
        if (!client)
                return cli->err.code;
        stream = rpc_client_stream(client, method, NULL, &events, loading);
        loading->can_write = true;
        while (!loading->is_closed && result == 0) {
                if (loading->can_write && !is_end)
                        result = send_chunk(loading, stream, buffer, &is_end);
                if (result == 0 && !loading->is_closed)
                        result = loop_turn(cli->loop, loading->can_write && !is_end ? 0 : -1,
                                           &cli->err);
        }
        if (!loading->is_closed)
                rpc_stream_cancel(stream);
        return result;
}

static int open_input(struct cli *cli, const char *path)
{
        int fd;

        if (!path && isatty(STDIN_FILENO))
                return err_set(&cli->err, ERR_INVALID,
                               "requested load from stdin, but stdin is empty");
        if (!path)
                return STDIN_FILENO;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 ? fd : os_error(&cli->err, errno, "open %.200s", path);
}

int image_load(struct cli *cli, const struct arguments *arguments)
{
        struct loading loading = { .cli = cli };

        loading.fd = open_input(cli, argument(arguments, "input"));
        if (loading.fd < 0 || send_all(&loading) < 0)
                return print_failure(cli);
        if (loading.n_told)
                printf("\r\x1b[2K");
        if (!loading.response) {
                cli->err = loading.err;
                return cli_fail(cli);
        }
        for (size_t i = 0; i < loading.response->n_references; i++)
                printf("Loaded image: %s\n", loading.response->references[i]);
        return 0;
}
