"""Malformed, oversize, truncated and out-of-order input against a live server: each gets the answer that docs/api.md
documents, its connection is closed or goes on as documented, and clients beside it notice nothing.

usage: bad_requests.py CWTCHD REFUSED_REQUESTS uring|epoll
"""
import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from cwtch_server import Follower, Server, make_record, records  # noqa: E402

PROGRAM, TABLE, IO = "", "", ""
GOOD = b"GET /v1/server HTTP/1.1\r\nHost: x\r\n\r\n"


def documented():
    """(status, type) -> closes, from the table of docs/api.md."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| (yes|no) \|", text, re.M)
    return {(int(status), "urn:cwtch:problem:" + name): closes == "yes" for name, status, closes in rows}


def post(record, fields=b""):
    return (b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n%sContent-Length: %d\r\n\r\n"
            % (fields, len(record))) + record


class Answers:
    """Reads answers off a socket, strictly: nothing may stand between them."""

    def __init__(self, connection):
        self.connection = connection
        self.stream = connection.makefile("rb")

    def next(self, head=False):
        """Status, header fields, content (none for a `head`); or None where the connection ends."""
        try:
            line = self.stream.readline()
            if not line:
                return None
            fields = {}
            while (field := self.stream.readline()) != b"\r\n":
                assert field.endswith(b"\r\n"), field
                name, value = field[:-2].split(b": ", 1)
                assert name.lower() not in fields, field
                fields[name.lower()] = value
            size = 0 if head else int(fields[b"content-length"])
            content = self.stream.read(size)
        except ConnectionResetError:
            return None
        assert re.fullmatch(rb"HTTP/1\.1 \d{3} [A-Za-z ]+\r\n", line), line
        assert len(content) == size
        return int(line.split()[1]), fields, content

    def expect_end(self):
        assert self.next() is None, "an answer where the connection should have ended"


@contextlib.contextmanager
def exchange(server, data, pieces=None, finish=False):
    """A connection on which `data` has been sent as far as the server took it, in pieces of the given size."""
    with server.connect() as connection:
        try:
            for at in range(0, len(data), pieces or len(data) or 1):
                connection.sendall(data[at : at + (pieces or len(data))])
            if finish:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while it was still sending
        yield Answers(connection)


class Bystanders:
    """A poster and a follower that must notice nothing while others misbehave."""

    def __init__(self, server):
        self.server, self.posted, self.trouble = server, {}, []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.watch, args=(f,)) for f in (self.post, self.follow)]
        for thread in self.threads:
            thread.start()

    def watch(self, work):
        try:
            work()
        except BaseException as trouble:  # noqa: BLE001
            self.trouble.append(trouble)

    def post(self):
        client = self.server.client()  # one connection for all of it
        while not self.stop.is_set() or not self.posted:
            record = make_record(f"bystander {len(self.posted)}", 500)
            client.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
            answer = client.getresponse()
            content = json.loads(answer.read())
            assert answer.status == 201, content
            self.posted[content["position"]] = record
        self.last = max(self.posted)

    def follow(self):
        follower = Follower(self.server)
        data = b""
        while not hasattr(self, "last") or self.last not in (seen := records(data)):
            data += follower.chunk()  # at the latest a heartbeat
        self.seen = seen
        follower.close()

    def finish(self, test):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        test.assertEqual(self.trouble, [])
        for position, record in self.posted.items():
            test.assertEqual(self.seen[position], record)


class BadRequests(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.server = self.stack.enter_context(Server(PROGRAM, [f"--io={IO}", "--seal-records=1000000", "--heartbeat-s=1"]))
        self.bystanders = Bystanders(self.server)

    def tearDown(self):
        try:
            self.bystanders.finish(self)
            self.server.stop()  # exit status 0, with everything closed
        finally:
            self.stack.close()

    def check_problem(self, answer, status, closes):
        self.assertIsNotNone(answer, "no answer")
        got, fields, content = answer
        self.assertEqual(got, status, content)
        self.assertEqual(fields[b"content-type"], b"application/problem+json")
        self.assertEqual(fields.get(b"connection") == b"close", closes)
        if content:  # none after HEAD
            problem = json.loads(content)
            self.assertEqual(problem["status"], status)
            always_closes = documented()[status, problem["type"]]  # and it is documented
            self.assertTrue(closes or not always_closes)
        for name in (b"date", b"server", b"set-cookie", b"via"):
            self.assertNotIn(name, fields)

    # Every listed input, at once and in pieces: one answer, then the end or the answer to what follows. What is hidden
    # behind an input that closes is never answered.
    def test_listed_inputs(self):
        listed = [json.loads(line) for line in subprocess.run([TABLE], capture_output=True, text=True,
                                                              check=True).stdout.splitlines()]
        self.assertGreater(len(listed), 150)
        for bad in listed:
            data = bytes.fromhex(bad["bytes"])
            for pieces in (None, 1) if len(data) < 200 else (None, 997):
                with self.subTest(bad["name"], pieces=pieces), exchange(self.server, data + GOOD, pieces) as answers:
                    self.check_problem(answers.next(), bad["status"], bad["closes"])
                    if not bad["closes"]:
                        self.assertEqual(answers.next()[0], 200)
                        answers.connection.shutdown(socket.SHUT_WR)
                    answers.expect_end()

    # A request that ends anywhere before its end is not answered and not acted upon; a whole one is, although its sender
    # has finished.
    def test_truncated(self):
        record = make_record("truncated", 60)
        for request in (GOOD, b"GET /v1/log?from=0 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n", post(record)):
            for size in range(len(request)):
                with exchange(self.server, request[:size], finish=True) as answers:
                    answers.expect_end()
        self.assertNotIn(record, records(self.server.get("/v1/log")).values())
        with exchange(self.server, post(record), finish=True) as answers:
            self.assertEqual(answers.next()[0], 201)
            answers.expect_end()

    # Content before its head, answers as requests, requests inside of content.
    def test_out_of_order(self):
        record = make_record("order", 60)
        request = post(record)
        at = request.index(b"\r\n\r\n") + 4
        with exchange(self.server, request[at:] + request[:at]) as answers:
            self.check_problem(answers.next(), 400, True)
            answers.expect_end()
        with exchange(self.server, b"HTTP/1.1 201 Created\r\nContent-Length: 14\r\n\r\n{\"position\":1}") as answers:
            self.check_problem(answers.next(), 400, True)
            answers.expect_end()
        # Content that looks like requests is content: one answer for it, then one for what really follows.
        with exchange(self.server, post(GOOD * 6) + GOOD) as answers:
            self.check_problem(answers.next(), 422, False)
            self.assertEqual(answers.next()[0], 200)
        # A head whose content never comes does not let the next request be taken for a request.
        with exchange(self.server, request[:at] + GOOD * 10) as answers:
            self.check_problem(answers.next(), 422, False)
            self.assertEqual(answers.next()[0], 400)  # where the content ended, in the middle of a request
            answers.expect_end()

    # Good, refused and good again on one connection, all sent before anything is read: answered in order.
    def test_pipelines(self):
        good = [(post(make_record(f"pipeline {i}")), 201) for i in range(20)]
        bad = [(b"GET /v1/log?form=0 HTTP/1.1\r\nHost: x\r\n\r\n", 400), (post(b"x" * 119), 422),
               (b"BREW /v1/server HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\npot", 405), (post(b"x" * 60000), 413),
               (b"GET /v1/segments/7-6 HTTP/1.1\r\nHost: x\r\n\r\n", 404), (b"GET /v1/log?from=99999999 HTTP/1.1\r\nHost: x\r\n\r\n", 404)]
        requests = [pair for i, first in enumerate(good) for pair in (first, bad[i % len(bad)], (GOOD, 200))]
        with exchange(self.server, b"".join(r for r, _ in requests) + b"\0" + GOOD) as answers:
            for _, status in requests:
                self.assertEqual(answers.next()[0], status)
            self.check_problem(answers.next(), 400, True)
            answers.expect_end()

    # HEAD is answered without content, also when it is refused; the refusal behind it has its content.
    def test_head(self):
        ask = b"HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n"
        with exchange(self.server, ask % b"/v1/server" + ask % b"/v1/nothing" + ask % b"/v1/log?follow" + b"\0") as answers:
            self.assertEqual(answers.next(head=True)[0], 200)
            self.check_problem(answers.next(head=True), 404, False)
            status, fields, _ = answers.next(head=True)
            self.assertEqual((status, fields[b"transfer-encoding"]), (200, b"chunked"))
            answer = answers.next()
            self.check_problem(answer, 400, True)
            self.assertNotEqual(answer[2], b"")
            answers.expect_end()

    # A refused record, and one refused for its content, leave no trace in the log.
    def test_refused_records_are_not_stored(self):
        record = make_record("entry", 100)
        wrong_entry = record[:64] + b"\1" + record[65:]
        same_nonce = make_record("other")[:80] + record[80:104] + b"y" * 50
        with exchange(self.server, post(wrong_entry) + post(record) + post(same_nonce) + post(record)) as answers:
            self.check_problem(answers.next(), 422, False)
            status, _, content = answers.next()
            self.assertEqual(status, 201)
            self.check_problem(answers.next(), 409, False)
            self.assertEqual(answers.next()[::2], (200, content))
        stored = list(records(self.server.get("/v1/log")).values())
        self.assertEqual(stored.count(record), 1)
        self.assertNotIn(wrong_entry, stored)
        self.assertNotIn(same_nonce, stored)

    # Who waits for leave gets it, or the final answer; who sends without waiting is answered the same.
    def test_expect(self):
        waits = b"Expect: 100-continue\r\n"
        with self.server.connect() as connection:
            request = post(make_record("expect"), waits)
            at = request.index(b"\r\n\r\n") + 4
            connection.sendall(request[:at])
            stream = connection.makefile("rb")
            self.assertEqual(stream.read(25), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(request[at:] + GOOD)
            answers = Answers(connection)
            answers.stream = stream
            self.assertEqual(answers.next()[0], 201)
            self.assertEqual(answers.next()[0], 200)
        with exchange(self.server, post(b"x" * 6081, waits)) as answers:
            self.check_problem(answers.next(), 413, True)
            answers.expect_end()


if __name__ == "__main__":
    PROGRAM, TABLE, IO = sys.argv[1:4]
    if IO == "uring" and "io_uring                     usable" not in subprocess.run(
            [PROGRAM, "doctor"], capture_output=True, text=True).stdout:
        print("SKIPPED: this kernel refuses io_uring; cwtchd doctor says why")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2, warnings="ignore")
