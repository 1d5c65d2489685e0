/* The shape of Docker's JSON: which keys, in which order, of which types. */
#include "lib/docker/docker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/unit/cli/objects.h"
#include "tests/unit/test.h"

/* Compares the whole text; 'value' is released. */
static void is_json(json_t *value, const char *expected)
{
        _cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT | DOCKER_JSON_FLAGS);

        json_decref(value);
        assert_string_equal(text, expected);
}

/* The keys of an object as one text: "ID Version CreatedAt ...". */
static void has_keys(const json_t *value, const char *expected)
{
        _cleanup_(str_done) struct str keys = { 0 };
        const char *key;
        json_t *field;

        json_object_foreach((json_t *)value, key, field)
                str_addf(&keys, "%s%s", keys.length ? " " : "", key);
        assert_string_equal(str_text(&keys), expected);
}

static json_t *at(json_t *value, const char *path)
{
        char *copy = str_copy(path), *rest = copy, *key;

        while ((key = strsep(&rest, ".")) && value)
                value = json_object_get(value, key);
        free(copy);
        return value;
}

static void a_minimal_service_has_only_what_was_said(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        is_json(docker_service(a_web_service(&arena), 0),
                "{\"ID\":\"x16dq8j0gn44nxsbfhz8cnnx6\",\"Version\":{\"Index\":58},"
                "\"CreatedAt\":\"2025-11-20T05:44:00Z\",\"UpdatedAt\":\"2025-11-20T05:44:30Z\","
                "\"Spec\":{\"Name\":\"web\",\"Labels\":{},\"TaskTemplate\":{\"ContainerSpec\":{"
                "\"Image\":\"reg:5000/"
                "bb:1@sha256:32283f19fcb4b255ab2d8aec7c03680642ff5a926a9506152c"
                "85cd1a424f7d34\",\"Isolation\":\"default\"},\"ForceUpdate\":0,"
                "\"Runtime\":\"container\"},\"Mode\":{\"Replicated\":{\"Replicas\":2}}},"
                "\"Endpoint\":{\"Spec\":{}}}");
}

static void defaults_are_inserted_where_docker_inserts_them(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *spec = docker_service_spec(a_web_service(&arena)->spec, DOCKER_INSERT_DEFAULTS);

        (void)state;
        has_keys(spec, "Name Labels TaskTemplate Mode UpdateConfig RollbackConfig");
        has_keys(at(spec, "TaskTemplate"),
                 "ContainerSpec Resources RestartPolicy Placement ForceUpdate Runtime");
        has_keys(at(spec, "TaskTemplate.ContainerSpec"),
                 "Image StopGracePeriod DNSConfig Isolation");
        is_json(json_incref(at(spec, "TaskTemplate.RestartPolicy")),
                "{\"Condition\":\"any\",\"Delay\":5000000000,\"MaxAttempts\":0}");
        is_json(json_incref(at(spec, "UpdateConfig")),
                "{\"Parallelism\":1,\"FailureAction\":\"pause\",\"Monitor\":5000000000,"
                "\"MaxFailureRatio\":0,\"Order\":\"stop-first\"}");
        json_decref(spec);
}

/* Every field said. */
static void fill(struct arena *arena, Sk__ServiceSpec *spec)
{
        static const char *text[] = { "one", "two" };
        Sk__ContainerSpec *container = spec->task->container;
        Sk__Label **labels = arena_alloc(arena, sizeof *labels);
        Sk__Mount **mounts = arena_alloc(arena, 2 * sizeof *mounts);
        Sk__FileReference **files = arena_alloc(arena, sizeof *files);

        labels[0] = a_label(arena, "k", "v");
        mounts[0] = MAKE(arena, Sk__Mount, SK__MOUNT__INIT);
        mounts[0]->type = SK__MOUNT__TYPE__TMPFS;
        mounts[0]->target = "/t";
        mounts[0]->tmpfs = MAKE(arena, Sk__Mount__TmpfsOptions, SK__MOUNT__TMPFS_OPTIONS__INIT);
        mounts[0]->tmpfs->size_bytes = 1048576;
        mounts[1] = MAKE(arena, Sk__Mount, SK__MOUNT__INIT);
        mounts[1]->type = SK__MOUNT__TYPE__IMAGE;
        mounts[1]->source = "app:1";
        mounts[1]->target = "/i";
        mounts[1]->image = MAKE(arena, Sk__Mount__ImageOptions, SK__MOUNT__IMAGE_OPTIONS__INIT);
        mounts[1]->image->subpath = "etc";
        files[0] = MAKE(arena, Sk__FileReference, SK__FILE_REFERENCE__INIT);
        files[0]->id = "947qc7wgrogw48q7spmrw3elt";
        files[0]->name = files[0]->target = "one";
        files[0]->uid = files[0]->gid = "0";
        files[0]->mode = 292;
        container->labels = container->sysctls = labels;
        container->n_labels = container->n_sysctls = 1;
        container->command = container->args = container->env = container->groups = (void *)text;
        container->n_command = container->n_args = container->n_env = container->n_groups = 2;
        container->hosts = container->capability_add = container->capability_drop = (void *)text;
        container->n_hosts = container->n_capability_add = container->n_capability_drop = 1;
        container->hostname = "h";
        container->dir = "/tmp";
        container->user = "root";
        container->init = MAKE(arena, Sk__ContainerSpec__Init, SK__CONTAINER_SPEC__INIT__INIT);
        container->stop_signal = "SIGTERM";
        container->tty = container->open_stdin = container->read_only = true;
        container->mounts = mounts;
        container->n_mounts = 2;
        container->stop_grace_period =
                MAKE(arena, Sk__ContainerSpec__Duration, SK__CONTAINER_SPEC__DURATION__INIT);
        container->health = MAKE(arena, Sk__HealthConfig, SK__HEALTH_CONFIG__INIT);
        container->dns = MAKE(arena, Sk__DnsConfig, SK__DNS_CONFIG__INIT);
        container->secrets = container->configs = files;
        container->n_secrets = container->n_configs = 1;
        container->privileges = MAKE(arena, Sk__Privileges, SK__PRIVILEGES__INIT);
        container->oom_score_adj = 5;
        container->devices = text;
        container->n_devices = 1;
        container->registry_auth = MAKE(arena, Sk__RegistryAuth, SK__REGISTRY_AUTH__INIT);
        container->registry_auth->password = "hush";
}

static void a_container_s_keys_are_docker_s_in_docker_s_order(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceSpec *spec = a_web_service(&arena)->spec;
        json_t *shown;

        (void)state;
        fill(&arena, spec);
        shown = docker_service_spec(spec, 0);
        has_keys(
                at(shown, "TaskTemplate.ContainerSpec"),
                "Image Labels Command Args Hostname Env Dir User Groups Privileges Init StopSignal "
                "TTY OpenStdin ReadOnly Mounts StopGracePeriod Healthcheck Hosts DNSConfig Secrets "
                "Configs Isolation Sysctls CapabilityAdd CapabilityDrop OomScoreAdj Devices");
        is_json(json_incref(at(shown, "TaskTemplate.ContainerSpec.Secrets")),
                "[{\"File\":{\"Name\":\"one\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},"
                "\"SecretID\":\"947qc7wgrogw48q7spmrw3elt\",\"SecretName\":\"one\"}]");
        is_json(json_incref(at(shown, "TaskTemplate.ContainerSpec.Mounts")),
                "[{\"Type\":\"tmpfs\",\"Target\":\"/"
                "t\",\"TmpfsOptions\":{\"SizeBytes\":1048576}},"
                "{\"Type\":\"image\",\"Source\":\"app:1\",\"Target\":\"/i\","
                "\"ImageOptions\":{\"Subpath\":\"etc\"}}]");
        json_decref(shown);
}

static void credentials_are_never_shown(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceSpec *spec = a_web_service(&arena)->spec;
        json_t *shown;

        (void)state;
        fill(&arena, spec);
        shown = docker_service_spec(spec, DOCKER_INSERT_DEFAULTS);
        {
                _cleanup_(freep) char *text = json_dumps(shown, 0);

                assert_null(strstr(text, "hush"));
        }
        json_decref(shown);
}

static void modes_are_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceSpec *spec = a_web_service(&arena)->spec;
        json_t *shown;

        (void)state;
        spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED_JOB;
        spec->replicated_job = MAKE(&arena, Sk__ReplicatedJob, SK__REPLICATED_JOB__INIT);
        spec->replicated_job->total_completions = 2;
        shown = docker_service_spec(spec, 0);
        is_json(json_incref(at(shown, "Mode")),
                "{\"ReplicatedJob\":{\"MaxConcurrent\":2,\"TotalCompletions\":2}}");
        json_decref(shown);
        spec->mode_case = SK__SERVICE_SPEC__MODE_GLOBAL;
        shown = docker_service_spec(spec, 0);
        is_json(json_incref(at(shown, "Mode")), "{\"Global\":{}}");
        json_decref(shown);
}

static void placement_and_resources_are_docker_s(void **state)
{
        static const char *constraints[] = { "node.role==manager" },
                          *spread[] = { "node.labels.zone" };
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceSpec *spec = a_web_service(&arena)->spec;
        Sk__GenericResource *generic =
                MAKE(&arena, Sk__GenericResource, SK__GENERIC_RESOURCE__INIT);
        json_t *shown;

        (void)state;
        spec->task->placement = MAKE(&arena, Sk__Placement, SK__PLACEMENT__INIT);
        spec->task->placement->constraints = (void *)constraints;
        spec->task->placement->n_constraints = 1;
        spec->task->placement->spread = (void *)spread;
        spec->task->placement->n_spread = 1;
        spec->task->placement->max_replicas_per_node = 3;
        generic->kind = "SSD";
        generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        generic->count = 2;
        spec->task->reservations = MAKE(&arena, Sk__Resources, SK__RESOURCES__INIT);
        spec->task->reservations->nano_cpus = 10000000;
        spec->task->reservations->generic = &generic;
        spec->task->reservations->n_generic = 1;
        shown = docker_service_spec(spec, 0);
        is_json(json_incref(at(shown, "TaskTemplate.Placement")),
                "{\"Constraints\":[\"node.role==manager\"],\"Preferences\":[{\"Spread\":"
                "{\"SpreadDescriptor\":\"node.labels.zone\"}}],\"MaxReplicas\":3}");
        is_json(json_incref(at(shown, "TaskTemplate.Resources")),
                "{\"Reservations\":{\"NanoCPUs\":10000000,\"GenericResources\":[{"
                "\"DiscreteResourceSpec\":{\"Kind\":\"SSD\",\"Value\":2}}]}}");
        json_decref(shown);
}

static void ratios_are_written_as_go_writes_them(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceSpec *spec = a_web_service(&arena)->spec;
        json_t *shown;

        (void)state;
        spec->update = MAKE(&arena, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);
        spec->update->max_failure_ratio = 0.1;
        shown = docker_service_spec(spec, 0);
        is_json(json_incref(at(shown, "UpdateConfig")),
                "{\"Parallelism\":0,\"FailureAction\":\"pause\",\"MaxFailureRatio\":0.1,"
                "\"Order\":\"stop-first\"}");
        json_decref(shown);
}

static void a_service_shows_its_endpoint_update_and_counts(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ServiceView *service = a_web_service(&arena);
        Sk__PortConfig *port = a_port(&arena, 30000, 80, SK__PORT_CONFIG__PUBLISH_MODE__INGRESS);
        json_t *shown;

        (void)state;
        service->previous_spec = service->spec;
        service->service->endpoint = MAKE(&arena, Sk__ServiceEndpoint, SK__SERVICE_ENDPOINT__INIT);
        service->service->endpoint->ports = &port;
        service->service->endpoint->n_ports = 1;
        service->service->progress = MAKE(&arena, Sk__ServiceProgress, SK__SERVICE_PROGRESS__INIT);
        service->service->progress->update =
                MAKE(&arena, Sk__UpdateStatus, SK__UPDATE_STATUS__INIT);
        service->service->progress->update->state = SK__UPDATE_STATUS__STATE__PAUSED;
        service->service->progress->update->started_at_ns = NOW_NS + 724726253;
        service->service->progress->update->message = "why";
        shown = docker_service(service, DOCKER_STATUS);
        has_keys(shown, "ID Version CreatedAt UpdatedAt Spec PreviousSpec Endpoint UpdateStatus "
                        "ServiceStatus");
        is_json(json_incref(at(shown, "Endpoint")),
                "{\"Spec\":{},\"Ports\":[{\"Protocol\":\"tcp\",\"TargetPort\":80,"
                "\"PublishedPort\":30000,\"PublishMode\":\"ingress\"}]}");
        is_json(json_incref(at(shown, "UpdateStatus")),
                "{\"State\":\"paused\",\"StartedAt\":\"2025-11-20T05:45:30.724726253Z\","
                "\"Message\":\"why\"}");
        is_json(json_incref(at(shown, "ServiceStatus")),
                "{\"RunningTasks\":2,\"DesiredTasks\":2,\"CompletedTasks\":0}");
        json_decref(shown);
}

static void a_task_that_runs_is_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__TaskView *task = a_web_task(&arena, "pgvbnkfqbjz90pamck2rrm8ka", 2, 1,
                                        SK__TASK_STATE__TASK_RUNNING, 5, "");

        (void)state;
        task->task->status->message = "started";
        task->task->status->container =
                MAKE(&arena, Sk__TaskStatus__Container, SK__TASK_STATUS__CONTAINER__INIT);
        task->task->status->container->id = "5d27";
        task->task->status->container->pid = 28721;
        is_json(docker_task(task),
                "{\"ID\":\"pgvbnkfqbjz90pamck2rrm8ka\",\"Version\":{\"Index\":60},"
                "\"CreatedAt\":\"2025-11-20T05:44:00Z\",\"UpdatedAt\":\"2025-11-20T05:44:30Z\","
                "\"Labels\":{},\"ServiceID\":\"x16dq8j0gn44nxsbfhz8cnnx6\",\"Slot\":2,"
                "\"NodeID\":\"oyz0areg5bvzfvhymjjthws5x\",\"Status\":{"
                "\"Timestamp\":\"2025-11-20T05:45:25Z\",\"State\":\"running\",\"Message\":"
                "\"started\","
                "\"ContainerStatus\":{\"ContainerID\":\"5d27\",\"PID\":28721,\"ExitCode\":0},"
                "\"PortStatus\":{}},\"DesiredState\":\"running\"}");
}

static void a_task_that_waits_says_why(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__TaskView *task = a_web_task(&arena, "pgvbnkfqbjz90pamck2rrm8ka", 2, 1,
                                        SK__TASK_STATE__TASK_PENDING, 5, "");
        json_t *shown;

        (void)state;
        task->task->status = NULL;
        task->task->placement->node_id = "";
        task->task->placement->explanation = "no suitable node";
        shown = docker_task(task);
        is_json(json_incref(at(shown, "Status")),
                "{\"Timestamp\":\"2025-11-20T05:44:00Z\",\"State\":\"pending\","
                "\"Message\":\"pending task scheduling\",\"Err\":\"no suitable node\","
                "\"PortStatus\":{}}");
        json_decref(shown);
}

static void a_task_of_nothing_is_no_crash(void **state)
{
        Sk__TaskView view = SK__TASK_VIEW__INIT;
        Sk__Task task = SK__TASK__INIT;
        json_t *shown;

        (void)state;
        view.task = &task;
        shown = docker_task(&view);
        assert_non_null(shown);
        json_decref(shown);
}

static void a_manager_is_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };

        (void)state;
        is_json(docker_node(a_manager(&arena), "PEM"),
                "{\"ID\":\"oyz0areg5bvzfvhymjjthws5x\",\"Version\":{\"Index\":21},"
                "\"CreatedAt\":\"2025-11-20T05:44:00Z\",\"UpdatedAt\":\"2025-11-20T05:44:30Z\","
                "\"Spec\":{\"Labels\":{},\"Role\":\"manager\",\"Availability\":\"active\"},"
                "\"Description\":{\"Hostname\":\"n1\",\"Platform\":{\"Architecture\":\"x86_64\","
                "\"OS\":\"linux\"},\"Resources\":{\"NanoCPUs\":2000000000,"
                "\"MemoryBytes\":25276510208},\"Engine\":{\"EngineVersion\":\"0.1.0\"},"
                "\"TLSInfo\":{\"TrustRoot\":\"PEM\",\"CertIssuerSubject\":\"MBMx\","
                "\"CertIssuerPublicKey\":\"MFkw\"}},\"Status\":{\"State\":\"ready\","
                "\"Addr\":\"10.77.0.1\"},\"ManagerStatus\":{\"Leader\":true,"
                "\"Reachability\":\"reachable\",\"Addr\":\"10.77.0.1:2377\"}}");
}

static void a_worker_has_no_manager_status(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *shown = docker_node(a_worker(&arena), NULL);

        (void)state;
        has_keys(shown, "ID Version CreatedAt UpdatedAt Spec Description Status");
        json_decref(shown);
}

static Sk__Cluster *a_cluster(struct arena *arena)
{
        Sk__Cluster *cluster = MAKE(arena, Sk__Cluster, SK__CLUSTER__INIT);

        cluster->id = "2qkz7w8z7bxuud7ovzur6xk8z";
        cluster->spec = MAKE(arena, Sk__ClusterSpec, SK__CLUSTER_SPEC__INIT);
        cluster->spec->task_history_limit = 5;
        cluster->trust = MAKE(arena, Sk__ClusterTrust, SK__CLUSTER_TRUST__INIT);
        cluster->trust->worker_token = "SWMTKN-1-w";
        cluster->trust->manager_token = "SWMTKN-1-m";
        cluster->keys = MAKE(arena, Sk__ClusterKeys, SK__CLUSTER_KEYS__INIT);
        cluster->keys->root_key_pem = "hush";
        return cluster;
}

static void a_swarm_shows_tokens_only_when_asked_and_never_keys(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        json_t *shown = docker_swarm(a_cluster(&arena), NULL, true);
        _cleanup_(freep) char *text = json_dumps(shown, 0);

        (void)state;
        has_keys(shown, "ID Version CreatedAt UpdatedAt Spec TLSInfo RootRotationInProgress "
                        "DefaultAddrPool SubnetSize DataPathPort JoinTokens");
        has_keys(at(shown, "Spec"),
                 "Name Labels Orchestration Raft Dispatcher CAConfig TaskDefaults "
                 "EncryptionConfig");
        assert_null(strstr(text, "hush"));
        json_decref(shown);
        shown = docker_swarm(a_cluster(&arena), NULL, false);
        assert_null(json_object_get(shown, "JoinTokens"));
        json_decref(shown);
}

static void info_tells_of_the_swarm(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__GetNodeInfoResponse node = SK__GET_NODE_INFO_RESPONSE__INIT;
        Sk__GetInfoResponse info = SK__GET_INFO_RESPONSE__INIT;
        json_t *shown;

        (void)state;
        node.node_id = "567x1ziw3nmqu18x1hgj5osj8";
        node.state = "active";
        info.cluster = a_cluster(&arena);
        info.nodes_total = 5;
        info.managers_total = 3;
        shown = docker_info(&node, &info, NULL);
        has_keys(at(shown, "Swarm"), "NodeID NodeAddr LocalNodeState ControlAvailable Error "
                                     "RemoteManagers Nodes Managers Cluster");
        json_decref(shown);
        shown = docker_info(&node, NULL, NULL);
        has_keys(at(shown, "Swarm"),
                 "NodeID NodeAddr LocalNodeState ControlAvailable Error RemoteManagers");
        json_decref(shown);
}

static void an_event_is_docker_s(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Label *label = a_label(&arena, "name", "web");
        Sk__ClusterEvent event = SK__CLUSTER_EVENT__INIT;

        (void)state;
        event.type = "service";
        event.action = "create";
        event.id = "x";
        event.at_ns = NOW_NS + 7;
        event.attributes = &label;
        event.n_attributes = 1;
        is_json(docker_event(&event),
                "{\"Type\":\"service\",\"Action\":\"create\",\"Actor\":{\"ID\":\"x\","
                "\"Attributes\":{\"name\":\"web\"}},\"scope\":\"swarm\",\"time\":1763617530,"
                "\"timeNano\":1763617530000000007}");
}

static void fields_that_may_be_absent_are_known(void **state)
{
        static const char *const known[] = { "Aliases",       "Hostname",      "UpdateStatus",
                                             "ManagerStatus", "Global",        "Window",
                                             "Err",           "PreviousSpec",  "Init",
                                             "Schedule",      "NextExecution", "Devices",
                                             "MaxSkew" };

        (void)state;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                assert_true(docker_field_may_be_absent(known[i]));
        assert_false(docker_field_may_be_absent("ID"));
        assert_false(docker_field_may_be_absent("Foo"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_minimal_service_has_only_what_was_said),
                cmocka_unit_test(defaults_are_inserted_where_docker_inserts_them),
                cmocka_unit_test(a_container_s_keys_are_docker_s_in_docker_s_order),
                cmocka_unit_test(credentials_are_never_shown),
                cmocka_unit_test(modes_are_docker_s),
                cmocka_unit_test(placement_and_resources_are_docker_s),
                cmocka_unit_test(ratios_are_written_as_go_writes_them),
                cmocka_unit_test(a_service_shows_its_endpoint_update_and_counts),
                cmocka_unit_test(a_task_that_runs_is_docker_s),
                cmocka_unit_test(a_task_that_waits_says_why),
                cmocka_unit_test(a_task_of_nothing_is_no_crash),
                cmocka_unit_test(a_manager_is_docker_s),
                cmocka_unit_test(a_worker_has_no_manager_status),
                cmocka_unit_test(a_swarm_shows_tokens_only_when_asked_and_never_keys),
                cmocka_unit_test(info_tells_of_the_swarm),
                cmocka_unit_test(an_event_is_docker_s),
                cmocka_unit_test(fields_that_may_be_absent_are_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
