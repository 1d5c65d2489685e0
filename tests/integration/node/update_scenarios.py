"""Updates as a person sees them: paused, resumed, rolled back, tried out; drained nodes."""
import os

from cli_scenarios import _skep
from node import DAEMONS, IMAGE, check, wait_until

QUICK = '--stop-grace-period', '500ms', '--restart-delay', '100ms', '--update-monitor', '1s'


def _told(text, *words):
    for word in words:
        check(word in text, 'not told: %r in' % word, text)


def _state(node, name):
    text = _skep(node, 'service', 'inspect', '--pretty', name)
    return text.split('State:')[1].split()[0] if 'UpdateStatus' in text else ''


def an_update_that_fails_is_paused_and_goes_on_when_resumed(node):
    folder = node.folder + '/flags'
    os.makedirs(folder, exist_ok=True)
    open(folder + '/good', 'w').close()
    _skep(node, 'service', 'create', '--name', 'flag', '--replicas', '2', *QUICK, '--mount', 'type=bind,source=%s,target=/flags' % folder,
          IMAGE, 'sh', '-c', 'test -e /flags/good && exec sleep 1000')
    os.unlink(folder + '/good')
    text = _skep(node, 'service', 'update', '--force', 'flag', code=1)
    _told(text, 'service update paused: update paused due to failure or early termination of task ')
    check(_state(node, 'flag') == 'paused')
    _told(_skep(node, 'why', 'flag'), 'update paused due to failure or early termination of task ', "'skep service update --resume flag' goes on")
    check(len([t for t in node.tasks('flag') if t.state == 512]) == 1, 'the other task goes on')
    open(folder + '/good', 'w').close()
    _told(_skep(node, 'service', 'update', '--resume', 'flag'), 'verify: Service flag converged')
    check(_state(node, 'flag') == 'completed')
    _told(_skep(node, 'service', 'update', '--resume', 'flag', code=1), 'has no paused update to resume')
    _told(_skep(node, 'service', 'update', '--resume', '--force', 'flag', code=1), 'may not be combined with --resume')


def an_update_that_gets_nowhere_fails_when_its_deadline_is_over(node):
    _skep(node, 'service', 'create', '--name', 'stuck', '--replicas', '2', *QUICK, IMAGE, 'sleep', '1000')
    text = _skep(node, 'service', 'update', '--reserve-memory', '1T', '--update-progress-deadline', '2s', 'stuck', code=1)
    _told(text, 'service update paused: update paused: task ',
          ' does not run after 2s: no suitable node (insufficient resources on 1 node)')
    _skep(node, 'service', 'rollback', 'stuck')
    text = _skep(node, 'service', 'update', '--update-progress-deadline', '2s', '--update-failure-action', 'rollback',
                 '--reserve-memory', '2T', 'stuck')
    _told(text, 'rollback: update rolled back: task ', 'does not run after 2s', 'overall progress: rolling back update: ')


def revisions_are_listed_compared_and_gone_back_to(node):
    _skep(node, 'service', 'create', '--name', 'web', *QUICK, '--env', 'A=1', IMAGE, 'sleep', '1000')
    _skep(node, 'service', 'update', '-d', '--env-add', 'B=2', 'web')
    _skep(node, 'service', 'update', '-d', '--replicas', '2', '--args', 'sleep 2000', 'web')
    lines = _skep(node, 'service', 'history', 'web').splitlines()
    check([line.split()[0] for line in lines] == ['REVISION', '3', '2', '1'], lines)
    _told(lines[1], '3 *', 'Args, Replicas')
    _told(lines[2], 'Env')
    _told(lines[3], 'created')
    check(_skep(node, 'service', 'diff', 'web') == _skep(node, 'service', 'diff', 'web', '2', '3'), 'with the previous one')
    text = _skep(node, 'service', 'diff', 'web', '1', '3')
    check(text == 'TaskTemplate.ContainerSpec.Args: - 1000\nTaskTemplate.ContainerSpec.Args: + 2000\n'
          'TaskTemplate.ContainerSpec.Env: + B=2\nMode.Replicated.Replicas: 1 -> 2\n', text)
    text = _skep(node, 'service', 'rollback', '--to', '1', 'web')
    _told(text, 'rollback: manually requested rollback', 'overall progress: rolling back update: 1 out of 1 tasks', 'Service web converged')
    check(_state(node, 'web') == 'rollback_completed')
    check(_skep(node, 'service', 'diff', 'web', '1') == '')
    _told(_skep(node, 'service', 'rollback', '--to', '9', 'web', code=1), 'has no revision 9')
    _told(_skep(node, 'service', 'update', '--rollback', 'web'), 'Service web converged')
    check(_skep(node, 'service', 'diff', 'web', '3') == '')


def canaries_wait_until_they_are_promoted_or_taken_back(node):
    _skep(node, 'service', 'create', '--name', 'bird', '--replicas', '3', *QUICK, '--update-canary', '1',
          '--update-order', 'start-first', IMAGE, 'sleep', '1000')

    def ages():
        return sorted(t.task.definition.generation for t in node.tasks('bird') if t.state == 512 and t.task.definition.desired_state == 512)

    text = _skep(node, 'service', 'update', '--force', 'bird')
    _told(text, 'overall progress: 1 out of 3 tasks (canaries)', 'waits after its canaries')
    old = ages()[0]
    check([age > old for age in ages()] == [False, False, True], 'one canary, not', ages())
    _told(_skep(node, 'service', 'inspect', '--pretty', 'bird'), 'update waits: 1 of 3 tasks are canaries', "'skep service promote bird'")
    text = _skep(node, 'service', 'rollback', 'bird')
    _told(text, 'overall progress: rolling back update: 3 out of 3 tasks')
    check(ages()[:2] == [old, old], 'the others are left alone')
    _skep(node, 'service', 'update', '--force', 'bird')
    _told(_skep(node, 'service', 'promote', 'bird'), 'overall progress: 3 out of 3 tasks', 'Service bird converged')
    check(_state(node, 'bird') == 'completed')
    _told(_skep(node, 'service', 'promote', 'bird', code=1), 'has no canaries to promote')


def a_part_of_all_tasks_is_updated_at_once(node):
    _skep(node, 'service', 'create', '--name', 'part', '--replicas', '4', *QUICK, '--update-parallelism', '50%', IMAGE, 'sleep', '1000')
    _told(_skep(node, 'service', 'inspect', '--pretty', 'part'), 'Parallelism:\t50%')
    _told(_skep(node, 'service', 'update', '--force', 'part'), 'overall progress: 4 out of 4 tasks')
    generations = [t.task.definition.generation for t in node.tasks('part') if t.state == 512]
    check(generations.count(min(generations)) == 2, 'not two at once:', generations)
    for bad in '0%', '101%', 'x%', '-1':
        _told(_skep(node, 'service', 'update', '--update-parallelism', bad, 'part', code=125), 'invalid argument "%s"' % bad)


def _dies_during_an_update(name):
    def scenario(node):
        _skep(node, 'service', 'create', '--name', 'web', '--replicas', '4', *QUICK, '--update-monitor', '100ms', IMAGE, 'sleep', '1000')
        before = node.container_pids('web')
        _skep(node, 'service', 'update', '-d', '--args', 'sleep 2000', 'web')
        wait_until(lambda: node.container_pids('web') - before, 'the update has begun')
        dead = node.kill9(name)
        wait_until(lambda: _state(node, 'web') == 'completed', lambda: 'the update is completed: ' + node.story('web'), 60)
        node.came_back(name, dead)
        node.running('web', 4)
        check(not before & node.container_pids('web'), 'all are new:', node.story('web'))
        moved = [t for t in node.tasks('web') if t.task.definition.desired_state > 512]
        check(len(moved) == 4, 'each slot was replaced once:', node.story('web'))
    return scenario


for _name in DAEMONS + ['agent', 'containerd']:
    _scenario = _dies_during_an_update(_name)
    _scenario.__name__, _scenario.__module__ = 'killing_%s_during_an_update_only_delays_it' % _name, __name__
    globals()[_scenario.__name__] = _scenario


def a_drained_node_is_waited_for(node):
    _skep(node, 'service', 'create', '--name', 'plain', '--replicas', '2', '--stop-grace-period', '500ms', IMAGE, 'sleep', '1000')
    _skep(node, 'service', 'create', '--name', 'orderly', '--replicas', '2', *QUICK, '--update-order', 'start-first',
          '--update-progress-deadline', '3s', IMAGE, 'sleep', '1000')
    try:
        text = _skep(node, 'node', 'update', '--availability', 'drain', '--wait', 'testnode')
        _told(text, '4 tasks left\n', '2 tasks left\n', 'node testnode is empty')
    finally:
        _skep(node, 'node', 'update', '--availability', 'active', 'testnode')
    _told(_skep(node, 'node', 'update', '--wait', 'testnode', code=1), '--wait goes with --availability drain')
    for name in 'plain', 'orderly':
        node.running(name, 2)
    wait_until(lambda: not [t for t in node.tasks('orderly') if t.state < 512], 'nothing of the drain is left')
