"""Going inside: exec, by the command line and by clients that mean no good."""
import os
import pty
import select
import signal
import subprocess
import threading
import time

import grpc
from api import control_pb2, dispatcher_pb2
from node import check, wait_until


def _environment(node):
    return dict(os.environ, SKEP_HOST='unix:%s/api.sock' % node.run, SKEP_NODE='unix:%s/node.sock' % node.run)


def _skep(node, *words, input=b'', timeout=60):
    done = subprocess.run([node.folder + '/bin/skep', *words], input=input, capture_output=True, timeout=timeout,
                          env=_environment(node))
    return done.returncode, done.stdout, done.stderr


def _says(node, code, out, *words, input=b''):
    """The command's exit code and output are these; returns what it said on stderr."""
    got = _skep(node, *words, input=input)
    check(got[:2] == (code, out), ' '.join(words), 'said', got)
    return got[2].decode()


def _container(node, name):
    return next(iter(node.container_pids(name)))


def _nothing_runs(node, mark):
    """No process has this word in its command line, and no FIFO of an exec is left."""
    def is_so():
        found = subprocess.run(['pgrep', '-f', mark], capture_output=True, text=True).stdout
        files = [f for _, _, fs in os.walk(node.run + '/tasks') for f in fs if f.startswith('exec-')]
        return not found and not files
    wait_until(is_so, 'nothing of %s is left' % mark)


def a_program_runs_inside_a_task(node):
    node.create('web')
    node.create('empty', replicas=0)
    node.running('web', 1)
    _says(node, 0, b'hello\n', 'exec', 'web.1', 'echo', 'hello')
    _says(node, 0, b'hello\n', 'exec', 'web', 'echo', 'hello')
    check('oops' in _says(node, 3, b'', 'exec', 'web', 'sh', '-c', 'echo oops >&2; exit 3'), 'stderr comes')
    _says(node, 0, b'abc', 'exec', '-i', 'web', 'cat', input=b'abc')
    _says(node, 0, b'', 'exec', 'web', 'cat', input=b'abc')
    _says(node, 0, b'blue /tmp\n', 'exec', '-e', 'COLOR=blue', '-w', '/tmp', 'web', 'sh', '-c', 'echo $COLOR $PWD')
    _says(node, 0, b'1000:1000\n', 'exec', '-u', '1000:1000', 'web', 'sh', '-c', 'echo $(id -u):$(id -g)')
    _says(node, 0, b'0\n', 'exec', '-u', 'root', 'web', 'id', '-u')
    check('executable file not found' in _says(node, 127, b'', 'exec', 'web', 'no-such-program'), 'runc says why')
    _says(node, 126, b'', 'exec', 'web', '/etc')
    check('No such task' in _says(node, 1, b'', 'exec', 'web.2', 'true'), 'there is none')
    check('no task of service empty is running' in _says(node, 1, b'', 'exec', 'empty', 'true'), 'none runs')
    big = os.urandom(20 << 20)
    _says(node, 0, big, 'exec', '-i', 'web', 'cat', input=big)
    _nothing_runs(node, 'no-such-program')


def what_was_written_last_is_told(node):
    node.create('web')
    node.running('web', 1)
    for _ in range(5):
        got = _skep(node, 'exec', 'web', 'sh', '-c', 'head -c 3000000 /dev/zero; echo end >&2')
        check(got[0] == 0 and len(got[1]) == 3000000 and got[2] == b'end\n', len(got[1]), got[2])


def a_terminal_goes_along(node):
    node.create('web')
    node.running('web', 1)
    parent, child = pty.openpty()
    import fcntl, struct, termios
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
    process = subprocess.Popen([node.folder + '/bin/skep', 'exec', '-it', 'web', 'sh'], stdin=child, stdout=child,
                               stderr=child, env=_environment(node), start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(child)
    seen = b''

    def until(word):
        nonlocal seen
        end = time.monotonic() + 15
        while word not in seen:
            check(time.monotonic() < end, 'waited for', word, 'saw', seen)
            if select.select([parent], [], [], 0.2)[0]:
                seen += os.read(parent, 4096)
    until(b'# ')
    os.write(parent, b'stty size; tty\n')
    until(b'33 77')
    fcntl.ioctl(parent, termios.TIOCSWINSZ, struct.pack('HHHH', 44, 99, 0, 0))
    os.kill(process.pid, signal.SIGWINCH)
    time.sleep(0.5)
    os.write(parent, b'stty size\n')
    until(b'44 99')
    os.write(parent, b'sleep 100\n')
    time.sleep(0.3)
    os.write(parent, b'\x03')
    os.write(parent, b'exit 5\n')
    check(process.wait(15) == 5, 'the exit code', process.returncode)
    os.close(parent)


def who_goes_away_takes_the_program_along(node):
    node.create('web')
    node.running('web', 1)
    process = subprocess.Popen([node.folder + '/bin/skep', 'exec', 'web', 'sh', '-c', 'echo on; sleep 98765; true'],
                               stdout=subprocess.PIPE, env=_environment(node))
    check(process.stdout.readline() == b'on\n', 'it runs')
    process.kill()
    process.wait()
    _nothing_runs(node, 'sleep 98765')
    _says(node, 0, b'', 'exec', '-d', 'web', 'sh', '-c', 'sleep 3; echo stays >/tmp/mark')
    wait_until(lambda: _skep(node, 'exec', 'web', 'cat', '/tmp/mark')[1] == b'stays\n', 'what was let go runs on')


def _enter(node, messages, timeout=30):
    """A stream by hand."""
    method = node.channels['api.sock'].stream_stream(
        '/skep.v1.Control/Enter', request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=dispatcher_pb2.EnterOutput.FromString)
    return method(messages, timeout=timeout)


def _start(*words, **options):
    exec_spec = getattr(dispatcher_pb2, 'ExecSpec')(args=words, **options)
    return dispatcher_pb2.EnterInput(start=dispatcher_pb2.EnterStart(task='web', exec=exec_spec))


def _memory(node):
    """What the daemons on the way have in memory, in MiB."""
    total = 0
    for name in ('agent', 'dispatcher', 'api'):
        with open('/proc/%d/status' % node.daemon_pid(name)) as file:
            total += next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) // 1024
    return total


def a_flood_that_nobody_reads_waits(node):
    node.create('web')
    node.running('web', 1)
    sent = 0

    def flood():
        nonlocal sent
        yield _start('sleep', '86123', stdin=True)
        while True:
            sent += 1
            yield dispatcher_pb2.EnterInput(data=bytes(32768))
    calls = [_enter(node, flood()) for _ in range(4)]
    loud = [_enter(node, iter([_start('sh', '-c', 'exec cat /dev/zero #86123')])) for _ in range(4)]
    for call in calls + loud:
        check(next(call).is_started, 'it runs')
    time.sleep(3)
    before, sent_before = _memory(node), sent
    time.sleep(3)
    check(sent == sent_before and sent < 4 * 1000, 'input waits', sent_before, sent)
    check(_memory(node) < before + 16 and before < 1000, 'memory is bounded', before, _memory(node))
    _says(node, 0, b'hello\n', 'exec', 'web', 'echo', 'hello')
    for call in calls + loud:
        call.cancel()
    _nothing_runs(node, '86123')


def a_storm_of_sizes_and_nonsense_is_weathered(node):
    node.create('web')
    node.running('web', 1)

    def storm():
        yield _start('sh', '-c', 'sleep 2; exit 9 #75123', tty=True, stdin=True)
        for i in range(20000):
            yield dispatcher_pb2.EnterInput(resize=dispatcher_pb2.TerminalSize(width=i, height=2 ** 31 + i))
        time.sleep(30)
    codes = [o.exit.code for o in _enter(node, storm()) if o.HasField('exit')]
    check(codes == [9], 'it ends as it would', codes)
    nonsense = ([dispatcher_pb2.EnterInput(data=b'x')], [dispatcher_pb2.EnterInput()], [_start('true'), _start('true')],
                [_start()], [_start('')], [_start('true', dir='x')], [_start('true', user='nobody-here')],
                [_start('true', env=['=', 'A', 'B=' + 'x' * 100000])], [_start('true', tty=True, detach=True, stdin=True)])
    for messages in nonsense:
        try:
            for _ in _enter(node, iter(messages)):
                pass
        except grpc.RpcError as error:
            check(error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.CANCELLED), messages[0], error)
    try:
        list(_enter(node, iter([_start('sleep', '75123', stdin=True), dispatcher_pb2.EnterInput(data=bytes(70000))])))
        check(False, 'too much at once is taken')
    except grpc.RpcError as error:
        check(error.code() == grpc.StatusCode.INVALID_ARGUMENT, error)
    _says(node, 0, b'hello\n', 'exec', 'web', 'echo', 'hello')
    _nothing_runs(node, '75123')


def whoever_cancels_at_any_moment_leaves_nothing(node):
    node.create('web')
    node.running('web', 1)
    for i in range(60):
        call = _enter(node, iter([_start('sh', '-c', 'echo on; exec sleep 65123', tty=i % 2 == 0, stdin=i % 3 == 0)]))
        time.sleep(i * 0.004)
        call.cancel()
    _nothing_runs(node, '65123')
    for victim in ('dispatcher', 'api', 'agent', 'containerd'):
        call = _enter(node, iter([_start('sleep', '55123')]))
        check(next(call).is_started, 'it runs')
        node.came_back(victim, node.kill9(victim))
        call.cancel()
        node.forget_channels()
        wait_until(node.info, 'the agent answers')
        wait_until(node.is_ready, 'the node is ready', 30)
        if victim != 'containerd':
            _nothing_runs(node, '55123')
        wait_until(lambda: _skep(node, 'exec', 'web', 'echo', 'hello')[1] == b'hello\n', 'and it works again')
    _nothing_runs(node, '55123')


def what_tasks_take_and_what_runs_in_them_is_shown(node):
    def limit(spec):
        spec.task.limits.memory_bytes = 64 << 20
    node.create('web', 'sh', '-c', 'while :; do :; done', change=limit)
    node.create('idle', 'sleep', '4321', replicas=2)
    node.running('web', 1)
    node.running('idle', 2)
    _, out, err = _skep(node, 'stats', '--no-stream')
    lines = {line.split()[1]: line.split() for line in out.decode().splitlines()[1:]}
    check(sorted(lines) == ['idle.1', 'idle.2', 'web.1'], out, err)
    check(float(lines['web.1'][2].rstrip('%')) > 20 and '64MiB' in lines['web.1'], 'it is busy:', lines['web.1'])
    check(float(lines['idle.1'][2].rstrip('%')) < 5 and lines['idle.1'][-1] == '1', 'it rests:', lines['idle.1'])
    _, out, _ = _skep(node, 'stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'idle')
    check(sorted(out.split(b'\n')) == [b'', b'idle.1 1', b'idle.2 1'], out)
    for words in [], ['--no-stream']:
        code, out, err = _skep(node, 'stats', *words, '--format', '{{.Nope}}')
        check(code == 1 and not out and err.startswith(b'failed to execute template') and b'Nope' in err, words, code, out, err)
    code, out, _ = _skep(node, 'top', 'idle.1')
    check(code == 0 and b'sleep 4321' in out and out.startswith(b'UID'), out)
    check(_skep(node, 'top', 'nobody')[0] == 1, 'nobody has no processes')
