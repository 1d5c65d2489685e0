/* Tasks and events. */
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/field.h"
#include "lib/state/task_life.h"

static void add_container_status(json_t *object, const Sk__TaskStatus__Container *container)
{
        json_t *shown;

        if (!container)
                return;
        shown = add_object(object, "ContainerStatus");
        add_text_always(shown, "ContainerID", container->id);
        add_number_always(shown, "PID", container->pid);
        add_number_always(shown, "ExitCode", container->exit_code);
}

/* As docker's container inspect has it; of readiness alike. */
static void add_health(json_t *object, const char *key, const Sk__HealthStatus *health)
{
        static const char *const words[] = { "none", "starting", "healthy", "unhealthy" };
        json_t *shown, *log;

        if (!health)
                return;
        shown = add_object(object, key);
        add_text_always(shown, "Status",
                        words[(size_t)health->state < COUNT_OF(words) ? health->state : 0]);
        add_number_always(shown, "FailingStreak", health->failing_streak);
        log = add_array(shown, "Log");
        for (size_t i = 0; i < health->n_results; i++) {
                json_t *result = append_object(log);

                add_time(result, "Start", health->results[i]->started_at_ns);
                add_time(result, "End", health->results[i]->ended_at_ns);
                add_number_always(result, "ExitCode", health->results[i]->exit_code);
                add_text_always(result, "Output", health->results[i]->output);
        }
}

/* What no agent has reported yet is told from what the loops decided. */
static void add_status(json_t *object, const Sk__TaskView *view)
{
        const Sk__Task *task = view->task;
        const Sk__TaskStatus *status = task->status;
        const Sk__TaskPlacement *placement = task->placement;
        bool is_waiting = !status && placement && str_is_empty(placement->node_id);
        json_t *shown = add_object(object, "Status"), *ports;

        add_time(shown, "Timestamp",
                 status && status->at_ns         ? task_status_since(status)
                 : placement && placement->at_ns ? placement->at_ns
                 : task->meta                    ? task->meta->created_at_ns
                                                 : 0);
        add_text(shown, "State", task_state_name(view->state));
        if (status)
                add_text(shown, "Message", status->message);
        else
                add_text(shown, "Message", is_waiting ? "pending task scheduling" : "created");
        if (status)
                add_text(shown, "Err", status->err);
        else if (is_waiting)
                add_text(shown, "Err", placement->explanation);
        add_container_status(shown, status ? status->container : NULL);
        if (status) {
                add_health(shown, "Health", status->health);
                add_health(shown, "Readiness", status->readiness);
        }
        ports = add_object(shown, "PortStatus");
        if (status)
                add_ports(ports, "Ports", status->host_ports, status->n_host_ports);
}

static void add_attachments(json_t *object, const Sk__TaskAllocation *allocation)
{
        json_t *list;

        if (!allocation || !allocation->n_attachments)
                return;
        list = add_array(object, "NetworksAttachments");
        for (size_t i = 0; i < allocation->n_attachments; i++) {
                const Sk__TaskAllocation__Attachment *attachment = allocation->attachments[i];
                json_t *shown = append_object(list);

                add_text(add_object(shown, "Network"), "ID", attachment->network_id);
                add_texts(shown, "Addresses", (char *const *)attachment->addresses,
                          attachment->n_addresses);
        }
}

json_t *docker_task(const Sk__TaskView *view)
{
        static const Sk__TaskDefinition no_definition = SK__TASK_DEFINITION__INIT;
        const Sk__Task *task = view->task;
        const Sk__TaskDefinition *definition = task->definition ? task->definition : &no_definition;
        json_t *shown = json_object();

        add_head(shown, task->id, task->meta, 0);
        add_text(shown, "Name", task->name);
        add_labels_always(shown, "Labels", NULL, 0);
        if (view->spec && view->spec->task)
                json_object_set_new(shown, "Spec", task_template(view->spec->task, 0, false));
        add_text(shown, "ServiceID", definition->service_id);
        add_number(shown, "Slot", definition->slot ? (int64_t)task_number(definition) : 0);
        add_text(shown, "NodeID", task->definition ? task_node(task) : "");
        add_status(shown, view);
        add_text(shown, "DesiredState", task_state_name(definition->desired_state));
        add_attachments(shown, task->allocation);
        if (task->placement)
                add_generic(shown, task->placement->assigned_generic,
                            task->placement->n_assigned_generic);
        if (view->spec && (view->spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
                           view->spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB))
                add_number(add_object(shown, "JobIteration"), "Index",
                           (int64_t)definition->job_iteration - 1);
        return shown;
}

json_t *docker_event(const Sk__ClusterEvent *event)
{
        json_t *shown = json_object(), *actor;

        add_text_always(shown, "Type", event->type);
        add_text_always(shown, "Action", event->action);
        actor = add_object(shown, "Actor");
        add_text_always(actor, "ID", event->id);
        add_labels_always(actor, "Attributes", event->attributes, event->n_attributes);
        add_text_always(shown, "scope", "swarm");
        add_number_always(shown, "time", event->at_ns / NS_PER_S);
        add_number_always(shown, "timeNano", event->at_ns);
        return shown;
}
