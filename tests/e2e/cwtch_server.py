"""A cwtchd of this build under test, and just enough of the log's format to look at what it serves.

Written from docs/api.md and docs/log_format.md, not from the engine's code.
"""
import hashlib
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

WAIT_S = 60  # how long anything may take before a test gives up; nothing is measured with it


def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc32c_table()


def crc32c(crc, data):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Frame:
    RECORD, FILLER, ANCHOR = 1, 2, 3

    def __init__(self, kind, position, payload, crc):
        self.kind, self.position, self.payload, self.crc = kind, position, payload, crc


def frames(data):
    """Every frame of a stream; asserts that nothing is left over."""
    found, at = [], 0
    while at < len(data):
        size_kind, crc, position = struct.unpack_from("<IIQ", data, at)
        size, kind = size_kind & 0xFFFFFF, size_kind >> 24
        assert kind in (1, 2, 3), f"kind {kind} at {at}"
        found.append(Frame(kind, position, data[at + 16:at + 16 + size], crc))
        at += (16 + size + 15) // 16 * 16
    assert at == len(data), "the stream ends inside a frame"
    return found


def records(data):
    """Position -> record."""
    return {frame.position: frame.payload for frame in frames(data) if frame.kind == Frame.RECORD}


def make_record(mark, size=200):
    """A record that nobody else makes: signature and nonce from `mark`, no entry, `size` bytes of ciphertext."""
    stream = hashlib.shake_256(mark.encode() if isinstance(mark, str) else mark).digest(64 + size)
    return stream[:64] + bytes(16) + stream[64:]


class Server:
    """`with Server(program, ["--io=epoll"]) as server:` makes a directory, serves it, and removes it."""

    SMALL = ["--journal-file-bytes=1M", "--chunk-bytes=16K", "--group-bytes-max=256K", "--seal-records=64",
             "--listen=127.0.0.1:0"]

    def __init__(self, program, flags=(), environment=None, limits=None):
        """`limits`: of the process that serves, {resource.RLIMIT_NOFILE: 128}."""
        self.program, self.flags, self.limits = program, [*self.SMALL, *flags], limits or {}
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CWTCHD_")} | (environment or {})
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="cwtchd-test."))
        self.directory = self.parent / "server"
        self.process = None
        self.errors = ""

    def __enter__(self):
        self.command("init", str(self.directory), *self.flags)
        self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.log.close()
        shutil.rmtree(self.parent, ignore_errors=True)

    def command(self, *arguments, expect=0):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, env=self.environment,
                              timeout=WAIT_S)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr + done.stdout

    def launch(self, *more):
        """Starts the process and does not wait for it."""
        self.log = open(self.parent / "stderr", "a", encoding="utf-8")
        self.process = subprocess.Popen([self.program, "serve", str(self.directory), *self.flags, *more],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.environment,
                                        preexec_fn=self.set_limits)

    def start(self, *more):
        self.launch(*more)
        ready = self.process.stdout.readline().split()
        assert ready and ready[0] == "ready", f"not ready: {ready} {self.stderr()}"
        self.url = ready[1]
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        self.address = (host, int(port))
        return self.url

    def set_limits(self):
        for what, value in self.limits.items():
            resource.setrlimit(what, (value, value))

    def stderr(self):
        return (self.parent / "stderr").read_text(encoding="utf-8")

    def stop(self, how=signal.SIGTERM, expect=0):
        self.process.send_signal(how)
        self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == expect, f"exit {self.process.returncode}: {self.stderr()}"
        self.process = None
        self.log.close()

    # ---- asking ----
    def connect(self):
        connection = socket.create_connection(self.address, timeout=WAIT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def client(self):
        return http.client.HTTPConnection(*self.address, timeout=WAIT_S)

    def request(self, method, path, body=None, headers=None):
        client = self.client()
        client.request(method, path, body=body, headers=headers or {})
        answer = client.getresponse()
        content = answer.read()
        client.close()
        return answer, content

    def get(self, path, headers=None, expect=200):
        answer, content = self.request("GET", path, headers=headers)
        assert answer.status == expect, f"GET {path}: {answer.status} {content[:300]!r}"
        return content

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, record, expect=201, headers=None):
        answer, content = self.request("POST", "/v1/records", record,
                                       headers or {"Content-Type": "application/octet-stream"})
        assert answer.status == expect, f"POST: {answer.status} {content!r}"
        return json.loads(content)

    def admin(self, path):
        """Status and content from the admin socket."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(WAIT_S)
        connection.connect(str(self.directory / "admin.sock"))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        head, content = answer.split(b"\r\n\r\n", 1)
        return int(head.split()[1]), content.decode()


def skip_without_ring(program, io):
    """Ends the test as skipped where the kernel refuses io_uring."""
    if io != "uring":
        return
    doctor = subprocess.run([program, "doctor"], capture_output=True, text=True, timeout=WAIT_S).stdout
    if "io_uring                     usable" not in doctor:
        print("SKIPPED: this kernel refuses io_uring; cwtchd doctor says why")
        sys.exit(77)


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, f"closed after {len(data)} of {size} bytes"
        data += piece
    return data


class Follower:
    """GET /v1/log?follow over a plain socket: chunk by chunk."""

    def __init__(self, server, query=""):
        self.connection = server.connect()
        self.connection.sendall(f"GET /v1/log?follow{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += read_exactly(self.connection, 1)
        assert head.startswith(b"HTTP/1.1 200"), head
        self.head = head.decode()

    def chunk(self):
        """The next chunk's bytes; empty at the end of the answer."""
        line = b""
        while not line.endswith(b"\r\n"):
            line += read_exactly(self.connection, 1)
        data = read_exactly(self.connection, int(line, 16))
        assert read_exactly(self.connection, 2) == b"\r\n"
        return data

    def until_record(self, position):
        """All bytes up to and including the chunk that has the record."""
        data = b""
        while True:
            data += self.chunk()
            found = records(data)
            if position in found:
                return data

    def close(self):
        self.connection.close()
