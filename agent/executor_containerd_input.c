/* What a task is made from, taken over from whoever opens it. */
#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/executor_containerd_task.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/task_life.h"

static void add_label(struct executor_task *task, const char *key, const char *value)
{
        Sk__Label *label = &task->labels[task->n_labels++];

        sk__label__init(label);
        label->key = key;
        label->value = value;
}

/* The person's labels, then those that cAdvisor, Traefik and others look for. */
static void make_labels(struct executor_task *task)
{
        const Sk__ContainerSpec *container = task->spec->task->container;

        task->labels = arena_alloc(&task->arena, (container->n_labels + 6) * sizeof *task->labels);
        for (size_t i = 0; i < container->n_labels; i++)
                add_label(task, container->labels[i]->key, container->labels[i]->value);
        add_label(task, "com.docker.swarm.node.id", task->values.node_id);
        add_label(task, "com.docker.swarm.service.id", task->values.service_id);
        add_label(task, "com.docker.swarm.service.name", task->values.service_name);
        add_label(task, "com.docker.swarm.task", "");
        add_label(task, "com.docker.swarm.task.id", task->id);
        add_label(task, "com.docker.swarm.task.name", task->name);
}

/* As the node is called in its description. */
static const char *node_hostname(const struct executor_input *input, struct arena *arena)
{
        struct utsname name;

        if (!str_is_empty(input->node_hostname))
                return arena_strdup(arena, input->node_hostname);
        return uname(&name) == 0 ? arena_strdup(arena, name.nodename) : "localhost";
}

static void make_values(struct executor_task *task, const struct executor_input *input)
{
        /* What nobody wants any more is opened by its id alone, to be removed. */
        static const Sk__TaskDefinition none = SK__TASK_DEFINITION__INIT;
        const Sk__TaskDefinition *definition =
                task->assignment->definition ? task->assignment->definition : &none;
        const Sk__Annotations *annotations = task->spec->annotations;
        struct arena *arena = &task->arena;
        const char *slot =
                definition->slot > 0
                        ? arena_printf(arena, "%llu", (unsigned long long)task_number(definition))
                        : arena_strdup(arena, str_or(input->node_id, ""));

        task->name =
                arena_printf(arena, "%s.%s.%s", str_or(input->service_name, ""), slot, task->id);
        task->values = (struct expand_values){
                .service_id = definition->service_id,
                .service_name = arena_strdup(arena, str_or(input->service_name, "")),
                .service_labels =
                        annotations ? (const Sk__Label *const *)annotations->labels : NULL,
                .n_service_labels = annotations ? annotations->n_labels : 0,
                .node_id = arena_strdup(arena, str_or(input->node_id, "")),
                .node_hostname = node_hostname(input, arena),
                .node_os = "linux",
                .node_architecture = task->executor->host.architecture,
                .task_id = task->id,
                .task_name = task->name,
                .task_slot = slot,
        };
}

/* A file for each reference; 'sent' is what came for it, NULL: nothing. */
static void add_file(struct executor_task *task, const Sk__FileReference *reference,
                     const ProtobufCBinaryData *sent, const char *template_driver, bool is_secret)
{
        struct bundle_file *file = &task->files[task->n_files++];

        file->reference = reference;
        file->content = (struct expand_file){ .name = reference->name,
                                              .target = reference->target,
                                              .is_secret = is_secret,
                                              .is_template = !str_is_empty(template_driver) };
        if (!sent)
                return;
        file->content.content =
                arena_copy(&task->arena, sent->len ? sent->data : (uint8_t *)"", sent->len);
        file->content.size = sent->len;
}

static void copy_files(struct executor_task *task, const struct executor_input *input)
{
        const Sk__ContainerSpec *container = task->spec->task->container;
        size_t most = container->n_secrets + container->n_configs;

        task->files = arena_alloc(&task->arena, (most + 1) * sizeof *task->files);
        for (size_t i = 0; i < container->n_secrets; i++) {
                const Sk__SecretEntry *secret = NULL;

                for (size_t k = 0; k < input->n_secrets; k++)
                        if (str_equal(input->secrets[k]->id, container->secrets[i]->id))
                                secret = input->secrets[k];
                add_file(task, container->secrets[i], secret ? &secret->content : NULL,
                         secret ? secret->template_driver : "", true);
        }
        for (size_t i = 0; i < container->n_configs; i++) {
                const Sk__ConfigEntry *config = NULL;

                for (size_t k = 0; k < input->n_configs; k++)
                        if (str_equal(input->configs[k]->id, container->configs[i]->id))
                                config = input->configs[k];
                add_file(task, container->configs[i], config ? &config->content : NULL,
                         config ? config->template_driver : "", false);
        }
}

/* "DOCKER_RESOURCE_GPU=gpu1,gpu2": which of the node's generic resources are the task's. */
static const char *resource_variable(struct executor_task *task, const char *kind)
{
        const Sk__TaskAssignment *assignment = task->assignment;
        struct str str = { 0 };
        const char *variable;
        size_t n = 0;

        str_add(&str, "DOCKER_RESOURCE_");
        for (const char *at = kind; *at; at++)
                str_add_char(&str, (char)toupper((unsigned char)*at));
        for (size_t i = 0; i < assignment->n_assigned_generic; i++) {
                const Sk__GenericResource *resource = assignment->assigned_generic[i];

                if (!str_equal(resource->kind, kind))
                        continue;
                str_add_char(&str, n++ ? ',' : '=');
                if (resource->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED)
                        str_add(&str, resource->named);
                else
                        str_addf(&str, "%lld", (long long)resource->count);
        }
        variable = arena_strdup(&task->arena, str_text(&str));
        str_done(&str);
        return variable;
}

/* A job's task is told which of the job's indexes it works on, and in which run. */
static void add_job_variables(struct executor_task *task)
{
        const Sk__TaskDefinition *definition = task->assignment->definition;

        if (!definition || !definition->job_iteration)
                return;
        if (definition->slot)
                task->resource_env[task->n_resource_env++] =
                        arena_printf(&task->arena, "SKEP_JOB_INDEX=%llu",
                                     (unsigned long long)task_number(definition));
        task->resource_env[task->n_resource_env++] =
                arena_printf(&task->arena, "SKEP_JOB_ITERATION=%llu",
                             (unsigned long long)definition->job_iteration - 1);
}

static void make_variables(struct executor_task *task)
{
        const Sk__TaskAssignment *assignment = task->assignment;
        size_t most = assignment->n_assigned_generic;

        task->resource_env = arena_alloc(&task->arena, (most + 3) * sizeof *task->resource_env);
        add_job_variables(task);
        for (size_t i = 0; i < most; i++) {
                const char *variable =
                        resource_variable(task, assignment->assigned_generic[i]->kind);
                size_t k = 0;

                while (k < task->n_resource_env && !str_equal(task->resource_env[k], variable))
                        k++;
                if (k == task->n_resource_env)
                        task->resource_env[task->n_resource_env++] = variable;
        }
}

/* A task that nobody wants any more has no spec: an empty one stands for it, and only its end is
 * asked for. */
static const Sk__ServiceSpec *copy_spec(struct executor_task *task,
                                        const struct executor_input *input)
{
        Sk__ServiceSpec empty = SK__SERVICE_SPEC__INIT;
        Sk__TaskSpec task_spec = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        const Sk__ServiceSpec *spec = input->spec;

        task_spec.container = &container;
        empty.task = &task_spec;
        task->is_unwanted = !spec || !spec->task || !spec->task->container;
        if (task->is_unwanted)
                spec = &empty;
        return (const Sk__ServiceSpec *)message_copy(&task->arena, &spec->base);
}

void executor_take_input(struct executor_task *task, const struct executor_input *input)
{
        task->assignment =
                (const Sk__TaskAssignment *)message_copy(&task->arena, &input->assignment->base);
        task->spec = copy_spec(task, input);
        task->id = task->assignment->id;
        task->is_tty = task->spec->task->container->tty;
        task->facts.image_digest = "";
        task->address = "";
        make_values(task, input);
        make_labels(task);
        copy_files(task, input);
        make_variables(task);
}
