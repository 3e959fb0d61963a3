"""A mobile client's day: what mobile_day_bench counts at the sockets of a member who polls every hour, as rows."""

import json
import os
import pathlib
import subprocess

import processes
import rows

# A real chat where it is at hand; CWTCH_TRACE names another. Else the program makes one, whose bursts are denser.
TRACE = pathlib.Path(__file__).parents[3] / "shared" / "data" / "irc-ubuntu.tsv.zst"
PARTS = ("documents", "index", "statics", "query", "day")


def run(context):
    # A day of six hours is as full as an hour of the whole one, and has the same messages.
    size = ["--hours=6", "--records-per-day=25000"] if context.quick else []
    trace = [f"--trace={TRACE}"] if TRACE.exists() and "CWTCH_TRACE" not in os.environ else []
    command = [str(context.programs / "mobile_day_bench"), *size, *trace]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: processes.settle(None))
    if done.returncode != 0:  # 1: a message is lost or changed, which no figure of the rows would show
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}")
    figures = json.loads(done.stdout)
    parts = ", ".join(f"{part} {figures[part + '_bytes'] / 1e6:.2f}" for part in PARTS)
    said = f"{figures['messages']} messages ({figures['trace']})"
    context.say(f"  {figures['arrived']} of {said} arrived; MB: {parts}")
    return rows_of(figures)


def rows_of(figures):
    name = f"pir.mobile_day.{round(figures['records'], -3) // 1000}k"
    moved = figures["bytes"] / 1e6

    def beside(peer, title, value):
        return rows.row(f"{name}/{peer}", moved, "MB", 1, title, value / 1e6)

    return [
        beside("full", "all records", figures["full_send_bytes"]),
        beside("predicted", "formula", figures["predicted_bytes"]),
        rows.row(f"{name}.arrived", figures["arrived"] / figures["messages"] * 100, "%", 1),
        rows.row(f"{name}.server_cpu_ms", figures["server_cpu_s_per_poll"] * 1e3, "ms/poll", 1),
    ]
