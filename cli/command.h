/* The command line's grammar, docker's own: nouns, verbs, and one row per command. */
#pragma once
#include <signal.h>

#include "api/control.h"
#include "api/node.h"
#include "cli/flags.h"
#include "lib/base/mem.h"
#include "lib/rpc/client.h"

/* A run of the program. */
struct cli {
        struct loop *loop;
        struct rpc_client *control, *node; /* opened when first asked for */
        const char *api_address, *node_address;
        struct arena arena;  /* until the program ends */
        bool is_terminal;    /* stdout is one */
        int64_t patience_ns; /* a socket that refuses is tried again for so long */
        const struct command *command;
        bool stops;         /* set by a timer or a watch: the stream that runs shall end */
        bool is_node_error; /* 'err' came from this node's agent, not from the cluster */
        /* ^C ends the program, unless *catches_interrupt is set: then the descriptor (-1: there is
         * none) becomes readable. */
        int interrupt_fd;
        volatile sig_atomic_t *catches_interrupt;
        struct err err;
};

enum command_side {
        COMMAND_CONTROL, /* asks the cluster, by api.sock */
        COMMAND_NODE,    /* asks this node, by node.sock */
        COMMAND_LOCAL,
};

struct command {
        const char *noun;  /* "service"; NULL: a verb of the program itself */
        const char *verb;  /* "create" */
        const char *usage; /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
        const char *
                summary; /* "Create a new service"; lines below the first are only told by --help */
        const char *aliases; /* other verbs for it, by spaces: "list" for ls; NULL: none */
        enum command_side side;
        int least, most;  /* positional arguments; most -1: any number */
        bool flags_first; /* everything after the first positional argument is positional */
        const struct flag *const *flags;               /* tables */
        const struct flag *const *(*make_flags)(void); /* instead, when they are made at run time */
        /* Returns the exit code. */
        int (*run)(struct cli *cli, const struct arguments *arguments);
};

/* The exit codes docker uses. */
enum { EXIT_TEMPLATE = 64, EXIT_USAGE = 125, EXIT_INTERRUPTED = 130 };

/* Tables of rows, one per file, each ended by a zeroed row; NULL-terminated. */
extern const struct command *const command_tables[];

/* What a noun is about, for the overview: "Manage Swarm services". */
const char *command_noun_summary(const char *noun);

/* A command's tables of flags; never NULL. */
const struct flag *const *command_flags(const struct command *command);

/* The nouns in order; NULL after the last. */
const char *command_noun(size_t i);

/* Prints what is wrong with what was typed and how the command is used; returns EXIT_USAGE. */
int command_usage_error(const struct command *command, const char *sentence);

/* The command's help, as --help prints it. */
void command_print_help(const struct command *command);

/* Finds and runs the command that argv names; prints help and errors. */
int command_run(struct cli *cli, int argc, char **argv);

/* --- calling the cluster and the node; synchronous --- */

/* A unary call; *ret lives until the program ends.  Returns 0 or an ERR_*, text in cli->err. */
int cli_call(struct cli *cli, const struct rpc_method_id *method, const ProtobufCMessage *in,
             const void **ret);

/* A stream: 'message' is called for each, and may call the cluster itself; returning false ends it,
 * and so does cli->stops. */
int cli_stream(struct cli *cli, const struct rpc_method_id *method, const ProtobufCMessage *in,
               bool (*message)(struct cli *cli, void *context, const void *out), void *context);

/* Prints cli->err as docker does ("Error response from daemon: ..."), returns exit code 1. */
int cli_fail(struct cli *cli);

/* Is there somebody to call for this method?  Waits as long as the patience lasts for a socket that
 * refuses.  ERR_UNAVAILABLE with docker's sentence when not. */
int cli_check_there(struct cli *cli, const struct rpc_method_id *method);

/* Sets cli->err to what 'error' (an errno) of a socket, the agent's or the API's, means for a
 * person; returns ERR_UNAVAILABLE. */
int cli_unreachable(struct cli *cli, bool is_node, int error);

/* The client for a method's service, opened now. */
struct rpc_client *cli_client(struct cli *cli, const struct rpc_method_id *method);
