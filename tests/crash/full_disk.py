"""A file system of 16 MiB fills up: posts are refused with 503, reading goes on, nothing acknowledged is lost, and posting
goes on by itself when there is space again. Needs root and mounts; says why when it is skipped.

usage: full_disk.py CWTCHD
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from crash_server import HEADERS, WAIT_S, Memory, Server, make_record, records


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(77)


class Mount:
    def __init__(self):
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="cwtchd-full."))
        self.mounted = False

    def __enter__(self):
        if os.geteuid() != 0:
            skip("only root may mount")
        image, self.at = self.parent / "image", self.parent / "mnt"
        self.at.mkdir()
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        try:
            made = subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], capture_output=True, text=True)
        except FileNotFoundError:
            skip("mkfs.ext4 is not installed (package e2fsprogs)")
        assert made.returncode == 0, made.stderr
        done = subprocess.run(["mount", "-o", "loop", str(image), str(self.at)], capture_output=True, text=True)
        if done.returncode != 0:
            skip(f"mounts are forbidden here: {done.stderr.strip()}")
        self.mounted = True
        return self.at

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", str(self.at)], check=True)
        subprocess.run(["rm", "-rf", str(self.parent)], check=True)


class ServerOn(Server):
    def __init__(self, where, program, flags):
        super().__init__(program, flags)
        os.rmdir(self.parent)
        self.parent = where
        self.directory = where / "server"

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.log.close()


def post(server, memory, number):
    """The status."""
    record = make_record(f"full-{number}", 2720)
    answer, content = server.request("POST", "/v1/records", record, HEADERS)
    if answer.status == 201:
        memory.acknowledged[json.loads(content)["position"]] = record
    else:
        assert answer.status == 503, f"{answer.status} {content!r}"
        assert answer.getheader("Content-Type") == "application/problem+json"
        assert answer.getheader("Retry-After"), "503 says when to come back"
        memory.unanswered.add(record)
    return answer.status


def post_until(server, memory, number, status, times):
    """Posts until `status` came so many times in a row."""
    deadline, row = time.monotonic() + WAIT_S, 0
    while row < times:
        row = row + 1 if post(server, memory, number) == status else 0
        number += 1
        assert time.monotonic() < deadline, f"{status} does not come"
    return number


def main():
    memory = Memory()
    with Mount() as where, ServerOn(where, sys.argv[1], ["--seal-records=128"]) as server:
        ballast = where / "ballast"
        ballast.write_bytes(bytes(3 << 20))
        number = post_until(server, memory, 0, 503, 50)
        full = len(memory.acknowledged)
        memory.check(records(server.get("/v1/log")), "full")
        # Another start on the full disk, and reading from it.
        server.stop()
        server.start()
        memory.check(records(server.get("/v1/log")), "full, started again")
        number = post_until(server, memory, number, 503, 20)
        ballast.unlink()
        number = post_until(server, memory, number, 201, 50)
        memory.check(records(server.get("/v1/log")), "with space again")
        number = post_until(server, memory, number, 503, 50)
        memory.check(records(server.get("/v1/log")), "full again")
        server.stop()
        server.command("verify", str(server.directory))
        server.start()
        memory.check(records(server.get("/v1/log")), "in the end")
        server.stop()
        print(f"{full} records filled the disk, {len(memory.acknowledged) - full} more came when there was space again")


main()
