"""Where tasks run, and what of the node they are given."""
import hashlib
import json
import os
import urllib.request

from node import IMAGE, REGISTRY, State, check, refused, wait_until


def _with_agent(node, *options):
    node.stop()
    node.start(*options)
    wait_until(node.is_ready, 'the node is ready', 30)


def generic_resources_are_given_by_name_and_by_number(node):
    _with_agent(node, '--generic-resources', 'GPU=g2,GPU=g1,SSD=3', '--labels', 'storage=ssd')

    def has_resources():
        told = node.control('ListNodes').nodes[0].description
        return len(told.resources.generic) == 3 and told.engine_labels[0].key == 'storage'
    wait_until(has_resources, 'the managers know what the node has', 30)

    def wants(spec):
        for kind, count in ('GPU', 1), ('SSD', 2):
            spec.task.reservations.generic.add(kind=kind, count=count)
        spec.task.placement.constraints.append('engine.labels.storage in (ssd, nvme)')
    node.create('one', 'sh', '-c', 'echo gpu $DOCKER_RESOURCE_GPU ssd $DOCKER_RESOURCE_SSD; exec sleep 1000', change=wants)
    node.running('one', 1)
    wait_until(lambda: 'gpu g1 ssd 2' in node.logs('one'), lambda: 'the container is told what is its: ' + node.logs('one'))
    node.create('two', change=wants)
    wait_until(lambda: 'insufficient resources' in node.story('two'), lambda: 'the second waits: ' + node.story('two'))
    why = node.control('ExplainTask', id=node.tasks('two')[0].task.id)
    check(why.nodes[0].why == '2 SSD wanted, 1 free', 'it is said what is missing:', why.nodes[0].why)
    node.remove('one')
    node.running('two', 1)
    _with_agent(node)


def tasks_that_refuse_each_other_are_not_on_one_node(node):
    node.create('db')
    node.running('db', 1)

    def apart(spec):
        spec.task.placement.affinities.append('service!=db')

    def beside(spec):
        spec.task.placement.affinities.append('service==db')
    node.create('far', change=apart)
    node.create('near', change=beside)
    node.running('near', 1)
    wait_until(lambda: 'affinity not satisfied on 1 node' in node.story('far'), lambda: 'it waits: ' + node.story('far'))
    node.remove('db')
    node.running('far', 1)
    check(all(t.state == State.TASK_RUNNING for t in node.tasks('near')), 'what was placed beside it stays')
    refused(lambda: node.create('self', change=lambda spec: spec.task.placement.affinities.append('service==self')),
            'is met by the service itself')


def a_limit_of_swap_reaches_the_control_group(node):
    def limited(spec):
        spec.task.limits.memory_bytes = 64 << 20
        spec.task.limits.memory_swap.bytes = 16 << 20
        spec.task.limits.memory_swappiness.percent = 10
        spec.task.limits.pids = 50
    node.create('small', change=limited)
    node.running('small', 1)
    pid = next(iter(node.container_pids('small')))
    with open('/proc/%d/cgroup' % pid) as file:
        groups = dict((line.split(':')[1], line.strip().split(':')[2]) for line in file)
    if 'memory' in groups:
        def told(name):
            with open('/sys/fs/cgroup/memory%s/memory.%s' % (groups['memory'], name)) as limit:
                return int(limit.read())
        check(told('memsw.limit_in_bytes') == 80 << 20, 'memory and swap together:', told('memsw.limit_in_bytes'))
        check(told('swappiness') == 10, 'swappiness:', told('swappiness'))
    else:
        with open('/sys/fs/cgroup%s/memory.swap.max' % groups['']) as limit:
            check(int(limit.read()) == 16 << 20, 'swap')


def a_more_important_task_evicts_and_the_evicted_comes_back(node):
    memory = node.control('ListNodes').nodes[0].description.resources.memory_bytes

    def of(priority):
        def change(spec):
            spec.task.reservations.memory_bytes = memory * 6 // 10
            spec.task.placement.priority = priority
        return change
    node.create('low', change=of(0))
    node.running('low', 1)
    node.create('equal', change=of(0))
    wait_until(lambda: 'insufficient resources' in node.story('equal'), lambda: 'an equal waits: ' + node.story('equal'))
    node.remove('equal')
    node.create('high', change=of(5))
    node.running('high', 1)
    evicted = node.ended('low')
    check(evicted.task.definition.reason == 'high.1, of priority 5, needs the room', 'it says why:', evicted.task.definition.reason)
    wait_until(lambda: 'insufficient resources' in node.story('low'), lambda: 'its successor waits: ' + node.story('low'))
    waiting = next(t for t in node.tasks('low') if t.state < State.TASK_RUNNING)
    why = node.control('ExplainTask', id=waiting.task.id)
    check(any('needs the room' in step.what for step in why.steps), 'so does its story:', why.steps)
    node.remove('high')
    node.running('low', 1)


def a_rebalance_has_nobody_to_move_on_one_node(node):
    node.create('web', replicas=2)
    node.running('web', 2)
    check(not node.control('RebalanceService', id='web', dry_run=True).moves, 'there is no other node')
    check(not node.control('RebalanceService', id='web').moves, 'nor is anything asked for')
    node.create('everywhere', change=lambda spec: getattr(spec, 'global').SetInParent())
    refused(lambda: node.control('RebalanceService', id='everywhere'), 'is not replicated')


def a_device_by_cdi_is_given_to_the_container(node):
    folder = node.folder + '/cdi'
    os.makedirs(folder, exist_ok=True)
    with open(folder + '/hook', 'w') as hook:
        hook.write('#!/bin/sh\ntouch %s/hooked\n' % folder)
    os.chmod(folder + '/hook', 0o755)
    with open(folder + '/vendor.json', 'w') as file:
        json.dump({'cdiVersion': '0.6.0', 'kind': 'vendor.com/clock', 'containerEdits': {'env': ['CLOCKS=some']}, 'devices': [
            {'name': '0', 'containerEdits': {
                'env': ['CLOCK=0'], 'deviceNodes': [{'path': '/dev/clock', 'hostPath': '/dev/full'}],
                'mounts': [{'hostPath': folder, 'containerPath': '/clock', 'options': ['rbind', 'ro']}],
                'hooks': [{'hookName': 'createRuntime', 'path': folder + '/hook', 'args': ['hook']}]}}]}, file)
    _with_agent(node, '--cdi-folders', folder)
    wait_until(lambda: any(p.type == 'Device' for p in node.control('ListNodes').nodes[0].description.plugins),
               'the managers know of the device', 30)
    node.create('clock', 'sh', '-c', 'echo $CLOCKS $CLOCK; ls /clock; ls -l /dev/clock; echo x >/dev/clock; exec sleep 1000',
                change=lambda spec: spec.task.container.devices.append('vendor.com/clock=0'))
    node.running('clock', 1)
    wait_until(lambda: 'some 0' in node.logs('clock') and 'vendor.json' in node.logs('clock') and '1,   7' in node.logs('clock')
               and 'No space left' in node.logs('clock'), lambda: 'it has all of it: ' + node.logs('clock'))
    check(os.path.exists(folder + '/hooked'), 'the hook ran')
    node.create('other', change=lambda spec: spec.task.container.devices.append('vendor.com/clock=1'))
    wait_until(lambda: 'missing device on 1 node' in node.story('other'), lambda: 'it waits: ' + node.story('other'))
    refused(lambda: node.create('wrong', change=lambda spec: spec.task.container.devices.append('/dev/full')), 'is no device')
    node.remove('clock')
    node.remove('other')
    _with_agent(node)


def _push(kind, content, media_type, name='latest'):
    """Puts a blob or a manifest into the registry, as the repository 'foreign'; returns its descriptor."""
    digest = 'sha256:' + hashlib.sha256(content).hexdigest()
    place = 'http://%s/v2/foreign' % REGISTRY
    if kind == 'manifest':
        where = '%s/manifests/%s' % (place, name)
    else:
        with urllib.request.urlopen(urllib.request.Request(place + '/blobs/uploads/', method='POST')) as answer:
            where = answer.headers['Location'] + '&digest=' + digest
    with urllib.request.urlopen(urllib.request.Request(where, content, {'Content-Type': media_type}, method='PUT')):
        return {'mediaType': media_type, 'digest': digest, 'size': len(content)}


def _push_image_for(architecture):
    oci = 'application/vnd.oci.image.'
    config = json.dumps({'os': 'linux', 'architecture': architecture, 'rootfs': {'type': 'layers', 'diff_ids': []}}).encode()
    manifest = {'schemaVersion': 2, 'mediaType': oci + 'manifest.v1+json', 'layers': [],
                'config': _push('blob', config, oci + 'config.v1+json')}
    return _push('manifest', json.dumps(manifest).encode(), manifest['mediaType'])


def an_image_for_another_architecture_waits_for_a_node_of_it(node):
    def platforms():
        return [(p.os, p.architecture) for p in node.control('GetService', id='web').service.spec.task.placement.platforms]

    def to(image, resolve):
        spec = node.control('GetService', id='web').service.spec
        spec.task.container.image = image
        return node.control('UpdateService', id='web', spec=spec, resolve_image=resolve)
    digest = _push_image_for('s390x')['digest']
    node.create('web', image=REGISTRY + '/foreign')
    check(node.control('GetService', id='web').service.spec.task.container.image.endswith('@' + digest), 'it is pinned')
    wait_until(lambda: 'unsupported platform on 1 node' in node.story('web'), lambda: 'it waits: ' + node.story('web'))
    why = node.control('ExplainTask', id=node.tasks('web')[0].task.id)
    check(why.nodes[0].why.endswith('the image is for linux/s390x'), 'it is said which the image has:', why.nodes[0].why)
    to(IMAGE, True)
    node.running('web', 1)
    check(platforms() == [('linux', 'amd64')], 'the other image brings its own:', platforms())
    check('could not be accessed' in to(REGISTRY + '/nosuchimage', True).warnings[0], 'docker warns')
    check(not platforms(), 'nothing is known of what could not be accessed:', platforms())
    node.control('UpdateService', id='web', rollback=True)
    check(platforms() == [('linux', 'amd64')], 'a rollback takes them back:', platforms())
    node.running('web', 1)
