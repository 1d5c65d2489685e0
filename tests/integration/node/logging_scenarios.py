"""Where logs go: each driver against a small server of its kind."""
import contextlib
import gzip
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

from cli_scenarios import _skep
from node import IMAGE, check, refused, run, wait_until

WORDS = 'for i in 1 2 3; do echo out-$i; echo err-$i >&2; done; sleep 100000'


class _Server:
    """Collects what comes: datagrams, or the bytes of streams."""
    def __init__(self, kind, family=socket.AF_INET, address=('127.0.0.1', 0), tls=None):
        self.kind, self.got, self.tls = kind, [], tls
        self.socket = socket.socket(family, kind)
        self.socket.bind(address)
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        self.port = self.socket.getsockname()[1] if family == socket.AF_INET else None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                if self.kind == socket.SOCK_DGRAM:
                    self.got.append(self.socket.recv(70000))
                else:
                    client, _ = self.socket.accept()
                    threading.Thread(target=self.read, args=(client,), daemon=True).start()
        except OSError:
            pass

    def read(self, client):
        with contextlib.suppress(OSError):
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            while data := client.recv(65536):
                self.got.append(data)

    def all(self):
        return b''.join(self.got)

    def close(self):
        self.socket.close()


def _create(node, name, driver, *words, replicas=1, **options):
    def change(spec):
        spec.task.log_driver.name = driver
        for key, value in options.items():
            spec.task.log_driver.options.add(key=key.replace('_', '-'), value=value)
        spec.task.container.labels.add(key='team', value='blue')
        spec.task.container.env.append('STAGE={{.Service.Name}}-test')
    node.create(name, 'sh', '-c', *(words or (WORDS,)), change=change, replicas=replicas)
    return node.running(name, replicas)


def _has_all(server, words=('out-1', 'out-2', 'out-3', 'err-1', 'err-2', 'err-3')):
    wait_until(lambda: all(w.encode() in server.all() for w in words), lambda: 'all lines come: %r' % server.all()[:500])


def syslog_takes_lines_by_udp(node):
    server = _Server(socket.SOCK_DGRAM)
    _create(node, 'web', 'syslog', syslog_address='udp://127.0.0.1:%d' % server.port, syslog_format='rfc5424micro',
            syslog_facility='local3', tag='{{.Name}}/{{.ImageName}}')
    _has_all(server)
    line = next(m for m in server.got if b'err-2' in m).decode()
    check(line.startswith('<155>1 ') and ' testnode web.1.' in line and line.endswith('- err-2') and '/127.0.0.1:5000/busybox' in line, line)


def syslog_takes_lines_by_tcp_and_unix(node):
    server = _Server(socket.SOCK_STREAM)
    _create(node, 'web', 'syslog', syslog_address='tcp://127.0.0.1:%d' % server.port, syslog_format='rfc3164')
    _has_all(server)
    check(all(line.startswith(b'<') for line in server.all().splitlines()), server.all())
    path = node.run + '/log.sock'
    local = _Server(socket.SOCK_DGRAM, socket.AF_UNIX, path)
    _create(node, 'local', 'syslog', syslog_address='unixgram://' + path)
    _has_all(local)
    os.unlink(path)


def syslog_takes_lines_by_tls_from_who_it_is(node):
    folder = node.folder + '/tls'
    os.makedirs(folder, exist_ok=True)
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=logs',
        '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder + '/key', '-out', folder + '/crt')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + '/crt', folder + '/key')
    server = _Server(socket.SOCK_STREAM, tls=context)
    address = 'tcp+tls://127.0.0.1:%d' % server.port
    _create(node, 'web', 'syslog', syslog_address=address, syslog_tls_ca_cert=folder + '/crt', syslog_format='rfc5424')
    _has_all(server)
    check(server.all().split(b' ', 1)[0].isdigit(), 'messages are counted', server.all()[:80])
    before = len(server.all())
    _create(node, 'stranger', 'syslog', syslog_address=address)
    wait_until(lambda: 'certificate' in _told(node, 'stranger'), lambda: 'why is told: ' + _told(node, 'stranger'))
    check(len(server.all()) == before, 'nothing is told to a stranger')


def _told(node, name):
    return run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'service', 'logs', name).stderr


def _unpack(data, at=0):
    """MessagePack, as much as is needed."""
    kind = data[at]
    if kind == 0x93:
        items, at = [], at + 1
        for _ in range(3):
            item, at = _unpack(data, at)
            items.append(item)
        return items, at
    if kind == 0xdb:
        size = struct.unpack_from('>I', data, at + 1)[0]
        return data[at + 5:at + 5 + size].decode(), at + 5 + size
    if kind == 0xce:
        return struct.unpack_from('>I', data, at + 1)[0], at + 5
    if kind == 0xd7:
        check(data[at + 1] == 0, 'an event time')
        return struct.unpack_from('>II', data, at + 2), at + 10
    check(kind == 0xde, 'a map, not', kind)
    found, n, at = {}, struct.unpack_from('>H', data, at + 1)[0], at + 3
    for _ in range(n):
        key, at = _unpack(data, at)
        found[key], at = _unpack(data, at)
    return found, at


def fluentd_takes_records(node):
    server = _Server(socket.SOCK_STREAM)
    _create(node, 'web', 'fluentd', fluentd_address='127.0.0.1:%d' % server.port, tag='docker.{{.ID}}', labels='team,x', env_regex='^STA',
            fluentd_sub_second_precision='true')
    _has_all(server)
    tag, when, record = _unpack(server.all())[0]
    check(tag.startswith('docker.') and len(tag) == 19 and abs(when[0] - time.time()) < 60, tag, when)
    check(record['team'] == 'blue' and record['STAGE'] == 'web-test' and record['source'] in ('stdout', 'stderr'), record)


def gelf_takes_messages_whole_and_in_chunks(node):
    server = _Server(socket.SOCK_DGRAM)
    _create(node, 'web', 'gelf', 'head -c 12000 /dev/urandom | od -An -tx1 | tr -d " \\n"; echo; echo short >&2; sleep 100000',
            gelf_address='udp://127.0.0.1:%d' % server.port, labels='team')

    def whole():
        parts, found = {}, []
        for datagram in server.got:
            if datagram[:2] == b'\x1e\x0f':
                parts.setdefault(datagram[2:10], {})[datagram[10]] = datagram[12:]
                if len(parts[datagram[2:10]]) == datagram[11]:
                    found.append(b''.join(v for _, v in sorted(parts[datagram[2:10]].items())))
            else:
                found.append(datagram)
        messages = [json.loads(gzip.decompress(m)) for m in found]
        return messages if sum(len(m['short_message']) for m in messages) >= 24005 else None
    messages = wait_until(whole, 'all comes')
    check(all(len(d) <= 1420 for d in server.got) and any(d[:2] == b'\x1e\x0f' for d in server.got), 'in chunks')
    check({m['_team'] for m in messages} == {'blue'} and {m['level'] for m in messages} == {6, 3}, messages[0])
    stream = _Server(socket.SOCK_STREAM)
    _create(node, 'tcp', 'gelf', gelf_address='tcp://127.0.0.1:%d' % stream.port)
    _has_all(stream)
    check(json.loads(stream.all().split(b'\0')[0])['version'] == '1.1', stream.all()[:100])


def journald_takes_fields(node):
    os.makedirs('/run/systemd/journal', exist_ok=True)
    server = _Server(socket.SOCK_DGRAM, socket.AF_UNIX, '/run/systemd/journal/socket')
    _create(node, 'web', 'journald', labels='team')
    _has_all(server)
    check(any(b'CONTAINER_NAME\n' in m and b'TEAM\n' in m and b'PRIORITY\n\x01\0\0\0\0\0\0\x003\n' in m for m in server.got), server.got[0])
    os.unlink('/run/systemd/journal/socket')


def a_dead_server_holds_nobody_up_who_does_not_block(node):
    count = 'i=0; while [ $i -lt 60000 ]; do echo line-$i-0123456789012345678901234567890123456789; i=$((i+1)); done; echo >/tmp/through; sleep 100000'
    _create(node, 'web', 'syslog', count, syslog_address='tcp://127.0.0.1:9', mode='non-blocking', max_buffer_size='64k')
    with open('/proc/%d/status' % node.daemon_pid('agent')) as file:
        before = next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))
    wait_until(lambda: run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'exec', 'web', 'cat', '/tmp/through').returncode == 0, 'it goes on', 40)
    with open('/proc/%d/status' % node.daemon_pid('agent')) as file:
        after = next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))
    check(after - before < 16 * 1024, 'memory', before, after)
    wait_until(lambda: 'lines were dropped' in _told(node, 'web'), lambda: 'what was lost is told: ' + _told(node, 'web'))
    check('does not support reading' in _told(node, 'web') and 'not reached' in _told(node, 'web'), _told(node, 'web'))
    why = _skep(node, 'why', 'web.1')
    check('dropped; its log server is not reached: connect' in why, why)


def a_slow_server_makes_who_blocks_wait_and_loses_nothing(node):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(('127.0.0.1', 0))
    listener.listen()
    count = 'i=0; while [ $i -lt 40000 ]; do echo line-$i-0123456789012345678901234567890123456789; i=$((i+1)); done; echo >/tmp/through; sleep 100000'
    _create(node, 'web', 'syslog', count, syslog_address='tcp://127.0.0.1:%d' % listener.getsockname()[1])
    listener.settimeout(20)
    client, _ = listener.accept()
    time.sleep(4)
    check(run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'exec', 'web', 'cat', '/tmp/through').returncode == 1, 'it waits')
    data = b''
    client.settimeout(20)
    while b'line-39999-' not in data[-200:]:
        data += client.recv(65536)
    check(all(b']: line-%d-' % i in line for i, line in enumerate(data.splitlines())), 'each line, in order')


def options_are_checked_when_a_service_is_made(node):
    for driver, options, words in (
            ('nosuch', {}, "logger: no log driver named 'nosuch' is registered"),
            ('json-file', {'foo': 'x'}, "unknown log opt 'foo' for json-file log driver"),
            ('syslog', {'gelf-address': 'x'}, "unknown log opt 'gelf-address' for syslog log driver"),
            ('json-file', {'mode': 'x'}, 'logging mode not supported'),
            ('json-file', {'max-buffer-size': '1m'}, "only supported with 'mode=non-blocking'"),
            ('syslog', {'syslog-address': 'http://x'}, "unsupported scheme: 'http'"),
            ('syslog', {'syslog-facility': 'x'}, 'invalid syslog facility'),
            ('gelf', {}, 'gelf-address is a required parameter')):
        def change(spec):
            spec.task.log_driver.name = driver
            for key, value in options.items():
                spec.task.log_driver.options.add(key=key, value=value)
        refused(lambda: node.create('web', change=change), words)


def a_node_that_is_away_is_named(node):
    _create(node, 'web', 'json-file')
    node.respawner.terminate()
    node.respawner.wait(20)
    node.respawner = None
    name = 'testnode'
    wait_until(lambda: 'incomplete log stream' in _told(node, 'web') and 'node %s is not available' % name in _told(node, 'web'),
               lambda: 'it is named: ' + _told(node, 'web'))


def details_show_what_goes_along(node):
    _create(node, 'web', 'json-file', labels='team', env='STAGE', tag='{{.DaemonName}}')
    node.running('web', 1)
    wait_until(lambda: len(_lines(node, 'web')) == 6, 'it speaks')
    lines = _lines(node, '--details', 'web')
    check('STAGE=web-test,tag=skep,team=blue out-3' in lines and 'STAGE=web-test,tag=skep,team=blue err-3' in lines, lines)


def _lines(node, *words):
    done = run(node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'service', 'logs', '--raw', *words)
    check(done.returncode == 0, done.stderr)
    return (done.stdout + done.stderr).splitlines()


@contextlib.contextmanager
def _journal():
    """The system's own journald, with nothing of the system's."""
    os.makedirs('/run/systemd/journal', exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink('/run/systemd/journal/socket')
    for folder in ('/var/log/journal', '/run/log/journal'):
        os.makedirs(folder, exist_ok=True)
        run('mount', '-t', 'tmpfs', 'tmpfs', folder)
    journald = subprocess.Popen(['/lib/systemd/systemd-journald'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.exists('/run/systemd/journal/socket'), 'the journal listens')
        yield
    finally:
        journald.kill()
        journald.wait()


def journald_is_read_back(node):
    with _journal():
        _create(node, 'web', 'journald', WORDS.replace('sleep 100000', 'while [ ! -e /go ]; do sleep 0.2; done; echo late; sleep 100000'),
                labels='team')
        task = node.running('web', 1)[1].task.id
        words = sorted('%s-%d' % (w, i) for w in ('out', 'err') for i in (1, 2, 3))
        wait_until(lambda: sorted(_lines(node, 'web')) == words, lambda: 'all comes back: %s' % _lines(node, 'web'), 20)
        check(_lines(node, '--details', '--tail', '1', 'web')[0].startswith('team=blue '), 'with what goes along')
        check(len(_lines(node, '--tail', '2', 'web')) == 2, 'a tail:', _lines(node, '--tail', '2', 'web'))
        follower = subprocess.Popen(['timeout', '30', node.folder + '/bin/skep', '-H', 'unix:%s/api.sock' % node.run, 'service', 'logs', '-f',
                                     '--raw', 'web'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            check([follower.stdout.readline() for _ in range(3)] == ['out-1\n', 'out-2\n', 'out-3\n'], 'what was there comes')
            _skep(node, 'exec', task, 'touch', '/go')
            check(follower.stdout.readline() == 'late\n', 'what comes later comes, too')
        finally:
            follower.terminate()
            follower.wait()
