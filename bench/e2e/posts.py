"""Durable posts: N connections, closed loop, 2.8 kB records, each acknowledged when it is on stable storage.

Peers store the same records that arrive over as many connections of the same kind: SQLite with one transaction per
post (rollback journal, and WAL), both synchronous=FULL; JetStream with sync_interval: always, published with
acknowledgement over the NATS protocol. Nobody is pinned: JetStream may use every core.
"""

import processes
import rows


def run(context):
    samples = rows.Samples()
    seconds = context.seconds(1.5, 0.7)
    with context.directory() as directory:
        ours = processes.make_directory(context.programs, directory / "cwtchd")
        with (
            processes.Cwtchd(context.programs, ours) as cwtchd,
            processes.SqlitePosts(context.programs, directory / "sqlite", "delete") as sqlite,
            processes.SqlitePosts(context.programs, directory / "sqlite_wal", "wal") as sqlite_wal,
        ):
            cwtchd.wait()
            systems = {"cwtchd": cwtchd, "sqlite": sqlite, "sqlite_wal": sqlite_wal}
            if context.nats:
                systems["jetstream"] = processes.JetStream(context.nats, directory / "jetstream")
            try:
                measure(context, samples, systems, seconds)
            finally:
                if "jetstream" in systems:
                    systems["jetstream"].stop()
    return make_rows(samples, context.nats is not None)


def measure(context, samples, systems, seconds):
    for round_number in range(context.rounds):
        for connections in (1, 16, 256):
            line = []
            for system, server in systems.items():
                nats = ["--nats"] if system == "jetstream" else []
                figures = context.loadgen(
                    "post", server.address, f"--connections={connections}", f"--seconds={seconds}", *nats,
                    pids=server.pids(),
                )
                samples.add(f"{connections}", system, figures["posts_per_s"])
                samples.add(f"{connections}.p99", system, figures["latency_p99_us"] / 1e3)
                samples.add(f"{connections}.cpu", system, figures["server_cpu_us_per_post"])
                line.append(f"{system} {figures['posts_per_s']:,.0f}/s")
            context.say(f"  round {round_number + 1}, {connections} connections: {', '.join(line)}")


def make_rows(samples, with_nats):
    result = []
    peers = ["sqlite", "sqlite_wal"] + (["jetstream"] if with_nats else [])
    for connections in ("1", "16", "256"):
        value = samples.median(connections, "cwtchd")
        runs = samples.runs(connections, "cwtchd")
        for peer in peers:
            peer_value = samples.median(connections, peer)
            result.append(rows.row(f"posts.durable.{connections}/{peer}", value, "posts/s", runs, peer, peer_value))
    for connections in ("1", "16", "256"):
        runs = samples.runs(connections, "cwtchd")
        p99 = samples.median(f"{connections}.p99", "cwtchd")
        result.append(rows.row(f"posts.p99_ms.{connections}", p99, "ms", runs))
        cpu = samples.median(f"{connections}.cpu", "cwtchd")
        result.append(rows.row(f"posts.cpu_us.{connections}", cpu, "µs/post", runs))
    return result
