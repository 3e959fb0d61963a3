"""Runs the end-to-end benches, section by section, and prints the rows. Started by tools/bench, which builds first."""

import argparse
import json
import os
import pathlib
import sys
import time

import context
import followers
import live
import machine
import mobile_day
import posts
import refusals
import retrieval
import rows
import shards
import start
import streams

SECTIONS = {
    "posts": posts.run,
    "stream.hot": streams.hot,
    "stream.cold": streams.cold,
    "live": live.run,
    "fanout": followers.fanout,
    "memory": followers.memory,
    "start": start.run,
    "shards": shards.run,
    "pir": retrieval.run,
    "pir.refused": refusals.run,
    "pir.day": mobile_day.run,
}


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the rows there, as an array of objects")
    parser.add_argument("--quick", action="store_true", help="short rounds and small logs: at most five minutes")
    parser.add_argument("--only", metavar="NAME", help=f"these sections, by comma: {', '.join(SECTIONS)}")
    parser.add_argument(
        "--pir", dest="only", action="store_const", const="pir,pir.refused", help="--only pir,pir.refused"
    )
    parser.add_argument("--pir-day", dest="only", action="store_const", const="pir.day", help="--only pir.day")
    parser.add_argument("--resume", action="store_true", help="keep sections that an earlier run of this commit finished")
    parser.add_argument("--rounds", type=int, help="interleaved rounds, default 5 (3 with --quick)")
    parser.add_argument("--no-pin", action="store_true", help="let the scheduler place server and load")
    parser.add_argument("--root", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--store", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--nats-server", help=argparse.SUPPRESS)
    options = parser.parse_args()

    wanted = options.only.split(",") if options.only else list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]}; there are: {', '.join(SECTIONS)}")
    rounds = options.rounds or (3 if options.quick else 5)
    bench = context.Context(
        options.root, options.programs, options.store, options.quick, rounds, not options.no_pin, options.nats_server
    )
    about = machine.describe(bench.root, bench.programs)
    about["quick"] = options.quick
    about["rounds"] = rounds
    print(", ".join(f"{key} {value}" for key, value in about.items()), file=sys.stderr)
    if os.getloadavg()[0] > 0.5:
        print("other programs are busy on this machine: trust the ratios more than the values", file=sys.stderr)

    finished_file = bench.store / "finished.json"
    state = {"about": about, "sections": {}}
    if finished_file.exists():
        kept = json.loads(finished_file.read_text())
        same = all(kept["about"].get(key) == about[key] for key in ("commit", "quick", "rounds"))
        if same and (options.resume or options.only):
            state["sections"] = kept["sections"]
    failed = []
    for name in wanted:
        if options.resume and name in state["sections"]:
            continue
        print(f"{name}:", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            state["sections"][name] = SECTIONS[name](bench)
        except Exception as problem:  # a broken section must not take the others' results along
            failed.append(name)
            print(f"  FAILED: {problem}", file=sys.stderr)
            continue
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr)
        finished_file.write_text(json.dumps(state))

    result = [r for name in SECTIONS for r in state["sections"].get(name, [])]
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    print(rows.text_table(result))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
