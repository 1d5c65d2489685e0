/* Handlers for secrets and configs, and what they have to do with services. */
#include <stdio.h>
#include <string.h>

#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

struct scene {
        struct world world;
        struct plan plan;
        struct call call;
        struct err err;
        char fresh[2][32];
        int n_fresh;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        world_init(&scene->world);
        a_cluster(&scene->world);
        plan_init(&scene->plan);
        scene->call = (struct call){ .view = scene->world.view,
                                     .plan = &scene->plan,
                                     .arena = &scene->world.arena,
                                     .err = &scene->err };
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

/* Each call draws ids of its own. */
static void draw(struct scene *scene)
{
        for (int i = 0; i < 2; i++) {
                snprintf(scene->fresh[i], sizeof scene->fresh[i], "fresh%d", scene->n_fresh++);
                scene->call.fresh_ids[i] = an_id(&scene->world, scene->fresh[i]);
        }
        plan_clear(&scene->plan);
}

static void carry_out(struct scene *scene)
{
        assert_int_equal(world_apply(&scene->world, &scene->plan).n_accepted, 1);
}

static ProtobufCBinaryData bytes(const char *text)
{
        return (ProtobufCBinaryData){ .len = strlen(text), .data = (uint8_t *)text };
}

static int create_secret_as(struct scene *scene, const char *name, ProtobufCBinaryData data,
                            const char *template_driver)
{
        Sk__CreateSecretRequest in = SK__CREATE_SECRET_REQUEST__INIT;
        Sk__CreateSecretResponse out = SK__CREATE_SECRET_RESPONSE__INIT;
        Sk__SecretSpec spec = SK__SECRET_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;

        draw(scene);
        annotations.name = name;
        spec.annotations = &annotations;
        spec.template_driver = template_driver;
        in.spec = &spec;
        in.data = data;
        TRY(handle_create_secret(&scene->call, &in, &out));
        carry_out(scene);
        return 0;
}

static int create_secret(struct scene *scene, const char *name)
{
        return create_secret_as(scene, name, bytes("s3cret"), "");
}

static int new_version(struct scene *scene, const char *name, Sk__UpdateSecretResponse *out)
{
        Sk__UpdateSecretRequest in = SK__UPDATE_SECRET_REQUEST__INIT;

        draw(scene);
        *out = (Sk__UpdateSecretResponse)SK__UPDATE_SECRET_RESPONSE__INIT;
        in.id = name;
        in.new_version = true;
        in.data = bytes(scene->fresh[0]);
        TRY(handle_update_secret(&scene->call, &in, out));
        carry_out(scene);
        return 0;
}

static int create_service(struct scene *scene, const char *name, const char *secret)
{
        Sk__CreateServiceRequest in = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__CreateServiceResponse out = SK__CREATE_SERVICE_RESPONSE__INIT;
        Sk__FileReference reference = SK__FILE_REFERENCE__INIT, *references[] = { &reference };

        draw(scene);
        reference.name = secret;
        reference.target = "file";
        in.spec = strcmp(name, "job") == 0 ? a_job_spec(&scene->world, name, 1)
                                           : a_spec(&scene->world, name, 1);
        in.spec->task->container->secrets = references;
        in.spec->task->container->n_secrets = 1;
        TRY(handle_create_service(&scene->call, &in, &out));
        carry_out(scene);
        return 0;
}

static int remove_secret(struct scene *scene, const char *name, size_t *ret_n)
{
        Sk__RemoveSecretRequest in = SK__REMOVE_SECRET_REQUEST__INIT;
        Sk__RemoveSecretResponse out = SK__REMOVE_SECRET_RESPONSE__INIT;

        draw(scene);
        in.id = name;
        TRY(handle_remove_secret(&scene->call, &in, &out));
        carry_out(scene);
        if (ret_n)
                *ret_n = out.n_names;
        return 0;
}

static const Sk__FileReference *reference_of(struct scene *scene, const char *service)
{
        const Sk__Service *found =
                (const Sk__Service *)view_find_name(scene->world.view, SK__KIND__KIND_SERVICE,
                                                    service);

        return view_service_spec(scene->world.view, found->spec->spec_id)
                ->spec->spec->task->container->secrets[0];
}

static const char *id_of(struct scene *scene, const char *name)
{
        return view_find_name(scene->world.view, SK__KIND__KIND_SECRET, name)->id;
}

static void a_name_is_docker_s(void **state)
{
        static const char told[] =
                "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end "
                "character must be [a-zA-Z0-9]";
        static const char long_name[] =
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        struct scene *scene = *state;

        for (size_t i = 0; i < 5; i++) {
                const char *const names[] = { "a b", "-a", "a.", "a@2", long_name };

                assert_int_equal(create_secret(scene, names[i]), ERR_INVALID);
                assert_string_equal(scene->err.text, told);
        }
        assert_int_equal(create_secret(scene, long_name + 1), 0);
        assert_int_equal(create_secret(scene, ""), ERR_INVALID);
        assert_string_equal(scene->err.text, "name must be provided");
}

static void content_has_docker_s_limits(void **state)
{
        struct scene *scene = *state;
        char *data = arena_alloc(&scene->world.arena, 512000);

        assert_int_equal(create_secret_as(scene, "a", bytes(""), ""), ERR_INVALID);
        assert_string_equal(scene->err.text,
                            "secret data must be larger than 0 and less than 512000 bytes");
        assert_int_equal(create_secret_as(scene, "a", (ProtobufCBinaryData){ 512000, (void *)data },
                                          ""),
                         ERR_INVALID);
        assert_int_equal(create_secret_as(scene, "a", (ProtobufCBinaryData){ 511999, (void *)data },
                                          ""),
                         0);
}

static void a_name_is_taken_once(void **state)
{
        struct scene *scene = *state;

        create_secret(scene, "pw");
        assert_int_equal(create_secret(scene, "pw"), ERR_EXISTS);
        assert_string_equal(scene->err.text, "secret pw already exists");
}

static void a_template_is_understood_before_it_is_kept(void **state)
{
        static const char unended[] = "{{ env \"A\" }}{{ if .X }}", good[] = "{{ secret \"A\" }}";
        struct scene *scene = *state;

        assert_int_equal(create_secret_as(scene, "t", bytes(unended), "golang"), ERR_INVALID);
        assert_int_equal(create_secret_as(scene, "t", bytes("\xff"), "golang"), ERR_INVALID);
        assert_int_equal(create_secret_as(scene, "t", bytes("x"), "jinja"), ERR_INVALID);
        assert_int_equal(create_secret_as(scene, "t", bytes(good), "golang"), 0);
}

static void what_is_wrong_with_a_secret_template_does_not_quote_it(void **state)
{
        struct scene *scene = *state;

        create_secret_as(scene, "t", bytes("\n{{ hunter2 }}"), "golang");
        assert_string_equal(scene->err.text,
                            "the secret is a template that cannot be understood, in line 2");
}

static void nobody_is_told_what_a_secret_says(void **state)
{
        struct scene *scene = *state;
        Sk__ListSecretsRequest list = SK__LIST_SECRETS_REQUEST__INIT;
        Sk__ListSecretsResponse listed = SK__LIST_SECRETS_RESPONSE__INIT;
        Sk__GetSecretRequest get = SK__GET_SECRET_REQUEST__INIT;
        Sk__GetSecretResponse got = SK__GET_SECRET_RESPONSE__INIT;

        create_secret(scene, "pw");
        assert_int_equal(handle_list_secrets(&scene->call, &list, &listed), 0);
        assert_int_equal(listed.n_secrets, 1);
        assert_null(listed.secrets[0]->data);
        assert_int_equal(listed.secrets[0]->spec->digest.len, 0);
        get.id = "pw";
        assert_int_equal(handle_get_secret(&scene->call, &get, &got), 0);
        assert_null(got.secret->data);
}

static int update(struct scene *scene, const char *name, const char *new_name, const char *data,
                  uint64_t version)
{
        Sk__UpdateSecretRequest in = SK__UPDATE_SECRET_REQUEST__INIT;
        Sk__UpdateSecretResponse out = SK__UPDATE_SECRET_RESPONSE__INIT;
        Sk__SecretSpec spec = SK__SECRET_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__Label *labels[] = { a_label(&scene->world, "k", "v") };

        draw(scene);
        annotations.name = new_name;
        annotations.labels = labels;
        annotations.n_labels = 1;
        spec.annotations = &annotations;
        in.id = name;
        in.version = version;
        in.spec = &spec;
        in.data = bytes(data);
        TRY(handle_update_secret(&scene->call, &in, &out));
        carry_out(scene);
        return 0;
}

static void only_labels_can_be_changed(void **state)
{
        struct scene *scene = *state;

        create_secret(scene, "pw");
        assert_int_equal(update(scene, "pw", "other", "", 0), ERR_INVALID);
        assert_string_equal(scene->err.text, "only updates to Labels are allowed");
        assert_int_equal(update(scene, "pw", "pw", "data", 0), ERR_INVALID);
        assert_int_equal(update(scene, "pw", "pw", "s3cret", 0), 0);
        assert_int_equal(update(scene, "pw", "pw", "", 12345), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "update out of sequence");
        assert_int_equal(update(scene, "pw", "pw", "", 0), 0);
}

static void the_next_version_is_an_object_of_its_own(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        assert_int_equal(new_version(scene, "pw", &out), 0);
        assert_string_equal(out.name, "pw@2");
        assert_int_equal(new_version(scene, "pw", &out), 0);
        assert_string_equal(out.name, "pw@3");
        assert_int_equal(view_count(scene->world.view, SK__KIND__KIND_SECRET), 3);
}

static void a_name_whose_first_version_is_gone_is_still_taken(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        new_version(scene, "pw", &out);
        assert_int_equal(remove_secret(scene, "pw@1", NULL), 0);
        assert_int_equal(create_secret(scene, "pw"), ERR_EXISTS);
        assert_int_equal(new_version(scene, "pw", &out), 0);
        assert_string_equal(out.name, "pw@3");
}

static void services_that_follow_are_moved_in_the_same_plan(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        assert_int_equal(create_service(scene, "follows", "pw"), 0);
        assert_int_equal(create_service(scene, "pinned", "pw@1"), 0);
        assert_int_equal(create_service(scene, "job", "pw"), 0);
        assert_int_equal(new_version(scene, "pw", &out), 0);
        assert_int_equal(out.n_services, 1);
        assert_string_equal(out.services[0], "follows");
        assert_string_equal(reference_of(scene, "follows")->id, id_of(scene, "pw@2"));
        assert_string_equal(reference_of(scene, "pinned")->id, id_of(scene, "pw"));
        assert_int_equal(reference_of(scene, "pinned")->version, 1);
}

static void a_new_service_gets_the_newest_version(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        new_version(scene, "pw", &out);
        create_service(scene, "web", "pw");
        assert_string_equal(reference_of(scene, "web")->id, id_of(scene, "pw@2"));
        assert_int_equal(reference_of(scene, "web")->version, 0);
}

static void what_a_service_uses_stays(void **state)
{
        struct scene *scene = *state;

        create_secret(scene, "pw");
        create_service(scene, "web", "pw");
        assert_int_equal(remove_secret(scene, "pw", NULL), ERR_INVALID);
        assert_string_equal(scene->err.text, "secret 'pw' is in use by the following service: web");
        create_service(scene, "db", "pw");
        assert_int_equal(remove_secret(scene, "pw", NULL), ERR_INVALID);
        assert_non_null(strstr(scene->err.text, "following services: "));
}

static void a_service_that_comes_between_stops_the_removal(void **state)
{
        struct scene *scene = *state;
        Sk__RemoveSecretRequest in = SK__REMOVE_SECRET_REQUEST__INIT;
        Sk__RemoveSecretResponse out = SK__REMOVE_SECRET_RESPONSE__INIT;
        struct plan late;

        create_secret(scene, "pw");
        draw(scene);
        in.id = "pw";
        assert_int_equal(handle_remove_secret(&scene->call, &in, &out), 0);
        late = scene->plan;
        plan_init(&scene->plan);
        create_service(scene, "web", "pw");
        assert_int_equal(world_apply(&scene->world, &late).n_accepted, 0);
        plan_done(&late);
}

static void a_name_means_all_its_versions_that_nobody_needs(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;
        size_t n = 0;

        create_secret(scene, "pw");
        create_service(scene, "pinned", "pw@1");
        new_version(scene, "pw", &out);
        new_version(scene, "pw", &out);
        assert_int_equal(remove_secret(scene, "pw", &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(view_count(scene->world.view, SK__KIND__KIND_SECRET), 1);
}

static void a_version_that_a_rollback_needs_is_not_swept_away(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        create_service(scene, "web", "pw");
        new_version(scene, "pw", &out);
        assert_int_equal(remove_secret(scene, "pw", NULL), ERR_INVALID);
        assert_int_equal(remove_secret(scene, "pw@1", NULL), 0);
}

static void a_rollback_to_what_is_gone_is_refused(void **state)
{
        struct scene *scene = *state;
        Sk__UpdateServiceRequest in = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceResponse answer = SK__UPDATE_SERVICE_RESPONSE__INIT;
        Sk__UpdateSecretResponse out;

        create_secret(scene, "pw");
        create_service(scene, "web", "pw");
        new_version(scene, "pw", &out);
        remove_secret(scene, "pw@1", NULL);
        draw(scene);
        in.id = "web";
        in.rollback = true;
        assert_int_equal(handle_update_service(&scene->call, &in, &answer), ERR_INVALID);
        assert_string_equal(scene->err.text, "secret not found: pw");
}

static void an_unknown_secret_is_refused(void **state)
{
        struct scene *scene = *state;

        assert_int_equal(create_service(scene, "web", "nosuch"), ERR_INVALID);
        assert_string_equal(scene->err.text, "secret not found: nosuch");
}

/* A service with these two secrets; 'second' may be NULL. */
static int create_with(struct scene *scene, Sk__FileReference *first, Sk__FileReference *second)
{
        Sk__CreateServiceRequest in = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__CreateServiceResponse out = SK__CREATE_SERVICE_RESPONSE__INIT;
        Sk__FileReference *references[] = { first, second };

        draw(scene);
        in.spec = a_spec(&scene->world, "web", 1);
        in.spec->task->container->secrets = references;
        in.spec->task->container->n_secrets = second ? 2 : 1;
        return handle_create_service(&scene->call, &in, &out);
}

static void references_are_refused_in_docker_s_words(void **state)
{
        struct scene *scene = *state;
        Sk__FileReference one = SK__FILE_REFERENCE__INIT, other = SK__FILE_REFERENCE__INIT;

        create_secret(scene, "one");
        assert_int_equal(create_with(scene, &one, NULL), ERR_INVALID);
        assert_string_equal(scene->err.text, "malformed secret reference");
        one.name = other.name = "one";
        assert_int_equal(create_with(scene, &one, NULL), ERR_INVALID);
        assert_string_equal(scene->err.text, "malformed secret reference, no target provided");
        one.target = other.target = "x";
        assert_int_equal(create_with(scene, &one, &other), ERR_INVALID);
        assert_string_equal(scene->err.text, "secret references 'one' and 'one' have a conflicting "
                                             "target: 'x'");
        one.name = "a";
        other.name = "b";
        other.target = "y";
        assert_int_equal(create_with(scene, &one, &other), ERR_INVALID);
        assert_string_equal(scene->err.text, "secrets not found: a, b");
        one.uid = "root";
        assert_int_equal(create_with(scene, &one, NULL), ERR_INVALID);
        assert_string_equal(scene->err.text,
                            "malformed secret reference: uid 'root' must be a number");
}

static void a_task_that_waits_for_what_is_gone_is_explained(void **state)
{
        struct scene *scene = *state;
        Sk__ExplainTaskRequest in = SK__EXPLAIN_TASK_REQUEST__INIT;
        Sk__ExplainTaskResponse out = SK__EXPLAIN_TASK_RESPONSE__INIT;
        Sk__FileReference reference = SK__FILE_REFERENCE__INIT, *references[] = { &reference };
        Sk__ServiceSpec *spec = a_spec(&scene->world, "web", 1);

        reference.id = an_id(&scene->world, "gone");
        reference.name = "pw";
        spec->task->container->secrets = references;
        spec->task->container->n_secrets = 1;
        a_service_of(&scene->world, spec);
        a_node(&scene->world, "n1");
        a_task(&scene->world, "web", 1, SK__TASK_STATE__TASK_ASSIGNED, "n1");
        draw(scene);
        in.id = "web.1";
        assert_int_equal(handle_explain_task(&scene->call, &in, &out), 0);
        assert_string_equal(out.summary, "secret pw, which it uses, was removed: create it again "
                                         "and update the service");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_name_is_docker_s),
                T(content_has_docker_s_limits),
                T(a_name_is_taken_once),
                T(a_template_is_understood_before_it_is_kept),
                T(what_is_wrong_with_a_secret_template_does_not_quote_it),
                T(nobody_is_told_what_a_secret_says),
                T(only_labels_can_be_changed),
                T(the_next_version_is_an_object_of_its_own),
                T(a_name_whose_first_version_is_gone_is_still_taken),
                T(services_that_follow_are_moved_in_the_same_plan),
                T(a_new_service_gets_the_newest_version),
                T(what_a_service_uses_stays),
                T(a_service_that_comes_between_stops_the_removal),
                T(a_name_means_all_its_versions_that_nobody_needs),
                T(a_version_that_a_rollback_needs_is_not_swept_away),
                T(a_rollback_to_what_is_gone_is_refused),
                T(an_unknown_secret_is_refused),
                T(references_are_refused_in_docker_s_words),
                T(a_task_that_waits_for_what_is_gone_is_explained),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
