"""Tests of the bench's parts: loadgen against servers whose side of the story is known, and the arithmetic of rows."""

import hashlib
import http.server
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench" / "e2e"))
import mobile_day  # noqa: E402
import refusals  # noqa: E402
import retrieval  # noqa: E402
import rows  # noqa: E402

LOADGEN = sys.argv[1]
SQLITE_POSTS = sys.argv[2] if len(sys.argv) > 2 else None


def loadgen(*arguments):
    done = subprocess.run([LOADGEN, "--json", *arguments], capture_output=True, text=True, timeout=60)
    return done, json.loads(done.stdout) if done.returncode == 0 else None


class FileHandler(http.server.BaseHTTPRequestHandler):
    """Serves bytes by name, with Range, and remembers which bytes were asked for."""

    protocol_version = "HTTP/1.1"
    files = {}
    asked = []

    def do_GET(self):
        body = self.files[self.path]
        first, last = 0, len(body) - 1
        match = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match:
            first, last = int(match[1]), int(match[2])
        self.asked.append((self.path, first, last))
        self.send_response(206 if match else 200)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(body[first : last + 1])

    def log_message(self, *unused):
        pass


class Stream(unittest.TestCase):
    def setUp(self):
        FileHandler.files = {"/a": b"a" * 1_000_000, "/b": b"b" * 300_000, "/small": b"{}"}
        FileHandler.asked = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FileHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.directory = tempfile.TemporaryDirectory()
        self.pieces = pathlib.Path(self.directory.name) / "pieces"
        self.pieces.write_text("/a 1000000\n/b 300000\n")

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.directory.cleanup()

    # With --share the readers together ask for every byte exactly once, however many they are.
    def test_shares_cover_the_log_once(self):
        for readers in (1, 2, 3, 7, 20):
            FileHandler.asked.clear()
            done, figures = loadgen("stream", self.address, f"--pieces={self.pieces}", f"--readers={readers}", "--share")
            self.assertEqual(done.returncode, 0, done.stderr)
            for path, size in (("/a", 1_000_000), ("/b", 300_000)):
                parts = sorted((first, last) for p, first, last in FileHandler.asked if p == path)
                self.assertEqual(parts[0][0], 0)
                self.assertEqual(parts[-1][1], size - 1)
                for (_, last), (first, _) in zip(parts, parts[1:]):
                    self.assertEqual(first, last + 1)
            self.assertGreaterEqual(figures["bytes"], 1_300_000)

    # Without --share readers go round; the small request beside them is answered and counted.
    def test_readers_go_round_beside_a_probe(self):
        done, figures = loadgen(
            "stream", self.address, f"--pieces={self.pieces}", "--readers=3", "--seconds=0.5", "--probe=/small",
            "--stopped=2",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(figures["bytes"], 0)
        self.assertGreater(figures["live_count"], 0)
        self.assertEqual({path for path, _, _ in FileHandler.asked}, {"/a", "/b", "/small"})

    # A reply that is shorter than the log says is an error, not a fast server.
    def test_wrong_length_is_an_error(self):
        self.pieces.write_text("/a 1000001\n/b 300000\n")
        done, _ = loadgen("stream", self.address, f"--pieces={self.pieces}", "--readers=1", "--share")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("expected", done.stderr)


class Limits(unittest.TestCase):
    # Load is for this machine only.
    def test_only_loopback_is_loaded(self):
        for target in ("192.0.2.1:80", "example.org:80", "0.0.0.0:80", "128.0.0.1:80"):
            done, _ = loadgen("post", target, "--seconds=0.1")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("loopback", done.stderr)


class Post(unittest.TestCase):
    # Every post that loadgen counts as acknowledged is in the peer's database, whole, and none twice.
    def test_acknowledged_posts_are_stored(self):
        if SQLITE_POSTS is None:
            self.skipTest("SKIPPED: the peers are not built (CWTCH_BENCH is off)")
        for mode in ("delete", "wal"):
            with tempfile.TemporaryDirectory() as directory:
                file = f"{directory}/messages.db"
                server = subprocess.Popen([SQLITE_POSTS, file, mode], stdout=subprocess.PIPE, text=True)
                try:
                    port = int(server.stdout.readline().split()[1])
                    done, figures = loadgen(
                        "post", f"127.0.0.1:{port}", "--connections=8", "--seconds=0.3", "--warmup=0", "--seed=7"
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)
                    refused, _ = loadgen("post", f"127.0.0.1:{port}", "--connections=1", "--seconds=0.3", "--seed=7")
                finally:
                    server.terminate()
                    server.wait()
                    server.stdout.close()
                with sqlite3.connect(file) as database:
                    stored = database.execute("SELECT signature, ciphertext FROM messages ORDER BY id").fetchall()
                database.close()
                # What was in flight at the end is drained but not counted: at most one post for each connection.
                self.assertGreaterEqual(len(stored), figures["posts"])
                self.assertLessEqual(len(stored), figures["posts"] + 8)
                self.assertEqual({len(signature) for signature, _ in stored}, {88})
                self.assertEqual({len(ciphertext) for _, ciphertext in stored}, {(2800 - 64) * 4 // 3})
                self.assertEqual(len({hashlib.sha256(c.encode()).digest() for _, c in stored}), len(stored))
                # The same seed makes the same records, which a store that knows signatures refuses.
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn("503", refused.stderr)


class Rows(unittest.TestCase):
    def test_medians_and_best_peer(self):
        samples = rows.Samples()
        for value in (1, 100, 3):
            samples.add("rate", "ours", value)
        for value in (2, 2, 50):
            samples.add("rate", "a", value)
        for value in (1, 4, 4):
            samples.add("rate", "b", value)
        self.assertEqual(samples.median("rate", "ours"), 3)
        self.assertEqual(samples.best("rate", ["a", "b", "absent"], True), ("b", 4))
        self.assertEqual(samples.best("rate", ["a", "b"], False), ("a", 2))
        self.assertEqual(samples.runs("rate", "ours"), 3)

    def test_row_has_the_documented_members(self):
        r = rows.row("posts.durable.16/sqlite", 30.0, "posts/s", 5, "sqlite", 10.0)
        self.assertEqual(list(r), ["name", "value", "unit", "peer", "peer_value", "ratio", "runs"])
        self.assertEqual(r["ratio"], 3.0)
        self.assertIsNone(rows.row("start.ready_ms.1e6", 1, "ms", 5)["ratio"])

    # A promise that is not kept is shown as such.
    def test_verdicts(self):
        def kept(*arguments):
            return [k for k, _ in rows.verdict(rows.row(*arguments))]

        self.assertEqual(kept("posts.durable.16/sqlite", 150.0, "posts/s", 5, "sqlite", 10.0), [True])
        self.assertEqual(kept("posts.durable.16/sqlite", 149.0, "posts/s", 5, "sqlite", 10.0), [False])
        self.assertEqual(kept("live.p99_ms.under_256_readers", 2.5, "ms", 5, "nginx", 10.0), [True, False])
        self.assertEqual(kept("start.ready_ms.1e6", 300, "ms", 5), [True])
        self.assertEqual(kept("start.ready_ms.1e4", 300, "ms", 5), [])


class Retrieval(unittest.TestCase):
    def run_with(self, rounds):
        """The section's rows, and what it says, of a program that prints these figures."""
        about = {"rows": 1000, "row_bytes": 3000, "prepared_bytes": 1e6, "prepared_bytes_per_part": 3 << 20, "packings": 3}
        about["units"] = {name: "unit" for name in rounds[0]}
        lines = "\n".join(json.dumps(line) for line in [about, *rounds])
        with tempfile.TemporaryDirectory() as directory:
            program = pathlib.Path(directory) / "pir_bench"
            program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{lines}\nEOF\n")
            program.chmod(0o755)
            said = []
            context = types.SimpleNamespace(programs=program.parent, rounds=len(rounds), say=said.append)
            return {row["name"]: row for row in retrieval.run(context)}, "\n".join(said)

    FIGURES = {
        figure for row in retrieval.ROWS for figure in (row[1], row[3])
    } - {None, "pack_read", "database_read", "database_read_and_packings"}

    # What is read is compared with its bytes at the bandwidth of the same round.
    def test_rows_stand_beside_their_ceilings(self):
        figures = dict.fromkeys(self.FIGURES, 8.0) | {"read": 2.0, "scan.1": 1.0, "ring32.pack": 0.25}
        found, _ = self.run_with([figures] * 3)
        self.assertEqual(list(found), [row[0] for row in retrieval.ROWS] + ["pir.ring32.prepared_mib_per_part"])
        self.assertEqual(found["pir.scan.1/read"]["ratio"], 0.5)
        self.assertEqual(found["pir.ring32.pack/read"]["peer_value"], 0.5)
        self.assertEqual(found["pir.simplepir.record/read"]["peer_value"], 1.5)
        self.assertEqual(found["pir.ring32.record/read"]["peer_value"], 2.25)
        self.assertEqual(found["pir.ring32.prepared_mib_per_part"]["value"], 3)
        self.assertEqual(found["pir.scan.1/read"]["runs"], 3)

    # Every promise is about a row that exists.
    def test_promises_have_rows(self):
        names = {row[0] for row in retrieval.ROWS} | {"pir.ring32.prepared_mib_per_part"}
        names |= {row["name"] for row in mobile_day.rows_of(MobileDay.FIGURES)}
        database = {"name": "0-65536-1c", "request_bytes": 8}
        names |= {f"pir.refused.{kind}" for kind in refusals.kinds_of(dict.fromkeys(refusals.SCHEMES, database))}
        promised = [name for name in (*rows.TARGETS, *rows.VALUE_TARGETS) if name.startswith("pir.")]
        self.assertEqual(set(promised) - names, set())

    def test_without_vnni_its_rows_are_left_out_and_it_says_so(self):
        figures = dict.fromkeys(self.FIGURES - {"vnni", "scan.1.row_major", "scan.16.row_major"}, 8.0)
        found, said = self.run_with([figures])
        self.assertNotIn("pir.scan.16/vnni", found)
        self.assertIn("pir.scan.1/read", found)
        self.assertIn("pir.scan.16/vnni is left out", said)


class MobileDay(unittest.TestCase):
    FIGURES = {
        "trace": "generated",
        "records": 99_980,
        "bytes": 11_000_000,
        "full_send_bytes": 275_000_000,
        "predicted_bytes": 10_000_000,
        "messages": 200,
        "arrived": 199,
        "server_cpu_s_per_poll": 0.06,
    }

    def test_a_day_stands_beside_all_records_and_the_formula(self):
        full, predicted, arrived, cpu = mobile_day.rows_of(self.FIGURES)
        self.assertEqual([full["name"], full["ratio"]], ["pir.mobile_day.100k/full", 0.04])
        self.assertEqual([predicted["name"], predicted["ratio"]], ["pir.mobile_day.100k/predicted", 1.1])
        self.assertEqual([arrived["value"], cpu["value"]], [99.5, 60])

    # A lost message shows; and a formula that says too much is as wrong as one that says too little.
    def test_promises_of_a_day(self):
        def verdicts(**figures):
            return [rows.verdict(row) for row in mobile_day.rows_of(self.FIGURES | figures)]

        self.assertEqual(verdicts()[2], [(False, ">= 100 %")])
        self.assertEqual(verdicts(arrived=200)[2], [(True, ">= 100 %")])
        for predicted, kept in ((9_900_000, False), (10_000_000, True), (12_200_000, True), (12_300_000, False)):
            self.assertEqual(verdicts(predicted_bytes=predicted)[1], [(kept, "0.9 to 1.1 ratio")])

    # What the program says of itself counts, whatever it printed before.
    def test_a_failed_day_has_no_rows(self):
        with tempfile.TemporaryDirectory() as directory:
            program = pathlib.Path(directory) / "mobile_day_bench"
            context = types.SimpleNamespace(programs=program.parent, quick=True, say=lambda text: None)
            figures = json.dumps(self.FIGURES | {f"{part}_bytes": 1 for part in mobile_day.PARTS})
            for status in (0, 1):
                program.write_text(f"#!/bin/sh\necho '{figures}'\nexit {status}\n")
                program.chmod(0o755)
                if status == 0:
                    self.assertEqual(len(mobile_day.run(context)), 4)
                else:
                    self.assertRaisesRegex(RuntimeError, "status 1", mobile_day.run, context)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
