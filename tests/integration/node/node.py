"""One node under test: starts and stops it, speaks to its sockets, looks at what it does to the machine."""
import contextlib
import glob
import os
import signal
import subprocess
import time

# Between calls of Python's nobody polls, and a connection that is being made waits for this timer: 5 s, else.
os.environ['GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS'] = '50'
import grpc
from api import control_pb2, node_pb2, objects_pb2, specs_pb2

REGISTRY = '127.0.0.1:5000'
IMAGE = REGISTRY + '/busybox:latest'
DAEMONS = 'store ca orchestrator allocator scheduler dispatcher api join mesh'.split()
State = objects_pb2.TaskState


class Failure(Exception):
    """What a scenario found wrong."""


def check(is_so, *what):
    if not is_so:
        raise Failure(' '.join(str(w) for w in what))


def wait_until(is_so, what, seconds=20, every=0.05):
    """The value of is_so(), once that is true.  An unavailable daemon counts as "not yet"."""
    end = time.monotonic() + seconds
    while True:
        last = None
        with contextlib.suppress(NotYet):
            last = is_so()
            if last:
                return last
        if time.monotonic() > end:
            raise Failure('not within %d s: %s' % (seconds, what() if callable(what) else what))
        time.sleep(every)


class NotYet(Exception):
    pass


@contextlib.contextmanager
def patience():
    """Daemons that are starting say UNAVAILABLE; inside of wait_until() that means "ask again"."""
    try:
        yield
    except grpc.RpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED,
                                grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.FAILED_PRECONDITION):
            raise
        raise NotYet() from error


def refused(call, *words, code=None):
    """Runs call(), which must be refused with all these words in the sentence; returns the sentence."""
    try:
        call()
    except grpc.RpcError as error:
        for word in words:
            check(word.lower() in error.details().lower(), 'refused, but without %r:' % word, error.details())
        check(code is None or error.code() == code, 'refused with', error.code(), error.details())
        return error.details()
    raise Failure('was not refused')


def processes():
    """pid -> (name of the program, command line) of all live processes here."""
    found = {}
    for path in glob.glob('/proc/[0-9]*'):
        with contextlib.suppress(OSError):
            with open(path + '/cmdline', 'rb') as file:
                line = file.read().replace(b'\0', b' ').decode(errors='replace')
            if line:
                found[int(path[6:])] = (line.split()[0].rsplit('/', 1)[-1], line)
    return found


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


class Node:
    def __init__(self, folder, cgroup):
        self.folder, self.cgroup = folder, cgroup
        self.state, self.run = folder + '/state', folder + '/run'
        self.channels, self.respawner = {}, None

    # --- up and down

    def start(self, *options):
        os.makedirs(self.run, exist_ok=True)
        os.makedirs(self.state, exist_ok=True)
        self.respawner = subprocess.Popen(
            [self.folder + '/bin/skep-respawn', 'agent', self.run, self.folder + '/agent.log',
             self.folder + '/bin/skep-agent', '--state-folder', self.state, '--run-folder', self.run,
             '--listen', 'unix:%s/node.sock' % self.run, '--backend', 'spawn', '--cgroup-parent', self.cgroup,
             '--registries', self.folder + '/registries', *options], start_new_session=True)
        return wait_until(lambda: self.info(), 'the agent answers')

    def init(self, address='10.88.0.1', **options):
        answer = self.agent('InitSwarm', advertise_address=address, timeout=60, **options)
        wait_until(self.is_ready, 'the node is ready', 30)
        return answer

    def up(self):
        """A node in a swarm of its own, whatever was before."""
        if self.respawner is None:
            self.start()
        if wait_until(self.info, 'the agent answers').state != 'active':
            self.init()
        wait_until(self.is_ready, 'the node is ready', 30)

    def stop(self):
        """TERM: the agent and its respawner end, daemons and containers stay."""
        self.respawner.terminate()
        self.respawner.wait(20)
        self.respawner = None

    def kill_everything(self):
        """As power loss to processes: containers included."""
        self.respawner.kill()
        self.respawner.wait()
        self.respawner = None
        while True:
            victims = [pid for pid, (name, line) in processes().items() if self.is_ours(pid, name, line)]
            if not victims:
                break
            for pid in victims:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.forget_channels()

    def is_ours(self, pid, name, line):
        if name.startswith('skep-') or self.folder + '/' in line and 'registry' not in line and 'run.py' not in line:
            return True
        with contextlib.suppress(OSError):
            with open('/proc/%d/cgroup' % pid) as file:
                return self.cgroup in file.read()
        return False

    def reboot(self):
        """What a reboot forgets: processes, the run folder, mounts, devices, tables, cgroups."""
        self.kill_everything()
        for place in self.mounts():
            run('umount', '-l', place)
        run('rm', '-rf', '--one-file-system', self.run)
        for device in self.devices():
            run('ip', 'link', 'delete', device)
        run('nft', 'delete', 'table', 'ip', 'skep')
        wait_until(self.no_cgroups, 'the cgroups of the dead can be removed')

    # --- its sockets

    def call(self, socket, path, request, response, timeout):
        if socket not in self.channels:
            self.channels[socket] = grpc.insecure_channel('unix:%s/%s' % (self.run, socket), options=[
                ('grpc.initial_reconnect_backoff_ms', 50), ('grpc.min_reconnect_backoff_ms', 50),
                ('grpc.max_reconnect_backoff_ms', 100), ('grpc.max_send_message_length', -1)])
        method = self.channels[socket].unary_unary(path, request_serializer=lambda m: m.SerializeToString(),
                                                   response_deserializer=response.FromString)
        return method(request, timeout=timeout)

    def forget_channels(self):
        for channel in self.channels.values():
            channel.close()
        self.channels = {}

    def agent(self, method, timeout=20, **fields):
        return self.call('node.sock', '/skep.v1.NodeAgent/' + method, getattr(node_pb2, method + 'Request')(**fields),
                         getattr(node_pb2, method + 'Response'), timeout)

    def control(self, method, timeout=20, **fields):
        return self.call('api.sock', '/skep.v1.Control/' + method, getattr(control_pb2, method + 'Request')(**fields),
                         getattr(control_pb2, method + 'Response'), timeout)

    def info(self):
        with patience():
            return self.agent('GetNodeInfo', timeout=5)

    def is_ready(self):
        with patience():
            nodes = self.control('ListNodes', timeout=5).nodes
            return any(n.status.state == objects_pb2.NodeStatus.READY for n in nodes)

    # --- services and tasks

    def create(self, name, *args, replicas=1, image=IMAGE, resolve=True, delay=0.1, change=None):
        """A service; change(spec) may alter what is asked for.  Returns its id."""
        spec = specs_pb2.ServiceSpec(
            annotations=specs_pb2.Annotations(name=name),
            replicated=specs_pb2.ReplicatedService(replicas=replicas),
            task=specs_pb2.TaskSpec(container=specs_pb2.ContainerSpec(image=image, args=list(args or ['sleep', '100000']))))
        spec.task.restart.delay.ns = int(delay * 1e9)
        spec.task.container.stop_grace_period.ns = int(5e8)
        if change:
            change(spec)
        return self.control('CreateService', spec=spec, resolve_image=resolve).id

    def update(self, name, change):
        """change(spec), asked again while somebody else is faster or a daemon starts."""
        def once():
            with patience():
                spec = self.control('GetService', id=name).service.spec
                change(spec)
                return self.control('UpdateService', id=name, spec=spec) or True
        wait_until(once, 'service %s can be updated' % name, 60)

    def scale(self, name, replicas):
        def change(spec):
            spec.replicated.replicas = replicas
        self.update(name, change)

    def remove(self, name):
        self.control('RemoveService', id=name)

    def tasks(self, name=None):
        with patience():
            return [t for t in self.control('ListTasks', timeout=10).tasks if name is None or t.service_name == name]

    def running(self, name, replicas, seconds=40):
        """Waits until exactly so many tasks are wanted and run; returns them by slot."""
        def as_asked():
            wanted = [t for t in self.tasks(name) if t.task.definition.desired_state <= State.TASK_RUNNING]
            if len(wanted) == replicas and all(t.state == State.TASK_RUNNING for t in wanted):
                return {t.task.definition.slot: t for t in wanted} or True
            return None
        return wait_until(as_asked, lambda: '%d of %s run: %s' % (replicas, name, self.story(name)), seconds)

    def story(self, name):
        with contextlib.suppress(Exception):
            return '; '.join('%d %s/%s %s %s' % (
                t.task.definition.slot, State.Name(t.state)[5:], State.Name(t.task.definition.desired_state)[5:],
                t.task.status.err, t.task.placement.explanation) for t in self.tasks(name))[:2000]
        return 'the API does not answer'

    def ended(self, name, seconds=20):
        """The first task of this service that is over."""
        def one():
            return next((t for t in self.tasks(name) if t.state > State.TASK_RUNNING), None)
        return wait_until(one, lambda: 'a task of %s ends: %s' % (name, self.story(name)), seconds)

    def logs(self, name, seconds=10):
        method = self.channels['api.sock'].unary_stream(
            '/skep.v1.Control/StreamLogs', request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=control_pb2.StreamLogsResponse.FromString)
        request = control_pb2.StreamLogsRequest(id=name)
        request.options.stdout = request.options.stderr = True
        request.options.tail = -1
        return b''.join(line.data for r in method(request, timeout=seconds) for line in r.lines).decode()

    # --- what it does to the machine

    def daemon_pid(self, name):
        """Of a skep daemon, or of containerd; None while it does not run."""
        program = name if name == 'containerd' else 'skep-' + name
        for pid, (found, line) in processes().items():
            if found == program and self.folder in line:
                return pid
        return None

    def kill9(self, name):
        """Kills a daemon; returns its pid."""
        pid = wait_until(lambda: self.daemon_pid(name), '%s runs' % name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def came_back(self, name, dead, seconds=20):
        return wait_until(lambda: (self.daemon_pid(name) or dead) != dead, '%s comes back' % name, seconds)

    def container_pids(self, name):
        return {t.task.status.container.pid for t in self.tasks(name) if t.state == State.TASK_RUNNING}

    def mounts(self):
        with open('/proc/self/mounts') as file:
            return sorted((line.split()[1] for line in file if line.split()[1].startswith(self.folder + '/')), reverse=True)

    def devices(self):
        names = (line.split()[1].split('@')[0].rstrip(':') for line in run('ip', '-o', 'link').stdout.splitlines())
        return [name for name in names if name.startswith('skep')]

    def cgroups(self):
        tops = glob.glob('/sys/fs/cgroup/*') + ['/sys/fs/cgroup']  # version 1 has one tree per controller
        return [path for top in tops for path in glob.glob(top + '/' + self.cgroup + '/*/')]

    def no_cgroups(self):
        for path in self.cgroups():
            with contextlib.suppress(OSError):
                os.rmdir(path)
        return not self.cgroups()

    def leftovers(self):
        """What a node without any task may not have."""
        found = ['mount ' + m for m in self.mounts() if '/rootfs' in m or '/netns' in m or '/parts/' in m]
        found += ['device ' + d for d in self.devices()]
        found += ['cgroup ' + c for c in self.cgroups()]
        found += ['process %d %s' % (p, l[:80]) for p, (n, l) in processes().items() if n.startswith('containerd-shim')]
        rules = run('nft', 'list', 'map', 'ip', 'skep', 'ports').stdout
        found += ['published ports ' + rules] if 'elements' in rules else []
        found += ['bundle ' + b for b in glob.glob(self.run + '/tasks/*')]
        return found

    def nothing_left(self, seconds=20):
        wait_until(lambda: not self.leftovers(), lambda: 'everything of the tasks is gone, but: ' + ', '.join(self.leftovers()[:6]), seconds)

    def bugs(self):
        """What failed checks and sanitizers wrote into logs."""
        told = run('grep', '-rEh', 'check failed:|AddressSanitizer|runtime error:|ended by signal (4|6|7|8|11)\b|ended with 13[14569]',
                   self.state + '/log', self.folder + '/agent.log').stdout
        return told[:1000]

    def remove_all(self):
        """Between scenarios: no service, no task, nothing left of them."""
        for view in self.control('ListServices').services:
            self.remove(view.service.id)
        wait_until(lambda: not self.tasks(), lambda: 'all tasks are forgotten: ' + self.story(None), 40)
        self.nothing_left()
