"""Servers under measurement: started as children on free loopback ports, ended by their own process ids."""

import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request


def settle(cpus):
    """Runs in each measured child, the load generator included: its cores, and before whatever else the machine does."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    with contextlib.suppress(PermissionError):  # without the right to, the measurement is noisier, not wrong
        os.setpriority(os.PRIO_PROCESS, 0, -10)


class Server:
    """A child process and what the load generator must know of it: address, and the ids whose CPU time counts."""

    def __init__(self, name, command, directory, cpus=None, environment=None):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.log = open(self.directory / "output.log", "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=directory,
            preexec_fn=lambda: settle(cpus),
            env=environment,
            text=True,
        )
        self.address = None

    def pids(self):
        return [self.process.pid]

    def fail(self, what):
        self.stop()
        tail = (self.directory / "output.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{self.name}: {what}\n{tail}")

    def wait_for(self, probe, seconds=30, pause=0.01):
        """Calls `probe` until it returns something; that is returned."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                self.fail(f"ended with status {self.process.returncode}")
            found = probe()
            if found:
                return found
            time.sleep(pause)
        return self.fail("is not ready in time")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(address, path="/"):
    try:
        with opened(address, path) as reply:
            return reply.status == 200
    except OSError:
        return False


def opened(address, path, method="GET"):
    return urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method), timeout=30)


def content_length(address, path):
    """Of the answer to a GET, whose body is not read."""
    with opened(address, path) as reply:
        return int(reply.headers["Content-Length"])


class Cwtchd(Server):
    """`directory` was made by make_directory(); its log may have been filled by loadgen."""

    def __init__(self, programs, directory, cpus=None, **settings):
        self.port = free_port()
        # No merging while it is measured: files keep the names that the readers were given.
        settings = {"listen": f"127.0.0.1:{self.port}", "log_level": "warn", "merged_bytes_max": 1 << 20, **settings}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        super().__init__("cwtchd", [str(programs / "cwtchd"), "serve", str(directory), *flags], directory, cpus)
        self.address = f"127.0.0.1:{self.port}"
        self.ready_ms = None

    def rest(self):
        """Waits until nothing is left of starting: the memory of the cache is being taken from the system."""
        def used():
            return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]

        before = None
        while (now := used()) != before:
            before = now
            time.sleep(0.1)
        return self

    def wait(self):
        """Ready means: a request was answered. Polled without a pause, so that the time of it can be reported."""

        def probe():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                    s.sendall(b"GET /v1/server HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    return s.recv(64).startswith(b"HTTP/1.1 200")
            except OSError:
                return False

        self.wait_for(probe, 120, 0.001)
        self.ready_ms = (time.monotonic() - self.started) * 1e3
        return self

    def get_json(self, path):
        with opened(self.address, path) as reply:
            return json.load(reply)

    def metrics(self):
        """Prometheus text from the administration socket, as {name: value}; series with labels are left out."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.directory / "admin.sock"))
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) ([-+.\deE]+)$", text, re.M)}

    def segments(self):
        """[(first, last, bytes)] of the sealed segments."""
        return [(s["first"], s["last"], s["bytes"]) for s in self.get_json("/v1/segments")["segments"]]


def make_directory(programs, directory, **settings):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    subprocess.run([str(programs / "cwtchd"), "init", str(directory), *flags], check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(directory)


class SqlitePosts(Server):
    def __init__(self, programs, directory, journal_mode):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        command = [str(programs / "sqlite_posts"), str(directory / "messages.db"), journal_mode]
        super().__init__(f"sqlite {journal_mode}", command, directory)
        line = self.process.stdout.readline()
        if not line.startswith("listening "):
            self.fail("did not listen")
        self.address = f"127.0.0.1:{int(line.split()[1])}"


class JetStream(Server):
    def __init__(self, program, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        (directory / "nats.conf").write_text(
            f'listen: "127.0.0.1:{port}"\nserver_name: bench\n'
            f'jetstream {{ store_dir: "{directory}/store", sync_interval: always, max_file_store: 20GB }}\n'
        )
        super().__init__("jetstream", [str(program), "-c", str(directory / "nats.conf")], directory)
        self.address = f"127.0.0.1:{port}"

        def probe():
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as s:
                    return s.recv(16).startswith(b"INFO")
            except OSError:
                return False

        self.wait_for(probe)


# How nginx is told to send files. "The best counts": every mode runs, the best result is the peer's.
NGINX_MODES = {
    "sendfile": "sendfile on; sendfile_max_chunk 2m; tcp_nopush on;",
    "sendfile_512k": "sendfile on; sendfile_max_chunk 512k; tcp_nopush on;",
    "sendfile_threads": "sendfile on; aio threads; sendfile_max_chunk 2m; tcp_nopush on;",
    "buffers": "sendfile off; output_buffers 2 512k;",
    "threads": "sendfile off; aio threads; output_buffers 2 512k;",
    "directio_threads": "sendfile off; aio threads; directio 4k; directio_alignment 4k; output_buffers 4 512k;",
}
NGINX_HOT = ["sendfile", "sendfile_512k", "buffers"]
NGINX_COLD = ["sendfile", "sendfile_threads", "threads", "directio_threads"]


class Nginx(Server):
    """Serves www/ of its directory. One worker for each of our shards."""

    def __init__(self, directory, mode, workers=1, cpus=None):
        directory = pathlib.Path(directory)
        (directory / "www").mkdir(parents=True, exist_ok=True)
        (directory / "temporary").mkdir(exist_ok=True)
        port = free_port()
        temporary = "\n".join(
            f"  {kind}_temp_path {directory}/temporary/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""
        # With directio nginx switches O_DIRECT per request, which must not meet a descriptor that requests share.
        cache = "open_file_cache off;" if "directio" in mode else "open_file_cache max=1000;"
        (directory / f"{mode}.conf").write_text(
            f"""{user}
worker_processes {workers};
daemon off;
pid {directory}/{mode}.pid;
error_log stderr error;
worker_rlimit_nofile 20000;
events {{ worker_connections 9000; use epoll; multi_accept on; }}
http {{
{temporary}
  access_log off;
  default_type application/octet-stream;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  send_timeout 3600s;
  tcp_nodelay on;
  {cache}
  {NGINX_MODES[mode]}
  server {{ listen 127.0.0.1:{port} reuseport backlog=4096; root {directory}/www; }}
}}
"""
        )
        command = ["nginx", "-p", str(directory), "-c", str(directory / f"{mode}.conf")]
        super().__init__(f"nginx {mode}", command, directory, cpus)
        self.address = f"127.0.0.1:{port}"
        self.wait_for(lambda: answers(self.address, "/small.json"))

    def pids(self):
        """The workers; the master does nothing."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]


def link_segments(nginx_directory, data, segments, small):
    """Puts the segment files under the names that our API gives them, and a small file beside them."""
    www = pathlib.Path(nginx_directory) / "www"
    shutil.rmtree(www, ignore_errors=True)
    (www / "v1" / "segments").mkdir(parents=True)
    by_range = {}
    for path in glob.glob(f"{data}/**/*.seg", recursive=True):
        numbers = re.findall(r"\d+", os.path.basename(path))
        by_range[(int(numbers[0]), int(numbers[1]))] = path
    for first, last, _ in segments:
        os.symlink(by_range[(first, last)], www / "v1" / "segments" / f"{first}-{last}")
    (www / "small.json").write_bytes(small)


def drop_caches(data):
    """The page cache forgets the log's files. What a hypervisor keeps is out of reach, and alike for all."""
    for path in glob.glob(f"{data}/**/*.seg", recursive=True):
        descriptor = os.open(path, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
