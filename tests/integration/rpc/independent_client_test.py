"""Speaks to echo-server with Google's Python gRPC, which shares no code of ours: health, reflection, calls.

Messages are made and read by hand (field numbers on the wire), so that no generated code is needed.
"""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

import grpc
from google.protobuf import descriptor_pb2

SERVER, MAKE_IDENTITY = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(number, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(field, value):
    return varint(field << 3) + varint(value)


def fields(data):
    """Field number -> list of values (ints, or bytes)."""
    found, at = {}, 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = take()
        value = take()
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        found.setdefault(tag >> 3, []).append(value)
    return found


def read(path):
    with open(path, "rb") as file:
        return file.read()


class IndependentClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="skep-rpc-")
        folder = cls.folder.name
        subprocess.run(
            [MAKE_IDENTITY, folder, "cluster1", "node1", "swarm-manager", "store", "api", "agent"],
            check=True,
        )
        subprocess.run([MAKE_IDENTITY, folder, "cluster1", "person", "swarm-admin", ""], check=True)
        subprocess.run([MAKE_IDENTITY, folder + "/other", "cluster2", "n", "swarm-manager", "api"], check=True)
        cls.server = subprocess.Popen(
            [SERVER, folder, "store", "127.0.0.1:0", "mtls"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        cls.port = int(cls.server.stdout.readline().split()[1])

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        assert cls.server.wait(10) == 0
        cls.server.stdout.close()
        cls.folder.cleanup()

    def channel(self, daemon="api", folder=None, root=None):
        folder = folder or self.folder.name
        credentials = grpc.ssl_channel_credentials(
            read(root or folder + "/root.crt"),
            read(f"{folder}/{daemon}.key") if daemon else None,
            read(f"{folder}/{daemon}.crt") if daemon else None,
        )
        channel = grpc.secure_channel(
            f"127.0.0.1:{self.port}", credentials, [("grpc.ssl_target_name_override", "store.skep")]
        )
        self.addCleanup(channel.close)
        return channel

    def fails(self, code, call, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            call(*arguments, timeout=5, **options)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()

    def reflect(self, *requests):
        call = self.channel("admin").stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        return [fields(answer) for answer in call(iter(requests), timeout=5)]

    def test_a_call_is_answered(self):
        say = self.channel().unary_unary("/skep.test.Echo/Say")
        answer = fields(say(text(1, "hello") + number(2, 300), timeout=5, metadata=[("skep-request-id", "r1")]))
        self.assertLessEqual(answer.pop(6)[0], 5000)
        self.assertEqual(answer, {1: [b"hello"], 2: [300], 4: [b"api"], 5: [b"r1"]})

    def test_a_stream_is_complete(self):
        count = self.channel().unary_stream("/skep.test.Echo/Count")
        numbers = [fields(answer).get(2, [0])[0] for answer in count(number(2, 1000), timeout=5)]
        self.assertEqual(numbers, list(range(1000)))

    def test_a_client_stream_is_summed_up(self):
        total = self.channel().stream_unary("/skep.test.Echo/Sum")
        answer = fields(total((number(2, n) for n in range(1, 101)), timeout=5))
        self.assertEqual(answer[2], [5050])

    def test_a_chat_is_answered_line_by_line(self):
        chat = self.channel().stream_stream("/skep.test.Echo/Chat")
        answers = chat((text(1, str(n)) for n in range(100)), timeout=5)
        self.assertEqual([fields(a)[1][0] for a in answers], [str(n).encode() for n in range(100)])

    def test_errors_have_code_and_sentence(self):
        say = self.channel().unary_unary("/skep.test.Echo/Say")
        details = self.fails(grpc.StatusCode.FAILED_PRECONDITION, say, number(4, 9))
        self.assertEqual(details, "as you wished")

    def test_garbage_is_refused(self):
        say = self.channel().unary_unary("/skep.test.Echo/Say")
        for garbage in (b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff", b"\x0b", b"\x0a\x02a\x00"):
            self.fails(grpc.StatusCode.INVALID_ARGUMENT, say, garbage)

    def test_compressed_messages_are_refused(self):
        say = self.channel().unary_unary("/skep.test.Echo/Say")
        payload = text(3, bytes(1 << 20))
        self.fails(grpc.StatusCode.UNIMPLEMENTED, say, payload, compression=grpc.Compression.Gzip)

    def test_too_large_messages_are_refused(self):
        say = self.channel().unary_unary("/skep.test.Echo/Say")
        self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, say, text(3, bytes(5 << 20)))

    def test_unknown_methods_are_unimplemented(self):
        nothing = self.channel().unary_unary("/skep.test.Echo/Nothing")
        details = self.fails(grpc.StatusCode.UNIMPLEMENTED, nothing, b"")
        self.assertEqual(details, "there is no method '/skep.test.Echo/Nothing' here")

    def test_without_a_certificate_nobody_gets_in(self):
        say = self.channel(None).unary_unary("/skep.test.Echo/Say")
        self.fails(grpc.StatusCode.UNAVAILABLE, say, b"")

    def test_a_certificate_of_another_root_is_refused(self):
        folder = self.folder.name
        say = self.channel("api", folder + "/other", folder + "/root.crt").unary_unary("/skep.test.Echo/Say")
        self.fails(grpc.StatusCode.UNAVAILABLE, say, b"")

    def test_health_is_serving(self):
        check = self.channel().unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=5), number(1, 1))
        self.assertEqual(check(text(1, "skep.test.Echo"), timeout=5), number(1, 1))
        self.fails(grpc.StatusCode.NOT_FOUND, check, text(1, "skep.test.Silence"))

    def test_health_can_be_watched(self):
        watch = self.channel().unary_stream("/grpc.health.v1.Health/Watch")
        answers = watch(b"", timeout=5)
        self.assertEqual(next(answers), number(1, 1))
        answers.cancel()
        answers = watch(text(1, "skep.test.Silence"), timeout=5)
        self.assertEqual(next(answers), number(1, 3))
        answers.cancel()

    def test_reflection_is_for_people(self):
        reflect = self.channel("agent").stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        self.fails(grpc.StatusCode.PERMISSION_DENIED, lambda *a, **o: list(reflect(*a, **o)), iter([text(7, "*")]))

    def test_reflection_lists_the_services(self):
        (answer,) = self.reflect(text(7, "*"))
        names = {fields(row)[1][0].decode() for row in fields(answer[6][0])[1]}
        self.assertEqual(
            names,
            {"skep.test.Echo", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"},
        )

    def test_reflection_describes_what_there_is(self):
        symbols = ("skep.v1.Control", "skep.v1.Store.Commit", "skep.v1.TaskSpec", "grpc.health.v1.Health")
        for symbol, answer in zip(symbols, self.reflect(*(text(4, symbol) for symbol in symbols))):
            (data,) = fields(answer[4][0])[1]
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            defined = [d.name for d in [*file.service, *file.message_type, *file.enum_type]]
            self.assertIn(symbol[len(file.package) + 1 :].split(".")[0], defined)

    def test_reflection_gives_files_with_all_they_import(self):
        wanted, seen = ["api/control.proto"], set()
        while wanted:
            name = wanted.pop()
            seen.add(name)
            (answer,) = self.reflect(text(3, name))
            file = descriptor_pb2.FileDescriptorProto.FromString(fields(answer[4][0])[1][0])
            wanted += [other for other in file.dependency if other not in seen]
        self.assertIn("api/specs.proto", seen)

    def test_reflection_does_not_know_everything(self):
        (answer,) = self.reflect(text(4, "skep.v1.Nonsense"))
        self.assertEqual(fields(answer[7][0])[1], [5])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
