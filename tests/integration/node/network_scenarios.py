"""Published ports and the node's network."""
import os
import subprocess
import threading
import time

from node import REGISTRY, State, check, run, wait_until

WEB = REGISTRY + '/web:latest'


def _publishing(port, target=80):
    from api import specs_pb2 as s

    def change(spec):
        spec.task.container.args[:] = []
        spec.endpoint.ports.append(s.PortConfig(target_port=target, published_port=port, publish_mode=s.PortConfig.HOST))
    return change


def _fetch(address, port, namespace=None):
    command = ['curl', '-s', '--noproxy', '*', '-m', '2', 'http://%s:%d/' % (address, port)]
    return run(*(['ip', 'netns', 'exec', namespace] if namespace else []), *command).stdout


def a_published_port_answers_from_everywhere(node):
    node.create('site', image=WEB, change=_publishing(8080))
    node.running('site', 1)
    wait_until(lambda: 'It works' in _fetch('127.0.0.1', 8080), 'it answers on loopback')
    check('It works' in _fetch('10.88.0.1', 8080), 'and on the address of the node, from the node')
    check('It works' in _fetch('10.88.0.1', 8080, 'outside'), 'and from another machine')
    node.remove('site')
    wait_until(lambda: not node.tasks('site'), 'it is gone')
    check('It works' not in _fetch('127.0.0.1', 8080), 'and does not answer any more')


def a_taken_port_is_told(node):
    node.create('one', image=WEB, change=_publishing(8081))
    node.running('one', 1)
    node.create('two', image=WEB, change=_publishing(8081))

    def told():
        return next((t for t in node.tasks('two') if 'port' in t.task.placement.explanation + t.task.status.err), None)
    wait_until(told, lambda: 'the reason is told: ' + node.story('two'))
    node.remove('one')
    node.running('two', 1)
    wait_until(lambda: 'It works' in _fetch('127.0.0.1', 8081), 'the second one has it now')


def a_port_that_is_not_chosen_is_given_and_told(node):
    node.create('any', image=WEB, change=_publishing(0))
    task = node.running('any', 1)[1]
    ports = [p.published_port for p in task.task.status.host_ports]
    check(len(ports) == 1 and ports[0] > 1024, 'a port was chosen:', ports)
    wait_until(lambda: 'It works' in _fetch('127.0.0.1', ports[0]), 'it answers there')


def containers_reach_others_through_the_node(node):
    node.create('pinger', 'sh', '-c', 'ping -c 1 -W 2 10.88.0.2 && echo reached; exec sleep 1000')
    node.running('pinger', 1)
    wait_until(lambda: 'reached' in node.logs('pinger'), 'the other machine answers')


def on_the_host_network_a_container_has_the_addresses_of_the_node(node):
    from api import specs_pb2 as s

    def host(spec):
        spec.task.networks.append(s.NetworkAttachment(target='host'))
    node.create('hosted', 'sh', '-c', 'ip addr; exec sleep 1000', change=host)
    node.running('hosted', 1)
    wait_until(lambda: '10.88.0.1' in node.logs('hosted'), 'it sees them')


def _fetching(seconds, port):
    """Fetches all the time; returns a list of what failed, complete once the thread has ended."""
    failures, count, end = [], [0], time.monotonic() + seconds

    def loop():
        while time.monotonic() < end:
            count[0] += 1
            if 'It works' not in _fetch('10.88.0.1', port, 'outside'):
                failures.append(time.monotonic())
    thread = threading.Thread(target=loop)
    thread.start()
    return thread, failures, count


def traffic_flows_on_while_the_mesh_is_killed_and_comes_back(node):
    node.create('site', image=WEB, change=_publishing(8082))
    task = node.running('site', 1)[1]
    wait_until(lambda: 'It works' in _fetch('10.88.0.1', 8082, 'outside'), 'it answers')
    thread, failures, count = _fetching(4, 8082)
    for _ in range(3):
        dead = node.kill9('mesh')
        node.came_back('mesh', dead)
        time.sleep(0.5)
    thread.join()
    check(not failures and count[0] > 20, '%d of %d requests failed' % (len(failures), count[0]))
    check(node.running('site', 1)[1].task.id == task.task.id, 'and it is the same task')
    check(os.path.exists('/proc/%d' % task.task.status.container.pid), 'the same process')


def traffic_flows_on_while_the_agent_is_killed_and_comes_back(node):
    node.create('site', image=WEB, change=_publishing(8083))
    task = node.running('site', 1)[1]
    wait_until(lambda: 'It works' in _fetch('10.88.0.1', 8083, 'outside'), 'it answers')
    thread, failures, count = _fetching(3, 8083)
    dead = node.kill9('agent')
    node.came_back('agent', dead)
    thread.join()
    check(not failures and count[0] > 20, '%d of %d requests failed' % (len(failures), count[0]))
    wait_until(lambda: node.tasks('site'), 'the API answers')
    check(node.running('site', 1)[1].task.id == task.task.id, 'and it is the same task')
