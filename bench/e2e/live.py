"""How long a small request takes while others stream: one connection asks for a small document every millisecond.

under_256_readers: they stream the sealed log from memory. cold.16: sixteen readers pull a log from the medium that is
four times the chunk cache. stopped_1000: as under_256_readers, with 1,000 more connections that asked for the log and
do not read. For us the document is /v1/server, for nginx a file of the same size.
"""

import contextlib

import processes
import rows
import streams


def run(context):
    return memory(context) + cold(context)


def probe(server):
    return "--probe=/v1/server" if server.name == "cwtchd" else "--probe=/small.json"


def beside_fastest(name, samples, modes):
    """The other rows take the mode that answers soonest, however slowly it streams; this one, the mode that streams most."""
    mode, _ = samples.best("rate", modes, True)
    value = samples.median("p99", "cwtchd")
    return rows.row(name, value, "ms", samples.runs("p99", "cwtchd"), f"nginx {mode}", samples.median("p99", mode))


def small_document(cwtchd):
    with processes.opened(cwtchd.address, "/v1/server") as reply:
        return reply.read()


def memory(context):
    samples = rows.Samples()
    data = streams.hot_log(context)
    seconds = context.seconds(2, 1)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(context.directory())
        cwtchd = stack.enter_context(
            processes.Cwtchd(context.programs, data, context.server_cpus, cache_bytes=400 << 20)
        ).wait()
        segments = cwtchd.segments()
        processes.link_segments(directory, data, segments, small_document(cwtchd))
        modes = streams.start_nginx(context, stack, directory, processes.NGINX_HOT)
        pieces = streams.segment_pieces(directory, segments)
        for server in (cwtchd, *modes.values()):
            streams.stream(context, server, pieces, 1, "--share")
        for round_number in range(context.rounds):
            line = []
            for system, server, more in (
                ("cwtchd", cwtchd, ()),
                ("stopped", cwtchd, ("--stopped=1000",)),
                *((mode, server, ()) for mode, server in modes.items()),
            ):
                figures = streams.stream(
                    context, server, pieces, 256, f"--seconds={seconds}", probe(server), *more
                )
                samples.add("p99", system, figures["live_p99_us"] / 1e3)
                samples.add("p50", system, figures["live_p50_us"] / 1e3)
                samples.add("rate", system, figures["gigabytes_per_s"])
                line.append(f"{system} {figures['live_p99_us'] / 1e3:.2f} ms")
            context.say(f"  round {round_number + 1}, live p99 under 256 readers: {', '.join(line)}")
    runs = samples.runs("p99", "cwtchd")
    mode, peer_value = samples.best("p99", modes, False)
    value = samples.median("p99", "cwtchd")
    _, peer_p50 = samples.best("p50", modes, False)
    rate = samples.median("rate", "cwtchd")
    return [
        rows.row("live.p99_ms.under_256_readers", value, "ms", runs, f"nginx {mode}", peer_value),
        beside_fastest("live.p99_ms.under_256_readers/nginx_fastest", samples, modes),
        rows.row("live.p50_ms.under_256_readers", samples.median("p50", "cwtchd"), "ms", runs, "nginx", peer_p50),
        rows.row("live.stopped_1000/none", samples.median("p99", "stopped"), "ms", runs, "none stopped", value),
        rows.row("stream.stopped_1000.rate/none", samples.median("rate", "stopped"), "GB/s", runs, "none stopped", rate),
    ]


def cold(context):
    samples = rows.Samples()
    data, cache_bytes = streams.cold_log(context)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(context.directory())

        def start():
            return processes.Cwtchd(context.programs, data, context.server_cpus, cache_bytes=cache_bytes)

        with start() as cwtchd:
            segments = cwtchd.wait().segments()
            processes.link_segments(directory, data, segments, small_document(cwtchd))
        modes = streams.start_nginx(context, stack, directory, processes.NGINX_COLD)
        pieces = streams.segment_pieces(directory, segments)
        for round_number in range(context.rounds):
            line = []
            for system in ("cwtchd", *modes):
                processes.drop_caches(data)
                server = start().wait().rest() if system == "cwtchd" else modes[system]
                figures = streams.stream(context, server, pieces, 16, "--share", probe(server))
                if system == "cwtchd":
                    server.stop()
                samples.add("p99", system, figures["live_p99_us"] / 1e3)
                samples.add("rate", system, figures["gigabytes_per_s"])
                line.append(f"{system} {figures['live_p99_us'] / 1e3:.2f} ms")
            context.say(f"  round {round_number + 1}, live p99 under 16 cold readers: {', '.join(line)}")
    mode, peer_value = samples.best("p99", modes, False)
    value, runs = samples.median("p99", "cwtchd"), samples.runs("p99", "cwtchd")
    return [
        rows.row("live.p99_ms.cold.16/nginx", value, "ms", runs, f"nginx {mode}", peer_value),
        beside_fastest("live.p99_ms.cold.16/nginx_fastest", samples, modes),
    ]
