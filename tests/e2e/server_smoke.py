"""cwtchd from outside, over real sockets and files: what an operator and a client's author may rely on.

usage: server_smoke.py CWTCHD uring|epoll
"""
import concurrent.futures
import hashlib
import http.client
import json
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

from cwtch_server import WAIT_S, Follower, Frame, Server, crc32c, frames, make_record, read_exactly, records, skip_without_ring

PROGRAM = ""
IO = ""


def serve(*flags, environment=None, limits=None):
    return Server(PROGRAM, [f"--io={IO}", *flags], environment, limits)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def segments_when(server, count):
    """The list of segments, once there are so many."""
    while len(listed := server.json("/v1/segments")["segments"]) < count:
        time.sleep(0.01)
    return listed


class Posts(unittest.TestCase):
    # A post is answered with its position; the same bytes again with the same one; changed bytes never.
    def test_positions_repeats_conflicts(self):
        with serve() as server:
            first, second = make_record("a"), make_record("b")
            self.assertEqual(server.post(first)["position"], 0)
            self.assertEqual(server.post(second)["position"], 1)
            self.assertEqual(server.post(first, expect=200)["position"], 0)
            same_signature = first[:80] + make_record("c")[80:]
            same_nonce = make_record("d")[:80] + first[80:104] + make_record("d")[104:]
            self.assertEqual(server.post(same_signature, expect=409)["type"], "urn:cwtch:problem:conflict")
            server.post(same_nonce, expect=409)
            self.assertEqual(records(server.get("/v1/log")), {0: first, 1: second})

    # Every chain value of what is served fits, computed here.
    def test_chain(self):
        with serve() as server:
            for i in range(5):
                server.post(make_record(str(i), 100 + i))
            data, at, chain = server.get("/v1/log"), 0, 0
            for frame in frames(data):
                size = (16 + len(frame.payload) + 15) // 16 * 16
                before = chain if frame.kind == Frame.RECORD else 0
                covered = before.to_bytes(4, "little") + data[at:at + 4] + data[at + 8:at + size]
                self.assertEqual(crc32c(0, covered), frame.crc)
                chain = frame.crc if frame.kind == Frame.RECORD else chain
                at += size

    # Bad posts get the documented refusal, and the connection goes on where it can.
    def test_refusals(self):
        with serve() as server:
            kind = {"Content-Type": "application/octet-stream"}
            cases = [(b"", kind, 422), (b"x" * 119, kind, 422), (b"x" * 200, kind, 422), (b"x" * 6081, kind, 413),
                     (make_record("a"), {"Content-Type": "text/plain"}, 415)]
            client = server.client()
            for body, headers, status in cases:
                client.request("POST", "/v1/records", body, headers)
                answer = client.getresponse()
                problem = json.loads(answer.read())
                self.assertEqual(answer.status, status, problem)
                self.assertEqual(problem["status"], status)
                self.assertEqual(answer.getheader("Content-Type"), "application/problem+json")
            self.assertEqual(server.get("/v1/log"), b"")

    # A refusal reaches the client although it is still sending what nobody will read.
    def test_refusal_survives_unread_body(self):
        with serve() as server:
            connection = server.connect()
            connection.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                               b"Content-Length: 10000000\r\n\r\n" + b"x" * 100000)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
                if answer.endswith(b"}"):
                    break
            self.assertTrue(answer.startswith(b"HTTP/1.1 413"), answer)
            connection.close()

    # Many at once, on both shards' connections: every position is given once, and the log has what was acknowledged.
    def test_concurrent_posts_over_two_shards(self):
        with serve("--shards=2", "--writer-shard=1") as server:
            def client(number):
                connection, made = server.client(), {}
                for i in range(40):
                    record = make_record(f"{number}/{i}", 150 + i)
                    connection.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
                    answer = connection.getresponse()
                    content = json.loads(answer.read())
                    assert answer.status == 201, content
                    made[content["position"]] = record
                return made

            told = {}
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for made in pool.map(client, range(8)):
                    self.assertFalse(told.keys() & made.keys())
                    told.update(made)
            self.assertEqual(sorted(told), list(range(320)))
            self.assertEqual(records(server.get("/v1/log")), told)


class Reading(unittest.TestCase):
    def fill(self, server, count):
        made = {}
        for i in range(count):
            record = make_record(str(i), 120 + i)
            made[server.post(record)["position"]] = record
        return made

    # The list of segments, the segments and the log are the same bytes.
    def test_segments(self):
        with serve() as server:
            made = self.fill(server, 150)  # two segments of 64, and a tail
            listed = segments_when(server, 2)
            whole = b""
            for segment in listed:
                path = f"/v1/segments/{segment['first']}-{segment['last']}"
                answer, content = server.request("GET", path)
                digest = hashlib.sha256(content).hexdigest()
                self.assertIn(digest, answer.getheader("ETag"))
                self.assertIn("immutable", answer.getheader("Cache-Control"))
                part, partial = server.request("GET", path, headers={"Range": "bytes=100-5099"})
                self.assertEqual((part.status, partial), (206, content[100:5100]))
                self.assertEqual(part.getheader("Content-Range"), f"bytes 100-5099/{len(content)}")
                last, end = server.request("GET", path, headers={"Range": "bytes=-4096"})
                self.assertEqual((last.status, end), (206, content[-4096:]))
                same, nothing = server.request("GET", path, headers={"If-None-Match": answer.getheader("ETag")})
                self.assertEqual((same.status, nothing), (304, b""))
                head, nothing = server.request("HEAD", path)
                self.assertEqual((head.status, head.getheader("Content-Length")), (200, str(len(content))))
                log = server.get(f"/v1/log?from={segment['first']}&to={segment['last'] + 1}")
                self.assertTrue(content.startswith(log))
                whole += log
            tail = server.get(f"/v1/log?from={listed[-1]['last'] + 1}")
            self.assertEqual(records(whole + tail), made)
            self.assertEqual(whole + tail, server.get("/v1/log"))
            server.get(f"/v1/segments/{listed[0]['first']}-{listed[0]['last'] - 1}", expect=404)

    # Only positions that the server publishes may be named, unless leaky modes are on.
    def test_positions_that_may_be_named(self):
        with serve() as server:
            made = self.fill(server, 10)
            self.assertEqual(server.get("/v1/log?from=10"), b"")
            self.assertEqual(records(server.get("/v1/log?from=0&to=10")), made)
            server.get("/v1/log?from=5", expect=403)
            server.get("/v1/log?from=0&to=5", expect=403)
            server.get("/v1/log?from=11", expect=404)
            server.get("/v1/log?from=0&to=11", expect=404)
            server.get("/v1/log?from=3&to=2", expect=400)
            server.get("/v1/log?since=2", expect=400)
            server.get("/v1/other", expect=404)
            server.stop()
            server.start("--leaky-modes")
            self.assertEqual(records(server.get("/v1/log?from=5")), {p: made[p] for p in range(5, 10)})
            self.assertEqual(records(server.get("/v1/log?from=2&to=7")), {p: made[p] for p in range(2, 7)})

    # A follower gets each record once it is durable, and a filler when there is none.
    def test_follow(self):
        with serve("--heartbeat-s=1") as server:
            made = self.fill(server, 3)
            follower = Follower(server)
            self.assertNotIn("Content-Length", follower.head)
            data = follower.until_record(2)
            for i in range(3, 30):
                made[i] = make_record(f"live {i}", 100 * i)
                self.assertEqual(server.post(made[i])["position"], i)
                data += follower.until_record(i)
            self.assertEqual(records(data), made)
            self.assertEqual(server.get("/v1/log"), data)
            heartbeat = frames(follower.chunk())
            self.assertEqual([(f.kind, f.position) for f in heartbeat], [(Frame.FILLER, 30)])
            follower.close()

    # Many followers at different places, on two shards: all get the same log.
    def test_followers(self):
        with serve("--shards=2") as server:
            made = self.fill(server, 70)
            followers = [Follower(server, "" if i % 2 else "&from=70") for i in range(20)]
            for i in range(70, 100):
                made[i] = make_record(str(i), 3000)
                server.post(made[i])
            for i, follower in enumerate(followers):
                found = records(follower.until_record(99))
                self.assertEqual(found, made if i % 2 else {p: made[p] for p in range(70, 100)})
                follower.close()

    # A reader that stops reading is served on when it goes on, however many records came meanwhile.
    def test_slow_reader(self):
        with serve("--send-buffer-bytes=16K") as server:
            follower = Follower(server)
            follower.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made = self.fill(server, 300)
            self.assertEqual(records(follower.until_record(299)), made)
            follower.close()

    # The log is read in one go by several connections while it grows; each gets a prefix.
    def test_snapshots_while_posting(self):
        with serve() as server:
            made = {}
            for i in range(200):
                made[i] = make_record(str(i), 500)
                server.post(made[i])
                if i % 20 == 0:
                    self.assertEqual(records(server.get("/v1/log")), made)


class Connections(unittest.TestCase):
    # Requests in one packet are answered one by one, in order; a request may come byte by byte.
    def test_pipelining_and_fragments(self):
        with serve() as server:
            record = make_record("a")
            post = (b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(record)) + record
            ask = b"GET /v1/log HTTP/1.1\r\nHost: x\r\n\r\n"
            connection = server.connect()
            connection.sendall(ask + post + ask + post + ask)
            stream = connection.makefile("rb")
            expected = [(200, 0), (201, None), (200, 1), (200, None), (200, 1)]
            for status, count in expected:
                line = stream.readline()
                self.assertTrue(line.startswith(b"HTTP/1.1 %d" % status), line)
                fields = dict(l.strip().lower().split(b": ", 1) for l in iter(stream.readline, b"\r\n"))
                content = stream.read(int(fields[b"content-length"]))
                if count is not None:
                    self.assertEqual(len(records(content)), count)
            for byte in ask:
                connection.sendall(bytes([byte]))
            self.assertTrue(stream.readline().startswith(b"HTTP/1.1 200"))
            connection.close()

    # A client that waits for leave to send a body gets it.
    def test_expect_continue(self):
        with serve() as server:
            record = make_record("a")
            connection = server.connect()
            connection.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                               b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(record))
            self.assertEqual(read_exactly(connection, 25), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(record)
            self.assertEqual(read_exactly(connection, 12), b"HTTP/1.1 201")
            connection.close()

    # A request that does not become complete is answered with 408 and the connection closed; an idle one is closed.
    def test_deadlines(self):
        with serve("--request-s=1", "--idle-s=1") as server:
            slow, idle = server.connect(), server.connect()
            slow.sendall(b"GET /v1/log HTTP/1.1\r\nHo")
            answer = b""
            while piece := slow.recv(65536):
                answer += piece
            self.assertTrue(answer.startswith(b"HTTP/1.1 408"), answer)
            self.assertEqual(idle.recv(1), b"")

    # What is not HTTP/1.1 is refused with a reason and closed; nothing else notices.
    def test_garbage(self):
        with serve() as server:
            for garbage in [b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                            b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n"]:
                connection = server.connect()
                connection.sendall(garbage)
                answer = b""
                try:
                    while piece := connection.recv(65536):
                        answer += piece
                except ConnectionResetError:
                    pass
                self.assertRegex(answer, rb"^HTTP/1.1 (4\d\d|505)")
                connection.close()
            server.json("/v1/server")

    # At the limit an idle connection makes room; a busy one does not, and who waits is served when one leaves.
    def test_connection_limit(self):
        with serve("--connections-max=4") as server:
            followers = [Follower(server) for _ in range(3)]
            idle = server.connect()
            server.json("/v1/server")
            self.assertEqual(idle.recv(1), b"")
            fourth = Follower(server)
            waiting = server.connect()
            waiting.sendall(b"GET /v1/server HTTP/1.1\r\nHost: x\r\n\r\n")
            followers[0].close()
            self.assertEqual(read_exactly(waiting, 12), b"HTTP/1.1 200")
            fourth.close()

    # The limit is the shard's, through whichever listener its connections came.
    def test_connection_limit_with_two_listeners(self):
        second = ("127.0.0.1", free_port())
        with serve("--connections-max=2", f"--listen=127.0.0.1:0,{second[0]}:{second[1]}") as server:
            followers = [Follower(server) for _ in range(2)]
            for address in (server.address, second):
                with socket.create_connection(address, timeout=WAIT_S) as waiting:
                    waiting.sendall(b"GET /v1/server HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    waiting.settimeout(0.3)
                    with self.assertRaises(TimeoutError):
                        waiting.recv(1)
                    waiting.settimeout(WAIT_S)
                    followers.pop().close()
                    self.assertEqual(read_exactly(waiting, 12), b"HTTP/1.1 200")
                followers.append(Follower(server))
            for follower in followers:
                follower.close()

    # Clients that take what descriptors there are do not keep the log from sealing: some are set aside for it.
    def test_few_descriptors(self):
        with serve(limits={resource.RLIMIT_NOFILE: 128}) as server:
            self.assertIn("connections_max is 8192, but", server.stderr())
            posts = b"".join(
                b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                b"Content-Length: %d\r\n\r\n" % len(record) + record
                for record in (make_record(f"few-{number}") for number in range(200))
            )
            poster = server.connect()
            poster.sendall(posts[:100])  # in the middle of a request: it is not let go to make room
            server.json("/v1/server")
            followers = [Follower(server) for _ in range(60)]
            crowd = [server.connect() for _ in range(90)]  # most of them stay in the backlog
            poster.sendall(posts[100:])
            answers = poster.makefile("rb")

            for _ in range(200):
                self.assertEqual(answers.readline(), b"HTTP/1.1 201 Created\r\n")
                size = 0
                while (line := answers.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                answers.read(size)
            while len(list((server.directory / "log" / "segments").glob("*.seg"))) < 3:  # while the crowd waits
                time.sleep(0.05)
            for connection in followers + crowd:
                connection.close()

    # Connections that end at any moment leave nothing behind.
    def test_connections_that_break(self):
        with serve() as server:
            record = make_record("a", 6000)
            post = (b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(record)) + record
            for size in [0, 1, 20, 100, 3000, len(post) - 1, len(post)]:
                connection = server.connect()
                connection.sendall(post[:size])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.close()  # with a reset
            for _ in range(20):
                Follower(server).close()
            # The whole one may have been stored, and may still be on its way: either is a success, and it is there once.
            answer, content = server.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
            self.assertIn(answer.status, (200, 201), content)
            self.assertEqual(len(records(server.get("/v1/log"))), 1)
            server.stop()


class Operation(unittest.TestCase):
    # SIGTERM: streams end properly, exit 0, and everything is there again.
    def test_stop_and_start(self):
        for flags in [(), ("--shards=2",)]:
            with serve(*flags) as server:
                made = {}
                for i in range(100):
                    made[i] = make_record(str(i))
                    server.post(made[i])
                follower = Follower(server)
                data = follower.until_record(99)
                server.stop()
                while piece := follower.chunk():
                    data += piece
                self.assertEqual(follower.connection.recv(1), b"")
                self.assertEqual(records(data), made)
                for path in sorted(server.directory.rglob("*")):
                    if "keys" in path.parts or path.suffix == ".toml" or path.is_dir():
                        continue
                    status = path.stat()
                    self.assertEqual(status.st_mtime % 3600, 0, path)
                    self.assertEqual(status.st_atime % 3600, 0, path)
                server.start()
                self.assertEqual(records(server.get("/v1/log")), made)

    # A second signal ends it at once, whatever is under way.
    def test_interrupt(self):
        with serve() as server:
            server.stop(signal.SIGINT)

    # kill -9: whatever was acknowledged is there.
    def test_kill(self):
        with serve() as server:
            made = {}
            for round_ in range(3):
                for i in range(50):
                    record = make_record(f"{round_}/{i}")
                    made[server.post(record)["position"]] = record
                server.stop(signal.SIGKILL, expect=-signal.SIGKILL)
                server.start()
                self.assertEqual(records(server.get("/v1/log")), made)

    # A flipped byte in a segment is found by verify, which names the file, and by the server, which serves the rest.
    def test_damage(self):
        with serve() as server:
            for i in range(200):
                server.post(make_record(str(i), 400))
            listed = segments_when(server, 3)
            server.stop()
            server.command("verify", str(server.directory))
            damaged = sorted((server.directory / "log" / "segments").glob("*.seg"))[1]
            content = bytearray(damaged.read_bytes())
            content[5000] ^= 1
            damaged.write_bytes(content)
            self.assertIn(damaged.name, server.command("verify", str(server.directory), expect=1))
            verdict = server.command("verify", "--json", str(server.directory), expect=1).strip().split("\n")[-1]
            self.assertEqual(len(json.loads(verdict)["damaged"]), 1)
            server.start()
            names = [f"/v1/segments/{s['first']}-{s['last']}" for s in listed]
            server.get(names[0])
            problem = json.loads(server.get(names[1], expect=500))
            self.assertEqual(problem["type"], "urn:cwtch:problem:damaged")
            server.get(names[2])
            self.assertIn(damaged.name, server.stderr())
            with self.assertRaises((http.client.IncompleteRead, AssertionError, ConnectionResetError)):
                server.get("/v1/log")  # begins well, and is cut where the damage is
            server.post(make_record("more"))

    # The admin socket: metrics that promtool would take, health, and the same numbers for `cwtchd stats`.
    def test_admin(self):
        with serve() as server:
            status, metrics = server.admin("/metrics")
            self.assertEqual(status, 200)
            for line in metrics.splitlines():
                self.assertRegex(line, r'^(# (HELP|TYPE) cwtchd_\w+ .+|cwtchd_\w+(\{[^}]*\})? \d+)$')
            self.assertIn(f'io="{IO}"', metrics)
            self.assertEqual(server.admin("/health")[0], 200)
            self.assertEqual(server.admin("/other")[0], 404)
            self.assertIn("version", json.loads(server.command("stats", str(server.directory))))
            self.assertEqual(server.directory.joinpath("admin.sock").stat().st_mode & 0o077, 0)

    # Settings: flags before environment before file before defaults; an unknown name is refused with the nearest one.
    def test_settings(self):
        with serve() as server:
            server.stop()
            toml = server.directory / "cwtchd.toml"
            toml.write_text("[log]\nseal_records = 100\n")
            file_only = [f for f in server.flags if "seal-records" not in f]
            server.flags = file_only
            server.start()
            self.assertEqual(server.json("/v1/server")["seal"]["records"], 100)
            server.stop()
            toml.write_text("[log]\nseal_record = 100\n")
            refusal = server.command("serve", str(server.directory), expect=2)
            self.assertIn("log.seal_records", refusal)
            toml.write_text("")
            server.environment["CWTCHD_SEAL_RECORD"] = "5"
            self.assertIn("CWTCHD_SEAL_RECORDS", server.command("serve", str(server.directory), expect=2))
            del server.environment["CWTCHD_SEAL_RECORD"]
            self.assertIn("loopback", server.command("serve", "--listen=0.0.0.0:0", str(server.directory), expect=1))
            refusal = server.command("serve", "--listen=0.0.0.0:0", "--admission=closed", str(server.directory), expect=1)
            self.assertIn("--allow-plaintext", refusal)

    # One directory, one server; an identity is never made twice.
    def test_directory_is_locked_and_kept(self):
        with serve() as server:
            self.assertIn("stop it first", server.command("serve", *server.flags, str(server.directory), expect=1))
            self.assertIn("not empty", server.command("init", str(server.directory), expect=1))
            self.assertEqual((server.directory / "keys").stat().st_mode & 0o777, 0o700)
            for key in (server.directory / "keys").iterdir():
                self.assertEqual(key.stat().st_mode & 0o777, 0o600)

    # Where nobody may post, reading goes on.
    def test_closed(self):
        with serve("--admission=closed") as server:
            server.post(make_record("a"), expect=403)
            self.assertEqual(server.get("/v1/log"), b"")

    # Policies for posts and for queries are two.
    def test_closed_to_queries(self):
        with serve("--query-admission=closed", "--schemes=simplepir") as server:
            self.assertEqual(server.json("/v1/server")["admission"], {"policy": "open", "queries": "closed"})
            server.post(make_record("a"))
            connection = server.connect()
            connection.sendall(b"POST /v1/pir/simplepir/0-8192-1c HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                               b"Expect: 100-continue\r\nContent-Length: 30000\r\n\r\n")
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 403"), "before the query is received")
            connection.close()

    # cwtchd dev leaves nothing behind.
    def test_dev(self):
        server = serve()
        server.environment["TMPDIR"] = str(server.parent)
        process = subprocess.Popen([PROGRAM, "dev", f"--io={IO}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True, env=server.environment)
        url = process.stdout.readline().split()[1]
        host, port = url.removeprefix("http://").split(":")
        server.address = (host, int(port))
        self.assertEqual(server.post(make_record("a"))["position"], 0)
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(list(server.parent.iterdir()), [])
        server.__exit__()


if __name__ == "__main__":
    PROGRAM, IO = sys.argv[1:3]
    skip_without_ring(PROGRAM, IO)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2, warnings="ignore")
