/* What commands ask of an API, and what they make of its answers. */
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/inside.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/rpc/server.h"
#include "tests/unit/test.h"

/* An API that notes what it is asked, and answers what it was told to. */
struct fake {
        char folder[32], address[64];
        struct rpc_server *server;
        struct cli cli;
        struct str asked;
        const ProtobufCMessage *answers[4];
};

static void answer(void *context, struct rpc_call *call, const void *in)
{
        const ProtobufCMessage *message = in;
        struct fake *fake = context;
        size_t length = strlen(message->descriptor->short_name) - strlen("Request");
        struct err err;

        str_addf(&fake->asked, "%s%.*s", fake->asked.length ? " " : "", (int)length,
                 message->descriptor->short_name);
        for (size_t i = 0; i < COUNT_OF(fake->answers) && fake->answers[i]; i++) {
                if (strncmp(fake->answers[i]->descriptor->short_name,
                            message->descriptor->short_name, length))
                        continue;
                rpc_reply(call, fake->answers[i]);
                return;
        }
        err_set(&err, ERR_NOT_FOUND, "nobody knows it");
        rpc_fail(call, &err);
}

static void closed(void *context, struct rpc_call *call)
{
        (void)context;
        (void)call;
}

/* A program that says something and runs on. */
static void enter(void *context, struct rpc_call *call, const void *in)
{
        static const struct rpc_call_events events = { .closed = closed };
        Sk__EnterOutput output = SK__ENTER_OUTPUT__INIT;
        Sk__EnterData data = SK__ENTER_DATA__INIT;

        (void)in;
        rpc_call_on(call, &events, context);
        data.data = (ProtobufCBinaryData){ .data = (uint8_t *)"hello\n", .len = 6 };
        output.what_case = SK__ENTER_OUTPUT__WHAT_DATA;
        output.data = &data;
        rpc_call_write(call, &output.base);
}

#define handle_UNARY answer
#define handle_SERVER_STREAM answer
#define handle_BIDI_STREAM enter
#define ROW(Method, function, Request, Response, SHAPE, roles_) \
        { #Method, RPC_##SHAPE, (roles_), "Sk__" #Request, "Sk__" #Response, handle_##SHAPE },

static const struct rpc_method methods[] = { CONTROL_METHODS(ROW) };
static const struct rpc_service service = { &sk__control__descriptor, methods, COUNT_OF(methods) };

static int setup(void **state)
{
        struct fake *fake = mem_alloc(sizeof *fake);
        struct err err;

        memcpy(fake->folder, "/tmp/skep.XXXXXX", sizeof "/tmp/skep.XXXXXX");
        CHECK(mkdtemp(fake->folder));
        snprintf(fake->address, sizeof fake->address, "unix:%s/api.sock", fake->folder);
        fake->cli = (struct cli){ .api_address = fake->address,
                                  .node_address = "unix:/nowhere",
                                  .interrupt_fd = -1 };
        CHECK(loop_new(&fake->cli.loop, &err) == 0);
        CHECK(rpc_server_new(fake->cli.loop, &(struct rpc_server_options){ 0 }, &fake->server,
                             &err) == 0);
        CHECK(rpc_server_add(fake->server, &service, fake, &err) == 0);
        CHECK(rpc_server_listen(fake->server, fake->address, RPC_LOCAL_ADMIN, 0600, &err) == 0);
        CHECK(rpc_server_start(fake->server, &err) == 0);
        *state = fake;
        return 0;
}

static int teardown(void **state)
{
        struct fake *fake = *state;

        rpc_client_free(fake->cli.control);
        rpc_server_free(fake->server, 0);
        loop_free(fake->cli.loop);
        arena_done(&fake->cli.arena);
        unlink(fake->address + strlen("unix:"));
        rmdir(fake->folder);
        str_done(&fake->asked);
        free(fake);
        return 0;
}

static int run(struct fake *fake, const char *words)
{
        char *all = str_copy(words), *argv[8] = { NULL }, *rest = all;
        int n = 0, status;

        while ((argv[n] = strsep(&rest, " ")))
                n++;
        status = command_run(&fake->cli, n, argv);
        free(all);
        return status;
}

/* A task's id may begin as the service is called. */
static void why_asks_for_a_service_before_a_task(void **state)
{
        Sk__ExplainServiceResponse of_service = SK__EXPLAIN_SERVICE_RESPONSE__INIT;
        Sk__ExplainTaskResponse of_task = SK__EXPLAIN_TASK_RESPONSE__INIT;
        struct fake *fake = *state;

        fake->answers[0] = &of_task.base;
        assert_int_equal(run(fake, "why web.1"), 0);
        assert_string_equal(str_text(&fake->asked), "ExplainService ExplainTask");
        str_clear(&fake->asked);
        fake->answers[1] = &of_service.base;
        assert_int_equal(run(fake, "why db"), 0);
        assert_string_equal(str_text(&fake->asked), "ExplainService");
}

static void a_service_is_shown_without_fetching_its_files(void **state)
{
        Sk__GetServiceResponse response = SK__GET_SERVICE_RESPONSE__INIT;
        Sk__ServiceView view = SK__SERVICE_VIEW__INIT;
        Sk__Service web = SK__SERVICE__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__FileReference file = SK__FILE_REFERENCE__INIT, *files[] = { &file };
        struct fake *fake = *state;

        file.id = "x";
        file.name = "conf";
        container.configs = files;
        container.n_configs = 1;
        task.container = &container;
        spec.task = &task;
        view.service = &web;
        view.spec = &spec;
        response.service = &view;
        response.config_names = (const char *[]){ "conf@2" };
        response.n_config_names = 1;
        fake->answers[0] = &response.base;
        assert_int_equal(run(fake, "service inspect --pretty web"), 0);
        assert_string_equal(str_text(&fake->asked), "GetService");
}

static void a_terminal_is_put_back_when_nobody_reads_any_more(void **state)
{
        Sk__EnterStart start = SK__ENTER_START__INIT;
        struct inside_options options = { .start = &start, .errors = STDERR_FILENO };
        struct fake *fake = *state;
        int terminal, fds[2], code;
        struct termios now;

        options.is_tty = true;
        assert_int_equal(openpty(&terminal, &options.in, NULL, NULL, NULL), 0);
        assert_int_equal(pipe(fds), 0);
        close(fds[0]);
        options.out = fds[1];
        signal(SIGPIPE, SIG_DFL);
        assert_int_equal(inside_run(&fake->cli, &options, &code), 0);
        assert_int_equal(code, 0);
        assert_int_equal(tcgetattr(options.in, &now), 0);
        assert_true(now.c_lflag & ECHO);
        close(fds[1]);
        close(options.in);
        close(terminal);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(why_asks_for_a_service_before_a_task),
                T(a_service_is_shown_without_fetching_its_files),
                T(a_terminal_is_put_back_when_nobody_reads_any_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
