"""What the numbers were measured on."""

import datetime
import os
import platform
import subprocess


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe(root, programs):
    cpu = next(
        (l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine()
    )
    memory_kib = int(next(l.split()[1] for l in open("/proc/meminfo") if l.startswith("MemTotal")))
    dirty = "" if output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no") == "" else ", changed"
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "memory_gib": round(memory_kib / (1 << 20)),
        "kernel": platform.release(),
        "compiler": output("c++", "--version").splitlines()[0],
        "file_system": output("findmnt", "-n", "-o", "FSTYPE", "-T", str(programs)),
        "commit": output("git", "-C", str(root), "rev-parse", "--short", "HEAD") + dirty,
        "nginx": subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().split("/")[-1],
        "sqlite": output("sqlite3", "--version").split(" ")[0],
        "load_at_start": os.getloadavg()[0],
    }

