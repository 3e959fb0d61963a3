"""What every section needs: programs, directories, the load generator, logs made in advance, how long to measure."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import machine
import processes


class Context:
    def __init__(self, root, programs, store, quick, rounds, pin, nats):
        self.root = pathlib.Path(root)
        self.programs = pathlib.Path(programs)
        self.store = pathlib.Path(store)  # logs that are kept from run to run
        self.quick = quick
        self.rounds = rounds
        self.nats = nats
        cores = sorted(os.sched_getaffinity(0))
        # One core for the server, another for the load: neither then waits behind the other. With one shard only.
        self.server_cpus = {cores[0]} if pin and len(cores) > 1 else None
        self.client_cpus = set(cores[1:]) if pin and len(cores) > 1 else None
        self.store.mkdir(parents=True, exist_ok=True)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def seconds(self, full, quick):
        return quick if self.quick else full

    @contextlib.contextmanager
    def directory(self):
        """Beside the kept logs, not in /tmp, which may be memory: what is durable has to reach a medium."""
        path = pathlib.Path(tempfile.mkdtemp(dir=self.store, prefix="run-"))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def loadgen(self, *arguments, pids=(), pinned=False):
        command = [str(self.programs / "loadgen"), "--json", *map(str, arguments)]
        for pid in pids:
            command += ["--pid", str(pid)]
        cpus = self.client_cpus if pinned else None
        done = subprocess.run(
            command, capture_output=True, text=True, preexec_fn=lambda: processes.settle(cpus), timeout=1200
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        return json.loads(done.stdout)

    def log(self, name, records, record_bytes=2800, **fill):
        """The directory of a server whose log has so many records; made once, kept while its parameters stay."""
        format_version = machine.output("git", "-C", str(self.root), "rev-parse", "HEAD:engine/log")
        wanted = {"records": records, "record_bytes": record_bytes, "log": format_version, **fill}
        directory = self.store / name
        marker = directory / "filled.json"
        if marker.exists():
            kept = json.loads(marker.read_text())
            if {key: kept.get(key) for key in wanted} == wanted:
                return directory
        shutil.rmtree(directory, ignore_errors=True)
        processes.make_directory(self.programs, directory)
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in fill.items()]
        figures = self.loadgen(
            "fill", directory / "log", f"--records={records}", f"--record-bytes={record_bytes}", *flags
        )
        self.say(f"  made {name}: {records} records in {figures['seconds']:.1f} s")
        marker.write_text(json.dumps({**wanted, "figures": figures}))
        return directory
