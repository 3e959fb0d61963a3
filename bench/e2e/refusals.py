"""What queries of private retrieval that are refused cost the server: CPU time of all its threads, kernel included.

Queries of the largest database come one after the other on one connection, which is made anew where an answer closes
it. Each sends all of its content, as far as the server takes it.
"""

import contextlib
import re
import socket
import time

import processes
import rows

SCHEMES = ("simplepir", "ring32")


def run(context):
    records = 9_000 if context.quick else 66_000
    queries = context.seconds(500, 200)
    data = context.log("refusals", records, seal_records=8192)
    samples = rows.Samples()
    settings = {"schemes": ",".join(SCHEMES), "seal_records": 8192}
    with processes.Cwtchd(context.programs, data, context.server_cpus, **settings) as server:
        server.wait()
        kinds = kinds_of(largest_databases(server, records))
        server.rest()
        for _ in range(context.rounds):
            for name, (path, body, status) in kinds.items():
                samples.add(name, "cwtchd", cpu_ms_of(server, path, body, status, queries) / queries)
    return [
        rows.row(f"pir.refused.{name}", samples.median(name, "cwtchd"), "ms", samples.runs(name, "cwtchd"))
        for name in kinds
    ]


def largest_databases(server, records):
    """{scheme: database}, when each covers what is whole in so many rows."""

    def covered():
        offers = {offer["scheme"]: offer for offer in server.get_json("/v1/shards")["offers"]}
        units = {scheme: offer["grid"]["unit"] for scheme, offer in offers.items()}
        if set(offers) == set(SCHEMES) and all(
            offer["end_row"] >= records // units[scheme] * units[scheme] for scheme, offer in offers.items()
        ):
            return {
                scheme: max(offer["databases"], key=lambda database: database["rows"])
                for scheme, offer in offers.items()
            }

    return server.wait_for(covered, 300, 0.1)


def kinds_of(databases):
    """{name: (path, content, status)}"""
    kinds = {}
    for scheme, database in databases.items():
        path, size = f"/v1/pir/{scheme}/{database['name']}", database["request_bytes"]
        kinds |= {
            f"{scheme}.short": (path, bytes(size - 1), 422),
            f"{scheme}.long": (path, bytes(size + 1), 413),
            f"{scheme}.all_off_range": (path, b"\xff" * size, 422),
            f"{scheme}.last_off_range": (path, bytes(size - 4) + b"\xff" * 4, 422),
            f"{scheme}.no_database": (f"/v1/pir/{scheme}/{1 << 40}-1024-1c", bytes(size), 404),
        }
    last = databases[SCHEMES[-1]]
    right = bytes(last["request_bytes"])
    kinds["no_scheme"] = (f"/v1/pir/none/{last['name']}", right, 404)
    kinds["retired"] = (f"/v1/pir/{SCHEMES[-1]}/1024-1024-1c", right, 410)
    return kinds


def cpu_ms_of(server, path, body, status, count):
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    request = f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body
    before = cpu_ns(server)
    with contextlib.ExitStack() as open_one:
        connection = None
        for _ in range(count):
            if connection is None:
                connection = open_one.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
            try:
                connection.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                if status == 422:  # of the content, which the server must take
                    raise
            head = answer_on(connection)
            if not head.startswith(f"HTTP/1.1 {status} ".encode()):
                raise RuntimeError(f"POST {path} of {len(body)} bytes: {head[:200]}")
            if b"\r\nConnection: close\r\n" in head:
                open_one.pop_all().close()
                connection = None
    return (cpu_ns(server) - before) / 1e6


def answer_on(connection):
    """The head of one answer, whose content was read as well."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += more_of(connection)
    head, content = received.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"\r\nContent-Length: (\d+)", head)[1])
    while len(content) < length:
        content += more_of(connection)
    return head + b"\r\n"


def more_of(connection):
    more = connection.recv(65536)
    if not more:
        raise RuntimeError("the server closed the connection without an answer")
    return more


def cpu_ns(server):
    """The process's own clock: all threads, also those that have ended."""
    return time.clock_gettime_ns(~server.process.pid << 3 | 2)  # CPUCLOCK_SCHED of include/linux/posix-timers.h
