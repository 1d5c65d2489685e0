/* Handlers for services and tasks: a view and a request in, an answer and a plan out. */
#include <string.h>

#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "manager/api_server/call.h"
#include "manager/api_server/registry.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

struct scene {
        struct world world;
        struct plan plan;
        struct call call;
        struct err err;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        world_init(&scene->world);
        a_cluster(&scene->world);
        a_node(&scene->world, "n1");
        plan_init(&scene->plan);
        scene->call = (struct call){
                .view = scene->world.view,
                .plan = &scene->plan,
                .arena = &scene->world.arena,
                .err = &scene->err,
                .node_id = an_id(&scene->world, "n1"),
                .fresh_ids = { an_id(&scene->world, "fresh1"), an_id(&scene->world, "fresh2") },
        };
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        plan_done(&scene->plan);
        world_done(&scene->world);
        free(scene);
        return 0;
}

static struct applied carry_out(struct scene *scene)
{
        struct applied applied = world_apply(&scene->world, &scene->plan);

        plan_clear(&scene->plan);
        return applied;
}

static int create(struct scene *scene, const char *name)
{
        Sk__CreateServiceRequest in = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__CreateServiceResponse out = SK__CREATE_SERVICE_RESPONSE__INIT;

        in.spec = a_spec(&scene->world, name, 3);
        return handle_create_service(&scene->call, &in, &out);
}

static void a_created_service_names_its_first_revision(void **state)
{
        struct scene *scene = *state;
        const Sk__Service *service;

        assert_int_equal(create(scene, "web"), 0);
        assert_int_equal(carry_out(scene).n_accepted, 1);
        service = (const Sk__Service *)view_find_name(scene->world.view, SK__KIND__KIND_SERVICE,
                                                      "web");
        assert_non_null(service);
        assert_int_equal(service->spec->revision, 1);
        assert_int_equal(view_service_spec(scene->world.view, service->spec->spec_id)
                                 ->spec->spec->replicated->replicas,
                         3);
}

static void a_name_is_taken_once(void **state)
{
        struct scene *scene = *state;

        a_service(&scene->world, "web", 1);
        assert_int_equal(create(scene, "web"), ERR_EXISTS);
        assert_string_equal(scene->err.text,
                            "name conflicts with an existing object: service web already exists");
}

static int update(struct scene *scene, const Sk__ServiceSpec *spec, uint64_t version, bool rollback)
{
        Sk__UpdateServiceRequest in = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceResponse out = SK__UPDATE_SERVICE_RESPONSE__INIT;

        in.id = "web";
        in.spec = (Sk__ServiceSpec *)spec;
        in.version = version;
        in.rollback = rollback;
        return handle_update_service(&scene->call, &in, &out);
}

static const Sk__Service *web(struct scene *scene)
{
        return (const Sk__Service *)view_find_name(scene->world.view, SK__KIND__KIND_SERVICE,
                                                   "web");
}

static void an_update_keeps_what_was_before(void **state)
{
        struct scene *scene = *state;
        const char *before = arena_strdup(&scene->world.arena,
                                          a_service(&scene->world, "web", 1)->spec->spec_id);

        assert_int_equal(update(scene, a_spec(&scene->world, "web", 5), 0, false), 0);
        assert_int_equal(carry_out(scene).n_accepted, 1);
        assert_string_equal(web(scene)->spec->previous_spec_id, before);
        assert_int_equal(web(scene)->spec->revision, 2);
}

static void an_update_on_an_old_version_is_out_of_sequence(void **state)
{
        struct scene *scene = *state;
        const Sk__Service *service = a_service(&scene->world, "web", 1);
        uint64_t version = object_part_version((const struct object_head *)service, 0);

        assert_int_equal(update(scene, a_spec(&scene->world, "web", 5), version + 1, false),
                         ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "update out of sequence");
        assert_int_equal(update(scene, a_spec(&scene->world, "web", 5), version, false), 0);
}

static void two_updates_of_one_version_cannot_both_be_carried_out(void **state)
{
        struct scene *scene = *state;
        struct applied applied;

        a_service(&scene->world, "web", 1);
        assert_int_equal(update(scene, a_spec(&scene->world, "web", 5), 0, false), 0);
        a_service(&scene->world, "web", 7);
        applied = carry_out(scene);
        assert_int_equal(applied.n_accepted, 0);
        assert_int_equal(-applied.results[0]->code, ERR_CONFLICT);
}

static void a_rollback_needs_something_to_go_back_to(void **state)
{
        struct scene *scene = *state;

        a_service(&scene->world, "web", 1);
        assert_int_equal(update(scene, NULL, 0, true), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "service web does not have a previous spec");
}

static void scaling_makes_no_task_dirty(void **state)
{
        struct scene *scene = *state;
        const Sk__ServiceSpecRevision *before, *after;

        assert_int_equal(create(scene, "web"), 0);
        carry_out(scene);
        scene->call.fresh_ids[0] = an_id(&scene->world, "fresh3");
        assert_int_equal(update(scene, a_spec(&scene->world, "web", 9), 0, false), 0);
        carry_out(scene);
        before = view_service_spec(scene->world.view, web(scene)->spec->previous_spec_id)->spec;
        after = view_service_spec(scene->world.view, web(scene)->spec->spec_id)->spec;
        assert_memory_equal(before->task_digest.data, after->task_digest.data,
                            before->task_digest.len);
}

static void a_new_image_makes_tasks_dirty(void **state)
{
        struct scene *scene = *state;
        Sk__ServiceSpec *spec = a_spec(&scene->world, "web", 3);
        const Sk__ServiceSpecRevision *before, *after;

        assert_int_equal(create(scene, "web"), 0);
        carry_out(scene);
        scene->call.fresh_ids[0] = an_id(&scene->world, "fresh3");
        spec->task->container->image = "img:2";
        assert_int_equal(update(scene, spec, 0, false), 0);
        carry_out(scene);
        before = view_service_spec(scene->world.view, web(scene)->spec->previous_spec_id)->spec;
        after = view_service_spec(scene->world.view, web(scene)->spec->spec_id)->spec;
        assert_memory_not_equal(before->task_digest.data, after->task_digest.data,
                                before->task_digest.len);
}

static void credentials_are_never_shown(void **state)
{
        struct scene *scene = *state;
        Sk__GetServiceRequest in = SK__GET_SERVICE_REQUEST__INIT;
        Sk__GetServiceResponse out = SK__GET_SERVICE_RESPONSE__INIT;
        Sk__ServiceSpec *spec = a_spec(&scene->world, "web", 1);
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;

        auth.password = "hunter2";
        spec->task->container->registry_auth = &auth;
        a_service_of(&scene->world, spec);
        in.id = "web";
        assert_int_equal(handle_get_service(&scene->call, &in, &out), 0);
        assert_null(out.service->spec->task->container->registry_auth);
}

static size_t count_tasks(struct scene *scene, const char *key, const char *value)
{
        Sk__ListTasksRequest in = SK__LIST_TASKS_REQUEST__INIT;
        Sk__ListTasksResponse out = SK__LIST_TASKS_RESPONSE__INIT;
        Sk__Filter filter = SK__FILTER__INIT, *filters[] = { &filter };

        filter.key = key;
        filter.values = &value;
        filter.n_values = 1;
        in.filters = filters;
        in.n_filters = 1;
        assert_int_equal(handle_list_tasks(&scene->call, &in, &out), 0);
        return out.n_tasks;
}

static void join_tokens_are_told_to_administrators_only(void **state)
{
        struct scene *scene = *state;
        Sk__ClusterTrust trust = SK__CLUSTER_TRUST__INIT;
        Sk__GetInfoRequest in = SK__GET_INFO_REQUEST__INIT;
        Sk__GetInfoResponse out = SK__GET_INFO_RESPONSE__INIT;
        Sk__GetClusterRequest get = SK__GET_CLUSTER_REQUEST__INIT;
        Sk__GetClusterResponse got = SK__GET_CLUSTER_RESPONSE__INIT;
        const Sk__Cluster *cluster = view_cluster(scene->world.view);

        trust.root_certificate_pem = "root";
        trust.worker_token = "SWMTKN-1-worker";
        trust.manager_token = "SWMTKN-1-manager";
        a_part(&scene->world, SK__KIND__KIND_CLUSTER, cluster->id, "default", 1, &trust.base);
        assert_int_equal(handle_get_cluster(&scene->call, &get, &got), 0);
        assert_string_equal(got.cluster->trust->manager_token, "SWMTKN-1-manager");
        assert_int_equal(handle_get_info(&scene->call, &in, &out), 0); /* an agent may call it */
        assert_string_equal(out.cluster->trust->root_certificate_pem, "root");
        assert_string_equal(out.cluster->trust->worker_token, "");
        assert_string_equal(out.cluster->trust->manager_token, "");
}

static void tasks_are_filtered_by_service_node_and_desire(void **state)
{
        struct scene *scene = *state;

        a_service(&scene->world, "web", 2);
        a_service(&scene->world, "db", 1);
        a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        a_task(&scene->world, "web", 2, SK__TASK_STATE__TASK_FAILED, "n1");
        a_task(&scene->world, "db", 1, SK__TASK_STATE__TASK_PENDING, NULL);
        assert_int_equal(count_tasks(scene, "service", "web"), 2);
        assert_int_equal(count_tasks(scene, "node", "n1"), 2);
        assert_int_equal(count_tasks(scene, "desired-state", "shutdown"), 1);
        assert_int_equal(count_tasks(scene, "name", "db.1"), 1);
}

static void an_unknown_filter_is_told(void **state)
{
        struct scene *scene = *state;
        Sk__ListTasksRequest in = SK__LIST_TASKS_REQUEST__INIT;
        Sk__ListTasksResponse out = SK__LIST_TASKS_RESPONSE__INIT;
        Sk__Filter filter = SK__FILTER__INIT, *filters[] = { &filter };

        filter.key = "colour";
        in.filters = filters;
        in.n_filters = 1;
        assert_int_equal(handle_list_tasks(&scene->call, &in, &out), ERR_INVALID);
        assert_string_equal(scene->err.text, "invalid filter 'colour'");
}

static const char *node_filter_refusal(struct scene *scene, const char *key, const char *value)
{
        Sk__ListNodesRequest in = SK__LIST_NODES_REQUEST__INIT;
        Sk__ListNodesResponse out = SK__LIST_NODES_RESPONSE__INIT;
        Sk__Filter filter = SK__FILTER__INIT, *filters[] = { &filter };

        filter.key = key;
        filter.values = &value;
        filter.n_values = 1;
        in.filters = filters;
        in.n_filters = 1;
        return handle_list_nodes(&scene->call, &in, &out) < 0 ? scene->err.text : NULL;
}

static void roles_and_memberships_that_are_none_are_refused(void **state)
{
        struct scene *scene = *state;

        assert_string_equal(node_filter_refusal(scene, "role", "boss"),
                            "Invalid role filter: 'boss'");
        assert_string_equal(node_filter_refusal(scene, "membership", "yes"),
                            "Invalid membership filter: 'yes'");
        assert_null(node_filter_refusal(scene, "role", "Manager"));
        assert_null(node_filter_refusal(scene, "membership", "pending"));
}

static void the_last_manager_is_not_demoted(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateNodeRequest in = SK__UPDATE_NODE_REQUEST__INIT;
        Sk__UpdateNodeResponse out = SK__UPDATE_NODE_RESPONSE__INIT;
        Sk__NodeIdentity identity = SK__NODE_IDENTITY__INIT;

        identity.role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        a_part(&scene->world, SK__KIND__KIND_NODE, an_id(&scene->world, "n1"), "n1", 1,
               &identity.base);
        in.id = "n1";
        in.spec = a_node_spec(&scene->world, "n1");
        in.spec->desired_role = SK__NODE_ROLE__NODE_ROLE_WORKER;
        assert_int_equal(handle_update_node(&scene->call, &in, &out), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "attempting to demote the last manager of the swarm");
}

static void a_task_that_waits_is_explained_node_by_node(void **state)
{
        struct scene *scene = *state;
        Sk__ExplainTaskRequest in = SK__EXPLAIN_TASK_REQUEST__INIT;
        Sk__ExplainTaskResponse out = SK__EXPLAIN_TASK_RESPONSE__INIT;

        a_service(&scene->world, "web", 1);
        a_node_that_is(&scene->world, "n1", SK__NODE_STATUS__STATE__DOWN,
                       SK__NODE_SPEC__AVAILABILITY__ACTIVE);
        a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_PENDING, NULL);
        in.id = "web.1";
        assert_int_equal(handle_explain_task(&scene->call, &in, &out), 0);
        assert_int_equal(out.n_nodes, 1);
        assert_string_equal(out.nodes[0]->filter, "ready");
}

/* The story of a task, one step per line, and its summary. */
static const char *story_of(struct scene *scene, const char *id)
{
        _cleanup_(str_done) struct str story = { 0 };
        Sk__ExplainTaskRequest in = SK__EXPLAIN_TASK_REQUEST__INIT;
        Sk__ExplainTaskResponse out = SK__EXPLAIN_TASK_RESPONSE__INIT;

        in.id = id;
        assert_int_equal(handle_explain_task(&scene->call, &in, &out), 0);
        for (size_t i = 0; i < out.n_steps; i++)
                str_addf(&story, "%lld %s\n", (long long)out.steps[i]->at_ns, out.steps[i]->what);
        str_add(&story, out.summary);
        return arena_strdup(scene->call.arena, str_text(&story));
}

static const Sk__Task *is_wanted_because(struct scene *scene, const Sk__Task *task,
                                         Sk__TaskState desired, const char *reason)
{
        Sk__TaskDefinition *definition =
                (Sk__TaskDefinition *)message_copy(&scene->world.arena, &task->definition->base);

        definition->desired_state = desired;
        definition->reason = reason;
        return (const Sk__Task *)a_part(&scene->world, SK__KIND__KIND_TASK, task->id, NULL,
                                        PART_TASK_definition, &definition->base);
}

static void the_first_task_of_a_slot_was_created_because_the_service_wants_it(void **state)
{
        struct scene *scene = *state;
        const char *story;
        const Sk__Task *task;

        a_service(&scene->world, "web", 1);
        task = a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        scene->world.now += 20;
        task = is_now(&scene->world, task, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        task = is_wanted_because(scene, task, SK__TASK_STATE__TASK_SHUTDOWN, "the task failed");
        story = story_of(scene, task->id);
        assert_non_null(strstr(story, " created: the service wants it\n"));
        assert_non_null(strstr(story, " failed: non-zero exit (3)\nnon-zero exit (3)"));
}

static void a_replacement_was_created_because_of_what_came_before(void **state)
{
        struct scene *scene = *state;
        const Sk__Task *old, *new;
        const char *story, *failed, *created;

        a_service(&scene->world, "web", 1);
        old = a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        scene->world.now += 20;
        new = a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_READY, "n1");
        new = is_wanted_because(scene, new, SK__TASK_STATE__TASK_RUNNING, "its turn has come");
        scene->world.now += 20;
        is_now(&scene->world, old, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (3)");
        story = story_of(scene, new->id);
        created = strstr(story, " created to replace ");
        failed = strstr(story, ", which came before, failed: non-zero exit (3)\n");
        assert_true(created && failed && created < failed); /* as it happened */
        assert_null(strstr(story, "its turn has come"));
}

static void image_names_are_taken_apart_as_docker_does(void **state)
{
        struct image_name name;
        struct err err;

        (void)state;
        assert_int_equal(image_name_parse("web", &name, &err), 0);
        assert_string_equal(name.registry, "registry-1.docker.io");
        assert_string_equal(name.repository, "library/web");
        assert_string_equal(name.tag, "latest");
        assert_int_equal(image_name_parse("127.0.0.1:5000/a/b:1", &name, &err), 0);
        assert_string_equal(name.registry, "127.0.0.1:5000");
        assert_string_equal(name.repository, "a/b");
        assert_string_equal(name.tag, "1");
}

static void a_service_comes_with_what_its_files_are_called(void **state)
{
        Sk__GetServiceRequest in = SK__GET_SERVICE_REQUEST__INIT;
        Sk__GetServiceResponse out = SK__GET_SERVICE_RESPONSE__INIT;
        Sk__FileReference there = SK__FILE_REFERENCE__INIT, gone = SK__FILE_REFERENCE__INIT;
        Sk__FileReference *secrets[] = { &gone, &there }, *configs[] = { &there };
        struct scene *scene = *state;
        Sk__ServiceSpec *spec = a_spec(&scene->world, "web", 1);

        a_secret(&scene->world, "pw@2");
        a_config(&scene->world, "pw@2");
        gone.id = an_id(&scene->world, "gone");
        there.id = an_id(&scene->world, "pw@2");
        spec->task->container->secrets = secrets;
        spec->task->container->n_secrets = 2;
        spec->task->container->configs = configs;
        spec->task->container->n_configs = 1;
        a_service_of(&scene->world, spec);
        in.id = "web";
        assert_int_equal(handle_get_service(&scene->call, &in, &out), 0);
        assert_int_equal(out.n_secret_names, 2);
        assert_string_equal(out.secret_names[0], "");
        assert_string_equal(out.secret_names[1], "pw@2");
        assert_int_equal(out.n_config_names, 1);
        assert_string_equal(out.config_names[0], "pw@2");
}

static void tasks_that_are_up_to_date_are_found_in_all_services(void **state)
{
        Sk__ListTasksRequest in = SK__LIST_TASKS_REQUEST__INIT;
        Sk__ListTasksResponse out = SK__LIST_TASKS_RESPONSE__INIT;
        Sk__Filter filter = SK__FILTER__INIT, *filters[] = { &filter };
        const char *yes[] = { "true" }, *constraints[] = { "node.hostname==n1" };
        Sk__Placement placement = SK__PLACEMENT__INIT;
        struct scene *scene = *state;
        struct world *world = &scene->world;
        Sk__ServiceSpec *spec = a_spec(world, "web", 3);

        a_node(world, "n2");
        a_service(world, "db", 1);
        a_task(world, "db", 1, SK__TASK_STATE__TASK_RUNNING, "n2");
        spec->task->placement = &placement;
        a_service_of(world, spec);
        a_task(world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        a_task(world, "web", 2, SK__TASK_STATE__TASK_RUNNING, "n2");
        placement.constraints = constraints;
        placement.n_constraints = 1;
        a_service_of(world, spec);
        a_task(world, "web", 3, SK__TASK_STATE__TASK_RUNNING, "n1");
        filter.key = "_up-to-date";
        filter.values = yes;
        filter.n_values = 1;
        in.filters = filters;
        in.n_filters = 1;
        assert_int_equal(handle_list_tasks(&scene->call, &in, &out), 0);
        assert_int_equal(out.n_tasks, 3);
        for (size_t i = 0; i < out.n_tasks; i++)
                assert_true(out.tasks[i]->task->definition->slot != 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_created_service_names_its_first_revision),
                T(a_name_is_taken_once),
                T(an_update_keeps_what_was_before),
                T(an_update_on_an_old_version_is_out_of_sequence),
                T(two_updates_of_one_version_cannot_both_be_carried_out),
                T(a_rollback_needs_something_to_go_back_to),
                T(scaling_makes_no_task_dirty),
                T(a_new_image_makes_tasks_dirty),
                T(credentials_are_never_shown),
                T(join_tokens_are_told_to_administrators_only),
                T(tasks_are_filtered_by_service_node_and_desire),
                T(tasks_that_are_up_to_date_are_found_in_all_services),
                T(an_unknown_filter_is_told),
                T(roles_and_memberships_that_are_none_are_refused),
                T(the_last_manager_is_not_demoted),
                T(a_task_that_waits_is_explained_node_by_node),
                T(the_first_task_of_a_slot_was_created_because_the_service_wants_it),
                T(a_replacement_was_created_because_of_what_came_before),
                T(a_service_comes_with_what_its_files_are_called),
                T(image_names_are_taken_apart_as_docker_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
