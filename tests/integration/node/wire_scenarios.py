"""What strangers and vandals send: every socket answers or closes, nothing crashes, nobody gets what is not theirs."""
import glob
import os
import random
import socket
import struct
import subprocess

import grpc
from api import ca_pb2, control_pb2, dispatcher_pb2, node_pb2, store_pb2
from node import DAEMONS, check, refused, run, wait_until

PORTS = {'join': 2377, 'api': 2381, 'dispatcher': 2382, 'store': 2383, 'ca': 2384}
FILES = ca_pb2, control_pb2, dispatcher_pb2, node_pb2, store_pb2
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
Code = grpc.StatusCode


def _frame(kind, payload, flags=0, stream=0, length=None):
    return struct.pack('>I', len(payload) if length is None else length)[1:] + bytes((kind, flags)) + struct.pack('>I', stream) + payload


def _vandalism():
    """What is thrown at a socket: no HTTP/2, almost HTTP/2, HTTP/2 that lies."""
    draw = random.Random(7)
    settings = PREFACE + _frame(4, b'')
    yield b''
    yield bytes(draw.randrange(256) for _ in range(100000))
    yield b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    yield PREFACE[:10]
    yield settings + _frame(0, b'', stream=1, length=0xffffff)
    yield settings + _frame(1, b'\xff' * 200, flags=4, stream=1)
    yield settings + _frame(1, b'\x82' * 16000, flags=0, stream=1) + _frame(9, b'\x82' * 16000, stream=1) * 50
    yield settings + b''.join(_frame(3, b'\0\0\0\x08', stream=1 + 2 * i) for i in range(2000))
    yield settings + _frame(6, b'12345678') * 2000
    yield settings + _frame(8, b'\x7f\xff\xff\xff') * 10
    yield settings + _frame(5, b'\0\0\0\x02', stream=1)
    for _ in range(20):
        yield settings + bytes(draw.randrange(256) for _ in range(2000))


def _throw(family, address, data, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as connection:
        connection.settimeout(5)
        connection.connect(address)
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except socket.timeout:
            return False
        except OSError:
            pass  # it hung up on us
    return True


def _everybody(node):
    return {name: node.daemon_pid(name) for name in DAEMONS + ['agent', 'containerd']}


def _nobody_died(node, before):
    after = _everybody(node)
    check(after == before, 'all daemons live:', {n: (p, after[n]) for n, p in before.items() if after[n] != p})
    node.create('alive')
    node.running('alive', 1)


def what_is_no_grpc_is_dropped_on_every_socket(node):
    before = _everybody(node)
    for path in glob.glob(node.run + '/*.sock'):
        for data in _vandalism():
            kind = socket.SOCK_SEQPACKET if path.endswith('/keeper.sock') else socket.SOCK_STREAM
            check(_throw(socket.AF_UNIX, path, data, kind), 'closed by', path, 'after', data[:60])
    for name, port in PORTS.items():
        for data in _vandalism():
            check(_throw(socket.AF_INET, ('10.88.0.1', port), data), 'closed by', name, 'after', data[:60])
    _nobody_died(node, before)


def silent_connections_take_nothing_from_others(node):
    before = _everybody(node)
    held = []
    try:
        for name, port in PORTS.items():
            for _ in range(100):
                held.append(socket.create_connection(('10.88.0.1', port), timeout=5))
        for _ in range(100):
            held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            held[-1].settimeout(5)
            held[-1].connect(node.run + '/api.sock')
        _nobody_died(node, before)
    finally:
        for connection in held:
            connection.close()


def _methods(service):
    """Of 'skep.v1.Store', say: (path, request class, client streams?, server streams?)."""
    for file in FILES:
        found = file.DESCRIPTOR.services_by_name.get(service)
        for method in found.methods if found else ():
            yield '/%s/%s' % (found.full_name, method.name), method


def _streams(method):
    from google.protobuf import descriptor_pb2
    text = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(text)
    return text.client_streaming, text.server_streaming


def _say(channel, path, method, data, timeout=5):
    """Calls any method with these bytes; returns the status code."""
    client, server = _streams(method)
    make = getattr(channel, '%s_%s' % ('stream' if client else 'unary', 'stream' if server else 'unary'))
    call = make(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
    try:
        answer = call(iter([data]) if client else data, timeout=timeout)
        if server:
            for _ in answer:
                pass
    except grpc.RpcError as error:
        return error.code()
    return Code.OK


def malformed_and_oversized_messages_are_refused_by_every_method(node):
    before = _everybody(node)
    deep = b''
    for _ in range(2000):
        deep = b'\x0a' + _varint(len(deep)) + deep
    for name, service in (('node.sock', 'NodeAgent'), ('api.sock', 'Control'), ('mesh.sock', 'Mesh')):
        with grpc.insecure_channel('unix:%s/%s' % (node.run, name), options=[('grpc.max_send_message_length', -1)]) as channel:
            for path, method in _methods(service):
                if method.name in ('LeaveSwarm', 'InitSwarm', 'StreamEvents'):
                    continue
                code = _say(channel, path, method, b'\xff' * 100)
                check(code == Code.INVALID_ARGUMENT, path, 'refuses what is no message, but said', code)
                code = _say(channel, path, method, b'\x0a\x7f')
                check(code == Code.INVALID_ARGUMENT, path, 'refuses what is cut off, but said', code)
                code = _say(channel, path, method, b'\x0a\x05' + b'abcde' + b'\x52' + _varint(70 << 20) + bytes(70 << 20), 20)
                check(code in (Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE), path, 'refuses 70 MB, but said', code)
                code = _say(channel, path, method, deep)
                check(code != Code.UNAVAILABLE, path, 'lives after deep nesting')
    _nobody_died(node, before)


def _varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out + bytes((value,)))


class _Worker:
    """A worker's certificate, as any node with the worker token gets one."""

    def __init__(self, node, token):
        folder = node.folder + '/worker'
        os.makedirs(folder, exist_ok=True)
        subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x',
                        '-keyout', folder + '/key', '-out', folder + '/csr'], check=True, capture_output=True)
        with open(node.state + '/identity/root.crt', 'rb') as file:
            self.root = file.read()
        with open(folder + '/csr') as csr:
            request = ca_pb2.JoinClusterRequest(token=token, hostname='worker1', address='10.88.0.2',
                                                csrs=[ca_pb2.DaemonCsr(daemon='agent', csr_pem=csr.read())])
        with self._channel('join', grpc.ssl_channel_credentials(self.root)) as channel:
            join = channel.unary_unary('/skep.v1.Join/JoinCluster', request_serializer=lambda m: m.SerializeToString(),
                                       response_deserializer=ca_pb2.JoinClusterResponse.FromString)
            self.answer = join(request, timeout=10)
        with open(folder + '/key', 'rb') as key:
            self.credentials = grpc.ssl_channel_credentials(self.root, key.read(), self.answer.certificates[0].certificate_pem.encode())

    @staticmethod
    def _channel(name, credentials):
        return grpc.secure_channel('10.88.0.1:%d' % PORTS[name], credentials,
                                   options=[('grpc.ssl_target_name_override', name + '.skep')])

    def channel(self, name):
        return self._channel(name, self.credentials)


def a_worker_may_call_nothing_that_is_a_managers(node):
    trust = node.control('GetCluster').cluster.trust
    worker = _Worker(node, trust.worker_token)
    before = _everybody(node)
    may = {'RenewCertificates', 'Session', 'Answer', 'Entered', 'GetStoreStatus', 'GetInfo'}
    for name, service in (('store', 'Store'), ('ca', 'Ca'), ('dispatcher', 'Dispatcher'), ('api', 'Control')):
        with worker.channel(name) as channel:
            for path, method in _methods(service):
                code = _say(channel, path, method, b'')
                if method.name in may:
                    check(code != Code.UNAUTHENTICATED, path, code)
                else:
                    check(code in (Code.PERMISSION_DENIED, Code.UNAUTHENTICATED), path, 'is refused, but said', code)
    node.control('RemoveNode', id=worker.answer.node_id, force=True)
    _nobody_died(node, before)


def without_a_certificate_or_with_a_wrong_token_nobody_gets_in(node):
    trust = node.control('GetCluster').cluster.trust
    refused(lambda: _Worker(node, trust.worker_token[:-5] + 'xxxxx'), 'token')
    refused(lambda: _Worker(node, 'nonsense'), 'token')
    with open(node.state + '/identity/root.crt', 'rb') as file:
        stranger = grpc.ssl_channel_credentials(file.read())
    for name, service in (('store', 'Store'), ('ca', 'Ca'), ('dispatcher', 'Dispatcher'), ('api', 'Control')):
        with _Worker._channel(name, stranger) as channel:
            path, method = next(_methods(service))
            code = _say(channel, path, method, b'')
            check(code in (Code.UNAVAILABLE, Code.UNAUTHENTICATED), name, 'lets no stranger in, but said', code)
    check(run('openssl', 's_client', '-connect', '10.88.0.1:2383', '-tls1_2', input='').returncode != 0, 'TLS 1.2 is not spoken')


def rotating_a_token_makes_the_old_one_useless(node):
    old = node.control('GetCluster').cluster.trust.worker_token
    node.control('UpdateCluster', rotate_worker_token=True)
    new = wait_until(lambda: node.control('GetCluster').cluster.trust.worker_token, 'a token')
    check(new != old, 'it is another one')
    refused(lambda: _Worker(node, old), 'token')
    worker = _Worker(node, new)
    node.control('RemoveNode', id=worker.answer.node_id, force=True)
