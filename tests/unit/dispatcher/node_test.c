/* What becomes of node records and of reports. */
#include "dispatcher/node.h"

#include <string.h>

#include "tests/unit/test.h"

#include "dispatcher/report.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"
#include "tests/lib/build_objects.h"

enum { LARGE = 1280 * 1024 };

#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define ASSIGNED SK__TASK_STATE__TASK_ASSIGNED
#define FAILED SK__TASK_STATE__TASK_FAILED
#define ORPHANED SK__TASK_STATE__TASK_ORPHANED
#define DOWN SK__NODE_STATUS__STATE__DOWN
#define READY SK__NODE_STATUS__STATE__READY
#define ACTIVE SK__NODE_SPEC__AVAILABILITY__ACTIVE

struct fixture {
        struct world world;
        struct plan plan;
        struct node_seen seen;
        struct err err;
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        world_init(&f->world);
        plan_init(&f->plan);
        f->seen.address = "10.0.0.1";
        f->seen.description = a_node_description(&f->world, "n1");
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        plan_done(&f->plan);
        world_done(&f->world);
        free(f);
        return 0;
}

static const char *n1(struct fixture *f)
{
        return an_id(&f->world, "n1");
}

static const Sk__Node *apply(struct fixture *f)
{
        world_apply(&f->world, &f->plan);
        plan_clear(&f->plan);
        return view_node(f->world.view, n1(f));
}

static void a_node_seen_becomes_ready(void **state)
{
        struct fixture *f = *state;
        const Sk__Node *node;

        a_node_that_is(&f->world, "n1", DOWN, ACTIVE);
        node_plan_seen(f->world.view, n1(f), &f->seen, &f->plan);
        node = apply(f);
        assert_int_equal(node->status->state, READY);
        assert_string_equal(node->status->address, "10.0.0.1");
}

/* The cluster's stores: these nodes, at port 2383 of their addresses. */
static void members_are(struct fixture *f, const char *first, const char *second)
{
        Sk__ClusterMembership__Member a = SK__CLUSTER_MEMBERSHIP__MEMBER__INIT, b = a;
        Sk__ClusterMembership__Member *members[] = { &a, &b };
        Sk__ClusterMembership membership = SK__CLUSTER_MEMBERSHIP__INIT;

        a.node_id = an_id(&f->world, first);
        a.address = "10.0.0.1:2383";
        b.node_id = an_id(&f->world, second);
        b.address = "[fd00::2]:2383";
        membership.members = members;
        membership.n_members = 2;
        a_cluster(&f->world);
        a_part(&f->world, SK__KIND__KIND_CLUSTER, view_cluster(f->world.view)->id, NULL,
               PART_CLUSTER_membership, &membership.base);
}

static const Sk__NodeStatus *manager_status(struct fixture *f, const char *name, const char *leader)
{
        node_plan_manager(f->world.view, an_id(&f->world, name), an_id(&f->world, leader), 2377,
                          &f->plan);
        apply(f);
        return view_node(f->world.view, an_id(&f->world, name))->status;
}

static void the_leader_says_where_to_join(void **state)
{
        struct fixture *f = *state;
        const Sk__NodeStatus *status;

        a_node(&f->world, "n1");
        members_are(f, "n1", "n2");
        status = manager_status(f, "n1", "n1");
        assert_true(status->is_leader);
        assert_true(status->is_reachable);
        assert_string_equal(status->manager_address, "10.0.0.1:2377");
}

static void a_member_that_is_ready_can_be_reached(void **state)
{
        struct fixture *f = *state;
        const Sk__NodeStatus *status;

        a_node(&f->world, "n2");
        members_are(f, "n1", "n2");
        status = manager_status(f, "n2", "n1");
        assert_false(status->is_leader);
        assert_true(status->is_reachable);
        assert_string_equal(status->manager_address, "[fd00::2]:2377");
}

static void a_member_that_is_down_cannot_be_reached(void **state)
{
        struct fixture *f = *state;

        a_node_that_is(&f->world, "n2", DOWN, ACTIVE);
        members_are(f, "n1", "n2");
        assert_false(manager_status(f, "n2", "n1")->is_reachable);
}

static void who_is_a_member_no_more_is_no_manager(void **state)
{
        struct fixture *f = *state;
        const Sk__NodeStatus *status;

        a_node(&f->world, "n1");
        members_are(f, "n1", "n2");
        manager_status(f, "n1", "n1");
        members_are(f, "n2", "n3");
        status = manager_status(f, "n1", "n2");
        assert_false(status->is_leader);
        assert_false(status->is_reachable);
        assert_string_equal(status->manager_address, "");
}

static void nothing_is_planned_for_who_is_no_manager_or_known_as_one(void **state)
{
        struct fixture *f = *state;
        const char *worker = an_id(&f->world, "n4"), *nobody = an_id(&f->world, "n5");

        a_node(&f->world, "n1");
        a_part(&f->world, SK__KIND__KIND_NODE, worker, "n4", PART_NODE_spec,
               &a_node_spec(&f->world, "n4")->base);
        members_are(f, "n1", "n2");
        manager_status(f, "n1", "n1");
        node_plan_manager(f->world.view, n1(f), n1(f), 2377, &f->plan);
        node_plan_manager(f->world.view, worker, n1(f), 2377, &f->plan);
        node_plan_manager(f->world.view, nobody, n1(f), 2377, &f->plan);
        assert_true(plan_is_empty(&f->plan));
}

static void a_node_seen_again_changes_nothing(void **state)
{
        struct fixture *f = *state;

        a_node_that_is(&f->world, "n1", DOWN, ACTIVE);
        node_plan_seen(f->world.view, n1(f), &f->seen, &f->plan);
        apply(f);
        node_plan_seen(f->world.view, n1(f), &f->seen, &f->plan);
        assert_true(plan_is_empty(&f->plan));
}

static void a_new_description_is_kept_with_the_name(void **state)
{
        struct fixture *f = *state;
        Sk__NodeDescription *description = a_node_description(&f->world, "other");
        const Sk__Node *node;

        a_node(&f->world, "n1");
        f->seen.description = description;
        node_plan_seen(f->world.view, n1(f), &f->seen, &f->plan);
        node = apply(f);
        assert_string_equal(node->name, description->hostname);
        assert_string_equal(node->description->hostname, description->hostname);
}

static void a_late_node_is_down(void **state)
{
        struct fixture *f = *state;
        const Sk__Node *node;

        a_node(&f->world, "n1");
        node_plan_down(f->world.view, n1(f), "heartbeat failure", &f->plan);
        node = apply(f);
        assert_int_equal(node->status->state, DOWN);
        assert_string_equal(node->status->message, "heartbeat failure");
        assert_int_equal(node->status->since_ns, f->world.now);
}

static void a_node_that_is_down_is_not_put_down_again(void **state)
{
        struct fixture *f = *state;

        a_node_that_is(&f->world, "n1", DOWN, ACTIVE);
        node_plan_down(f->world.view, n1(f), "heartbeat failure", &f->plan);
        assert_true(plan_is_empty(&f->plan));
}

static void a_verdict_on_an_old_record_is_void(void **state)
{
        struct fixture *f = *state;

        a_node(&f->world, "n1");
        node_plan_down(f->world.view, n1(f), "heartbeat failure", &f->plan);
        a_node_that_is(&f->world, "n1", READY, ACTIVE);
        assert_int_equal(apply(f)->status->state, READY);
}

static void tasks_are_orphans_a_day_after_their_node_went_down(void **state)
{
        struct fixture *f = *state;
        const Sk__Node *node;

        a_node(&f->world, "n1");
        assert_int_equal(node_orphans_at(view_node(f->world.view, n1(f))), TIME_NEVER);
        node_plan_down(f->world.view, n1(f), "heartbeat failure", &f->plan);
        node = apply(f);
        assert_int_equal(node_orphans_at(node), f->world.now + 24 * NS_PER_HOUR);
}

static void only_tasks_that_are_not_over_become_orphans(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *runs, *failed;
        _cleanup_(arena_done) struct arena arena = {};
        const char *runs_id, *failed_id;

        a_node(&f->world, "n1");
        a_service(&f->world, "web", 2);
        runs_id = arena_strdup(&arena, a_task(&f->world, "web", 1, RUNNING, "n1")->id);
        failed_id = arena_strdup(&arena, a_task(&f->world, "web", 2, FAILED, "n1")->id);
        assert_true(node_plan_orphans(f->world.view, n1(f), 10, &f->plan));
        apply(f);
        runs = view_task(f->world.view, runs_id);
        failed = view_task(f->world.view, failed_id);
        assert_int_equal(task_state(runs), ORPHANED);
        assert_string_equal(runs->status->message, "task orphaned");
        assert_int_equal(task_state(failed), FAILED);
}

static void orphans_come_in_plans_of_bounded_size(void **state)
{
        struct fixture *f = *state;

        a_node(&f->world, "n1");
        a_service(&f->world, "web", 3);
        for (uint64_t slot = 1; slot <= 3; slot++)
                a_task(&f->world, "web", slot, RUNNING, "n1");
        assert_false(node_plan_orphans(f->world.view, n1(f), 2, &f->plan));
        assert_int_equal(f->plan.n_changes, 2);
}

/* --- reports --- */

static int report_status(struct fixture *f, const char *node, const Sk__Task *task,
                         Sk__TaskStatus *status)
{
        Sk__TaskReport in;

        sk__task_report__init(&in);
        in.task_id = task->id;
        in.status = status;
        plan_group(&f->plan);
        return report_plan(f->world.view, an_id(&f->world, node), &in, 1000, &f->plan, &f->err);
}

static int report(struct fixture *f, const char *node, const Sk__Task *task, Sk__TaskState state)
{
        Sk__TaskStatus status;

        sk__task_status__init(&status);
        status.state = state;
        status.at_ns = 5000;
        status.started_at_ns = 3000;
        return report_status(f, node, task, &status);
}

static const Sk__Task *a_task_on_n1(struct fixture *f)
{
        a_node(&f->world, "n1");
        a_service(&f->world, "web", 1);
        return a_task(&f->world, "web", 1, ASSIGNED, "n1");
}

static void a_report_moves_its_task(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);
        _cleanup_(freep) char *id = str_copy(task->id);

        assert_int_equal(report(f, "n1", task, RUNNING), 0);
        apply(f);
        assert_int_equal(task_state(view_task(f->world.view, id)), RUNNING);
}

static void times_are_set_back_to_the_managers_clock(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);
        _cleanup_(freep) char *id = str_copy(task->id);

        report(f, "n1", task, RUNNING);
        apply(f);
        assert_int_equal(view_task(f->world.view, id)->status->at_ns, 4000);
        assert_int_equal(view_task(f->world.view, id)->status->started_at_ns, 2000);
}

static void times_that_cannot_be_set_back_are_refused(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;

        status.state = RUNNING;
        status.at_ns = INT64_MIN;
        assert_int_equal(report_status(f, "n1", task, &status), ERR_INVALID);
        status.at_ns = 5000;
        status.started_at_ns = INT64_MIN;
        assert_int_equal(report_status(f, "n1", task, &status), ERR_INVALID);
        assert_true(plan_is_empty(&f->plan));
}

static void a_status_that_the_store_would_refuse_is_refused_before(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        Sk__PortConfig port = SK__PORT_CONFIG__INIT, *ports[] = { &port };
        char *name = arena_alloc(&f->world.arena, LARGE + 1);

        memset(name, 'p', LARGE);
        port.name = name;
        status.state = RUNNING;
        status.host_ports = ports;
        status.n_host_ports = 1;
        assert_int_equal(report_status(f, "n1", task, &status), ERR_INVALID);
        assert_true(plan_is_empty(&f->plan));
}

static void an_error_has_at_most_4096_bytes(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        char *err = arena_alloc(&f->world.arena, 4096 + 2);

        memset(err, 'e', 4096 + 1);
        status.state = FAILED;
        status.err = err;
        assert_int_equal(report_status(f, "n1", task, &status), ERR_INVALID);
        status.err = err + 1;
        assert_int_equal(report_status(f, "n1", task, &status), 0);
}

static void a_node_does_not_describe_itself_at_length(void **state)
{
        struct fixture *f = *state;
        Sk__NodeDescription description = SK__NODE_DESCRIPTION__INIT;
        char *name = arena_alloc(&f->world.arena, 257);

        memset(name, 'h', 256);
        description.hostname = name;
        assert_int_equal(node_check_seen(&(struct node_seen){ "", &description }, &f->err),
                         ERR_INVALID);
        description.hostname = name + 1;
        assert_int_equal(node_check_seen(&(struct node_seen){ "", &description }, &f->err), 0);
        assert_int_equal(node_check_seen(&(struct node_seen){ name, &description }, &f->err),
                         ERR_INVALID);
        assert_int_equal(node_check_seen(&(struct node_seen){ "", NULL }, &f->err), ERR_INVALID);
}

static void a_node_cannot_report_on_tasks_of_another(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(report(f, "n2", a_task_on_n1(f), RUNNING), ERR_DENIED);
        assert_true(plan_is_empty(&f->plan));
}

static void an_agent_cannot_report_states_that_are_not_its_own(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = a_task_on_n1(f);

        assert_int_equal(report(f, "n1", task, ORPHANED), ERR_INVALID);
        assert_int_equal(report(f, "n1", task, ASSIGNED), ERR_INVALID);
        assert_int_equal(report(f, "n1", task, (Sk__TaskState)513), ERR_INVALID);
}

static void a_report_that_is_known_changes_nothing(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task = is_now(&f->world, a_task_on_n1(f), FAILED, "x");

        assert_int_equal(report(f, "n1", task, RUNNING), 0);
        assert_true(plan_is_empty(&f->plan));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_node_seen_becomes_ready),
                TEST(the_leader_says_where_to_join),
                TEST(a_member_that_is_ready_can_be_reached),
                TEST(a_member_that_is_down_cannot_be_reached),
                TEST(who_is_a_member_no_more_is_no_manager),
                TEST(nothing_is_planned_for_who_is_no_manager_or_known_as_one),
                TEST(a_node_seen_again_changes_nothing),
                TEST(a_new_description_is_kept_with_the_name),
                TEST(a_late_node_is_down),
                TEST(a_node_that_is_down_is_not_put_down_again),
                TEST(a_verdict_on_an_old_record_is_void),
                TEST(tasks_are_orphans_a_day_after_their_node_went_down),
                TEST(only_tasks_that_are_not_over_become_orphans),
                TEST(orphans_come_in_plans_of_bounded_size),
                TEST(a_report_moves_its_task),
                TEST(times_are_set_back_to_the_managers_clock),
                TEST(times_that_cannot_be_set_back_are_refused),
                TEST(a_status_that_the_store_would_refuse_is_refused_before),
                TEST(an_error_has_at_most_4096_bytes),
                TEST(a_node_does_not_describe_itself_at_length),
                TEST(a_node_cannot_report_on_tasks_of_another),
                TEST(an_agent_cannot_report_states_that_are_not_its_own),
                TEST(a_report_that_is_known_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
