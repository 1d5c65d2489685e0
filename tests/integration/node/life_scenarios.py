"""The life of services and tasks on one node."""
import os
import signal

from node import REGISTRY, State, check, refused, wait_until


def a_service_runs_and_its_output_is_kept(node):
    node.create('talk', 'sh', '-c', 'echo hello from $HOSTNAME; exec sleep 1000', replicas=2)
    node.running('talk', 2)
    wait_until(lambda: node.logs('talk').count('hello from') == 2, 'both lines are in the logs')


def a_killed_container_is_replaced_after_the_delay(node):
    node.create('web', delay=1)
    task = node.running('web', 1)[1]
    os.kill(task.task.status.container.pid, signal.SIGKILL)
    dead = node.ended('web')
    check(dead.state == State.TASK_FAILED, 'it has failed:', node.story('web'))
    check(dead.task.status.container.exit_code == 137, 'its exit code is 137:', dead.task.status)
    check('137' in dead.task.status.err, 'the reason names the code:', dead.task.status.err)
    new = node.running('web', 1)[1]
    check(new.task.id != dead.task.id, 'another task runs')
    rest = (new.task.status.at_ns - dead.task.status.at_ns) / 1e9
    check(1 <= rest < 4, 'it ran %.2f s after' % rest)


def five_failed_tasks_are_kept_as_history(node):
    node.create('crash', 'sh', '-c', 'exit 3', delay=0.05)
    wait_until(lambda: sum(t.state == State.TASK_FAILED for t in node.tasks('crash')) >= 4, 'several have failed')
    wait_until(lambda: node.tasks('crash') and max(t.task.definition.generation for t in node.tasks('crash')) > 8, 'and more')
    for _ in range(20):
        tasks = node.tasks('crash')
        check(len(tasks) <= 7, 'history is cut at five:', len(tasks), node.story('crash'))
    ended = [t for t in tasks if t.state == State.TASK_FAILED]
    check(len(ended) >= 3 and all('(3)' in t.task.status.err for t in ended), 'each says why:', node.story('crash'))


def a_job_that_ends_well_is_not_run_again(node):
    def once(spec):
        spec.task.restart.condition = spec.task.restart.ON_FAILURE
    node.create('once', 'sh', '-c', 'echo done', change=once)
    task = node.ended('once')
    check(task.state == State.TASK_COMPLETE, 'it is complete:', node.story('once'))
    check(len(node.tasks('once')) == 1, 'and stays the only one')


def an_update_replaces_tasks_one_by_one(node):
    node.create('roll', replicas=3)
    before = {t.task.id for t in node.running('roll', 3).values()}
    lowest = [3]

    def change(spec):
        spec.task.container.env.append('COLOR=blue')
        spec.update.parallelism = 1
        spec.update.order = spec.update.START_FIRST
        spec.update.monitor_ns = 1
    node.update('roll', change)

    def all_new():
        tasks = node.tasks('roll')
        lowest[0] = min(lowest[0], sum(t.state == State.TASK_RUNNING for t in tasks))
        alive = [t for t in tasks if t.state == State.TASK_RUNNING and t.task.definition.desired_state == State.TASK_RUNNING]
        return len(alive) == 3 and not before & {t.task.id for t in alive}
    wait_until(all_new, lambda: 'all are new: ' + node.story('roll'), 30, every=0.01)
    check(lowest[0] >= 3, 'start-first never had less than 3 running, but', lowest[0])


def an_update_to_an_image_that_is_not_there_stops_at_its_first_slot_until_it_is_rolled_back(node):
    node.create('safe', replicas=3)
    node.running('safe', 3)

    def breaking(spec):
        spec.task.container.image = REGISTRY + '/nosuchimage:1'
        spec.update.parallelism = 1
    node.update('safe', breaking)
    wait_until(lambda: sum(t.state == State.TASK_REJECTED for t in node.tasks('safe')) >= 3, 'the new ones are rejected')
    check(len(node.container_pids('safe')) == 2, 'two of the old ones still run: ' + node.story('safe'))
    node.control('UpdateService', id='safe', rollback=True)
    node.running('safe', 3)
    check('busybox' in node.control('GetService', id='safe').service.spec.task.container.image, 'the spec is the old one')


def scaling_up_and_down_keeps_the_rest(node):
    node.create('grow')
    first = node.running('grow', 1)[1].task.status.container.pid
    node.scale('grow', 20)
    node.running('grow', 20)
    node.scale('grow', 1)
    last = node.running('grow', 1)
    check(len(last) == 1, 'one is left')
    check(first in node.container_pids('grow'), 'the first one was not touched')


def a_removed_service_leaves_nothing(node):
    node.create('gone', replicas=5)
    node.running('gone', 5)
    node.remove('gone')
    wait_until(lambda: not node.tasks('gone'), 'its tasks are forgotten')
    node.nothing_left()


def a_stubborn_container_is_killed_after_its_grace(node):
    node.create('deaf', 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done')
    pid = node.running('deaf', 1)[1].task.status.container.pid
    node.remove('deaf')
    wait_until(lambda: not os.path.exists('/proc/%d' % pid), 'it is gone', 10)


def leaving_stops_tasks_and_forgets_who_it_was(node):
    before = node.info()
    node.create('left', replicas=2)
    node.running('left', 2)
    node.agent('LeaveSwarm', force=True, timeout=60)
    wait_until(lambda: node.info().state == 'inactive', 'the node is in no swarm')
    node.nothing_left()
    check(not os.path.exists(node.state + '/identity/agent.key'), 'the key is gone')
    check(not os.path.exists(node.state + '/store'), 'the store is gone')
    wait_until(lambda: not node.daemon_pid('store'), 'the daemons have ended')
    node.forget_channels()
    node.init()
    check(node.info().cluster_id != before.cluster_id, 'the next swarm is another one')
    node.create('again')
    node.running('again', 1)


def leaving_without_force_is_refused_on_the_last_manager(node):
    refused(lambda: node.agent('LeaveSwarm'), 'last manager')
    check(node.is_ready(), 'and it stays')
