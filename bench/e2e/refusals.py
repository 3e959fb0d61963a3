"""What queries of private retrieval that are refused cost the server: CPU time of all its threads, kernel included.

Queries of the largest database come one after the other on one connection, which is made anew where an answer closes it.
Each sends all of its content, as far as the server takes it.
"""

import contextlib
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
    kinds["no_scheme"] = (f"/v1/pir/none/{database['name']}", bytes(size), 404)
    kinds["retired"] = ("/v1/pir/ring32/1024-1024-1c", bytes(size), 410)
    return kinds


def cpu_ms_of(server, path, body, status, count):
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    request = f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body
    before = cpu_ns(server)
    connection = None
    for _ in range(count):
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", server.port), 30)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused while it was still sent
            connection.sendall(request)
        answer = connection.recv(65536)
        if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
            raise RuntimeError(f"POST {path} of {len(body)} bytes: {answer[:200]}")
        if b"\r\nConnection: close\r\n" in answer:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
    return (cpu_ns(server) - before) / 1e6


def cpu_ns(server):
    """The process's own clock: all threads, also those that have ended."""
    return time.clock_gettime_ns(~server.process.pid << 3 | 2)  # CPUCLOCK_SCHED of include/linux/posix-timers.h
