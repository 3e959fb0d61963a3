"""Samples of interleaved rounds, and the rows that become of them.

A sample is one figure of one round. Rounds go through all systems before the next begins, so that whatever else
happens on the machine meets all of them; a row holds medians, and its ratio is value / peer_value.
"""

import statistics

# What the project has promised. A row whose name is here is printed with whether it keeps the promise.
TARGETS = {
    "posts.durable.256/sqlite": (">=", 50),
    "posts.durable.256/sqlite_wal": (">=", 10),
    "posts.durable.256/jetstream": (">=", 12),
    "posts.durable.16/sqlite": (">=", 15),
    "posts.durable.16/sqlite_wal": (">=", 3),
    "posts.durable.16/jetstream": (">=", 5),
    "posts.durable.1/sqlite": (">=", 2.5),
    "posts.durable.1/sqlite_wal": (">=", 0.8),
    "posts.durable.1/jetstream": (">=", 1.5),
    "stream.hot.16.rate/nginx": (">=", 1.1),
    "stream.hot.256.rate/nginx": (">=", 1.1),
    "stream.hot.16.cpu/nginx": ("<=", 1.0),
    "stream.hot.256.cpu/nginx": ("<=", 1.0),
    "stream.cold.16.rate/nginx": (">=", 0.9),
    "stream.cold.16.rate/sendfile": (">=", 1.3),
    "live.p99_ms.cold.16/nginx": ("<=", 1.0),
    "live.p99_ms.under_256_readers": ("<=", 0.5),
    "live.stopped_1000/none": ("<=", 1.5),
    "stream.stopped_1000.rate/none": (">=", 1 / 1.5),
    "memory.stopped_reader/idle": ("<=", 1.0),
    "shards.2.cpu_per_post/1": ("<=", 1.3),
    "shards.2.cpu_per_gb/1": ("<=", 1.3),
    "shards.2.posts/1": (">=", 0.85),
    "shards.2.rate/1": (">=", 0.85),
    "pir.scan.1/read": (">=", 0.95),
    "pir.scan.16/vnni": (">=", 0.82),
    "pir.scan.64/vnni": (">=", 0.86),
    "pir.scan.split8/1": (">=", 0.95),
    "pir.scan.1.two_threads/read": (">=", 0.95),
    "pir.scan.16.two_threads/1": (">=", 1.9),
    "pir.scan.64.two_threads/1": (">=", 1.9),
    "pir.hint.dense/vnni": (">=", 0.85),
    "pir.hint.structured/dense": (">=", 8),
    "pir.ring32.pack/read": ("<=", 2),
    "pir.ring32.prepare/pack_read": ("<=", 200),
    "pir.ring32.prepare.alone/pack_read": ("<=", 200),
    "pir.simplepir.record/read": ("<=", 1.1),
    "pir.ring32.record/read": ("<=", 1.1),
    "pir.mobile_day.100k/full": ("<=", 1 / 25),
    "pir.mobile_day.100k/predicted": ("within", (0.9, 1.1)),
}
# Promises about the value itself, not about a ratio.
VALUE_TARGETS = {
    "live.p99_ms.under_256_readers": ("<=", 2),
    "live.p99_ms.cold.16/nginx": ("<=", 10),
    "start.ready_ms.1e6": ("<=", 300),
    "start.bytes_per_record.1e6": ("<=", 3),
    "memory.idle_follower": ("<=", 4096),
    "memory.idle_follower_with_kernel": ("<=", 16384),
    "memory.key_index_per_record.1e7": ("<=", 3),
    "pir.ring32.prepared_mib_per_part": ("<=", 60),
    **{
        f"pir.refused.{scheme}.{kind}": ("<=", 1)
        for scheme in ("simplepir", "ring32")
        for kind in ("short", "long", "all_off_range", "last_off_range", "no_database")
    },
    "pir.refused.no_scheme": ("<=", 1),
    "pir.refused.retired": ("<=", 1),
    "pir.mobile_day.100k.arrived": (">=", 100),
}


def keeps(target, value):
    operator, bound = target
    if operator == "within":
        return bound[0] <= value <= bound[1]
    return value >= bound if operator == ">=" else value <= bound


def text_of(target):
    operator, bound = target
    return f"{bound[0]:g} to {bound[1]:g}" if operator == "within" else f"{operator} {bound:g}"


class Samples:
    """figures[name][system] = one value per round."""

    def __init__(self):
        self.figures = {}

    def add(self, name, system, value):
        self.figures.setdefault(name, {}).setdefault(system, []).append(value)

    def median(self, name, system):
        return statistics.median(self.figures[name][system])

    def best(self, name, systems, largest):
        """The peer that does best at this figure: (system, median)."""
        medians = [(self.median(name, s), s) for s in systems if s in self.figures.get(name, {})]
        value, system = max(medians) if largest else min(medians)
        return system, value

    def runs(self, name, system):
        return len(self.figures[name][system])


def row(name, value, unit, runs, peer=None, peer_value=None):
    ratio = value / peer_value if peer_value else None
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
        "runs": runs,
    }


def verdict(r):
    checks = []
    if r["name"] in TARGETS and r["ratio"] is not None:
        checks.append((TARGETS[r["name"]], r["ratio"], "ratio"))
    if r["name"] in VALUE_TARGETS:
        checks.append((VALUE_TARGETS[r["name"]], r["value"], r["unit"]))
    return [(keeps(t, v), f"{text_of(t)} {what}") for t, v, what in checks]


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def text_table(rows):
    """Markdown, so that it can be pasted into docs/benchmarks.md as it is."""
    lines = ["| row | value | unit | peer | its value | ratio | promised | runs |", "|---|--:|---|---|--:|--:|---|--:|"]
    for r in rows:
        promises = "; ".join(f"{text} {'✓' if kept else '✗'}" for kept, text in verdict(r))
        cells = [f"`{r['name']}`", number(r["value"]), r["unit"], r["peer"] or "", number(r["peer_value"])]
        cells += [number(r["ratio"]), promises, str(r["runs"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
