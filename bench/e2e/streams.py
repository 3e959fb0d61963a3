"""Full-log streaming: N readers at different places; receivers copy what they get. Server and receivers are pinned to a
core each.

hot:   the sealed log (256 MiB) is in the server's chunk cache, or in nginx's page cache; readers go round and round.
cold:  the log is four times the chunk cache and no page of it is cached; each reader takes its own part once, so that
       every byte comes from the medium exactly once, whoever serves it.

Both sides get the same requests: GET of the same segment files, with Range where a reader starts inside one. nginx
runs in several modes and the best median is the peer's. `.log` rows are the same readers on /v1/log instead, which
nginx has no counterpart for: the peer's value is that of the segment files.
"""

import contextlib

import processes
import rows

READERS = (1, 16, 256)


def segment_pieces(directory, segments):
    path = directory / "segments.txt"
    path.write_text("".join(f"/v1/segments/{first}-{last} {size}\n" for first, last, size in segments))
    return path


def log_pieces(context, cwtchd, directory, segments):
    """One piece for each segment start, as long as what /v1/log sends from there to the next segment's start."""
    path = directory / "log.txt"
    lines = []
    for first, last, _ in segments:
        target = f"/v1/log?from={first}&to={last + 1}"
        lines.append(f"{target} {processes.content_length(cwtchd.address, target)}\n")
    path.write_text("".join(lines))
    return path


def hot_log(context):
    return context.log("hot", context.seconds(90_000, 45_000), merge_factor=1_000_000)


def cold_log(context):
    """And the chunk cache that is a quarter of it."""
    records = context.seconds(376_832, 94_208)  # 92 or 23 segments of 4096, about 1 GiB or 256 MiB
    return context.log("cold", records, merge_factor=1_000_000), context.seconds(256 << 20, 64 << 20)


def start_nginx(context, stack, directory, modes, workers=1):
    cpus = context.server_cpus if workers == 1 else None
    return {mode: stack.enter_context(processes.Nginx(directory, mode, workers, cpus)) for mode in modes}


def stream(context, server, pieces, readers, *more, pinned=True):
    return context.loadgen(
        "stream", server.address, f"--readers={readers}", f"--pieces={pieces}", *more, pids=server.pids(), pinned=pinned
    )


def keep(samples, name, system, figures):
    samples.add(f"{name}.rate", system, figures["gigabytes_per_s"])
    samples.add(f"{name}.cpu", system, figures["cpu_s_per_gb"])
    samples.add(f"{name}.server_cpu", system, figures["server_cpu_s_per_gb"])


def hot(context):
    samples = rows.Samples()
    data = hot_log(context)
    seconds = context.seconds(1.2, 0.5)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(context.directory())
        cwtchd = stack.enter_context(
            processes.Cwtchd(context.programs, data, context.server_cpus, cache_bytes=400 << 20)
        ).wait()
        segments = cwtchd.segments()
        processes.link_segments(directory, data, segments, b"{}")
        modes = start_nginx(context, stack, directory, processes.NGINX_HOT)
        pieces = segment_pieces(directory, segments)
        whole_log = log_pieces(context, cwtchd, directory, segments)
        for server in (cwtchd, *modes.values()):
            stream(context, server, pieces, 1, "--share")
        for round_number in range(context.rounds):
            for readers in READERS:
                line = []
                for system, server, what, more in (
                    ("cwtchd", cwtchd, pieces, ()),
                    ("log", cwtchd, whole_log, ("--no-ranges",)),
                    *((mode, server, pieces, ()) for mode, server in modes.items()),
                ):
                    figures = stream(context, server, what, readers, f"--seconds={seconds}", *more)
                    keep(samples, f"hot.{readers}", system, figures)
                    line.append(f"{system} {figures['gigabytes_per_s']:.2f} GB/s {figures['cpu_s_per_gb']:.3f}")
                context.say(f"  round {round_number + 1}, hot, {readers} readers: {', '.join(line)} cpu-s/GB")
    return make_rows(samples, "hot", processes.NGINX_HOT)


def cold(context):
    samples = rows.Samples()
    data, cache_bytes = cold_log(context)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(context.directory())

        def start():
            return processes.Cwtchd(context.programs, data, context.server_cpus, cache_bytes=cache_bytes)

        with start() as cwtchd:
            segments = cwtchd.wait().segments()
        processes.link_segments(directory, data, segments, b"{}")
        modes = start_nginx(context, stack, directory, processes.NGINX_COLD)
        pieces = segment_pieces(directory, segments)
        for round_number in range(context.rounds):
            for readers in READERS:
                line = []
                for system in ("cwtchd", *modes):
                    processes.drop_caches(data)
                    if system == "cwtchd":  # started anew: its chunk cache is empty
                        with start() as cwtchd:
                            figures = stream(context, cwtchd.wait().rest(), pieces, readers, "--share", "--warmup=0")
                    else:
                        figures = stream(context, modes[system], pieces, readers, "--share", "--warmup=0")
                    keep(samples, f"cold.{readers}", system, figures)
                    line.append(f"{system} {figures['gigabytes_per_s']:.2f} GB/s {figures['cpu_s_per_gb']:.3f}")
                processes.drop_caches(data)
                ceiling = context.loadgen("medium", data / "log" / "segments", f"--places={readers}", pinned=True)
                samples.add(f"cold.{readers}.rate", "medium", ceiling["gigabytes_per_s"])
                line.append(f"the medium {ceiling['gigabytes_per_s']:.2f} GB/s")
                context.say(f"  round {round_number + 1}, cold, {readers} readers: {', '.join(line)} cpu-s/GB")
    return make_rows(samples, "cold", processes.NGINX_COLD)


def make_rows(samples, kind, modes):
    result = []
    for readers in READERS:
        name = f"{kind}.{readers}"
        runs = samples.runs(f"{name}.rate", "cwtchd")
        for figure, unit, largest in (("rate", "GB/s", True), ("cpu", "cpu-s/GB", False)):
            mode, peer_value = samples.best(f"{name}.{figure}", modes, largest)
            value = samples.median(f"{name}.{figure}", "cwtchd")
            result.append(rows.row(f"stream.{name}.{figure}/nginx", value, unit, runs, f"nginx {mode}", peer_value))
            if kind == "hot":
                value = samples.median(f"{name}.{figure}", "log")
                result.append(
                    rows.row(f"stream.{name}.{figure}.log/nginx", value, unit, runs, f"nginx {mode}", peer_value)
                )
        # The server alone: sendfile hands pages over without touching them, and the receiver pays for it.
        mode, peer_value = samples.best(f"{name}.server_cpu", modes, False)
        value = samples.median(f"{name}.server_cpu", "cwtchd")
        result.append(rows.row(f"stream.{name}.server_cpu/nginx", value, "cpu-s/GB", runs, f"nginx {mode}", peer_value))
        if kind == "cold":
            value = samples.median(f"{name}.rate", "cwtchd")
            for peer, label in (("sendfile", "nginx sendfile"), ("medium", "the medium alone")):
                peer_value = samples.median(f"{name}.rate", peer)
                result.append(rows.row(f"stream.{name}.rate/{peer}", value, "GB/s", runs, label, peer_value))
    return result
