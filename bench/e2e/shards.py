"""Two shards against one, not pinned: what sharding costs. Two cores that also run the load cannot show that it scales."""

import contextlib

import processes
import rows
import streams


def run(context):
    samples = rows.Samples()
    data = streams.hot_log(context)
    seconds = context.seconds(1.5, 0.7)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(context.directory())
        streaming, posting = {}, {}
        for shards in (1, 2):
            empty = processes.make_directory(context.programs, directory / f"posts_{shards}")
            posting[shards] = stack.enter_context(processes.Cwtchd(context.programs, empty, shards=shards)).wait()
        pieces = None
        for round_number in range(context.rounds):
            for shards in (1, 2):  # one at a time: both would lock the same log
                cache = 400 << 20
                with processes.Cwtchd(context.programs, data, shards=shards, cache_bytes=cache) as cwtchd:
                    cwtchd.wait()
                    pieces = pieces or streams.segment_pieces(directory, cwtchd.segments())
                    streams.stream(context, cwtchd, pieces, 16, "--warmup=0.5", "--seconds=0.5", pinned=False)
                    figures = streams.stream(context, cwtchd, pieces, 16, f"--seconds={seconds}", pinned=False)
                samples.add("rate", shards, figures["gigabytes_per_s"])
                samples.add("cpu_gb", shards, figures["server_cpu_s_per_gb"])
            for shards, server in posting.items():
                figures = context.loadgen(
                    "post", server.address, "--connections=256", f"--seconds={seconds}", pids=server.pids()
                )
                samples.add("posts", shards, figures["posts_per_s"])
                samples.add("cpu_post", shards, figures["server_cpu_us_per_post"])
            context.say(f"  round {round_number + 1}: 2 shards beside 1 done")
    result = []
    for name, figure, unit in (
        ("shards.2.cpu_per_post/1", "cpu_post", "µs/post"),
        ("shards.2.cpu_per_gb/1", "cpu_gb", "cpu-s/GB"),
        ("shards.2.posts/1", "posts", "posts/s"),
        ("shards.2.rate/1", "rate", "GB/s"),
    ):
        value, peer_value = samples.median(figure, 2), samples.median(figure, 1)
        result.append(rows.row(name, value, unit, samples.runs(figure, 2), "1 shard", peer_value))
    return result
