"""What cannot be: each is answered with what and why, at once or in the tasks, and nothing hangs."""
import socket
import threading
import time

import grpc
from node import IMAGE, REGISTRY, State, check, refused, wait_until

Code = grpc.StatusCode


def _rejected(node, name, *words, seconds=20):
    """A task of this service says all these words in its error."""
    def said():
        return next((t for t in node.tasks(name) if t.task.status.err), None)
    task = wait_until(said, lambda: 'a task says why: ' + node.story(name), seconds)
    for word in words:
        check(word in task.task.status.err, 'says %r:' % word, task.task.status.err)
    return task


def an_image_that_does_not_exist_is_named(node):
    node.create('noimage', image=REGISTRY + '/nosuchimage:1', resolve=False)
    task = _rejected(node, 'noimage', 'nosuchimage')
    check(task.state == State.TASK_REJECTED, 'it was rejected, not failed', task.state)
    why = node.control('ExplainTask', id='noimage.1')
    check('nosuchimage' in str(why), 'why names the image, too:', why)


def an_image_that_does_not_exist_warns_when_the_service_is_created(node):
    from api import specs_pb2 as s
    spec = s.ServiceSpec(annotations=s.Annotations(name='warned'), replicated=s.ReplicatedService(replicas=0),
                         task=s.TaskSpec(container=s.ContainerSpec(image=REGISTRY + '/nosuchimage:1')))
    answer = node.control('CreateService', spec=spec, resolve_image=True)
    check(any('nosuchimage' in w for w in answer.warnings), 'a warning names it:', answer.warnings)


def a_command_that_does_not_exist_is_named(node):
    node.create('nocommand', '/bin/nosuchcommand')
    _rejected(node, 'nocommand', 'nosuchcommand')


def memory_that_no_node_has_leaves_the_task_pending_with_the_reason(node):
    def greedy(spec):
        spec.task.reservations.memory_bytes = 1 << 50
    node.create('greedy', change=greedy)

    def explained():
        return next((t for t in node.tasks('greedy') if t.task.placement.explanation), None)
    task = wait_until(explained, lambda: 'the scheduler says why: ' + node.story('greedy'))
    check('insufficient resources' in task.task.placement.explanation, task.task.placement.explanation)
    check(task.state == State.TASK_PENDING, 'it is pending')
    why = node.control('ExplainTask', id='greedy.1')
    check(why.summary and why.nodes and why.nodes[0].why, 'why tells of each node:', why)


def a_constraint_that_nothing_meets_leaves_the_task_pending_with_the_reason(node):
    def picky(spec):
        spec.task.placement.constraints.append('node.labels.colour==blue')
    node.create('picky', change=picky)

    def explained():
        return next((t for t in node.tasks('picky') if 'constraint' in t.task.placement.explanation), None)
    wait_until(explained, lambda: 'the scheduler says why: ' + node.story('picky'))
    from api import specs_pb2 as s
    found = node.control('ListNodes').nodes[0]
    found.spec.annotations.labels.append(s.Label(key='colour', value='blue'))
    node.control('UpdateNode', id=found.id, version=0, spec=found.spec)
    node.running('picky', 1)


def a_name_that_is_taken_is_refused(node):
    node.create('twin', replicas=0)
    refused(lambda: node.create('twin', replicas=0), 'twin', code=Code.ALREADY_EXISTS)


def bad_specs_are_refused_with_the_field(node):
    def spec_with(change):
        return lambda: node.create('bad', replicas=0, resolve=False, change=change)

    def name(text):
        def change(spec):
            spec.annotations.name = text
        return change

    def container(**fields):
        def change(spec):
            for key, value in fields.items():
                if isinstance(value, list):
                    getattr(spec.task.container, key).extend(value)
                else:
                    setattr(spec.task.container, key, value)
        return change

    def constraint(text):
        def change(spec):
            spec.task.placement.constraints.append(text)
        return change

    def negative_memory(spec):
        spec.task.limits.memory_bytes = -1
    for change, words in (
            (name(''), ['name']), (name('no spaces'), ['name']), (name('x' * 64), ['name']), (name('-a'), ['name']),
            (container(image=''), ['image']), (container(image='Not An Image'), ['image']),
            (container(env=['=x']), ['env']), (constraint('node.labels.a'), ['constraint']),
            (constraint('no such key==1'), ['no such key']), (negative_memory, ['memory'])):
        refused(spec_with(change), *words, code=Code.INVALID_ARGUMENT)


def ten_megabytes_of_labels_are_refused(node):
    from api import specs_pb2 as s

    def huge(spec):
        spec.annotations.labels.extend(s.Label(key='key%d' % i, value='v' * 1000) for i in range(10000))
    said = refused(lambda: node.create('huge', replicas=0, resolve=False, change=huge))
    check(said, 'with a reason')
    check(not node.control('ListServices').services, 'and nothing was made')

    def large(spec):
        spec.annotations.labels.extend(s.Label(key='key%d' % i, value='v' * 1000) for i in range(3000))
    refused(lambda: node.create('large', replicas=0, resolve=False, change=large))
    node.create('small', replicas=0)


def a_registry_that_never_answers_hangs_nothing(node):
    silent = socket.create_server(('127.0.0.1', 5999), backlog=100)
    kept = []

    def accept():
        while True:
            try:
                kept.append(silent.accept())
            except OSError:
                return
    threading.Thread(target=accept, daemon=True).start()
    try:
        started = time.monotonic()
        node.create('silent', image='127.0.0.1:5999/silent:1')
        check(time.monotonic() - started < 10, 'create answers soon, but took', time.monotonic() - started)
        node.create('lively', replicas=2)
        node.running('lively', 2, 10)
        task = node.tasks('silent')[0]
        check(task.state in (State.TASK_PREPARING, State.TASK_REJECTED), 'it prepares', node.story('silent'))
        node.remove('silent')
        wait_until(lambda: not node.tasks('silent'), lambda: 'its tasks are forgotten: ' + node.story('silent'))
    finally:
        silent.close()
        for connection, _ in kept:
            connection.close()


def things_that_do_not_exist_are_named(node):
    refused(lambda: node.control('GetService', id='nosuch'), 'nosuch', code=Code.NOT_FOUND)
    refused(lambda: node.control('RemoveService', id='nosuch'), 'nosuch', code=Code.NOT_FOUND)
    refused(lambda: node.control('GetTask', id='nosuch'), 'nosuch', code=Code.NOT_FOUND)
    refused(lambda: node.control('ExplainTask', id='nosuch.1'), 'nosuch', code=Code.NOT_FOUND)
    refused(lambda: node.control('GetNode', id='nosuch'), 'nosuch', code=Code.NOT_FOUND)


def an_unknown_filter_is_refused(node):
    from api import control_pb2 as c
    bad = [c.Filter(key='colour', values=['blue'])]
    for method in 'ListServices', 'ListTasks', 'ListNodes':
        refused(lambda m=method: node.control(m, filters=bad), 'colour', code=Code.INVALID_ARGUMENT)


def an_update_of_an_older_version_is_refused(node):
    node.create('versioned', replicas=0)
    view = node.control('GetService', id='versioned').service
    view.spec.annotations.labels.add(key='a', value='b')
    node.control('UpdateService', id='versioned', version=node.control('GetService', id='versioned').service.service.meta.version
                 if hasattr(view.service.meta, 'version') else 0, spec=view.spec)
    refused(lambda: node.control('UpdateService', id='versioned', version=1, spec=view.spec), 'out of')


def a_swarm_is_not_made_twice(node):
    refused(lambda: node.agent('InitSwarm', advertise_address='10.88.0.1'), 'already')


def a_drained_node_stops_its_tasks_and_takes_them_back(node):
    from api import specs_pb2 as s
    node.create('away', replicas=2)
    node.running('away', 2)
    found = node.control('ListNodes').nodes[0]
    found.spec.availability = s.NodeSpec.DRAIN
    node.control('UpdateNode', id=found.id, version=0, spec=found.spec)
    try:
        wait_until(lambda: not node.container_pids('away'), lambda: 'nothing runs: ' + node.story('away'))
    finally:
        found.spec.availability = s.NodeSpec.ACTIVE
        node.control('UpdateNode', id=found.id, version=0, spec=found.spec)
    node.running('away', 2)
