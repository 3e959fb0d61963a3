#!/usr/bin/env python3
"""The day of a mobile client once more, from formulas alone, against the curves that a report draws.

A server's log grows by R records a day, each of one row of B bytes. An index entry takes tau bytes. A client polls T times a
day; every poll covers the newest w windows of R / T rows, in S parts, by v vectors: v S slots.

    ring32, one vector over m rows in S parts
        up      kappa + 4 m           a packing key, and a word of 32 bits for each row
        down    1.5 B S               an answer of 12 bits a byte from every part
        statics 2.5 B S               the a-part of every part, 20 bits a byte; once, whatever v is

    index       tau R                 every entry of the day, once
    poll        v (kappa + 4 w R / T) + v S 1.5 B + S 2.5 B
    catch-up    v' (kappa + 4 R) + v' S' 1.5 B + S' 2.5 B    once a day over the day before, v' vectors, S' parts
    day         index + T poll + catch-up

    full send   every record once, at the size the log sends

It begins to pay where day = full send: both are linear in R.

usage: mobile_day.py REPORT_FIXTURE
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

B, KAPPA = 3072, 2 * 5 * 1024 * 4  # two key-switching keys of five digits, 1,024 words each
TAU = 16 + 0.5 + 0.1  # an entry, a nibble for its rows, and its share of kind bits and the block's header
T, W, V, S = 24, 2, 2, 8
CATCHUP_PARTS, CATCHUP_V = 28, 4
RECORD_BYTES = 2800


def ring32_day(rate):
    poll = V * (KAPPA + 4 * W * rate / T) + V * S * 1.5 * B + S * 2.5 * B
    catchup = CATCHUP_V * (KAPPA + 4 * rate) + CATCHUP_PARTS * (CATCHUP_V * 1.5 + 2.5) * B
    return TAU * rate + T * poll + catchup


def ring32_crossover():
    fixed = ring32_day(0)
    per_record = ring32_day(1) - fixed
    return fixed / (RECORD_BYTES - per_record)


def day_of_report(program):
    with tempfile.TemporaryDirectory() as folder:
        lines, html = pathlib.Path(folder, "results.jsonl"), pathlib.Path(folder, "report.html")
        subprocess.run([program, "lines", lines], check=True)
        subprocess.run([program, "report", folder, "-o", html], check=True, stdout=subprocess.DEVNULL)
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html.read_text(encoding="utf-8"), re.S)
        return json.loads(data[1])["day"]


def compare(what, reported, expected):
    off = reported / expected - 1
    print(f"{what}: {reported:,.0f} reported, {expected:,.0f} by the formulas: {100 * off:+.2f} %")
    return abs(off) < 0.1


def main(program):
    day = day_of_report(program)
    plan = day["plan"]
    assumed = {"record_bytes": RECORD_BYTES, "rows_per_record": 1, "row_bytes": B, "polls_per_day": T, "slots": V * S, "windows": W,
               "vectors": V, "catchup_parts": CATCHUP_PARTS, "catchup_vectors": CATCHUP_V}
    same = {name: plan[name] for name in assumed} == assumed
    if not same:
        print(f"The report's plan is another than this file's: {plan}", file=sys.stderr)
    curve = next(c for c in day["curves"] if c["scheme"] == "ring32")
    good = [compare(f"ring32 at {rate:,} records a day", curve["bytes"][day["records_per_day"].index(rate)], ring32_day(rate))
            for rate in (10**4, 10**5, 10**6)]
    good.append(compare("ring32 pays from records a day", curve["crossover"], ring32_crossover()))
    return 0 if same and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
