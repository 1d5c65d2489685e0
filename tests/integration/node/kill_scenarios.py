"""Processes die at any moment; what was acknowledged holds, and what ran runs on."""
import os
import time

from node import DAEMONS, State, check, run, wait_until


def _dies_while_idle(name):
    def scenario(node):
        node.create('calm', replicas=3)
        node.running('calm', 3)
        pids = node.container_pids('calm')
        dead = node.kill9(name)
        node.came_back(name, dead)
        wait_until(lambda: node.tasks('calm'), 'the API answers')
        node.scale('calm', 4)
        node.running('calm', 4)
        check(pids <= node.container_pids('calm'), 'the first three kept running:', pids, node.container_pids('calm'))
        check(all(t.task.definition.generation <= 4 for t in node.tasks('calm')), 'nothing was started twice: ' + node.story('calm'))
    return scenario


def _dies_while_scaling(name):
    def scenario(node):
        node.create('busy')
        first = node.running('busy', 1)[1].task.status.container.pid
        node.scale('busy', 50)
        time.sleep(0.4)
        dead = node.kill9(name)
        node.running('busy', 50, 60)
        node.came_back(name, dead)
        node.scale('busy', 10)
        time.sleep(0.1)
        dead = node.kill9(name)
        node.running('busy', 10, 60)
        node.came_back(name, dead)
        check(first in node.container_pids('busy'), 'the first container was never touched:', first, os.path.exists('/proc/%d' % first),
              node.container_pids('busy'), node.story('busy'))
        wait_until(lambda: len(node.container_pids('busy')) == 10, 'ten run')
    return scenario


for _name in DAEMONS + ['agent', 'containerd']:
    for _make, _title in (_dies_while_idle, 'killing_%s_disturbs_no_container'), (_dies_while_scaling, 'killing_%s_in_the_middle_of_scaling_loses_nothing'):
        _scenario = _make(_name)
        _scenario.__name__, _scenario.__module__ = _title % _name, __name__
        globals()[_title % _name] = _scenario


def all_daemons_die_at_once_and_containers_run_on(node):
    node.create('calm', replicas=3)
    node.running('calm', 3)
    pids = node.container_pids('calm')
    for name in ['agent', 'containerd'] + DAEMONS:
        node.kill9(name)
    wait_until(lambda: node.tasks('calm'), 'the API answers')
    node.scale('calm', 5)
    node.running('calm', 5)
    check(pids <= node.container_pids('calm'), 'the first three kept running')


def what_was_acknowledged_survives_the_death_of_the_store_at_any_time(node):
    made = []
    for i in range(12):
        if i % 3 == 2:
            dead = node.kill9('store')
            node.came_back('store', dead)
            wait_until(node.is_ready, 'the API answers')

        def create(i=i):
            from node import patience
            with patience():
                return node.create('kept%d' % i, replicas=0)
        made.append(wait_until(create, 'a service is created'))
    wait_until(node.is_ready, 'the API answers')
    have = {v.service.id for v in node.control('ListServices').services}
    check(set(made) <= have, 'all are there:', set(made) - have)


def after_a_reboot_services_come_back(node):
    node.create('back', replicas=3)
    node.running('back', 3)
    old = node.container_pids('back')
    identity = node.info().node_id
    node.reboot()
    node.start()
    wait_until(node.is_ready, 'the node is ready', 40)
    check(node.info().node_id == identity, 'it is the same node')
    node.running('back', 3)
    check(len(node.container_pids('back')) == 3, 'with new containers', old)


def killing_everything_without_a_clean_machine_is_survived_too(node):
    node.create('back', replicas=3)
    node.running('back', 3)
    node.kill_everything()
    node.start()
    wait_until(node.is_ready, 'the node is ready', 40)
    node.running('back', 3)


def after_a_reboot_with_another_address_services_come_back(node):
    node.create('moved', replicas=2)
    node.running('moved', 2)
    node.reboot()
    run('ip', 'addr', 'del', '10.88.0.1/24', 'dev', 'uplink', check=True)
    run('ip', 'addr', 'add', '10.88.0.77/24', 'dev', 'uplink', check=True)
    try:
        node.start()
        wait_until(node.is_ready, 'the node is ready', 40)
        node.running('moved', 2)
    finally:
        run('ip', 'addr', 'del', '10.88.0.77/24', 'dev', 'uplink')
        run('ip', 'addr', 'add', '10.88.0.1/24', 'dev', 'uplink')
    node.reboot()
    node.start()
    wait_until(node.is_ready, 'the node is ready', 40)
    node.running('moved', 2)


def a_restarted_agent_finds_its_containers_and_daemons(node):
    node.create('calm', replicas=2)
    node.running('calm', 2)
    pids = node.container_pids('calm')
    daemons = {name: node.daemon_pid(name) for name in DAEMONS + ['containerd']}
    node.stop()
    time.sleep(0.5)
    node.start()
    wait_until(node.is_ready, 'the node is ready')
    node.scale('calm', 3)
    node.running('calm', 3)
    check(pids <= node.container_pids('calm'), 'the containers kept running')
    for name, pid in daemons.items():
        check(node.daemon_pid(name) == pid, name, 'was adopted, not started anew')


def tasks_that_ended_get_no_network_back(node):
    def once(spec):
        spec.task.restart.condition = spec.task.restart.NONE
    node.create('over', 'true', replicas=3, change=once)
    wait_until(lambda: len([t for t in node.tasks('over') if t.state == State.TASK_COMPLETE]) == 3 and not node.devices(),
               'three have run and gave their network back')
    node.stop()
    node.start()
    wait_until(node.is_ready, 'the node is ready')
    node.create('calm')
    node.running('calm', 1)
    check(len(node.devices()) == 1, 'only what runs has a network:', node.devices())
