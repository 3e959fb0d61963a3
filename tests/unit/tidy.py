"""Style rules that a program can check. Each message says what to do.

Run from the top of the tree: python3 tests/unit/tidy.py
"""
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = {".hpp", ".cpp", ".h", ".cu"}
TEXT = SOURCE | {".md", ".py", ".cmake", ".sh", ".toml", ".txt", ".json", ".js", ".css", ".html"}
VENDORED = "tools/pirbench/report/uplot/"  # unchanged, as its README says
# Who may use what: the engine reaches the outside world through engine/io alone.
CONFINED = [
    (re.compile(r"#include <liburing"), {"engine/io"}, "liburing is wrapped by engine/io: use io::Io"),
    (re.compile(r"#include <sys/mman\.h>"), {"engine/io", "engine/core"},
     "no log file is mapped; memory of your own is AlignedMemory"),
    (re.compile(r"#include <sys/(socket|epoll|uio|eventfd|timerfd)\.h>"), {"engine/io"},
     "sockets, polling and mappings belong to engine/io: use io::Io or io::Files"),
    (re.compile(r"#include <boost/"), {"engine/http"}, "Boost is confined to engine/http's parser"),
    (re.compile(r"\b(std::this_thread::sleep_for|usleep|nanosleep)\b"), {"engine/io"},
     "time is a parameter: use Clock or io::Timer"),
    (re.compile(r"\b(rand|srand|random_device)\s*\("), set(), "randomness is a parameter: use Random"),
]
# What a folder may include of this tree, by prefix: a server of private retrieval cannot be given a group's key, because
# its code knows no such type.
MAY_INCLUDE = {
    "pir": (("pir/", "kernels/", "engine/core/", "engine/log/index_block.hpp"),
            "pir/ knows rows and kernels: no groups, no clients, no servers, no I/O"),
    "kernels": (("kernels/",), "kernels/ knows nobody: words in, words out"),
}
# And what it may not: tests link the engine, compiled once, to schemes of another degree (tests/toy).
MAY_NOT_INCLUDE = {
    "engine": (("kernels/", "pir/lattice/"), "engine/ knows no ring's degree: use pir/scheme.hpp"),
}
# engine/server is the composition root (threads, signals), engine/client has a transport of its own.
CONFINED_EXEMPT = {("engine/server", "sys/"), ("engine/client", "sys/")}


def files():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    listed = names.stdout.split("\n") if names.returncode == 0 else [str(p) for p in pathlib.Path(".").rglob("*")]
    for name in listed:
        path = pathlib.Path(name)
        if path.is_file() and path.suffix in TEXT and "corpus" not in path.parts and "build" not in path.parts \
                and not name.startswith(VENDORED):
            yield path


def problems():
    for path in files():
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.as_posix()
        if text and not text.endswith("\n"):
            yield f"{name}: end the file with a newline"
        for number, line in enumerate(text.split("\n"), 1):
            where = f"{name}:{number}"
            if line.rstrip() != line and path.suffix != ".md":
                yield f"{where}: remove the blanks at the end of the line"
            if path.suffix in SOURCE and len(line) > 120:
                yield f"{where}: {len(line)} columns; the limit is 120 (clang-format breaks code, you break comments)"
            if "\t" in line and path.suffix in SOURCE:
                yield f"{where}: use spaces, not tabs"
            included = re.match(r'\s*#\s*include "([^"]+)"', line)
            if included and path.suffix in SOURCE and path.parts[0] in MAY_INCLUDE:
                allowed, advice = MAY_INCLUDE[path.parts[0]]
                if not included[1].startswith(allowed):
                    yield f"{where}: {advice}"
            if included and path.suffix in SOURCE and path.parts[0] in MAY_NOT_INCLUDE:
                refused, advice = MAY_NOT_INCLUDE[path.parts[0]]
                if included[1].startswith(refused):
                    yield f"{where}: {advice}"
            if name.startswith("engine/") and path.suffix in SOURCE:
                for pattern, homes, advice in CONFINED:
                    home = "/".join(path.parts[:2])
                    exempt = any(home == e[0] and e[1] in pattern.pattern for e in CONFINED_EXEMPT)
                    if pattern.search(line) and home not in homes and not exempt:
                        yield f"{where}: {advice}"
        if path.suffix == ".hpp" and "#pragma once" not in text:
            yield f"{name}: headers start with #pragma once"
        if path.suffix == ".hpp" and not text.startswith(("//", "#pragma once\n\n//")):
            yield f"{name}: a header is a contract: open it with a comment that says what it promises"
    formatter = shutil.which("clang-format")
    if formatter is None:
        print("tidy: clang-format is not installed; layout is not checked")
        return
    sources = [p.as_posix() for p in files() if p.suffix in {".hpp", ".cpp", ".js"}]
    run = subprocess.run([formatter, "--dry-run", "--Werror", *sources], capture_output=True, text=True)
    for name in sorted({line.split(":")[0] for line in run.stderr.split("\n") if "error: code should be clang-formatted" in line}):
        yield f"{name}: run clang-format -i {name}"


found = list(problems())
print("\n".join(found) if found else "tidy: nothing to do")
sys.exit(1 if found else 0)
