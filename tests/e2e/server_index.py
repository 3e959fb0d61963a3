"""The index stream from outside: what it says of each record is what the log says, wherever a client begins, while the
log grows, is sealed, merged, killed, damaged and cut short by retention.

usage: server_index.py CWTCHD uring|epoll
"""
import concurrent.futures
import hashlib
import json
import signal
import struct
import sys
import time
import unittest

from cwtch_server import Server, crc32c, make_record, records, skip_without_ring

PROGRAM = ""
IO = ""
ROW_BYTES = 640
FLAGS = ["--seal-records=16", "--seal-records-hour-min=2", "--merge-factor=2", f"--row-bytes={ROW_BYTES}", "--shards=2"]


def serve(*flags):
    return Server(PROGRAM, [f"--io={IO}", *FLAGS, *flags])


def record_of(number):
    """Tagged and untagged, of 1 to 10 rows; the shortest ones have less ciphertext than a probe takes."""
    record = make_record(f"index {number}", 40 + number * 739 % 5900 if number % 5 else 40 + number % 8)
    if number % 3 == 0:
        return record
    digest = hashlib.sha256(b"cwtch-entry" + record[:64] + record[80:]).digest()
    return record[:64] + digest[:8] + b"keyedtag" + record[80:]


def blocks(data):
    """Every block, checked: (first, first row, records, rows, entries)."""
    while data:
        magic, first, row, count, rows, row_bytes, hour, size, body_crc, crc = struct.unpack_from("<8sQQIIIIIII", data)
        assert magic == b"CWTINDX2", magic
        assert crc == crc32c(0, data[:48]), "checksum of a header"
        assert row_bytes == ROW_BYTES, row_bytes
        kinds, nibbles = (count + 7) // 8, (count + 1) // 2
        body, data = data[52:52 + kinds + nibbles + size], data[52 + kinds + nibbles + size:]
        assert body_crc == crc32c(0, body), "checksum of a body"
        entries, at, next_row = [], kinds + nibbles, row
        for i in range(count):
            tagged = not body[i // 8] >> i % 8 & 1
            taken = body[kinds + i // 2] >> i % 2 * 4 & 15
            width = 16 if tagged else 32
            entries.append((next_row, taken, body[at:at + width]))
            next_row, at = next_row + taken, at + width
        assert at == len(body) and next_row == row + rows, "sums"
        yield first, row, count, rows, entries


def expected_entry(record):
    if any(record[64:80]):
        return record[64:80]
    ciphertext = record[80:]
    return ciphertext[:24] + ciphertext[40:48].ljust(8, b"\0")


def rows_of(record):
    return -(-(len(record) + 2) // ROW_BYTES)


class Index(unittest.TestCase):
    maxDiff = 2000

    def fetch(self, server, path):
        answer, content = server.request("GET", path)
        self.assertEqual(answer.status, 200, content[:300])
        self.assertEqual(int(answer.getheader("Content-Length")), len(content))
        self.assertEqual(answer.getheader("Cache-Control"), "no-store")
        return int(answer.getheader("Cwtch-First")), int(answer.getheader("Cwtch-End")), content

    def check(self, first, end, content, posted):
        """Returns where blocks begin. `posted`: from position 0."""
        position, row, starts = first, sum(rows_of(r) for r in posted[:first]), []
        for block_first, block_row, count, rows, entries in blocks(content):
            self.assertEqual((block_first, block_row), (position, row))
            starts.append(position)
            for found_row, taken, entry in entries:
                record = posted[position]
                self.assertEqual((found_row, taken, entry), (row, rows_of(record), expected_entry(record)), position)
                position, row = position + 1, row + taken
        self.assertEqual(position, end)
        return starts

    def check_all(self, server, posted, first=0):
        """From every block's beginning and the end; nowhere else. Returns the whole stream."""
        while True:
            before = server.json("/v1/segments")
            try:
                return self.check_once(server, posted, first)
            except AssertionError:
                if server.json("/v1/segments") == before:
                    raise  # else names have changed meanwhile: ask again

    def check_once(self, server, posted, first):
        found_first, end, content = self.fetch(server, "/v1/index")
        self.assertEqual((found_first, end), (first, len(posted)))
        starts = self.check(first, end, content, posted)
        log = records(server.get("/v1/log"))
        self.assertEqual(log, {p: posted[p] for p in range(first, end)})
        listed = server.json("/v1/segments")
        for border in [s["first"] for s in listed["segments"]] + [listed["tail_first"]] * (listed["tail_first"] < end):
            self.assertIn(border, starts)
        for start in starts:
            part = self.fetch(server, f"/v1/index?from={start}")
            self.check(*part, posted)
            self.assertTrue(content.endswith(part[2]))
        for inside in set(range(first, end)) - set(starts):
            problem = json.loads(server.get(f"/v1/index?from={inside}", expect=403))
            self.assertEqual(problem["type"], "urn:cwtch:problem:position-not-served")
        at_end = list(blocks(self.fetch(server, f"/v1/index?from={end}")[2]))
        self.assertEqual(at_end, [(end, sum(rows_of(r) for r in posted), 0, 0, [])])
        server.get(f"/v1/index?from={end + 1}", expect=404)
        answer, nothing = server.request("HEAD", "/v1/index")
        self.assertEqual((answer.status, int(answer.getheader("Content-Length")), nothing), (200, len(content), b""))

        sealed = b""
        for segment in listed["segments"]:
            path = f"/v1/segments/{segment['first']}-{segment['last']}/index"
            answer, part = server.request("GET", path)
            self.assertEqual(answer.status, 200)
            self.assertEqual((len(part), hashlib.sha256(part).hexdigest()), (segment["index_bytes"], segment["index_sha256"]))
            self.assertEqual(answer.getheader("ETag"), f'"{segment["index_sha256"]}"')
            self.assertIn("immutable", answer.getheader("Cache-Control"))
            self.assertEqual(server.get(path, {"Range": "bytes=10-29"}, 206), part[10:30])
            server.get(path, {"If-None-Match": answer.getheader("ETag")}, 304)
            answer, nothing = server.request("HEAD", path)
            self.assertEqual((int(answer.getheader("Content-Length")), nothing), (len(part), b""))
            sealed += part
        self.assertTrue(content.startswith(sealed))
        tail_first = listed["tail_first"]
        if sealed:
            self.assertEqual(self.fetch(server, "/v1/index?sealed"), (first, tail_first, sealed))
        found_first, end, nothing = self.fetch(server, f"/v1/index?from={tail_first}&sealed=1")
        self.assertEqual((found_first, end), (tail_first, tail_first))
        self.assertEqual([block[2:] for block in blocks(nothing)], [(0, 0, [])])
        return content

    def post(self, server, posted, count):
        for _ in range(count):
            record = record_of(len(posted))
            self.assertEqual(server.post(record)["position"], len(posted))
            posted.append(record)

    def wait_for_merges(self, server, end):
        """Until the segments are those of a binary counter; or for two seconds, as when an hour has divided them."""
        listed, since = None, time.monotonic()
        while True:
            now = server.json("/v1/segments")
            if now != listed:
                listed, since = now, time.monotonic()
            at_rest = len(now["segments"]) == bin(now["tail_first"] // 16).count("1")
            if end - now["tail_first"] <= 16 and (at_rest or time.monotonic() > since + 2):
                return now["segments"]
            time.sleep(0.01)

    def segment_files(self, server, kind):
        return sorted((server.directory / "log" / "segments").glob(f"*.{kind}"))

    # Record by record through sealing and merging, over restarts of either kind.
    def test_grows_and_stays(self):
        with serve() as server:
            self.assertEqual(server.json("/v1/server")["index"], {"row_bytes": ROW_BYTES})
            posted = []
            self.check_all(server, posted)
            for count in (1, 2, 14, 30):
                self.post(server, posted, count)
                self.check_all(server, posted)
            self.post(server, posted, 160)
            segments = self.wait_for_merges(server, len(posted))
            self.assertTrue(any(s["last"] - s["first"] > 16 for s in segments), "nothing was merged")
            before = self.check_all(server, posted)
            server.stop()
            self.assertEqual([p.stem for p in self.segment_files(server, "idx")],
                             [p.stem for p in self.segment_files(server, "seg")])
            self.assertEqual(server.command("verify", str(server.directory)).count(".idx"), 0)
            server.start("--row-bytes=3072")  # fixed by init: without effect
            self.assertEqual(self.check_all(server, posted), before)
            self.post(server, posted, 50)
            server.stop(signal.SIGKILL, -signal.SIGKILL)
            server.start()
            self.check_all(server, posted)
            self.post(server, posted, 20)
            self.check_all(server, posted)
            server.stop()

    # While others post and files change, every answer is whole, and what is sealed never changes.
    def test_answers_are_whole_while_the_log_grows(self):
        with serve() as server:
            posted = [record_of(i) for i in range(400)]
            with concurrent.futures.ThreadPoolExecutor(1) as other:
                done = other.submit(lambda: [server.post(r) for r in posted])
                ends, sealed = [], b""
                while not done.done():
                    first, end, content = self.fetch(server, "/v1/index")
                    self.assertEqual(first, 0)
                    starts = self.check(first, end, content, posted)
                    ends.append(end)
                    self.assertTrue(content.startswith(sealed))
                    if len(starts) > 1:  # all but the last block
                        start = starts[-1]
                        rest = self.fetch(server, f"/v1/index?from={start}")
                        self.check(*rest, posted)
                        sealed = content[:self.offset_of(content, start)]
                done.result()
            self.assertGreater(len(set(ends)), 5)
            self.check_all(server, posted)
            server.stop()

    def offset_of(self, content, start):
        at = 0
        while True:
            first, = struct.unpack_from("<Q", content, at + 8)
            if first == start:
                return at
            count, _, _, _, size = struct.unpack_from("<IIIII", content, at + 24)
            at += 52 + (count + 7) // 8 + (count + 1) // 2 + size

    # Files that are gone or changed, before a start and under the running server: the same bytes are served, and the
    # files are as they were.
    def test_damaged_files_are_made_anew(self):
        with serve() as server:
            posted = []
            self.post(server, posted, 190)
            self.wait_for_merges(server, len(posted))
            before = self.check_all(server, posted)
            server.stop()
            files = self.segment_files(server, "idx")
            self.assertGreaterEqual(len(files), 3)
            contents = [file.read_bytes() for file in files]
            files[0].unlink()
            files[1].write_bytes(contents[1][:100] + bytes([contents[1][100] ^ 1]) + contents[1][101:])
            files[2].write_bytes(contents[2][:-1])
            said = server.command("verify", str(server.directory), expect=1)
            for file in files[:3]:
                self.assertIn(file.name, said)
            server.start()
            self.assertEqual(self.fetch(server, "/v1/index")[2], before)
            self.assertEqual([file.read_bytes() for file in files], contents)
            for file, content in zip(files, contents):
                file.write_bytes(bytes(len(content)))
            for _ in range(4):  # on either shard, kept or not
                self.check_all(server, posted)
            server.stop()
            server.start()
            self.assertEqual(self.check_all(server, posted), before)
            self.assertEqual([file.read_bytes() for file in files], contents)
            server.stop()
            server.command("verify", str(server.directory))

    # With its segment damaged as well, an index file cannot be made anew: it is refused, and the rest is served.
    def test_what_cannot_be_made_anew_is_refused(self):
        with serve("--merge-factor=64") as server:
            posted = []
            self.post(server, posted, 70)
            while len(self.segment_files(server, "seg")) < 4:
                time.sleep(0.01)
            server.stop()
            index, segment = self.segment_files(server, "idx")[1], self.segment_files(server, "seg")[1]
            index.unlink()
            damaged = bytearray(segment.read_bytes())
            damaged[5000] ^= 1
            segment.write_bytes(damaged)
            server.start()
            last = int(index.stem.split("-")[1])
            self.check(*self.fetch(server, f"/v1/index?from={last + 1}"), posted)
            problem = json.loads(server.get(f"/v1/index?from={int(index.stem.split('-')[0])}", expect=500))
            self.assertEqual(problem["type"], "urn:cwtch:problem:damaged")
            self.assertIn(index.name, server.stderr())
            damaged[5000] ^= 1
            segment.write_bytes(damaged)
            time.sleep(1.1)  # damage is remembered for a second
            self.check_all(server, posted)
            server.stop()

    def test_retention(self):
        with serve("--retain-records-max=40") as server:
            posted = []
            self.post(server, posted, 150)
            while (first := server.json("/v1/segments")["first_retained"]) < 100:
                time.sleep(0.01)
            time.sleep(0.5)
            first = server.json("/v1/segments")["first_retained"]
            self.check_all(server, posted, first)
            self.assertEqual(json.loads(server.get("/v1/index?from=0", expect=410))["type"], "urn:cwtch:problem:gone")
            server.stop()
            self.assertEqual(int(self.segment_files(server, "idx")[0].stem.split("-")[0]), first)
            server.start()
            self.check_all(server, posted, first)
            server.stop()

    # An entry is zeros or begins with the record's hash, and a nonce comes once: else anyone could fill the index with
    # what looks like a member's.
    def test_what_may_be_posted(self):
        with serve() as server:
            good = record_of(1)
            server.post(good[:64] + bytes([good[64] ^ 1]) + good[65:], expect=422)
            server.post(good[:64] + bytes(8) + b"keyedtag" + good[80:], expect=422)
            server.post(good)
            other = make_record("other nonce", 300)
            server.post(other[:80] + good[80:104] + other[104:], expect=409)
            self.check_all(server, [good])
            server.stop()


if __name__ == "__main__":
    PROGRAM, IO = sys.argv[1:3]
    skip_without_ring(PROGRAM, IO)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
