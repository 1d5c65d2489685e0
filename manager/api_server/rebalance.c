/* RebalanceService: which tasks would move, and that they shall. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/placement/moves.h"
#include "lib/state/task_life.h"
#include "manager/api_server/show.h"

enum { MOVES_MAX = 1000 };

/* Those of the present spec that run. */
static const Sk__Task **tasks_of(struct call *call, const Sk__Service *service, size_t *ret_n)
{
        const Sk__Task **tasks =
                arena_alloc(call->arena,
                            view_count_service_tasks(call->view, service->id) * sizeof *tasks);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n = 0;

        while ((task = view_each_service_task(call->view, service->id, &cursor)))
                if (task_is_wanted(task) && task_state(task) == SK__TASK_STATE__TASK_RUNNING &&
                    !strcmp(task->definition->spec_id, service->spec->spec_id))
                        tasks[n++] = task;
        *ret_n = n;
        return tasks;
}

static void tell_moves(struct call *call, const Sk__Service *service,
                       const Sk__ServiceSpecObject *spec, size_t most,
                       Sk__RebalanceServiceResponse *out)
{
        struct placement_need need;
        struct placement_move *moves;
        const Sk__Task **tasks;
        size_t n_tasks, n_moves;
        char name[256];

        placement_need_read(call->arena, call->view, spec->id, spec->spec, &need);
        tasks = tasks_of(call, service, &n_tasks);
        moves = placement_moves(call->view, &need, tasks, n_tasks, most, call->arena, &n_moves);
        out->moves = arena_alloc(call->arena, (n_moves + 1) * sizeof *out->moves);
        for (size_t i = 0; i < n_moves; i++) {
                Sk__RebalanceServiceResponse__Move *move =
                        CALL_NEW(call, Sk__RebalanceServiceResponse__Move,
                                 SK__REBALANCE_SERVICE_RESPONSE__MOVE__INIT);

                move->task_id = moves[i].task->id;
                task_slot_name(moves[i].task, service->name, name, sizeof name);
                move->task_name = arena_strdup(call->arena, name);
                move->from_node = str_or(moves[i].from->name, moves[i].from->id);
                move->to_node = str_or(moves[i].to->name, moves[i].to->id);
                out->moves[out->n_moves++] = move;
        }
}

int handle_rebalance_service(struct call *call, const Sk__RebalanceServiceRequest *in,
                             Sk__RebalanceServiceResponse *out)
{
        size_t most = in->budget && in->budget < MOVES_MAX ? (size_t)in->budget : MOVES_MAX;
        const Sk__ServiceSpecObject *spec;
        const struct object_head *object;
        const Sk__Service *service;
        Sk__ServiceRevision *part;
        struct plan_change *change;

        TRY(view_resolve(call->view, SK__KIND__KIND_SERVICE, in->id, &object, call->err));
        service = (const Sk__Service *)object;
        spec = view_service_spec(call->view, service->spec->spec_id);
        if (!spec || spec->spec->spec->mode_case != SK__SERVICE_SPEC__MODE_REPLICATED)
                return err_set(call->err, ERR_PRECONDITION,
                               "service %s is not replicated: its tasks have no other place",
                               service->name);
        tell_moves(call, service, spec, most, out);
        if (in->dry_run || !out->n_moves)
                return 0;
        part = arena_copy(call->arena, service->spec, sizeof *service->spec);
        part->rebalance = CALL_NEW(call, Sk__Rebalance, SK__REBALANCE__INIT);
        part->rebalance->budget = most;
        part->rebalance->at_ns = call->now_ns;
        /* Equal times would say that nothing was asked. */
        if (service->spec->rebalance && service->spec->rebalance->at_ns >= call->now_ns)
                part->rebalance->at_ns = service->spec->rebalance->at_ns + 1;
        plan_require_unchanged(call->plan, SK__KIND__KIND_SERVICE, object, PART_SERVICE_spec);
        change = plan_update(call->plan, SK__KIND__KIND_SERVICE, service->id);
        change->reason = "rebalance asked for";
        plan_set_part(change, PART_SERVICE_spec, &part->base);
        return 0;
}
