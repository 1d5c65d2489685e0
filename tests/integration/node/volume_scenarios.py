"""Volumes of a node: made by services and by people, kept when tasks go."""
import contextlib
import json
import os
import subprocess
import sys
import time

from cli_scenarios import _skep
from node import IMAGE, REGISTRY, State, check, run, wait_until


def _create(node, name, mount, command='sleep 100000'):
    _skep(node, 'service', 'create', '-d', '--name', name, '--stop-grace-period', '1s', '--mount', mount, IMAGE, 'sh', '-c', command)


# Other scenarios leave volumes behind, too.
def _dangling(node):
    return _skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true').split()


def a_volume_outlives_its_tasks_and_is_removed_when_nobody_uses_it(node):
    _create(node, 'db', 'type=volume,src=data,dst=/data,volume-label=a=b', 'echo kept >/data/file; sleep 100000')
    task = node.running('db', 1)[1].task.id
    shown = json.loads(_skep(node, 'volume', 'inspect', 'data'))[0]
    check(shown['Driver'] == 'local' and shown['Scope'] == 'local' and shown['Labels'] == {'a': 'b'}, shown)
    told = _skep(node, 'volume', 'rm', 'data', code=1)
    check('remove data: volume is in use - [%s]' % task in told, told)
    check('data' not in _dangling(node), 'it is in use')
    node.remove('db')
    wait_until(lambda: 'data' in _dangling(node), 'nobody uses it')
    check(os.path.exists(shown['Mountpoint'] + '/file'), 'what was written is kept')
    check('data' not in _skep(node, 'volume', 'prune', '-f').split(), 'it has a name: prune leaves it')
    check(_skep(node, 'volume', 'rm', 'data') == 'data\n', 'rm says its name')
    check(not os.path.exists(shown['Mountpoint']), 'it is gone')
    told = _skep(node, 'volume', 'rm', 'data', code=1)
    check('get data: no such volume' in told, told)
    _skep(node, 'volume', 'rm', '-f', 'data')


def a_volume_is_what_it_was_made_as(node):
    check(_skep(node, 'volume', 'create', '--label', 'x=y', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=3m', 'mem') == 'mem\n', 'made')
    _skep(node, 'volume', 'create', 'mem')
    name = _skep(node, 'volume', 'create').strip()
    check(len(name) == 64, 'a volume without a name gets one:', name)
    listed = _skep(node, 'volume', 'ls')
    check(listed.splitlines()[0].split() == ['DRIVER', 'VOLUME', 'NAME'] and 'mem' in listed and name in listed, listed)
    check(_skep(node, 'volume', 'ls', '-q', '--filter', 'label=x=y') == 'mem\n', 'by label')
    _create(node, 'web', 'type=volume,src=mem,dst=/m', 'df -m /m; sleep 100000')
    node.running('web', 1)
    wait_until(lambda: ' 3 ' in node.logs('web'), lambda: 'it is mounted as it was made: ' + node.logs('web'))
    told = _skep(node, 'volume', 'prune', '-f')
    check(told.startswith('Deleted Volumes:\n') and name in told.split(), 'prune takes what has no name:', told)
    told = _skep(node, 'volume', 'create', '-o', 'colour=blue', 'bad', code=1)
    check('invalid option: "colour"' in told, told)
    told = _skep(node, 'volume', 'create', '-d', 'nosuch', 'bad', code=1)
    check('error looking up volume plugin nosuch: plugin "nosuch" not found' in told, told)
    told = _skep(node, 'volume', 'create', 'a/b', code=1)
    check('includes invalid characters for a local volume name' in told, told)
    node.remove('web')
    wait_until(lambda: 'mem' in _skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true'), 'nobody uses it')
    _skep(node, 'volume', 'rm', 'mem')


@contextlib.contextmanager
def _plugin(node, name):
    folder, socket = '%s/%s' % (node.folder, name), '/run/docker/plugins/%s.sock' % name
    plugin = subprocess.Popen([sys.executable, os.path.dirname(os.path.abspath(__file__)) + '/volume_plugin.py', socket, folder])
    try:
        wait_until(lambda: os.path.exists(socket), 'the plugin listens')
        yield folder
    finally:
        plugin.kill()
        plugin.wait()
        os.unlink(socket)


def _asked(folder):
    with open(folder + '/asked', encoding='utf-8') as asked:
        return asked.read()


def a_plugin_that_hangs_keeps_no_others_waiting(node):
    with _plugin(node, 'mud') as folder:
        for i in range(6):
            _create(node, 'stuck%d' % i, 'type=volume,src=stuck%d,dst=/b,volume-driver=mud' % i)
        wait_until(lambda: _asked(folder).count('Mount') == 4, 'all threads of the volumes hang', 40)
        _skep(node, 'service', 'create', '-d', '--name', 'plain', '--stop-grace-period', '1s', IMAGE, 'sleep', '100000')
        node.running('plain', 1)
        check(_asked(folder).count('Mount') == 4, 'those hang still:', _asked(folder))
        for i in range(6):
            node.remove('stuck%d' % i)
        node.remove('plain')


def a_volume_of_a_plugin_is_mounted_and_unmounted_by_it(node):
    with _plugin(node, 'shelf') as folder:
        _create(node, 'web', 'type=volume,src=books,dst=/b,volume-driver=shelf,volume-opt=kind=paper',
                'echo read >/b/page; sleep 100000')
        task = node.running('web', 1)[1].task.id
        wait_until(lambda: os.path.exists(folder + '/books/page'), 'it is the plugin\'s folder')
        shown = json.loads(_skep(node, 'volume', 'inspect', 'books'))[0]
        check(shown['Driver'] == 'shelf' and shown['Options'] == {'kind': 'paper'}, shown)
        check('in use' in _skep(node, 'volume', 'rm', 'books', code=1), 'it is in use')
        told = _skep(node, 'volume', 'create', '-d', 'shelf', '-o', 'full=1', 'fat', code=1)
        check('create fat: VolumeDriver.Create: no space left' in told, told)
        node.remove('web')
        wait_until(lambda: 'books' in _skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true'), 'nobody uses it')
        _skep(node, 'volume', 'rm', 'books')
        lines = _asked(folder)
        for line in ('VolumeDriver.Create {"Name": "books", "Opts": {"kind": "paper"}}',
                     'VolumeDriver.Mount {"Name": "books", "ID": "%s"}' % task,
                     'VolumeDriver.Unmount {"Name": "books", "ID": "%s"}' % task, 'VolumeDriver.Remove {"Name": "books"}'):
            check(line in lines, line, 'was asked:', lines)


def what_a_plugin_could_not_unmount_is_tried_again(node):
    with _plugin(node, 'glue') as folder:
        _create(node, 'web', 'type=volume,src=sticky,dst=/b,volume-driver=glue')
        node.running('web', 1)
        node.remove('web')
        wait_until(lambda: _asked(folder).count('Unmount') == 2, 'it is unmounted a second time', 40)
        _skep(node, 'volume', 'rm', 'sticky')


# Of mounted images, whoever's they are.
def _views(node):
    listed = run('ctr', '-a', node.run + '/containerd/containerd.sock', '-n', 'k8s.io', 'snapshots', 'ls').stdout
    return [line for line in listed.splitlines() if line.split()[-1:] == ['View']]


def _rejected(node, name, mount, words):
    _create(node, name, mount)
    task = node.ended(name)
    check(task.state == State.TASK_REJECTED and words in task.task.status.err, words, 'is said:', node.story(name))
    node.remove(name)


def an_image_is_mounted_and_given_back(node):
    _create(node, 'tool', 'type=image,src=%s,dst=/tool,image-subpath=bin' % IMAGE,
            'ls -d /tool/busybox /tool/sh; touch /tool/new || echo read-only; sleep 100000')
    pid = node.running('tool', 1)[1].task.status.container.pid
    wait_until(lambda: 'read-only' in node.logs('tool'), lambda: 'it cannot be written to: ' + node.logs('tool'))
    check('/tool/sh' in node.logs('tool'), 'the image is there:', node.logs('tool'))
    shown = json.loads(_skep(node, 'service', 'inspect', 'tool'))[0]['Spec']['TaskTemplate']['ContainerSpec']['Mounts'][0]
    check(shown == {'Type': 'image', 'Source': IMAGE, 'Target': '/tool', 'ImageOptions': {'Subpath': 'bin'}}, shown)
    check(len(_views(node)) == 1, 'it is a snapshot:', _views(node))
    node.came_back('agent', node.kill9('agent'))
    check(node.running('tool', 1)[1].task.status.container.pid == pid, 'it runs on')
    node.remove('tool')
    wait_until(lambda: not _views(node), lambda: 'its snapshot is gone: %s' % _views(node))
    _rejected(node, 'nopart', 'type=image,src=%s,dst=/m,image-subpath=none' % IMAGE,
              'cannot access path "none": no such file or directory')
    _rejected(node, 'noimage', 'type=image,src=%s/nosuchimage:1,dst=/m' % REGISTRY, 'No such image: %s/nosuchimage:1' % REGISTRY)
    wait_until(lambda: not _views(node), lambda: 'those that failed left none: %s' % _views(node))


def everything_dies_while_images_are_mounted_and_they_are_given_back(node):
    mount = 'type=image,src=%s,dst=/tool,image-subpath=bin' % IMAGE
    _skep(node, 'service', 'create', '-d', '--name', 'tools', '--stop-grace-period', '1s', '--mount', mount, IMAGE, 'sleep', '100000')
    for i in range(5):
        node.scale('tools', 10 if i % 2 == 0 else 2)
        time.sleep(0.2 * i)
        node.kill_everything()
        node.up()
    node.scale('tools', 3)
    node.running('tools', 3)
    wait_until(lambda: len(_views(node)) == 3, lambda: 'each has one: %s' % _views(node))
    node.remove('tools')
    wait_until(lambda: not _views(node), lambda: 'all are gone: %s' % _views(node))
