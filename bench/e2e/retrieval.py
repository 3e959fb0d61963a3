"""Private retrieval beside this machine's ceilings: samples of one program, pir_bench, which measures all of them in turns.

Ceilings: "read", one sequential pass over the database, on huge pages; "vnni", VPDPBUSD on registers alone. Where a
processor has no VNNI, or a single core, rows that need it are left out.
"""

import json
import subprocess

import processes
import rows

# row, figure, peer, the peer's figure
ROWS = [
    ("pir.scan.1/read", "scan.1", "read", "read"),
    ("pir.scan.16/vnni", "scan.16", "vnni", "vnni"),
    ("pir.scan.64/vnni", "scan.64", "vnni", "vnni"),
    ("pir.scan.split8/1", "scan.split8", "in one part", "scan.1"),
    ("pir.scan.1.two_threads/1", "scan.1.two_threads", "1 thread", "scan.1.one_thread"),
    ("pir.scan.1.two_threads/read", "scan.1.two_threads", "read, 2 threads", "read.two_threads"),
    ("pir.scan.16.two_threads/1", "scan.16.two_threads", "1 thread", "scan.16.one_thread"),
    ("pir.scan.64.two_threads/1", "scan.64.two_threads", "1 thread", "scan.64.one_thread"),
    ("pir.scan.1/row_major", "scan.1", "row by row", "scan.1.row_major"),
    ("pir.scan.16/row_major", "scan.16", "row by row", "scan.16.row_major"),
    ("pir.hint.dense/vnni", "hint.dense", "vnni", "vnni"),
    ("pir.hint.structured/dense", "hint.structured", "dense", "hint.dense"),
    ("pir.ring32.pack/read", "ring32.pack", "read", "pack_read"),
    ("pir.ring32.prepare/pack_read", "ring32.prepare.3", "read", "pack_read"),
    ("pir.ring32.prepare.alone/pack_read", "ring32.prepare.1", "read", "pack_read"),
    ("pir.ring32.prepare.8/pack_read", "ring32.prepare.8", "read", "pack_read"),
    ("pir.simplepir.record/read", "simplepir.record", "read", "database_read"),
    ("pir.ring32.record/read", "ring32.record", "read, 3 packings", "database_read_and_packings"),
    ("pir.simplepir.record_batch16", "simplepir.record_batch16", None, None),
    ("pir.ring32.record_batch16", "ring32.record_batch16", None, None),
]


def run(context):
    samples = rows.Samples()
    for number, (about, figures) in enumerate(rounds_of(context)):
        for name, value in {**figures, **derived(about, figures)}.items():
            samples.add(name, "cwtchd", value)
        context.say(
            f"  round {number + 1}: read {figures['read']:.1f} GB/s, one query {figures['scan.1']:.1f} GB/s, "
            f"sixteen {figures['scan.16']:.1f} GMAC/s"
        )

    def row(name, figure, peer, peer_figure):
        peer_value = samples.median(peer_figure, "cwtchd") if peer else None
        runs = samples.runs(figure, "cwtchd")
        return rows.row(name, samples.median(figure, "cwtchd"), about["units"][figure], runs, peer, peer_value)

    result = []
    for name, figure, peer, peer_figure in ROWS:
        if all(f is None or f in samples.figures for f in (figure, peer_figure)):
            result.append(row(name, figure, peer, peer_figure))
        else:
            context.say(f"  {name} is left out: it needs AVX-512 VNNI, or two cores")
    prepared = about["prepared_bytes_per_part"] / (1 << 20)
    result.append(rows.row("pir.ring32.prepared_mib_per_part", prepared, "MiB", 1))
    return result


def rounds_of(context):
    """(about, figures) of each round, as they come."""
    command = [str(context.programs / "pir_bench"), f"--rounds={context.rounds}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: processes.settle(None)
    ) as process:
        about = json.loads(process.stdout.readline() or "{}")
        for line in process.stdout:
            yield about, json.loads(line)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")


def derived(about, figures):
    """Milliseconds at the read bandwidth of the same round."""
    per_byte = 1 / (figures["read"] * 1e6)
    database_read = about["rows"] * about["row_bytes"] * per_byte
    return {
        "pack_read": about["prepared_bytes"] * per_byte,
        "database_read": database_read,
        "database_read_and_packings": database_read + about["packings"] * figures["ring32.pack"],
    }
