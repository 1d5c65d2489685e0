#!/usr/bin/python3
"""Several nodes of deploy/lab: joining, failover, roles, partitions.  Run by tests/run node; as root.

        tests/integration/cluster/cluster_test.py FOLDER-OF-PROGRAMS [WORD...]

WORDs choose the scenarios whose names contain one of them.  They share one lab and leave it as they found it.
"""
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '../../..'))
LAB = os.path.join(TOP, 'deploy', 'lab')
IMAGE = '127.0.0.1:5000/ticker'
MANAGERS, WORKERS = ['m1', 'm2', 'm3'], ['w1', 'w2']
NO_LEADER = 'The swarm does not have a leader.'


class Failure(Exception):
    """What a scenario found wrong."""


def check(is_so, *what):
    if not is_so:
        raise Failure(' '.join(str(w) for w in what))


def lab(*words, code=0, timeout=120):
    done = subprocess.run([LAB, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          timeout=timeout, check=False)
    if code is not None:
        check(done.returncode == code, 'lab', *words, 'ended with', done.returncode, done.stdout)
    return done.stdout


def skep(node, *words, code=0, timeout=60):
    return lab('exec', node, 'skep', *words, code=code, timeout=timeout)


def wait_until(is_so, what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Failure):
            value = is_so()
            if value:
                return value
        check(time.monotonic() < end, 'not within %d s:' % seconds, what)
        time.sleep(0.1)


def nodes(asked='m1'):
    """hostname -> (status, manager status), as one manager tells."""
    lines = skep(asked, 'node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}').splitlines()
    return {words[0]: (words[1], words[2] if len(words) > 2 else '') for words in map(str.split, lines)}


def leader(asked='m1'):
    return next((name for name, (_, status) in nodes(asked).items() if status == 'Leader'), None)


def are_settled(asked='m1'):
    now = nodes(asked)
    return (sorted(now) == MANAGERS + WORKERS and all(status == 'Ready' for status, _ in now.values()) and
            sorted(name for name, (_, role) in now.items() if role) == MANAGERS and leader(asked))


def running(name, asked='m1'):
    """The nodes on which the service's tasks run."""
    text = skep(asked, 'service', 'ps', '--filter', 'desired-state=running', '--format', '{{.Node}} {{.CurrentState}}', name)
    return sorted(words[0] for words in map(str.split, text.splitlines()) if len(words) > 1 and words[1] == 'Running')


@contextlib.contextmanager
def service(name, *options, asked='m1'):
    skep(asked, 'service', 'create', '-d', '--name', name, '--restart-delay', '100ms', '--stop-grace-period', '1s', *options, IMAGE)
    try:
        yield
    finally:
        wait_until(lambda: skep(asked, 'service', 'rm', name), 'the service can be removed')


# --- scenarios

def all_nodes_join_and_share_the_work():
    for name in MANAGERS:
        check(leader(name) == leader(), 'all agree who leads')
    with service('web', '--mode', 'global', asked='m3'):
        wait_until(lambda: running('web', 'm2') == MANAGERS + WORKERS, 'a task on each node')
        text = skep('m2', 'service', 'logs', '--tail', '1', 'web')
        check(len(text.splitlines()) == 5, 'logs of all nodes, asked anywhere:', text)


def who_has_no_good_token_stays_out():
    lab('exec', 'w2', 'skep', 'swarm', 'leave')
    worker = skep('m1', 'swarm', 'join-token', '-q', 'worker').strip()
    wrong = worker[:-3] + ('aaa' if worker[-3:] != 'aaa' else 'bbb')
    other = worker.replace(worker.split('-')[2], '0' * 50)
    for token, told in (('abc', 'invalid join token'), (wrong, 'A valid join token is necessary'),
                        (other, 'remote CA does not match fingerprint')):
        text = skep('w2', 'swarm', 'join', '--token', token, '--advertise-addr', '10.99.0.5', '10.99.0.1', code=1)
        check(told in text, told, text)
    text = skep('w2', 'swarm', 'join', '--token', worker, '--advertise-addr', '10.99.0.5', '10.99.0.77:2377', code=1)
    check('no manager answers at 10.99.0.77:2377' in text, text)
    check('This node joined a swarm as a worker.' in
          skep('w2', 'swarm', 'join', '--token', worker, '--advertise-addr', '10.99.0.5', '10.99.0.2'), 'the right one joins')
    check('already part of a swarm' in
          skep('w2', 'swarm', 'join', '--token', worker, '--advertise-addr', '10.99.0.5', '10.99.0.2', code=1), 'only once')
    gone = [line.split()[0] for line in skep('m1', 'node', 'ls', '--format', '{{.ID}} {{.Hostname}}').splitlines() if 'w2' in line]
    for node_id in gone:
        skep('m1', 'node', 'rm', node_id, code=None)  # the one that left; the other is Ready and stays
    wait_until(lambda: [skep('m1', 'node', 'rm', node_id, code=None) for node_id in gone] and len(nodes_named('w2')) == 1,
               'the node that left is removed')


def nodes_named(name):
    return [line for line in skep('m1', 'node', 'ls', '--format', '{{.Hostname}}').splitlines() if line == name]


def the_leaders_machine_dies_and_comes_back():
    first = leader()
    others = [name for name in MANAGERS if name != first]
    with service('web', '--replicas', '10', asked=others[0]):
        wait_until(lambda: len(running('web', others[0])) == 10, 'all run')
        lab('kill', first)
        skep(others[0], 'service', 'create', '-d', '--name', 'later', IMAGE)
        check(leader(others[1]) in others, 'another leads')
        wait_until(lambda: len(running('web', others[1])) == 10 and first not in running('web', others[1]),
                   'what ran there runs elsewhere')
        check(nodes(others[0])[first] == ('Down', 'Unreachable'), 'it is told down')
        lab('start', first)
        wait_until(lambda: nodes(first)[first] == ('Ready', 'Reachable'), 'it is back')
        check(len(running('web', first)) == 10, 'and nothing runs twice')
        skep(first, 'service', 'rm', 'later')


def a_worker_dies_and_its_tasks_run_elsewhere():
    with service('web', '--replicas', '6', '--constraint', 'node.role==worker'):
        wait_until(lambda: len(running('web')) == 6, 'all run')
        lab('kill', 'w1')
        wait_until(lambda: running('web') == ['w2'] * 6, 'all run on the other')
        lab('start', 'w1')


def roles_change_without_a_hand_on_the_node():
    skep('m1', 'node', 'promote', 'w1')
    wait_until(lambda: nodes('w1')['w1'][1] == 'Reachable', 'the worker is a manager')
    text = skep('m1', 'node', 'promote', 'w1')
    check('is already a manager' in text, text)
    first = leader()
    skep('w1', 'node', 'demote', first)
    wait_until(lambda: nodes('w1')[first] == ('Ready', '') and leader('w1') not in (None, first), 'the leader is a worker')
    check('not a swarm manager' in wait_until(lambda: skep(first, 'node', 'ls', code=1), 'its daemons are gone'), 'it says so')
    skep('w1', 'node', 'promote', first)
    wait_until(lambda: nodes(first)[first][1] == 'Reachable', 'and a manager again')
    skep(first, 'node', 'demote', 'w1')


def a_minority_says_so_at_once_and_the_majority_goes_on():
    first = leader()
    others = [name for name in MANAGERS if name != first]
    lab('partition', first, ','.join(others))
    try:
        wait_until(lambda: leader(others[0]) in others, 'the others have a leader')
        wait_until(lambda: NO_LEADER in skep(first, 'node', 'ls', code=None), 'it knows that it has none')
        begin = time.monotonic()
        check(NO_LEADER in skep(first, 'service', 'create', '-d', IMAGE, code=1), 'nothing is written')
        check(time.monotonic() - begin < 5, 'at once')
        check(not [name for name, (status, _) in nodes(others[0]).items() if status == 'Down' and name in WORKERS],
              'workers found another manager in time')
    finally:
        lab('heal')


SCENARIOS = [all_nodes_join_and_share_the_work, who_has_no_good_token_stays_out, the_leaders_machine_dies_and_comes_back,
             a_worker_dies_and_its_tasks_run_elsewhere, roles_change_without_a_hand_on_the_node,
             a_minority_says_so_at_once_and_the_majority_goes_on]


def run_one(scenario):
    begin, name = time.monotonic(), scenario.__name__.replace('_', ' ')
    try:
        wait_until(are_settled, 'the lab is as it was')
        scenario()
        print('ok    %s (%.1f s)' % (name, time.monotonic() - begin), flush=True)
        return True
    except Exception:  # whatever it is, the next scenario is tried
        print('FAIL  %s (%.1f s)\n%s' % (name, time.monotonic() - begin, traceback.format_exc()), flush=True)
        print(lab('ls', code=None), flush=True)
        return False


def main():
    with tempfile.TemporaryDirectory(prefix='skep-cluster-') as folder:
        os.environ['SKEP_LAB'] = folder + '/lab'
        words = sys.argv[2:]
        chosen = [one for one in SCENARIOS if not words or any(word in one.__name__ for word in words)]
        print(lab('up', '--managers', '3', '--workers', '2', '--programs', sys.argv[1]))
        try:
            results = [run_one(scenario) for scenario in chosen]
        finally:
            lab('down')
    print('%d passed, %d failed' % (results.count(True), results.count(False)))
    sys.exit(0 if all(results) else 1)


if __name__ == '__main__':
    main()
