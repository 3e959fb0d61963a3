"""Followers of the log's end: how soon 1,000 of them have a new record, and what 5,000 idle ones cost in memory."""

import processes
import rows


def fanout(context):
    samples = rows.Samples()
    with context.directory() as directory:
        data = processes.make_directory(context.programs, directory / "cwtchd")
        with processes.Cwtchd(context.programs, data, context.server_cpus) as cwtchd:
            cwtchd.wait()
            for round_number in range(context.rounds):
                figures = context.loadgen(
                    "fanout", cwtchd.address, "--followers=1000", f"--records={context.seconds(150, 50)}",
                    pids=cwtchd.pids(), pinned=True,
                )
                samples.add("p50", "cwtchd", figures["from_ack_p50_us"])
                samples.add("p99", "cwtchd", figures["from_ack_p99_us"])
                samples.add("send", "cwtchd", figures["from_send_p99_us"])
                samples.add("cpu", "cwtchd", figures["server_cpu_us_per_arrival"])
                context.say(f"  round {round_number + 1}, fan-out to 1,000: p99 {figures['from_ack_p99_us']:.0f} µs")
    runs = samples.runs("p99", "cwtchd")
    return [
        rows.row("fanout.1000.p50_us", samples.median("p50", "cwtchd"), "µs", runs),
        rows.row("fanout.1000.p99_us", samples.median("p99", "cwtchd"), "µs", runs),
        rows.row("fanout.1000.from_send.p99_us", samples.median("send", "cwtchd"), "µs", runs),
        rows.row("fanout.1000.cpu_us", samples.median("cpu", "cwtchd"), "µs/arrival", runs),
    ]


def memory(context):
    samples = rows.Samples()
    data = context.log("memory", 20_000)
    followers = context.seconds(5000, 2000)

    def measure(connections, *kind):
        # A new server each time: memory that an allocator has once, it keeps.
        with processes.Cwtchd(context.programs, data, context.server_cpus) as cwtchd:
            end = cwtchd.wait().get_json("/v1/server")["log"]["committed_end"]
            path = "/v1/log?from=0" if kind else f"/v1/log?from={end}&follow"
            return context.loadgen(
                "idle", cwtchd.address, f"--connections={connections}", f"--path={path}", "--seconds=1", *kind,
                pids=cwtchd.pids(),
            )

    for round_number in range(min(context.rounds, 3)):
        idle = measure(followers)
        samples.add("user", "idle", idle["user_bytes_per_connection"])
        samples.add("all", "idle", idle["user_bytes_per_connection"] + idle["kernel_bytes_server_end"])
        # Beside as many idle ones: what the first connections cost the process is divided by their number.
        samples.add("user", "idle_1000", measure(1000)["user_bytes_per_connection"])
        stopped = measure(1000, "--stopped")
        samples.add("user", "stopped", stopped["user_bytes_per_connection"])
        context.say(
            f"  round {round_number + 1}: idle follower {idle['user_bytes_per_connection']:.0f} B and "
            f"{idle['kernel_bytes_server_end']:.0f} B in the kernel, stopped reader "
            f"{stopped['user_bytes_per_connection']:.0f} B"
        )
    runs = samples.runs("user", "idle")
    idle_user = samples.median("user", "idle")
    return [
        rows.row("memory.idle_follower", idle_user, "B", runs),
        rows.row("memory.idle_follower_with_kernel", samples.median("all", "idle"), "B", runs),
        rows.row("memory.stopped_reader/idle", samples.median("user", "stopped"), "B", runs, "idle, of 1,000",
                 samples.median("user", "idle_1000")),
    ]
