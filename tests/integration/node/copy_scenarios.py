"""Files into tasks and out of them: skep cp, by people who mean well and by containers that do not."""
import io
import os
import pty
import select
import shutil
import stat
import subprocess
import tarfile
import tempfile
import threading
import time

import grpc
from api import dispatcher_pb2
from inside_scenarios import _enter, _environment, _memory, _skep
from node import check, wait_until


class _Folder:
    """A folder here, where skep runs."""
    def __init__(self, node):
        self.node = node

    def __enter__(self):
        self.path = tempfile.mkdtemp(dir=self.node.folder)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def __call__(self, name):
        return os.path.join(self.path, name)

    def put(self, name, content, mode=0o644):
        os.makedirs(os.path.dirname(self(name)), exist_ok=True)
        with open(self(name), 'wb') as file:
            file.write(content)
        os.chmod(self(name), mode)

    def get(self, name):
        with open(self(name), 'rb') as file:
            return file.read()

    def cp(self, *words, input=b'', fails=None):
        """Copies, or is told why not."""
        done = subprocess.run([self.node.folder + '/bin/skep', 'cp', *words], input=input, capture_output=True,
                              timeout=60, env=_environment(self.node), cwd=self.path)
        err = done.stderr.decode()
        if fails is None:
            check(done.returncode == 0, 'cp', words, 'said', err)
        else:
            check(done.returncode == 1 and err == fails + '\n', 'cp', words, 'said', err)
        return done.stdout if fails is None else err


def _inside(node, script, task='web'):
    code, out, err = _skep(node, 'exec', task, 'sh', '-c', script)
    check(code == 0, script, 'said', out, err)
    return out.decode()


def _web(node, **options):
    node.create('web', **options)
    node.running('web', 1)
    return _Folder(node)


def files_come_out_of_a_task(node):
    with _web(node) as here:
        _inside(node, 'mkdir -p /d/sub && echo one >/d/f && echo two >/d/sub/g && ln -s f /d/l && ln -s /d /link && chmod 640 /d/f')
        here.cp('web.1:/d/f', '.')
        check(here.get('f') == b'one\n' and stat.S_IMODE(os.stat(here('f')).st_mode) == 0o640, 'a file')
        here.cp('web:d/f', 'new')
        here.cp('web:/d/f', here('new'))
        check(here.get('new') == b'one\n', 'under another name')
        here.cp('web:/d', '.')
        check(here.get('d/sub/g') == b'two\n' and os.readlink(here('d/l')) == 'f', 'a folder into one')
        here.cp('web:/d', 'e')
        here.cp('web:/d/.', 'e')
        check(sorted(os.listdir(here('e'))) == ['f', 'l', 'sub'], 'a folder as a new one, and what is in it', os.listdir(here('e')))
        here.cp('web:/link', 'l')
        check(os.readlink(here('l')) == '/d', 'a link')
        here.cp('-L', 'web:/d/l', 'followed')
        check(here.get('followed') == b'one\n', 'what a link leads to')
        here.cp('web:/link/', 'm')
        check(here.get('m/f') == b'one\n', 'a link that is said to be a folder')
        archive = here.cp('web:/d', '-')
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            check(sorted(tar.getnames()) == ['d', 'd/f', 'd/l', 'd/sub', 'd/sub/g'], tar.getnames())
        here.cp('web:/nope', '.', fails='Error response from daemon: Could not find the file /nope in container web')
        here.cp('web:/d', 'f', fails='cannot copy directory')
        here.cp('web:/d/f', 'none/f', fails='invalid output path: directory "%s" does not exist' % here('none'))
        here.cp('web:/d/f', 'none/', fails='no such directory')
        here.cp('web:/d/f', 'web:/x', fails='copying between containers is not supported')
        here.cp('f', 'g', fails='must specify at least one container source')
        here.cp('web.7:/d/f', '.', fails='Error response from daemon: No such task: web.7')


def files_go_into_a_task(node):
    with _web(node) as here:
        here.put('f', b'one\n', 0o640)
        here.put('s/sub/g', b'two\n')
        os.chown(here('f'), 1000, 1001)
        here.cp('f', 'web:/tmp')
        check(_inside(node, 'cat /tmp/f; stat -c "%a %u:%g" /tmp/f') == 'one\n640 0:0\n', 'a file')
        here.cp('-a', 'f', 'web.1:/tmp/owned')
        check(_inside(node, 'stat -c "%u:%g" /tmp/owned') == '1000:1001\n', 'with its owner')
        here.cp('s', 'web:/tmp/new')
        here.cp('s', 'web:/tmp/new')
        check(_inside(node, 'cat /tmp/new/sub/g /tmp/new/s/sub/g') == 'two\ntwo\n', 'a folder, twice')
        here.cp('s/.', 'web:/tmp/new')
        check(_inside(node, 'ls /tmp/new') == 's\nsub\n', 'what is in it')
        _inside(node, 'mkdir /real; ln -s /real /to; echo x >/real/x; ln -s x /real/l; ln -s /real/made /dangling')
        here.cp('f', 'web:/to')
        here.cp('f', 'web:/real/l')
        here.cp('f', 'web:/dangling')
        check(_inside(node, 'cat /real/f /real/x /real/made; readlink /real/l') == 'one\n' * 3 + 'x\n', 'links are followed')
        with tarfile.open(here('t.tar'), 'w') as tar:
            tar.add(here('s'), 'from-tar')
        here.cp('-', 'web:/tmp', input=here.get('t.tar'))
        check(_inside(node, 'cat /tmp/from-tar/sub/g') == 'two\n', 'an archive')
        here.cp('-', 'web:/tmp/f', input=here.get('t.tar'),
                fails='destination "web:/tmp/f" must be a directory')
        here.cp('-', 'web:/tmp', input=b'nonsense' * 1000,
                fails='Error response from daemon: the archive cannot be read: Unrecognized archive format')
        here.cp('none', 'web:/', fails='lstat %s: no such file or directory' % here('none'))
        here.cp('f', 'web:/none/f', fails='Error response from daemon: Could not find the file /none in container web')
        here.cp('f', 'web:/none/', fails='no such directory')
        here.cp('s', 'web:/tmp/f', fails='cannot copy directory')
        here.cp('f', 'web:/dev/null',
                fails='destination "web:/dev/null" must be a directory or a regular file: got a device')
        err = here.cp('f', 'web:/etc/hosts', fails='Error response from daemon: unlinkat hosts: device or resource busy')
        check(err, 'a file that is mounted')
        check(_inside(node, 'grep -c localhost /etc/hosts') != '0\n', 'it is still there')


def what_may_not_be_written_is_refused(node):
    fixed = tempfile.mkdtemp(dir=node.folder)

    def change(spec):
        spec.task.container.read_only = True
        spec.task.container.mounts.add(type=2, target='/scratch')
        spec.task.container.mounts.add(type=0, source=fixed, target='/fixed', read_only=True)
    with _web(node, change=change) as here:
        here.put('f', b'one\n')
        here.cp('f', 'web:/f', fails='Error response from daemon: container rootfs is marked read-only')
        here.cp('f', 'web:/fixed/f', fails='Error response from daemon: mounted volume is marked read-only')
        here.cp('f', 'web:/scratch/f')
        check(_inside(node, 'cat /scratch/f') == 'one\n', 'what is mounted may be')
        here.cp('web:/fixed/.', 'got')
        node.scale('web', 0)
        wait_until(lambda: not node.container_pids('web'), 'it ended')
        task = node.tasks('web')[0].task.id if node.tasks('web') else None
        if task:
            here.cp('%s:/f' % task, '.', fails='Error response from daemon: task %s is not running' % task)
        here.cp('web:/f', '.', fails='Error response from daemon: no task of service web is running')


def links_that_lead_out_of_a_container_stay_in_it(node):
    with _web(node) as here:
        _inside(node, 'mkdir /d && cd /d && ln -s ../../../../../../../../../.. up && ln -s /proc/1/root/etc magic &&'
                      ' ln -s %s there && echo inside >/mark' % here('victim'))
        here.put('victim/mark', b'outside\n')
        here.put('f', b'evil\n')
        here.cp('web:/d/up/mark', 'a')
        check(here.get('a') == b'inside\n', 'the root is the container\'s', here.get('a'))
        here.cp('web:../../../../mark', 'b')
        check(here.get('b') == b'inside\n', 'the root is the container\'s', here.get('b'))
        here.cp('web:/d/there/mark', 'c',
                fails='Error response from daemon: Could not find the file /d/there/mark in container web')
        here.cp('f', 'web:/d/up/f')
        check(_inside(node, 'cat /f') == 'evil\n' and not os.path.exists('/f'), 'written inside')
        here.cp('f', 'web:/d/there/mark',
                fails='Error response from daemon: Could not find the file /d/there in container web')
        here.cp('web:/d/magic/hostname', 'e',
                fails='Error response from daemon: open /d/magic/hostname: too many levels of symbolic links')
        _inside(node, 'mkdir -p %s' % here('victim'))
        with tarfile.open(here('t.tar'), 'w') as tar:
            link = tarfile.TarInfo('x/l')
            link.type, link.linkname = tarfile.SYMTYPE, here('victim')
            tar.addfile(link)
            tar.addfile(tarfile.TarInfo('x/l/mark'))
        here.cp('-', 'web:/tmp', input=here.get('t.tar'))
        check(here.get('victim/mark') == b'outside\n', 'untouched')
        check(_inside(node, 'stat -c %%s %s' % here('victim/mark')) == '0\n', 'it was made inside')
        with tarfile.open(here('u.tar'), 'w') as tar:
            tar.addfile(tarfile.TarInfo('x/../../../evil'))
        check('leads out' in here.cp('-', 'web:/tmp', input=here.get('u.tar'), fails='Error response from daemon: the '
                                     'archive\'s member "x/../../../evil" leads out of it'), 'refused')
        here.cp('web:/d', 'got')
        check(os.readlink(here('got/there')) == here('victim'), 'links are links')


def nothing_that_waits_or_never_ends_holds_a_copy(node):
    with _web(node) as here:
        _inside(node, 'mkdir -p /d/w && cd /d && mkfifo fifo && echo f >z && touch grows')
        here.cp('web:/d', 'd')
        check(stat.S_ISFIFO(os.lstat(here('d/fifo')).st_mode) and here.get('d/z') == b'f\n', 'a fifo is not opened')
        here.cp('web:/d/fifo', 'one')
        check(stat.S_ISFIFO(os.lstat(here('one')).st_mode), 'a fifo alone')
        for path in ('/proc', '/proc/1/status', '/sys/kernel'):
            here.cp('web:' + path, 'no', fails="Error response from daemon: %s is shown by the kernel and is no file: 'skep exec' "
                    "reads it" % os.path.basename(path))
        with tarfile.open(fileobj=io.BytesIO(here.cp('web:/', '-'))) as tar:
            names = tar.getnames()
        check('./d/z' in names and './proc' in names and './proc/1' not in names, 'all of it', len(names))
        here.put('f', b'f\n')
        here.cp('f', 'web:/d/fifo')
        check(_inside(node, 'cat /d/fifo') == 'f\n', 'a fifo gives way')
        err = subprocess.run([node.folder + '/bin/skep', 'cp', 'web:/dev', here('dev')], capture_output=True, timeout=60,
                             env=_environment(node))
        check(err.returncode == 0 and b'device nodes were left out' in err.stderr, err)
        check(not any(stat.S_ISCHR(os.lstat(os.path.join(at, name)).st_mode) for at, _, names in os.walk(here('dev'))
                      for name in names), 'no device nodes')
        writer = subprocess.Popen([node.folder + '/bin/skep', 'exec', 'web', 'sh', '-c',
                                   'while :; do echo more; echo x >/d/grows; done >/d/large #96123'], env=_environment(node))
        for _ in range(5):
            here.cp('web:/d', 'moving')
        writer.kill()
        writer.wait()


def _copy_start(path, is_in, **options):
    copy = dispatcher_pb2.CopySpec(path=path, is_in=is_in, called='web', **options)
    return dispatcher_pb2.EnterInput(start=dispatcher_pb2.EnterStart(task='web', copy=copy))


def _copies(node):
    """How many threads of the agent copy, or wait to."""
    with open('/proc/%d/status' % node.daemon_pid('agent')) as file:
        return next(int(line.split()[1]) for line in file if line.startswith('Threads'))


def large_files_pass_in_little_memory(node):
    with _web(node) as here:
        size = 1 << 30
        _inside(node, 'head -c %d /dev/zero >/large; echo end >>/large' % size)
        with open(node.folder + '/bin/skep-agent', 'rb') as program:
            spare = 1500 if b'__asan_init' in program.read() else 192  # ASan keeps what was freed for a while
        before, most = _memory(node), 0
        done = threading.Event()

        def look():
            nonlocal most
            while not done.wait(0.1):
                most = max(most, _memory(node))
        thread = threading.Thread(target=look)
        thread.start()
        began = time.monotonic()
        here.cp('web:/large', 'large')
        check(os.stat(here('large')).st_size == size + 4, 'all of it')
        here.cp('large', 'web:/back')
        print('      1 GiB out and in: %.1f s' % (time.monotonic() - began))
        done.set()
        thread.join()
        check(most < before + spare, 'memory is bounded', before, most)
        check(_inside(node, 'cmp /large /back && echo same') == 'same\n', 'it came back')
        os.unlink(here('large'))

        def flood():
            yield _copy_start('/tmp', True)
            yield dispatcher_pb2.EnterInput(data=bytes(512))
            while True:
                time.sleep(3600)
        calls = [_enter(node, iter([_copy_start('/large', False)]), 60) for _ in range(8)]
        for call in calls:
            check(next(call).is_started, 'it began')
        here.put('f', b'f')
        here.cp('f', 'web:/f', fails='Error response from daemon: 8 copies are under way on this node: try again')
        time.sleep(1)
        check(_memory(node) < before + spare, 'who reads nothing makes it wait', before, _memory(node))
        for call in calls:
            call.cancel()
        wait_until(lambda: _skep(node, 'cp', here('f'), 'web:/f')[0] == 0, 'places are free again')


def who_is_at_a_terminal_sees_how_far_it_is(node):
    with _web(node) as here:
        _inside(node, 'echo f >/f; head -c 300000000 /dev/zero >/large')
        for path, told in (('f', 'Successfully copied 2.05kB to %s\r\n'), ('large', 'Successfully copied 300MB to %s\r\n')):
            parent, child = pty.openpty()
            copy = subprocess.Popen([node.folder + '/bin/skep', 'cp', 'web:/' + path, here('to')], stdout=child, stderr=child,
                                    env=_environment(node))
            os.close(child)
            seen = b''
            while copy.poll() is None or select.select([parent], [], [], 0)[0]:
                try:
                    seen += os.read(parent, 4096)
                except OSError:
                    break
            os.close(parent)
            check(copy.wait() == 0 and seen.decode().endswith(told % here('to')), seen)
        check('Copying from container - ' in seen.decode(), seen)


def a_copy_that_nobody_reads_holds_up_no_end(node):
    with _web(node):
        _inside(node, 'head -c 200000000 /dev/zero >/large')
        call = _enter(node, iter([_copy_start('/large', False)]), 100)
        check(next(call).is_started, 'it began')
        time.sleep(1)
        node.remove('web')
        node.nothing_left()
        call.cancel()


def whoever_goes_away_during_a_copy_leaves_nothing(node):
    with _web(node) as here:
        _inside(node, 'head -c 200000000 /dev/zero >/large')
        here.put('f', b'f')
        for i in range(30):
            call = _enter(node, iter([_copy_start('/large', False)]))
            time.sleep(i * 0.003)
            call.cancel()
        wait_until(lambda: _skep(node, 'cp', here('f'), 'web:/f')[0] == 0, 'it works again')
        for victim in ('dispatcher', 'api', 'agent'):
            copy = subprocess.Popen([node.folder + '/bin/skep', 'cp', 'web:/large', '-'], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env=_environment(node))
            check(copy.stdout.read(512), 'it began')
            node.came_back(victim, node.kill9(victim))
            _, err = copy.communicate(timeout=30)
            check(copy.returncode == 1 and err, victim, err)
            node.forget_channels()
            wait_until(node.info, 'the agent answers')
            wait_until(node.is_ready, 'the node is ready', 30)
            wait_until(lambda: _skep(node, 'cp', here('f'), 'web:/f')[0] == 0, 'and it works again')
        for messages in ([_copy_start('', False)], [_copy_start('/\xff', False)], [_copy_start('/' * 5000, True)],
                         [_copy_start('/x/' * 3000, True, name='..')], [_copy_start('/tmp', True, name='../..')],
                         [_copy_start('/tmp', True, name='.'), dispatcher_pb2.EnterInput(data=os.urandom(60000))]):
            try:
                for _ in _enter(node, iter(messages + [dispatcher_pb2.EnterInput(is_end=True)])):
                    pass
            except grpc.RpcError as error:
                check(error.code() != grpc.StatusCode.UNAVAILABLE, messages[0], error)
        here.cp('f', 'web:/f')
