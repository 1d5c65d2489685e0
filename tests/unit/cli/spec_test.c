/* A service's spec from what was typed. */
#include "cli/spec.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"
#include "tests/unit/test.h"

struct typed {
        struct arena arena;
        struct spec_edit edit;
        struct err err;
};

#define WORDS(...)                                                                                 \
        (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), (char **)(const char *[]) \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }

static int apply(struct typed *typed, bool is_update, int argc, char **argv)
{
        const struct flag *const tables[] = { is_update ? spec_update_flags() : spec_create_flags(),
                                              NULL };
        _cleanup_(arguments_done) struct arguments arguments = { 0 };
        bool wants_help = false;

        typed->edit.is_update = is_update;
        TRY(flags_parse(tables, true, argc, argv, &arguments, &wants_help, &typed->err));
        return spec_apply(&typed->edit, &arguments);
}

static int open_typed(void **state)
{
        struct typed *typed = mem_alloc(sizeof *typed);

        typed->edit = (struct spec_edit){ .spec = spec_new(&typed->arena),
                                          .arena = &typed->arena,
                                          .err = &typed->err };
        *state = typed;
        return 0;
}

static int close_typed(void **state)
{
        struct typed *typed = *state;

        arena_done(&typed->arena);
        free(typed);
        return 0;
}

static void works(struct typed *typed, bool is_update, int argc, char **argv)
{
        if (apply(typed, is_update, argc, argv) < 0)
                fail_msg("%s", typed->err.text);
}

static void refused(struct typed *typed, bool is_update, const char *sentence, int argc,
                    char **argv)
{
        assert_true(apply(typed, is_update, argc, argv) < 0);
        if (!strstr(typed->err.text, sentence))
                fail_msg("'%s' instead of '%s'", typed->err.text, sentence);
}

static void a_new_spec_is_one_replica(void **state)
{
        struct typed *typed = *state;

        assert_int_equal(typed->edit.spec->mode_case, SK__SERVICE_SPEC__MODE_REPLICATED);
        assert_int_equal(typed->edit.spec->replicated->replicas, 1);
}

static void a_new_spec_says_what_docker_s_client_says(void **state)
{
        struct typed *typed = *state;
        json_t *spec = docker_service_spec(typed->edit.spec, 0);
        char *text = json_dumps(spec, JSON_COMPACT);

        assert_non_null(strstr(text, "\"Init\":false"));
        assert_non_null(strstr(text, "\"Resources\":{\"Limits\":{},\"Reservations\":{}}"));
        assert_non_null(strstr(text, "\"EndpointSpec\":{\"Mode\":\"vip\"}"));
        free(text);
        json_decref(spec);
}

static void the_container_is_filled_in(void **state)
{
        struct typed *typed = *state;
        Sk__ContainerSpec *container = typed->edit.spec->task->container;

        works(typed, false,
              WORDS("-e", "A=1", "--env=B=2", "-w", "/tmp", "-u", "root", "--hostname", "h",
                    "--read-only", "--init", "--stop-grace-period", "3s", "--stop-signal", "TERM",
                    "--container-label", "cl=1", "--cap-add", "net_admin", "--cap-drop",
                    "CAP_MKNOD", "--ulimit", "nofile=100:200", "--sysctl", "net.ipv4.ip_forward=1",
                    "--host", "foo:1.2.3.4", "--dns", "8.8.8.8", "--entrypoint", "sh -c 'a b'"));
        assert_int_equal(container->n_env, 2);
        assert_string_equal(container->env[1], "B=2");
        assert_string_equal(container->dir, "/tmp");
        assert_string_equal(container->user, "root");
        assert_string_equal(container->hostname, "h");
        assert_true(container->read_only);
        assert_true(container->init->enabled);
        assert_int_equal(container->stop_grace_period->ns, 3000000000);
        assert_string_equal(container->labels[0]->value, "1");
        assert_string_equal(container->capability_add[0], "CAP_NET_ADMIN");
        assert_string_equal(container->capability_drop[0], "CAP_MKNOD");
        assert_int_equal(container->ulimits[0]->hard, 200);
        assert_string_equal(container->sysctls[0]->key, "net.ipv4.ip_forward");
        assert_string_equal(container->hosts[0], "1.2.3.4 foo");
        assert_string_equal(container->dns->servers[0], "8.8.8.8");
        assert_int_equal(container->n_command, 3);
        assert_string_equal(container->command[2], "a b");
}

static void an_image_without_tag_is_the_latest(void **state)
{
        static const char *const names[][2] = {
                { "web", "web:latest" },
                { "web:1", "web:1" },
                { "127.0.0.1:5000/web", "127.0.0.1:5000/web:latest" },
                { "127.0.0.1:5000/web:1", "127.0.0.1:5000/web:1" },
                { "docker.io/library/web", "web:latest" },
                { "web@sha256:abc", "web@sha256:abc" },
                { "", "" },
        };
        struct typed *typed = *state;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                assert_string_equal(spec_image(&typed->arena, names[i][0]), names[i][1]);
        works(typed, true, WORDS("--image", "web"));
        assert_string_equal(typed->edit.spec->task->container->image, "web:latest");
}

static void the_same_variable_again_replaces_it(void **state)
{
        struct typed *typed = *state;

        works(typed, false, WORDS("-e", "A=1", "-e", "A=2"));
        assert_int_equal(typed->edit.spec->task->container->n_env, 1);
        assert_string_equal(typed->edit.spec->task->container->env[0], "A=2");
}

static void resources_and_restarts_are_filled_in(void **state)
{
        struct typed *typed = *state;
        Sk__TaskSpec *task = typed->edit.spec->task;

        works(typed, false,
              WORDS("--limit-cpu", ".5", "--limit-memory", "64M", "--reserve-memory", "8m",
                    "--limit-pids", "50", "--restart-condition", "on-failure", "--restart-delay",
                    "1s", "--restart-max-attempts", "3", "--restart-window", "5s"));
        assert_int_equal(task->limits->nano_cpus, 500000000);
        assert_int_equal(task->limits->memory_bytes, 64 << 20);
        assert_int_equal(task->limits->pids, 50);
        assert_int_equal(task->reservations->memory_bytes, 8 << 20);
        assert_int_equal(task->restart->condition, SK__RESTART_POLICY__CONDITION__ON_FAILURE);
        assert_int_equal(task->restart->max_attempts, 3);
}

static void ports_are_short_or_long(void **state)
{
        struct typed *typed = *state;
        Sk__PortConfig **ports;

        works(typed, false,
              WORDS("-p", "8080:80/udp", "-p", "90", "--publish",
                    "mode=host,target=81,published=8081"));
        ports = typed->edit.spec->endpoint->ports;
        assert_int_equal(ports[0]->published_port, 8080);
        assert_int_equal(ports[0]->protocol, SK__PORT_CONFIG__PROTOCOL__UDP);
        assert_int_equal(ports[1]->target_port, 90);
        assert_int_equal(ports[1]->published_port, 0);
        assert_int_equal(ports[2]->publish_mode, SK__PORT_CONFIG__PUBLISH_MODE__HOST);
        assert_int_equal(ports[2]->published_port, 8081);
}

static void wrong_ports_are_told(void **state)
{
        refused(*state, false,
                "invalid argument \"99999:80\" for \"-p, --publish\" flag: invalid "
                "hostPort: 99999",
                WORDS("-p", "99999:80"));
        refused(*state, false, "invalid field key: foo", WORDS("-p", "target=80,foo=1"));
        refused(*state, false, "missing mandatory field \"target\"", WORDS("-p", "published=80"));
}

static void a_global_service_takes_no_replicas(void **state)
{
        refused(*state, false, "replicas can only be used with replicated",
                WORDS("--replicas", "2", "--mode", "global"));
}

static void placement_is_filled_in(void **state)
{
        struct typed *typed = *state;
        Sk__Placement *placement;

        works(typed, false,
              WORDS("--constraint", "node.role==manager", "--placement-pref",
                    "spread=node.labels.zone,max-skew=2", "--replicas-max-per-node", "2",
                    "--affinity", "service!=db"));
        placement = typed->edit.spec->task->placement;
        assert_string_equal(placement->constraints[0], "node.role==manager");
        assert_string_equal(placement->spread[0], "node.labels.zone");
        assert_string_equal(placement->spread_limits[0]->over, "node.labels.zone");
        assert_int_equal(placement->spread_limits[0]->max_skew, 2);
        assert_string_equal(placement->affinities[0], "service!=db");
        assert_int_equal(placement->max_replicas_per_node, 2);
}

static void an_env_file_that_cannot_be_read_is_refused(void **state)
{
        refused(*state, false, "No such file", WORDS("--env-file", "/nonexistent"));
        refused(*state, false, "directory", WORDS("--env-file", "/"));
}

static void mounts_are_filled_in(void **state)
{
        struct typed *typed = *state;
        Sk__Mount **mounts;

        works(typed, false,
              WORDS("--mount", "type=bind,src=/a,dst=/b,readonly", "--mount",
                    "source=v,target=/data", "--mount", "type=tmpfs,destination=/t"));
        mounts = typed->edit.spec->task->container->mounts;
        assert_int_equal(mounts[0]->type, SK__MOUNT__TYPE__BIND);
        assert_true(mounts[0]->read_only);
        assert_int_equal(mounts[1]->type, SK__MOUNT__TYPE__VOLUME);
        assert_string_equal(mounts[1]->target, "/data");
        assert_int_equal(mounts[2]->type, SK__MOUNT__TYPE__TMPFS);
}

static void a_mount_of_an_image_can_be_of_a_part_of_it(void **state)
{
        struct typed *typed = *state;
        Sk__Mount *const *mounts;

        works(typed, false, WORDS("--mount", "type=image,source=app:1,target=/a"));
        works(typed, true,
              WORDS("--mount-add", "type=image,src=app:2,dst=/b,image-subpath=etc/app"));
        mounts = typed->edit.spec->task->container->mounts;
        assert_int_equal(mounts[0]->type, SK__MOUNT__TYPE__IMAGE);
        assert_string_equal(mounts[0]->source, "app:1");
        assert_null(mounts[0]->image);
        assert_string_equal(mounts[1]->image->subpath, "etc/app");
        refused(typed, false, "cannot mix 'image-*' options with another mount type",
                WORDS("--mount", "type=volume,src=v,dst=/c,image-subpath=x"));
        refused(typed, false, "cannot mix 'volume-*' options with another mount type",
                WORDS("--mount", "type=image,src=v,dst=/c,volume-nocopy"));
}

static void an_update_adds_and_removes(void **state)
{
        struct typed *typed = *state;
        Sk__ServiceSpec *spec = typed->edit.spec;

        works(typed, false, WORDS("-e", "A=1", "-e", "B=2", "-l", "x=1", "-p", "80:80"));
        works(typed, true,
              WORDS("--env-rm", "A", "--env-add", "C=3", "--label-rm", "x", "--label-add", "y=2",
                    "--publish-rm", "80", "--publish-add", "81:81", "--image", "new:2", "--args",
                    "a 'b c'", "--replicas", "4"));
        assert_int_equal(spec->task->container->n_env, 2);
        assert_string_equal(spec->task->container->env[0], "B=2");
        assert_string_equal(spec->task->container->env[1], "C=3");
        assert_int_equal(spec->annotations->n_labels, 1);
        assert_string_equal(spec->annotations->labels[0]->key, "y");
        assert_int_equal(spec->endpoint->n_ports, 1);
        assert_int_equal(spec->endpoint->ports[0]->target_port, 81);
        assert_string_equal(spec->task->container->image, "new:2");
        assert_string_equal(spec->task->container->args[1], "b c");
        assert_int_equal(spec->replicated->replicas, 4);
}

static void forcing_an_update_counts_up(void **state)
{
        struct typed *typed = *state;

        works(typed, true, WORDS("--force"));
        works(typed, true, WORDS("--force=false"));
        assert_int_equal(typed->edit.spec->task->force_update, 1);
}

static void mounts_stay_in_their_order(void **state)
{
        struct typed *typed = *state;
        Sk__ContainerSpec *container = typed->edit.spec->task->container;

        works(typed, false, WORDS("--mount", "dst=/x", "--mount", "dst=/a", "--mount", "dst=/a/b"));
        works(typed, true, WORDS("--mount-add", "dst=/a,ro"));
        assert_string_equal(container->mounts[1]->target, "/a");
        assert_true(container->mounts[1]->read_only);
        works(typed, true, WORDS("--mount-rm", "/x"));
        assert_int_equal(container->n_mounts, 2);
        assert_string_equal(container->mounts[0]->target, "/a");
        assert_string_equal(container->mounts[1]->target, "/a/b");
}

static void update_rules_are_filled_in(void **state)
{
        struct typed *typed = *state;

        works(typed, false,
              WORDS("--update-parallelism", "2", "--update-delay", "1s", "--update-order",
                    "start-first", "--rollback-parallelism", "0"));
        assert_int_equal(typed->edit.spec->update->parallelism, 2);
        assert_int_equal(typed->edit.spec->update->order, SK__UPDATE_CONFIG__ORDER__START_FIRST);
        assert_int_equal(typed->edit.spec->rollback->parallelism, 0);
}

static void update_rules_know_failures_deadlines_and_canaries(void **state)
{
        struct typed *typed = *state;
        const Sk__UpdateConfig *config;

        works(typed, false,
              WORDS("--update-parallelism", "25%", "--update-monitor", "7s",
                    "--update-max-failure-ratio", "0.25", "--update-failure-action", "rollback",
                    "--update-progress-deadline", "0s", "--update-canary", "2",
                    "--rollback-progress-deadline", "1m", "--rollback-failure-action", "continue",
                    "--rollback-monitor", "1s", "--rollback-max-failure-ratio", "1"));
        config = typed->edit.spec->update;
        assert_int_equal(config->parallelism_percent, 25);
        assert_int_equal(config->monitor_ns, 7000000000);
        assert_true(config->max_failure_ratio == 0.25);
        assert_int_equal(config->failure_action, SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK);
        assert_int_equal(config->progress_deadline_ns, -1);
        assert_int_equal(config->canary, 2);
        config = typed->edit.spec->rollback;
        assert_int_equal(config->parallelism, 1);
        assert_int_equal(config->progress_deadline_ns, 60000000000);
        assert_int_equal(config->failure_action, SK__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE);
        assert_int_equal(config->monitor_ns, 1000000000);
        assert_true(config->max_failure_ratio == 1);
}

static void a_number_takes_the_place_of_a_percentage(void **state)
{
        struct typed *typed = *state;

        works(typed, false, WORDS("--update-parallelism", "25%"));
        works(typed, true, WORDS("--update-parallelism", "3"));
        assert_int_equal(typed->edit.spec->update->parallelism_percent, 0);
        assert_int_equal(typed->edit.spec->update->parallelism, 3);
}

static void some_values_are_refused(void **state)
{
        refused(*state, false, "invalid restart condition", WORDS("--restart-condition", "maybe"));
        refused(*state, false, "unsupported placement preference",
                WORDS("--placement-pref", "x=y"));
        refused(*state, false, "unsupported placement preference",
                WORDS("--placement-pref", "spread=node.labels.zone,max-skew=0"));
        refused(*state, false, "a percentage is 1% to 100%", WORDS("--update-parallelism", "0%"));
        refused(*state, false, "a percentage is 1% to 100%", WORDS("--rollback-parallelism", "x%"));
        refused(*state, false, "a deadline cannot be negative",
                WORDS("--update-progress-deadline", "-1s"));
        refused(*state, false, "pause or continue", WORDS("--rollback-failure-action", "rollback"));
        refused(*state, false, "Unknown mode", WORDS("--mode", "both"));
        refused(*state, false, "bad format for add-host", WORDS("--host", "foo"));
        refused(*state, false, "empty name", WORDS("-l", "=x"));
        refused(*state, false, "the closing ' is missing", WORDS("--entrypoint", "sh 'x"));
}

static void a_health_check_is_filled_in(void **state)
{
        struct typed *typed = *state;
        const Sk__HealthConfig *health;

        works(typed, false,
              WORDS("--health-cmd", "curl -f localhost", "--health-interval", "1s",
                    "--health-timeout", "2s", "--health-start-period", "3s",
                    "--health-start-interval", "4s", "--health-retries", "5"));
        health = typed->edit.spec->task->container->health;
        assert_string_equal(health->test[0], "CMD-SHELL");
        assert_string_equal(health->test[1], "curl -f localhost");
        assert_int_equal(health->interval_ns, 1 * NS_PER_S);
        assert_int_equal(health->timeout_ns, 2 * NS_PER_S);
        assert_int_equal(health->start_period_ns, 3 * NS_PER_S);
        assert_int_equal(health->start_interval_ns, 4 * NS_PER_S);
        assert_int_equal(health->retries, 5);
}

static void no_health_check_takes_away_what_was_said(void **state)
{
        struct typed *typed = *state;
        const Sk__HealthConfig *health;

        works(typed, false, WORDS("--health-cmd", "true", "--health-retries", "5"));
        works(typed, true, WORDS("--no-healthcheck"));
        health = typed->edit.spec->task->container->health;
        assert_int_equal(health->n_test, 1);
        assert_string_equal(health->test[0], "NONE");
        assert_int_equal(health->retries, 0);
        works(typed, true, WORDS("--health-interval", "1s"));
        assert_int_equal(health->n_test, 0);
        works(typed, true, WORDS("--health-cmd", "true"));
        assert_int_equal(health->n_test, 2);
}

static void flags_of_health_that_conflict_are_refused(void **state)
{
        refused(*state, false, "--no-healthcheck conflicts with --health-* options",
                WORDS("--no-healthcheck", "--health-retries", "1"));
        refused(*state, false, "duration cannot be negative", WORDS("--health-interval", "-1s"));
}

/* Docker's own flags for the two commands: each works or is refused by name. */
static const char create_flags[] =
        "cap-add cap-drop config constraint container-label credential-spec dns dns-option "
        "dns-search endpoint-mode entrypoint env env-file generic-resource group health-cmd "
        "health-interval health-retries health-start-interval health-start-period health-timeout "
        "host hostname init isolation label limit-cpu limit-memory limit-pids log-driver log-opt "
        "max-concurrent memory-swap memory-swappiness mode mount name network no-healthcheck "
        "oom-score-adj placement-pref publish read-only replicas replicas-max-per-node reserve-cpu "
        "reserve-memory restart-condition restart-delay restart-max-attempts restart-window "
        "rollback-delay rollback-failure-action rollback-max-failure-ratio rollback-monitor "
        "rollback-order rollback-parallelism secret stop-grace-period stop-signal sysctl tty "
        "ulimit update-delay update-failure-action update-max-failure-ratio update-monitor "
        "update-order update-parallelism user workdir";

static const char update_flags[] =
        "args cap-add cap-drop config-add config-rm constraint-add constraint-rm "
        "container-label-add container-label-rm credential-spec dns-add dns-option-add "
        "dns-option-rm dns-rm dns-search-add dns-search-rm endpoint-mode entrypoint env-add env-rm "
        "force generic-resource-add generic-resource-rm group-add group-rm health-cmd "
        "health-interval health-retries health-start-interval health-start-period health-timeout "
        "host-add host-rm hostname image init isolation label-add label-rm limit-cpu limit-memory "
        "limit-pids log-driver log-opt max-concurrent memory-swap memory-swappiness mount-add "
        "mount-rm network-add network-rm no-healthcheck oom-score-adj placement-pref-add "
        "placement-pref-rm publish-add publish-rm read-only replicas replicas-max-per-node "
        "reserve-cpu reserve-memory restart-condition restart-delay restart-max-attempts "
        "restart-window rollback-delay rollback-failure-action rollback-max-failure-ratio "
        "rollback-monitor rollback-order rollback-parallelism secret-add secret-rm "
        "stop-grace-period stop-signal sysctl-add sysctl-rm tty ulimit-add ulimit-rm update-delay "
        "update-failure-action update-max-failure-ratio update-monitor update-order "
        "update-parallelism user workdir";

static void all_known(const struct flag *flags, const char *names)
{
        _cleanup_(freep) char *copy = str_copy(names);
        char *rest = copy, *name;

        while ((name = strsep(&rest, " "))) {
                const struct flag *flag = flags;

                while (flag->name && strcmp(flag->name, name) != 0)
                        flag++;
                if (!flag->name)
                        fail_msg("--%s is not known", name);
        }
}

static void every_flag_of_docker_is_known(void **state)
{
        (void)state;
        all_known(spec_create_flags(), create_flags);
        all_known(spec_update_flags(), update_flags);
}

#define ON_SPEC(test) cmocka_unit_test_setup_teardown(test, open_typed, close_typed)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_SPEC(a_new_spec_is_one_replica),
                ON_SPEC(a_new_spec_says_what_docker_s_client_says),
                ON_SPEC(the_container_is_filled_in),
                ON_SPEC(an_image_without_tag_is_the_latest),
                ON_SPEC(the_same_variable_again_replaces_it),
                ON_SPEC(resources_and_restarts_are_filled_in),
                ON_SPEC(ports_are_short_or_long),
                ON_SPEC(wrong_ports_are_told),
                ON_SPEC(a_global_service_takes_no_replicas),
                ON_SPEC(placement_is_filled_in),
                ON_SPEC(a_health_check_is_filled_in),
                ON_SPEC(no_health_check_takes_away_what_was_said),
                ON_SPEC(flags_of_health_that_conflict_are_refused),
                ON_SPEC(an_env_file_that_cannot_be_read_is_refused),
                ON_SPEC(mounts_are_filled_in),
                ON_SPEC(mounts_stay_in_their_order),
                ON_SPEC(a_mount_of_an_image_can_be_of_a_part_of_it),
                ON_SPEC(an_update_adds_and_removes),
                ON_SPEC(forcing_an_update_counts_up),
                ON_SPEC(update_rules_are_filled_in),
                ON_SPEC(update_rules_know_failures_deadlines_and_canaries),
                ON_SPEC(a_number_takes_the_place_of_a_percentage),
                ON_SPEC(some_values_are_refused),
                ON_SPEC(every_flag_of_docker_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
