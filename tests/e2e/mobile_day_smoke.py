"""A day of three hours: every byte has a name, every message arrives, and the formula of a day says what is counted.

usage: mobile_day_smoke.py MOBILE_DAY_BENCH
"""
import json
import os
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
HOURS, SLOTS = 3, 16
PARTS = ("documents", "index", "statics", "query", "day")


class MobileDay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = [PROGRAM, f"--hours={HOURS}", f"--slots={SLOTS}", "--records-per-day=9000", "--wanted-per-day=30"]
        environment = {name: value for name, value in os.environ.items() if name != "CWTCH_TRACE"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"status {done.returncode}: {done.stderr}")
        cls.day = json.loads(done.stdout)

    def test_the_report_counts_what_passes_the_sockets(self):
        self.assertEqual(sum(self.day[f"{part}_bytes"] for part in PARTS), self.day["bytes"])
        self.assertEqual(self.day["bytes"], self.day["socket_bytes"])

    def test_every_hour_has_its_queries_and_one_the_days(self):
        self.assertEqual(self.day["polls"], HOURS)
        self.assertEqual(self.day["queries"], HOURS * SLOTS // 8 + SLOTS // 4)
        for part in PARTS:
            self.assertGreater(self.day[f"{part}_bytes"], 0, part)

    def test_every_message_arrives(self):
        self.assertGreater(self.day["messages"], 10)
        self.assertEqual(self.day["arrived"], self.day["messages"])
        self.assertEqual((self.day["missed"], self.day["wrong"]), (0, 0))

    def test_the_formula_says_as_much(self):
        self.assertLess(abs(self.day["off_prediction"]), 0.1)

    # A record has 2,800 bytes, and a frame around it.
    def test_all_records_are_what_it_is_compared_with(self):
        per_record = self.day["full_send_bytes"] / self.day["records"]
        self.assertGreater(per_record, 2800)
        self.assertLess(per_record, 2850)
        self.assertAlmostEqual(self.day["ratio"], self.day["full_send_bytes"] / self.day["bytes"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
