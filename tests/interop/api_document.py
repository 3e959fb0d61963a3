"""Foreign clients against a live `cwtchd dev`, with nothing to go by but docs/api.md: its curl commands and its Python
programs are taken out of the text and run as they stand.

usage: api_document.py CWTCHD
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = ""
WAIT_S = 120
READERS = ("read_log.py", "read_log_requests.py")
SEALED = 64  # records in a segment, so that a test has some
DOCUMENT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def programs():
    """Name -> text of each ```python NAME block."""
    return dict(re.findall(r"^```python (\S+)\n(.*?)^```$", DOCUMENT, re.S | re.M))


def curl_commands():
    return re.findall(r"^\$ (curl .*)$", DOCUMENT, re.M)


def make_record(number):
    stream = hashlib.shake_256(b"interop %d" % number).digest(64 + 100 + number % 50)
    return stream[:64] + bytes(16) + stream[64:]


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cwtchd-interop."))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CWTCHD_")}
        self.server = subprocess.Popen(
            [PROGRAM, "dev", "--listen=127.0.0.1:0", f"--seal-records={SEALED}", "--chunk-bytes=16K", "--heartbeat-s=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment | {"TMPDIR": str(self.directory)})
        self.url = self.server.stdout.readline().split()[1]
        self.posted = []
        self.stopped = False

    def tearDown(self):
        self.stop()
        self.server.communicate(timeout=WAIT_S)
        self.assertEqual(self.server.returncode, 0)
        shutil.rmtree(self.directory)

    def stop(self):
        """Asks once: a second signal means at once, and not properly."""
        if not self.stopped:
            self.server.terminate()
        self.stopped = True

    def post(self, count):
        for _ in range(count):
            record = make_record(len(self.posted))
            request = urllib.request.Request(self.url + "/v1/records", record, {"Content-Type": "application/octet-stream"})
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                self.assertEqual(json.load(answer)["position"], len(self.posted))
            self.posted.append(record)

    def segments(self, count):
        """The list, once it has `count` segments; sealing happens a moment after the record behind a segment came."""
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            with urllib.request.urlopen(self.url + "/v1/segments", timeout=WAIT_S) as answer:
                listed = json.load(answer)["segments"]
            if len(listed) >= count:
                return listed
            time.sleep(0.01)
        raise AssertionError(f"{count} segments did not come")

    def lines(self):
        """What the programs of the document print for what was posted."""
        return [f"{i} {len(r)} {hashlib.sha256(r).hexdigest()}" for i, r in enumerate(self.posted)]

    def start(self, name, *arguments):
        for file, text in programs().items():
            (self.directory / file).write_text(text, encoding="utf-8")
        return subprocess.Popen([sys.executable, name, self.url, *arguments], cwd=self.directory, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def curl(self, command, **changes):
        """Runs a curl command, with $URL set as the document says; fails if curl does."""
        for old, new in changes.items():
            command = command.replace(old, new)
        done = subprocess.run(["bash", "-ec", command.replace("curl ", "curl --fail-with-body --max-time 60 ", 1)],
                              cwd=self.directory, capture_output=True, env=os.environ | {"URL": self.url}, timeout=WAIT_S)
        self.assertEqual(done.returncode, 0, (command, done.stdout[:300], done.stderr))
        return done.stdout


class Python(Live):
    # Two segments and a tail, read by http.client and by requests: every record, in order, every checksum as documented.
    def test_programs_read_the_log(self):
        self.post(2 * SEALED + 10)
        self.segments(2)
        self.assertEqual(set(programs()), {*READERS, "read_index.py"})
        for name in READERS:
            with self.subTest(name):
                out, errors = self.start(name).communicate(timeout=WAIT_S)
                self.assertEqual(out.splitlines(), self.lines(), errors)

    # While records arrive and heartbeats pass, followers print each record; when the server stops, they end properly.
    def test_programs_follow(self):
        self.post(SEALED + 3)
        followers = [self.start(name, "follow") for name in READERS]
        for follower in followers:
            for line in self.lines():
                self.assertEqual(follower.stdout.readline().rstrip(), line)
        for _ in range(3):
            self.post(40)  # seals while they follow
            for follower in followers:
                for line in self.lines()[-40:]:
                    self.assertEqual(follower.stdout.readline().rstrip(), line)
        self.stop()
        for follower in followers:
            out, errors = follower.communicate(timeout=WAIT_S)
            self.assertEqual((out, follower.returncode), ("", 0), errors)

    # Segments and tail, by their index: what the text says of each record. (None here has an entry.)
    def test_program_reads_the_index(self):
        self.post(2 * SEALED + 10)
        self.segments(2)
        out, errors = self.start("read_index.py").communicate(timeout=WAIT_S)
        expected = [f"{i} {i} 1 probe {(r[80:104] + r[120:128]).hex()}" for i, r in enumerate(self.posted)]
        self.assertEqual(out.splitlines(), expected, errors)

    # The reader of the document notices a changed byte, wherever it is. (What it notices is the server's promise.)
    def test_reader_notices_damage(self):
        self.post(3)
        with urllib.request.urlopen(self.url + "/v1/log", timeout=WAIT_S) as answer:
            log = answer.read()
        module = {"__name__": "read_log"}
        exec(programs()["read_log.py"], module)  # noqa: S102

        class Stream:
            def __init__(self, data):
                self.data = data

            def read(self, size):
                piece, self.data = self.data[:size], self.data[size:]
                return piece

        self.assertEqual([r for _, r in module["records"](Stream(log), 0)], self.posted)
        for place in range(len(log)):
            changed = bytearray(log)
            changed[place] ^= 0x10
            with self.assertRaises(ValueError, msg=f"byte {place}"):
                list(module["records"](Stream(bytes(changed)), 0))


class Curl(Live):
    # Every curl command of the document does what the text around it says.
    def test_commands(self):
        commands = curl_commands()
        self.assertEqual(len(commands), 12)
        (self.directory / "record.bin").write_bytes(make_record(0))
        post = next(c for c in commands if "--data-binary" in c)
        self.assertEqual(json.loads(self.curl(post)), {"position": 0})
        self.assertEqual(json.loads(self.curl(post)), {"position": 0})  # again is a success
        self.posted.append(make_record(0))
        self.post(SEALED)
        listed = self.segments(1)[0]
        name = f"{listed['first']}-{listed['last']}"
        for command in commands:
            if command == post:
                continue
            if "-C -" in command:  # what a broken download left
                os.truncate(self.directory / name, 5000)
            out = self.curl(command, **{"0-4095": name})
            if "$URL/v1/server" in command:
                self.assertEqual(json.loads(out)["api"], 1)
            elif command.endswith("$URL/v1/segments"):
                self.assertEqual(json.loads(out)["tail_first"], SEALED)
            elif "segment.idx" in command:
                part = (self.directory / "segment.idx").read_bytes()
                self.assertEqual(hashlib.sha256(part).hexdigest(), listed["index_sha256"])
                self.assertEqual(len(part), listed["index_bytes"])
            elif "index.bin" in command:
                index = (self.directory / "index.bin").read_bytes()
                self.assertIn(self.posted[-1][80:104], index)
            elif "log.bin" in command:
                self.assertIn(self.posted[-1], (self.directory / "log.bin").read_bytes())
            elif "first_chunk" in command:
                self.assertEqual((self.directory / "first_chunk").read_bytes(),
                                 (self.directory / name).read_bytes()[:262144])
            else:
                whole = (self.directory / name).read_bytes()
                self.assertEqual(hashlib.sha256(whole).hexdigest(), listed["sha256"])

    # Every way of asking for a part gives those bytes; ETag and If-Range are taken; what misses is 416.
    def test_ranges(self):
        self.post(SEALED + 1)
        listed = self.segments(1)[0]
        target = f"$URL/v1/segments/{listed['first']}-{listed['last']}"
        whole = self.curl(f"curl -s {target}")
        self.assertEqual(len(whole), listed["bytes"])
        size = len(whole)
        for asked, first, end in [("0-0", 0, 1), ("100-299", 100, 300), (f"{size - 5}-", size - 5, size), ("-7", size - 7, size),
                                  (f"0-{size * 2}", 0, size), ("5000-20000", 5000, 20001)]:
            head, content = self.curl(f"curl -s -i -r {asked} {target}").split(b"\r\n\r\n", 1)
            self.assertTrue(head.startswith(b"HTTP/1.1 206 "), head)
            self.assertIn(b"Content-Range: bytes %d-%d/%d" % (first, end - 1, size), head)
            self.assertEqual(content, whole[first:end], asked)
        tag = f"'\"{listed['sha256']}\"'"
        self.assertEqual(self.curl(f"curl -s -r 1-2 -H If-Range:{tag} {target}"), whole[1:3])
        self.assertEqual(self.curl(f"curl -s -r 1-2 -H 'If-Range: \"other\"' {target}"), whole)
        status = "-o /dev/null -w '%{http_code}'"
        self.assertEqual(self.curl(f"curl -s {status} -H If-None-Match:{tag} {target}"), b"304")
        self.assertEqual(self.curl(f"curl -s {status} -r {size}- {target} || true"), b"416")
        self.assertEqual(self.curl(f"curl -s {status} -r 0-1,3-4 {target} || true"), b"416")
        self.assertIn(b"\r\nContent-Length: %d\r\n" % size, self.curl(f"curl -s -I {target}"))

    # curl follows: what was there, what comes, and a proper end.
    def test_follow(self):
        self.post(5)
        follower = subprocess.Popen(["curl", "-sN", self.url + "/v1/log?follow"], stdout=subprocess.PIPE)
        data = b""
        while self.posted[-1] not in data:
            data += follower.stdout.read1()
        for _ in range(3):
            self.post(1)
            while self.posted[-1] not in data:
                data += follower.stdout.read1()
        self.stop()
        follower.communicate(timeout=WAIT_S)
        self.assertEqual(follower.returncode, 0)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, warnings="ignore")
