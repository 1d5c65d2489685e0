"""Secrets and configs: what a container finds, and where else nothing of them may be."""
import contextlib
import glob
import os
import signal

from cli_scenarios import _skep
from node import IMAGE, check, run, wait_until


def _file(node, name, content):
    path = os.path.join(node.folder, name)
    with open(path, 'wb') as file:
        file.write(content)
    return path


def _inside(node, name, path):
    """A path inside the service's one container."""
    pid = node.running(name, 1)[1].task.status.container.pid
    return '/proc/%d/root%s' % (pid, path)


def _read(node, name, path):
    with open(_inside(node, name, path), 'rb') as file:
        return file.read()


def secrets_and_configs_are_files_of_the_container(node):
    _skep(node, 'secret', 'create', 'pw', _file(node, 'pw', b's3cret'))
    _skep(node, 'secret', 'create', '--label', 'l=1', 'key', _file(node, 'key', b'\0binary\xff'))
    _skep(node, 'config', 'create', 'conf', _file(node, 'conf', b'k=v'))
    _skep(node, 'service', 'create', '-d', '--name', 'web', '--stop-grace-period', '100ms', '--secret', 'pw',
          '--secret', 'source=key,target=/etc/key,uid=7,gid=8,mode=0400', '--config', 'source=conf,target=conf.d', IMAGE, 'sleep', '100000')
    check(_read(node, 'web', '/run/secrets/pw') == b's3cret', 'the secret is there')
    check(_read(node, 'web', '/etc/key') == b'\0binary\xff', 'so is the one with a target')
    check(_read(node, 'web', '/conf.d') == b'k=v', 'and the config')
    facts = os.stat(_inside(node, 'web', '/etc/key'))
    check((facts.st_uid, facts.st_gid, facts.st_mode & 0o7777) == (7, 8, 0o400), 'owner and mode are as asked for')
    check(os.stat(_inside(node, 'web', '/run/secrets/pw')).st_mode & 0o7777 == 0o444, 'everybody may read by default')
    told = _skep(node, 'secret', 'rm', 'pw', code=1)
    check("secret 'pw' is in use by the following service: web" in told, told)
    _skep(node, 'service', 'update', '-d', '--secret-rm', 'pw', 'web')
    wait_until(lambda: not os.path.exists(_inside(node, 'web', '/run/secrets/pw')), 'it is taken away')
    check(_skep(node, 'secret', 'rm', 'pw') == 'pw\n', 'it can be removed now')
    check('secret not found: nosuch\n' == _skep(node, 'service', 'create', '--secret', 'nosuch', IMAGE, code=1), 'an unknown one is told')
    node.remove('web')
    node.nothing_left()
    _skep(node, 'secret', 'rm', 'key')
    _skep(node, 'config', 'rm', 'conf')


def a_new_version_moves_the_services_that_follow(node):
    piped = run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'secret', 'create', 'pw', '-', input='one')
    check(piped.returncode == 0, piped.stderr)
    for name, source in ('follower', 'pw'), ('pinned', 'pw@1'):
        _skep(node, 'service', 'create', '-d', '--name', name, '--stop-grace-period', '100ms', '--secret', 'source=%s,target=pw' % source,
              IMAGE, 'sleep', '100000')
    check(_skep(node, 'secret', 'update', '--data', _file(node, 'pw', b'two'), 'pw') == 'pw@2\n', 'the new version is named')
    wait_until(lambda: _read(node, 'follower', '/run/secrets/pw') == b'two', 'the follower gets the new one')
    check(_read(node, 'pinned', '/run/secrets/pw') == b'one', 'who named a version keeps it')
    check(_skep(node, 'secret', 'update', '--data', _file(node, 'pw', b'two'), 'pw') == 'pw@2\n', 'the same again is no new version')
    check('pw@2' in _skep(node, 'secret', 'ls'), 'ls shows it')
    check('Source:\tpw (pw@2)\n' in _skep(node, 'service', 'inspect', '--pretty', 'follower'), 'the version that is followed is shown')
    check('Source:\tpw@1\n' in _skep(node, 'service', 'inspect', '--pretty', 'pinned'), 'a pinned one is shown as it was said')
    _skep(node, 'secret', 'rm', 'pw', code=1)
    node.remove('pinned')
    node.remove('follower')
    wait_until(lambda: not node.tasks(), 'both are gone')
    check(_skep(node, 'secret', 'rm', 'pw') == 'pw\npw@2\n', 'all unused versions go')
    check(not node.control('ListSecrets').secrets, 'none is left')


def templates_are_expanded_where_the_task_runs(node):
    _skep(node, 'secret', 'create', 'pw', _file(node, 'pw', b'hunter2'))
    _skep(node, 'config', 'create', '--template-driver', 'golang', 'conf',
          _file(node, 'conf', b'{{ .Service.Name }}.{{ .Task.Slot }} {{ env "COLOR" }} {{ secret "pw" }}'))
    _skep(node, 'service', 'create', '-d', '--name', 'web', '--stop-grace-period', '100ms', '--secret', 'pw', '--config', 'source=conf,target=/etc/conf',
          '--env', 'COLOR={{ .Node.Hostname }}', '--hostname', '{{ .Service.Name }}-{{ .Task.Slot }}', '--mount',
          'type=volume,source={{.Service.Name}}-{{.Task.Slot}},target=/data-{{.Task.Slot}}', IMAGE, 'sleep', '100000')
    check(_read(node, 'web', '/etc/conf') == b'web.1 testnode hunter2', 'the config is expanded', _read(node, 'web', '/etc/conf'))
    check(_read(node, 'web', '/etc/hostname') == b'web-1\n', 'so is the hostname')
    check(os.path.isdir(_inside(node, 'web', '/data-1')), 'and the mount')
    told = _skep(node, 'service', 'create', '--env', 'A={{.Bogus}}', IMAGE, code=1)
    check("can't evaluate field Bogus in type *template.Context" in told, told)
    told = _skep(node, 'config', 'create', '--template-driver', 'golang', 'bad', _file(node, 'bad', b'{{ if }}'), code=1)
    check('template: expansion:1:' in told, told)
    _skep(node, 'config', 'create', '--template-driver', 'golang', 'lost', _file(node, 'lost', b'{{ secret "nosuch" }}'))
    _skep(node, 'service', 'create', '-d', '--name', 'lost', '--config', 'lost', IMAGE)
    check('secret target nosuch not found' in node.ended('lost').task.status.err, 'the task is rejected')
    check('secret target nosuch not found' in _skep(node, 'why', 'lost.1'), 'why tells')
    for name in 'web', 'lost':
        node.remove(name)
    wait_until(lambda: not node.tasks(), 'the services are gone')
    for words in ('secret', 'rm', 'pw'), ('config', 'rm', 'conf', 'lost'):
        _skep(node, *words)


def files_outlive_the_agent_and_come_again_after_a_failure(node):
    _skep(node, 'secret', 'create', 'pw', _file(node, 'pw', b's3cret'))
    _skep(node, 'service', 'create', '-d', '--name', 'web', '--stop-grace-period', '100ms', '--restart-delay', '0s', '--secret', 'pw', IMAGE, 'sleep', '100000')
    before = node.running('web', 1)[1].task
    node.came_back('agent', node.kill9('agent'))
    wait_until(node.info, 'the agent answers')
    check(_read(node, 'web', '/run/secrets/pw') == b's3cret', 'a running container keeps its files')
    dead = node.kill9('agent')
    os.kill(before.status.container.pid, signal.SIGKILL)
    node.came_back('agent', dead)
    wait_until(lambda: node.running('web', 1)[1].task.id != before.id, 'another task runs')
    check(_read(node, 'web', '/run/secrets/pw') == b's3cret', 'the next one has them, too')
    node.remove('web')
    node.nothing_left()
    check(not glob.glob(node.run + '/memory/*'), 'nothing of them is left in memory:', glob.glob(node.run + '/memory/*'))
    wait_until(lambda: not node.tasks(), 'the service is gone')
    _skep(node, 'secret', 'rm', 'pw')


def _memory_holds(pid, planted):
    """How often it is in what a core dump of the process would have."""
    found = 0
    with open('/proc/%d/maps' % pid) as maps, open('/proc/%d/mem' % pid, 'rb', 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            first, last = (int(n, 16) for n in place.split('-'))
            if 'r' in rights and '[v' not in line:
                with contextlib.suppress(OSError):
                    memory.seek(first)
                    found += memory.read(last - first).count(planted)
    return found


def _files_that_hold(planted, *folders):
    found = run('grep', '-rlaFs', planted.decode(), *folders).stdout.split()
    return [path for path in found if not path.endswith('/planted')]


def what_a_secret_says_is_nowhere_but_in_its_container(node):
    node.kill_everything()
    node.start('--log-level', 'debug', '--daemon-options', ' '.join(d + ':--log-level=debug' for d in ('store', 'api', 'dispatcher', 'orchestrator')))
    wait_until(node.is_ready, 'the node is ready again')
    planted = b'pl4nted-' + os.urandom(12).hex().encode()
    _skep(node, 'secret', 'create', 'pw', _file(node, 'planted', planted * 200))
    _skep(node, 'config', 'create', '--template-driver', 'golang', 'conf', _file(node, 'conf', b'{{ secret "pw" }}'))
    _skep(node, 'service', 'create', '-d', '--name', 'web', '--replicas', '3', '--stop-grace-period', '100ms', '--secret', 'pw', '--config', 'conf',
          IMAGE, 'sleep', '100000')
    node.running('web', 3)
    for words in ('secret', 'ls', '--format', 'json'), ('secret', 'inspect', 'pw'), ('service', 'inspect', 'web'), ('events', '--since', '1h', '--until', '0s'):
        check(planted.decode() not in _skep(node, *words), *words, 'does not tell it')
    for socket in glob.glob(node.run + '/*.metrics'):
        for page in 'metrics', 'state':
            told = run('curl', '-s', '--unix-socket', socket, 'http://daemon/' + page).stdout
            check(planted.decode() not in told, socket, page, 'does not tell it')
    check(not _files_that_hold(planted, node.state, node.folder + '/agent.log'), 'no file has it:',
          _files_that_hold(planted, node.state, node.folder + '/agent.log'))
    node.remove('web')
    node.nothing_left()
    wait_until(lambda: not node.tasks(), 'the service is gone')
    for words in ('config', 'rm', 'conf'), ('secret', 'rm', 'pw'):
        _skep(node, *words)
    check(not _files_that_hold(planted, node.folder), 'no file has it:', _files_that_hold(planted, node.folder))
    # What the connection read last lies in its buffers; with them it is freed.
    node.came_back('dispatcher', node.kill9('dispatcher'))
    pid = node.daemon_pid('agent')
    wait_until(lambda: not _memory_holds(pid, planted), lambda: 'the agent wiped it, but %d' % _memory_holds(pid, planted))
