"""metadata.py CWTCHD CWTCHC: what a server keeps of its clients, searched in every byte that it leaves behind.

Members with marked names, texts, headers, ports and addresses post and read; then the server is stopped, and no mark is
found in the data directory, the log output or the metrics: not as text, hex, base32 or base64, and no time of what a
client did finer than the hour, in whatever form. What is known to remain (ctime; times while it runs) is in
docs/log_format.md.
"""
import base64
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import cwtch_server  # noqa: E402

CWTCHD, CWTCHC = sys.argv[1:3]
NICK = "Zyxwvutsrqnick"
TEXT = "Plughxyzzytext"
AGENT = "Quuxfrobagent"


def forms(mark):
    raw = mark.encode()
    yield raw
    yield raw.lower()
    yield raw.hex().encode()
    yield base64.b32encode(raw).rstrip(b"=")
    for shift in range(3):  # base64 depends on where in the text the mark begins
        encoded = base64.b64encode(b"\0" * shift + raw)
        yield encoded[4 if shift else 0:-4]


def times(start_s, end_s):
    """Every second in which something happened, as a number in binary or text."""
    for second in range(int(start_s), int(end_s) + 1):
        if second % 3600 == 0:
            continue
        yield struct.pack("<Q", second)
        yield struct.pack(">Q", second)
        yield str(second).encode()  # also the beginning of milliseconds and nanoseconds
        yield time.strftime("%H:%M:%S", time.gmtime(second)).encode()


def run(parent):
    with cwtch_server.Server(CWTCHD, ["--log-level=info", "--seal-records=8", "--merge-factor=2"]) as server:
        started = time.time()
        ports = []

        def member(name, *words):
            done = subprocess.run([CWTCHC, "--profile", str(parent / name), "--server", server.url, *words],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout

        member(NICK, "profile", "init")
        invite = member(NICK, "group", "create", NICK).strip()
        member("b", "profile", "init")
        member("b", "group", "join", invite)
        for i in range(20):
            member(NICK if i % 2 else "b", "post", NICK, f"{TEXT} {i}")
        for i in range(30):
            with socket.create_connection(server.address) as connection:
                ports.append(connection.getsockname()[1])
                record = cwtch_server.make_record(f"record {i}", 2720)
                connection.sendall((f"POST /v1/records HTTP/1.1\r\nHost: {NICK}.example\r\nUser-Agent: {AGENT}\r\n"
                                    f"Cookie: {NICK}\r\nX-Forwarded-For: 203.0.113.77\r\nContent-Type: application/octet-stream\r\n"
                                    f"Content-Length: {len(record)}\r\n\r\n").encode() + record)
                assert connection.recv(4096).startswith(b"HTTP/1.1 201")
            with socket.create_connection(server.address) as connection:  # an error, with marks in it
                connection.sendall(f"GET /v1/{AGENT}?{NICK}=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                connection.recv(4096)
            with socket.create_connection(server.address) as connection:
                connection.sendall(f"BREW {AGENT} \r\n\r\n".encode())
                connection.recv(4096)
        member("b", "sync")
        member(NICK, "resync")
        metrics = server.admin("/metrics")[1] + server.admin("/stats")[1] + server.admin("/health")[1]
        time.sleep(1.2)  # sealing, merging
        server.stop()
        ended = time.time()

        stats = {path: path.stat() for path in server.directory.rglob("*")}  # before our own reading changes them
        places = {"metrics": metrics.encode(), "log output": server.stderr().encode()}
        for path in sorted(server.directory.rglob("*")):
            if path.is_file():
                places[str(path.relative_to(server.directory))] = path.read_bytes()
        marks = [form for mark in (NICK, TEXT, AGENT, "203.0.113.77") for form in forms(mark)]
        for name, content in places.items():
            for mark in marks:
                assert mark not in content, f"{mark!r} is in {name}"
            for moment in times(started, ended):
                assert moment not in content, f"a time finer than the hour, {moment!r}, is in {name}"
            if name in ("metrics", "log output"):
                for port in ports:
                    assert str(port).encode() not in content, f"a client's port is in {name}"
                own = f"{server.address[0]}:{server.address[1]}".encode()
                assert b"127.0.0.1" not in content.replace(own, b""), f"a client's address is in {name}"
        for path, status in stats.items():
            for what, moment in (("mtime", status.st_mtime_ns), ("atime", status.st_atime_ns)):
                if "log" not in path.relative_to(server.directory).parts:
                    continue  # keys and settings: nobody's doing but the operator's
                assert moment % (3600 * 10**9) == 0, f"{what} of {path.relative_to(server.directory)} is finer than the hour"
        assert any(name.startswith("log/segments/") for name in places), "nothing was sealed: the test looks at too little"
        print(f"{sum(len(c) for c in places.values())} bytes in {len(places)} places searched")


parent_directory = pathlib.Path(tempfile.mkdtemp(prefix="metadata."))
try:
    run(parent_directory)
finally:
    shutil.rmtree(parent_directory, ignore_errors=True)
