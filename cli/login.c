/* skep login and logout; credentials for images. */
#include "cli/login.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/docker_config.h"
#include "cli/print.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/os_error.h"

enum { SECRET_MAX = 32 << 10 };

const struct flag login_flags[] = {
        { "password", 'p', FLAG_STRING, NULL, "Password", NULL },
        { "password-stdin", 0, FLAG_BOOL, NULL, "Take the password from stdin", NULL },
        { "username", 'u', FLAG_STRING, NULL, "Username", NULL },
        { 0 },
};

Sk__RegistryAuth *login_auth_for(struct cli *cli, const char *image)
{
        Sk__RegistryAuth *auth;
        json_t *config;
        struct err err;

        if (docker_config_read(docker_config_path(&cli->arena), &config, &err) < 0) {
                fprintf(stderr, "WARNING: %s\n", err.text);
                return NULL;
        }
        auth = docker_config_auth(&cli->arena, config, image_registry(&cli->arena, image));
        json_decref(config);
        return auth;
}

/* ERR_CANCELLED on ^C, so that the terminal can be put back. */
static int wait_for_line(struct cli *cli)
{
        struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                { .fd = cli->interrupt_fd, .events = POLLIN } };

        *cli->catches_interrupt = 1;
        while (poll(fds, COUNT_OF(fds), -1) < 0 && errno == EINTR)
                ;
        *cli->catches_interrupt = 0;
        return fds[1].revents ? err_set(&cli->err, ERR_CANCELLED, "interrupted") : 0;
}

static int read_line(struct cli *cli, const char **ret)
{
        char line[4096];

        TRY(wait_for_line(cli));
        if (!fgets(line, sizeof line, stdin))
                return err_set(&cli->err, ERR_INVALID, "nothing was typed");
        line[strcspn(line, "\r\n")] = '\0';
        *ret = arena_strdup(&cli->arena, line);
        explicit_bzero(line, sizeof line);
        return 0;
}

/* A line from the terminal, not shown while it is typed when 'is_secret'. */
static int ask(struct cli *cli, const char *question, bool is_secret, const char **ret)
{
        struct termios before, quiet;
        int result;

        if (!isatty(STDIN_FILENO))
                return err_set(&cli->err, ERR_INVALID,
                               "Error: Cannot perform an interactive login from a non TTY device");
        printf("%s: ", question);
        fflush(stdout);
        if (!is_secret)
                return read_line(cli, ret);
        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return os_error(&cli->err, errno, "ask the terminal not to show what is typed");
        quiet = before;
        quiet.c_lflag &= (tcflag_t)~ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        result = read_line(cli, ret);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        printf("\n");
        return result;
}

static int read_password(struct cli *cli, const char **ret)
{
        char *text = arena_alloc(&cli->arena, SECRET_MAX + 1);
        size_t n = fread(text, 1, SECRET_MAX, stdin);

        if (n == SECRET_MAX || !str_is_utf8(text, n))
                return err_set(&cli->err, ERR_INVALID, "what came on stdin is no password");
        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                text[--n] = '\0';
        *ret = text;
        return 0;
}

static int credentials(struct cli *cli, const struct arguments *arguments, Sk__RegistryAuth *auth)
{
        const char *password = argument(arguments, "password"), *username;
        bool from_stdin = argument_bool(arguments, "password-stdin");

        username = argument(arguments, "username");
        if (from_stdin && password)
                return err_set(&cli->err, ERR_INVALID,
                               "--password and --password-stdin are mutually exclusive");
        if (from_stdin && str_is_empty(username))
                return err_set(&cli->err, ERR_INVALID,
                               "Must provide --username with --password-stdin");
        if (password)
                fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use "
                                "--password-stdin.\n");
        if (str_is_empty(username))
                TRY(ask(cli, "Username", false, &username));
        if (from_stdin)
                TRY(read_password(cli, &password));
        else if (!password)
                TRY(ask(cli, "Password", true, &password));
        if (str_is_empty(username) || str_is_empty(password))
                return err_set(&cli->err, ERR_INVALID, "Error: Password Required");
        auth->username = username;
        auth->password = password;
        return 0;
}

static const char *registry_named(struct cli *cli, const struct arguments *arguments)
{
        const char *typed = str_or(positional(arguments, 0), "index.docker.io");

        if (str_starts_with(typed, "https://"))
                typed += strlen("https://");
        else if (str_starts_with(typed, "http://"))
                typed += strlen("http://");
        return arena_printf(&cli->arena, "%.*s", (int)strcspn(typed, "/"), typed);
}

static int store(struct cli *cli, const Sk__RegistryAuth *auth)
{
        const char *path = docker_config_path(&cli->arena);
        json_t *config;
        int result;

        TRY(docker_config_read(path, &config, &cli->err));
        docker_config_set_auth(config, auth->server, auth->username, auth->password);
        result = docker_config_write(path, config, &cli->err);
        json_decref(config);
        if (result == 0)
                fprintf(stderr, "WARNING! Your credentials are stored unencrypted in '%s'.\n",
                        path);
        return result;
}

int login_run(struct cli *cli, const struct arguments *arguments)
{
        Sk__CheckRegistryAuthRequest request = SK__CHECK_REGISTRY_AUTH_REQUEST__INIT;
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;
        const Sk__CheckRegistryAuthResponse *response;
        const void *out;

        auth.server = registry_named(cli, arguments);
        if (credentials(cli, arguments, &auth) < 0)
                return cli->err.code == ERR_CANCELLED ? EXIT_INTERRUPTED : print_failure(cli);
        request.auth = &auth;
        if (cli_call(cli, RPC_METHOD(control, CheckRegistryAuth), &request.base, &out) < 0)
                return cli_fail(cli);
        if (store(cli, &auth) < 0)
                return print_failure(cli);
        response = out;
        print_line(stdout, str_or(response->status, "Login Succeeded"));
        return 0;
}

int logout_run(struct cli *cli, const struct arguments *arguments)
{
        const char *registry = registry_named(cli, arguments), *path;
        json_t *config;
        int result = 0;

        path = docker_config_path(&cli->arena);
        if (docker_config_read(path, &config, &cli->err) < 0)
                return print_failure(cli);
        printf("Removing login credentials for %s\n", registry);
        if (docker_config_remove_auth(config, registry))
                result = docker_config_write(path, config, &cli->err);
        else
                printf("Not logged in to %s\n", registry);
        json_decref(config);
        return result < 0 ? print_failure(cli) : 0;
}
