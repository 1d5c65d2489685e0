"""Health and readiness, from the flags to what a person is told."""
import json
import os
import subprocess
import sys

from cli_scenarios import _skep
from node import IMAGE, State, check, wait_until

IDLE = 'trap "exit 0" TERM; while :; do sleep 0.1; done'


def _create(node, name, *words, command=IDLE):
    _skep(node, 'service', 'create', '-d', '--name', name, '--restart-delay', '100ms', '--stop-grace-period', '1s', *words, IMAGE,
          'sh', '-c', command)


def _one(node, name, state):
    def found():
        return next((t for t in node.tasks(name) if t.state == state and t.task.status.container.pid), None)
    return wait_until(found, lambda: 'a task of %s is in state %d: %s' % (name, state, node.story(name)))


def _inspected(node, name):
    return json.loads(_skep(node, 'task', 'inspect', name))[0]['Status']


def _make(task, path):
    with open('/proc/%d/root%s' % (task.task.status.container.pid, path), 'w', encoding='utf-8'):
        pass


def a_task_runs_when_it_is_healthy_and_is_replaced_when_it_is_not(node):
    _create(node, 'web', '--health-cmd', 'echo looked; test -f /tmp/well', '--health-interval', '200ms', '--health-retries', '2',
            '--health-start-period', '10m', '--health-start-interval', '100ms')
    first = _one(node, 'web', State.TASK_STARTING)
    wait_until(lambda: _inspected(node, 'web.1').get('Health', {}).get('Log'), 'a first probe is told')
    shown = _inspected(node, 'web.1')
    check(shown['State'] == 'starting' and shown['Health']['Status'] == 'starting', 'it starts:', shown)
    check(shown['Health']['Log'][0]['ExitCode'] == 1 and shown['Health']['Log'][0]['Output'] == 'looked\n', 'and says why:', shown)
    told = _skep(node, 'why', 'web.1')
    check('not healthy yet' in told and 'health check: exit code 1: looked' in told, told)
    _make(first, '/tmp/well')
    node.running('web', 1)
    check(_inspected(node, 'web.1')['Health']['Status'] == 'healthy', 'it is healthy')
    os.unlink('/proc/%d/root/tmp/well' % first.task.status.container.pid)
    dead = node.ended('web')
    check(dead.state == State.TASK_FAILED, 'it has failed:', node.story('web'))
    check(dead.task.status.err.endswith('dockerexec: unhealthy container'), dead.task.status.err)
    check(dead.task.status.health.failing_streak == 2, 'its last probes are kept:', dead.task.status)
    new = _one(node, 'web', State.TASK_STARTING)
    check(new.task.id != dead.task.id, 'another one starts')


def one_that_is_never_healthy_fails_without_having_run(node):
    _create(node, 'never', '--health-cmd', 'exit 3', '--health-interval', '100ms', '--health-retries', '2')
    dead = node.ended('never')
    check(dead.state == State.TASK_FAILED and not dead.task.status.started_at_ns, dead.task.status)
    check('unhealthy container' in dead.task.status.err, dead.task.status.err)


def no_healthcheck_takes_it_away(node):
    _create(node, 'off', '--health-cmd', 'false', '--health-interval', '10m')
    _one(node, 'off', State.TASK_STARTING)
    _skep(node, 'service', 'update', '-d', '--no-healthcheck', 'off')
    node.running('off', 1)
    told = _skep(node, 'service', 'create', '--no-healthcheck', '--health-cmd', 'true', IMAGE, code=125)
    check('--no-healthcheck conflicts with --health-* options' in told, told)
    told = _skep(node, 'service', 'create', '--health-interval', '1us', IMAGE, code=1)
    check('Interval in HealthConfig cannot be less than 1ms' in told, told)


def an_agent_that_dies_takes_nothing_of_a_task_s_health_with_it(node):
    _create(node, 'kept', '--health-cmd', 'test -f /tmp/well', '--health-interval', '100ms', '--health-start-period', '10m',
            '--health-start-interval', '100ms')
    task = _one(node, 'kept', State.TASK_STARTING)
    wait_until(lambda: _inspected(node, 'kept.1').get('Health', {}).get('Log'), 'a first probe is told')
    dead = node.kill9('agent')
    node.came_back('agent', dead)
    node.up()
    check(_inspected(node, 'kept.1')['State'] == 'starting', 'it is not said to run:', node.story('kept'))
    _make(task, '/tmp/well')
    again = node.running('kept', 1)[1]
    check(again.task.id == task.task.id, 'it is the same task')


GRPC_SERVER = '''
import grpc, sys, time
from concurrent import futures
status = b'\\x08' + bytes([int(sys.argv[2])])
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == '/grpc.health.v1.Health/Check':
            return grpc.unary_unary_rpc_method_handler(lambda request, context: status if request == b'\\n\\x03web' else b'')
server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Handler()])
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
time.sleep(60)
'''


def _serve_inside(task, script, *words):
    return subprocess.Popen(['nsenter', '-t', str(task.task.status.container.pid), '-n', '--', sys.executable, '-c', script, *words])


def _becomes_healthy_with(node, name, flag, address, script, *words):
    _create(node, name, flag, address, '--health-interval', '200ms', '--health-retries', '1000')
    task = _one(node, name, State.TASK_STARTING)
    server = _serve_inside(task, script, *words)
    try:
        node.running(name, 1)
    finally:
        server.kill()
        server.wait()


def servers_are_asked_inside_their_own_network(node):
    http = 'import http.server as h, sys; h.HTTPServer(("127.0.0.1", int(sys.argv[1])), h.SimpleHTTPRequestHandler).serve_forever()'
    tcp = 'import socket, sys, time; s = socket.create_server(("127.0.0.1", int(sys.argv[1]))); time.sleep(60)'
    _becomes_healthy_with(node, 'http', '--health-http', ':8080/', http, '8080')
    _becomes_healthy_with(node, 'tcp', '--health-tcp', ':8080', tcp, '8080')
    _becomes_healthy_with(node, 'grpc', '--health-grpc', ':8080/web', GRPC_SERVER, '8080', '1')
    task = _one(node, 'grpc', State.TASK_RUNNING)
    wait_until(lambda: 'refused' in _inspected(node, 'grpc.1')['Health']['Log'][-1]['Output'], 'the server is gone')
    server = _serve_inside(task, GRPC_SERVER, '8080', '2')
    _create(node, 'sick', '--health-grpc', ':8080/web', '--health-interval', '2s', '--health-retries', '1000')
    other = _serve_inside(_one(node, 'sick', State.TASK_STARTING), GRPC_SERVER, '8080', '2')
    wait_until(lambda: 'NOT_SERVING' in str(_health_of(node, 'sick')), lambda: 'it says so: %s' % _health_of(node, 'sick'))
    for one in (server, other):
        one.kill()
        one.wait()


def _health_of(node, name):
    return [t.task.status.health for t in node.tasks(name)]


def who_is_not_ready_lives_on_and_an_update_waits_for_it(node):
    _create(node, 'web', '--ready-cmd', 'test -f /tmp/go', '--ready-interval', '100ms', '--ready-retries', '1', '--update-order',
            'start-first')
    first = node.running('web', 1)[1]
    wait_until(lambda: '(not ready)' in _skep(node, 'service', 'ps', 'web'), 'service ps tells')
    check('not ready' in _skep(node, 'why', 'web.1'), 'why tells')
    _make(first, '/tmp/go')
    wait_until(lambda: '(not ready)' not in _skep(node, 'service', 'ps', 'web'), 'it is ready')
    _skep(node, 'service', 'update', '-d', '--env-add', 'A=b', 'web')

    def both():
        return {t.task.id: t for t in node.tasks('web') if t.state == State.TASK_RUNNING}
    wait_until(lambda: len(both()) == 2, 'the new one runs beside the old one')
    new = next(t for i, t in both().items() if i != first.task.id)
    wait_until(lambda: both()[new.task.id].task.status.readiness.results, 'it was asked')
    check(len(both()) == 2 and both()[new.task.id].task.status.is_unready, 'and is not ready:', node.story('web'))
    _make(new, '/tmp/go')
    wait_until(lambda: list(both()) == [new.task.id], 'then the old one leaves')
