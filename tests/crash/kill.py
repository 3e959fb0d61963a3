"""kill -9 while clients post, again and again: nothing that was acknowledged is missing afterwards.

This tests crashes of the process only: the system and its page cache live on, so a missing sync would not show here.
Power cuts are tested in the simulator (tests/sim).

usage: kill.py CWTCHD uring|epoll KILLS [SEED]
"""
import json
import random
import signal
import sys
import threading

from crash_server import HEADERS, Memory, Poster, Server, records

POSTERS = 4


def one_life(server, memory, dice, life):
    """Starts, compares, posts until so many are answered, kills."""
    if dice.random() < 0.1:  # also in the middle of a start
        server.launch()
        server.process.send_signal(signal.SIGKILL)
        server.reap()
        return
    server.start()
    log = records(server.get("/v1/log"))
    memory.check(log, f"life {life}")
    # Whoever got no answer asks again: the same record is there once, whether the first post was in time or not.
    for record in sorted(memory.unanswered)[:3]:
        answer, content = server.request("POST", "/v1/records", record, HEADERS)
        assert answer.status in (200, 201), f"life {life}: {answer.status} {content!r}"
        position = json.loads(content)["position"]
        assert (answer.status == 200) == (record in log.values()), f"life {life}: {answer.status}"
        memory.acknowledged[position] = record
        memory.unanswered.discard(record)

    wanted, enough, count = dice.randrange(1, 150), threading.Event(), [0]

    def answered(_status):
        count[0] += 1
        if count[0] >= wanted:
            enough.set()

    fixed = dice.random() < 0.5
    posters = [
        Poster(server, memory, f"{life}-{i}", lambda n, f=fixed: 2720 if f else 40 + n * 97 % 3000, answered)
        for i in range(POSTERS)
    ]
    for poster in posters:
        poster.start()
    assert enough.wait(60), "posts are not answered"
    server.process.send_signal(signal.SIGKILL)
    for poster in posters:
        poster.join()
    server.reap()


class CrashServer(Server):
    def reap(self):
        self.process.communicate()
        self.process = None
        self.log.close()


def main():
    program, io, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    dice, memory = random.Random(seed), Memory()
    flags = [f"--io={io}", "--chunk-bytes=16K", "--seal-records=64"]
    with CrashServer(program, flags) as server:
        server.stop()
        try:
            for life in range(1, kills + 1):
                one_life(server, memory, dice, life)
            server.start()
            log = records(server.get("/v1/log"))
            memory.check(log, "after the last kill")
            server.stop()
            server.command("verify", str(server.directory))
        except AssertionError:
            print(f"replay with: kill.py CWTCHD {io} {kills} {seed}", file=sys.stderr)
            raise
    print(f"{kills} kills, {len(memory.acknowledged)} acknowledged records, all there; {len(log)} in the log. Crashes of "
          "the process only: the page cache survived each of them.")


main()
