"""Volumes of a node: made by services and by people, kept when tasks go."""
import json
import os

from cli_scenarios import _skep
from node import IMAGE, check, wait_until


def _create(node, name, mount, command='sleep 100000'):
    _skep(node, 'service', 'create', '-d', '--name', name, '--stop-grace-period', '1s', '--mount', mount, IMAGE, 'sh', '-c', command)


def a_volume_outlives_its_tasks_and_is_removed_when_nobody_uses_it(node):
    _create(node, 'db', 'type=volume,src=data,dst=/data,volume-label=a=b', 'echo kept >/data/file; sleep 100000')
    task = node.running('db', 1)[1].task.id
    shown = json.loads(_skep(node, 'volume', 'inspect', 'data'))[0]
    check(shown['Driver'] == 'local' and shown['Scope'] == 'local' and shown['Labels'] == {'a': 'b'}, shown)
    told = _skep(node, 'volume', 'rm', 'data', code=1)
    check('remove data: volume is in use - [%s]' % task in told, told)
    check(_skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true').strip() == '', 'it is in use')
    node.remove('db')
    wait_until(lambda: _skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true').strip() == 'data', 'nobody uses it')
    check(os.path.exists(shown['Mountpoint'] + '/file'), 'what was written is kept')
    check(_skep(node, 'volume', 'prune', '-f') == '', 'it has a name: prune leaves it')
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
    check('Deleted Volumes:\n' + name in _skep(node, 'volume', 'prune', '-f'), 'prune takes what has no name')
    told = _skep(node, 'volume', 'create', '-o', 'colour=blue', 'bad', code=1)
    check('invalid option: "colour"' in told, told)
    told = _skep(node, 'volume', 'create', '-d', 'nosuch', 'bad', code=1)
    check('error looking up volume plugin nosuch: plugin "nosuch" not found' in told, told)
    told = _skep(node, 'volume', 'create', 'a/b', code=1)
    check('includes invalid characters for a local volume name' in told, told)
    node.remove('web')
    wait_until(lambda: 'mem' in _skep(node, 'volume', 'ls', '-q', '--filter', 'dangling=true'), 'nobody uses it')
    _skep(node, 'volume', 'rm', 'mem')
