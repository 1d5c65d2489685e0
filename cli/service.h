/* skep service: what its files share. */
#pragma once
#include "cli/command.h"
#include "lib/base/str.h"

extern const struct flag service_create_flags[], service_update_flags[], service_logs_flags[];
extern const struct flag service_history_flags[], service_rollback_flags[],
        service_rebalance_flags[];

int service_create(struct cli *cli, const struct arguments *arguments);
int service_update(struct cli *cli, const struct arguments *arguments);
int service_scale(struct cli *cli, const struct arguments *arguments);
int service_rollback(struct cli *cli, const struct arguments *arguments);
int service_rebalance(struct cli *cli, const struct arguments *arguments);
int service_history(struct cli *cli, const struct arguments *arguments);
int service_diff(struct cli *cli, const struct arguments *arguments);
int service_promote(struct cli *cli, const struct arguments *arguments);
int service_run(struct cli *cli, const struct arguments *arguments);
int service_logs(struct cli *cli, const struct arguments *arguments);

/* A name for a service that was given none: "adjective_noun", as docker does. */
const char *service_random_name(struct arena *arena);

/* Prints the id, then waits until the service is what was asked for, unless --detach; returns the
 * exit code. */
int service_wait(struct cli *cli, const struct arguments *arguments, const char *id);

/* The service as 'service inspect --pretty' tells of it. */
void service_pretty(struct str *out, const Sk__ServiceView *service, int64_t now_ns);

/* "2/3", "0/2 (3/3 completed)", "1/1 (max 2 per node)". */
const char *service_replicas(struct arena *arena, const Sk__ServiceView *service);
/* "replicated", "global job" */
const char *service_mode(const Sk__ServiceSpec *spec);

/* The columns of service ls. */
struct list_kind;
extern const struct list_kind service_list;
struct json_t;
/* A row of service history; 'before' is the revision before it, NULL: there is none. */
struct json_t *service_history_row(struct arena *arena, const Sk__ServiceRevisionView *revision,
                                   const Sk__ServiceRevisionView *before, int64_t now_ns);
struct json_t *service_row(struct arena *arena, const Sk__ServiceView *service);

/* What the API says of a service that was written all the same, on stderr. */
void service_print_warnings(char *const *warnings, size_t n);
