"""full_disk.py CWTCHD: a 16 MiB file system that fills up.

Posts are refused with 503 once nothing more fits, reading goes on, nothing acknowledged is lost, and posting resumes by
itself when there is space again.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import cwtch_server  # noqa: E402

SKIPPED = 77
WAIT_S = 60


def mounted(parent):
    image = parent / "image"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    mount = parent / "mount"
    mount.mkdir()
    for command in (["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(mount)]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"SKIPPED: {command[0]} is not possible here: {done.stderr.strip()}")
            sys.exit(SKIPPED)
    return mount


def fill(server, acknowledged, refused_wanted):
    """Posts until the server has refused so many times in a row."""
    refused = 0
    started = time.monotonic()
    while refused < refused_wanted:
        assert time.monotonic() - started < WAIT_S, "the file system does not fill up"
        record = cwtch_server.make_record(os.urandom(16), 5000)
        answer, content = server.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
        if answer.status == 201:
            acknowledged[json.loads(content)["position"]] = record
            refused = 0
        else:
            assert answer.status == 503, f"{answer.status} {content!r}"
            assert answer.headers["Retry-After"], "503 says when to come back"
            refused += 1
            time.sleep(0.02)


def main():
    if os.geteuid() != 0:
        print("SKIPPED: mounting needs root")
        sys.exit(SKIPPED)
    parent = pathlib.Path(tempfile.mkdtemp(prefix="cwtchd-full."))
    mount = None
    try:
        mount = mounted(parent)
        ballast = mount / "ballast"
        ballast.write_bytes(bytes(6 << 20))
        flags = ["--journal-file-bytes=512K", "--merged-bytes-max=1M"]
        with cwtch_server.Server(sys.argv[1], flags) as server:
            shutil.rmtree(server.directory)
            server.process.kill()
            server.process.communicate()
            server.directory = mount / "server"
            server.command("init", str(server.directory), *server.flags)
            server.start()
            acknowledged = {}
            fill(server, acknowledged, refused_wanted=100)
            first = len(acknowledged)
            print(f"{first} posts, then refused with 503")
            assert cwtch_server.records(server.get("/v1/log")) == acknowledged, "reading goes on"
            ballast.unlink()
            started = time.monotonic()
            while True:  # sealing is tried again about once a second
                assert time.monotonic() - started < WAIT_S, "posting does not resume"
                record = cwtch_server.make_record(os.urandom(16), 5000)
                answer, content = server.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
                if answer.status == 201:
                    acknowledged[json.loads(content)["position"]] = record
                    break
                time.sleep(0.1)
            print("space is back, and posting goes on")
            fill(server, acknowledged, refused_wanted=100)
            assert len(acknowledged) > first
            server.stop()
            server.start()
            assert cwtch_server.records(server.get("/v1/log")) == acknowledged, "nothing acknowledged is lost"
            server.stop()
            print(f"{len(acknowledged)} acknowledged, 0 lost")
    finally:
        if mount is not None:
            subprocess.run(["umount", str(mount)], capture_output=True)
        shutil.rmtree(parent, ignore_errors=True)


main()
