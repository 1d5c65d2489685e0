"""What a person types."""
import os
import signal

from node import IMAGE, REGISTRY, check, run, wait_until


def _skep(node, *words, code=0):
    """What the command printed; it must end with this code, soon."""
    done = run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, '--node', 'unix:%s/node.sock' % node.run, *words)
    check(done.returncode == code, 'skep', *words, 'ended with', done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def a_service_is_created_scaled_updated_shown_and_removed(node):
    _skep(node, 'service', 'create', '--name', 'web', '--replicas', '2', '--stop-grace-period', '1s', '--env', 'A=b', IMAGE, 'sleep', '100000')
    check('2/2' in _skep(node, 'service', 'ls'), 'ls counts them')
    _skep(node, 'service', 'scale', 'web=3')
    check('3/3' in _skep(node, 'service', 'ls', '--filter', 'name=web'), 'scaled')
    _skep(node, 'service', 'update', '--env-add', 'C=d', 'web')
    check(_skep(node, 'service', 'ps', 'web', '--filter', 'desired-state=running', '-q').count('\n') == 3, 'ps shows three')
    check('C=d' in _skep(node, 'service', 'inspect', 'web'), 'inspect shows the change')
    check('running' in _skep(node, 'why', 'web.1').lower() or 'runs' in _skep(node, 'why', 'web.1'), 'why tells that it runs')
    _skep(node, 'service', 'rollback', 'web')
    env = _skep(node, 'service', 'inspect', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Env}}', 'web')
    check('C=d' not in env and 'A=b' in env, 'rolled back:', env)
    check(_skep(node, 'service', 'rm', 'web').strip() == 'web', 'rm says its name')


def a_killed_container_shows_its_exit_code_in_service_ps(node):
    _skep(node, 'service', 'create', '-d', '--name', 'web', '--restart-delay', '100ms', '--stop-grace-period', '1s', IMAGE, 'sleep', '100000')
    pid = node.running('web', 1)[1].task.status.container.pid
    os.kill(pid, signal.SIGKILL)
    node.ended('web')
    node.running('web', 1)
    shown = _skep(node, 'service', 'ps', '--no-trunc', 'web')
    check('Failed' in shown and '(137)' in shown and 'Running' in shown, shown)


def bad_flags_are_answered_with_usage(node):
    for words, told in ((['service', 'create', '--nosuchflag', IMAGE], 'unknown flag: --nosuchflag'),
                        (['service', 'create', '--replicas', 'many', IMAGE], 'replicas'),
                        (['service', 'create', '--limit-memory', '5 apples', IMAGE], 'memory')):
        check(told in _skep(node, *words, code=125), words, 'names it')
    check('requires' in _skep(node, 'service', 'create', code=1), 'a missing argument is told')
    _skep(node, 'nosuchcommand', code=1)
    check(not node.control('ListServices').services, 'nothing was made')


def what_cannot_run_is_told_in_service_ps_and_why(node):
    _skep(node, 'service', 'create', '-d', '--name', 'noimage', REGISTRY + '/nosuch:1')
    wait_until(lambda: 'nosuch' in _skep(node, 'service', 'ps', '--no-trunc', '--format', '{{.Error}}', 'noimage'), 'ps tells')
    check('nosuch' in _skep(node, 'why', 'noimage.1'), 'why tells')
    _skep(node, 'service', 'create', '-d', '--name', 'greedy', '--reserve-memory', '900TB', IMAGE)
    wait_until(lambda: 'insufficient resources' in _skep(node, 'service', 'ps', '--no-trunc', 'greedy'), 'ps tells')
    check('memory' in _skep(node, 'why', 'greedy.1'), 'why tells what is missing')
    _skep(node, 'service', 'create', '-d', '--name', 'picky', '--constraint', 'node.labels.a==b', IMAGE)
    wait_until(lambda: 'constraint' in _skep(node, 'service', 'ps', '--no-trunc', 'picky'), 'ps tells')
    check('exists' in _skep(node, 'service', 'create', '-d', '--name', 'picky', IMAGE, code=1), 'a name that is taken')


def logs_are_followed_until_the_reader_goes(node):
    _skep(node, 'service', 'create', '--name', 'talk', '--stop-grace-period', '100ms', IMAGE, 'sh', '-c', 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done')
    wait_until(lambda: 'line 3' in _skep(node, 'service', 'logs', 'talk'), 'logs come')
    followed = run('timeout', '2', node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'service', 'logs', '-f', '--tail', '1', 'talk')
    check(followed.stdout.count('line') > 5, 'they go on:', followed.stdout, followed.stderr)


def an_api_that_was_killed_is_waited_for(node):
    for _ in range(3):
        dead = node.kill9('api')
        _skep(node, 'service', 'ls')
        node.came_back('api', dead)


def why_tells_what_keeps_a_service(node):
    quick = '--stop-grace-period', '500ms', '--restart-delay', '100ms'
    _skep(node, 'service', 'create', '--name', 'fine', '--replicas', '2', *quick, IMAGE, 'sleep', '1000')
    check(_skep(node, 'why', 'fine') == 'fine is as it should be: 2 of 2 tasks run\n')
    _skep(node, 'service', 'create', '-d', '--name', 'once', *quick, '--restart-condition', 'none', IMAGE, 'sh', '-c', 'exit 3')
    wait_until(lambda: 'non-zero exit (3)' in _skep(node, 'why', 'once'), lambda: 'why tells how it ended: ' + _skep(node, 'why', 'once'))
    _skep(node, 'service', 'create', '-d', '--name', 'big', '--replicas', '3', *quick, '--reserve-memory', '100T', IMAGE, 'sleep', '1000')
    wait_until(lambda: 'big: 0 of 3 tasks run\n\nbig.1, big.2, big.3:\n  no suitable node (insufficient resources on 1 node)' in _skep(node, 'why', 'big'),
               lambda: 'why tells what all wait for: ' + _skep(node, 'why', 'big'))
    _skep(node, 'service', 'create', '-d', '--name', 'nowhere', '--mode', 'global', *quick, '--constraint', 'node.labels.a==b', IMAGE, 'sleep', '1000')
    check('no node is active and meets its constraints' in _skep(node, 'why', 'nowhere'))
    check('no such task or service: nobody' in _skep(node, 'why', 'nobody', code=1))
