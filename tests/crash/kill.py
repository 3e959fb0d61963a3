"""kill.py CWTCHD IO ROUNDS: posts from several connections, kill -9 at a random moment, start again, compare.

Every record that was acknowledged must be there, at its position, byte for byte; and nothing may be there that nobody
posted. Tests crashes of the process only: the kernel keeps what was written, so a missing sync would not show here.
"""
import http.client
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import cwtch_server  # noqa: E402

POSTERS = 6


class Poster(threading.Thread):
    def __init__(self, server, number, truth):
        super().__init__(daemon=True)
        self.server, self.number, self.truth = server, number, truth

    def run(self):
        connection = http.client.HTTPConnection(*self.server.address, timeout=30)
        count = 0
        try:
            while True:
                record = cwtch_server.make_record(f"{self.truth.round} {self.number} {count}", 200 + 97 * (count % 30))
                count += 1
                self.truth.posted.add(record)
                connection.request("POST", "/v1/records", record, {"Content-Type": "application/octet-stream"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 201:
                    self.truth.acknowledged[json.loads(content)["position"]] = record
                elif answer.status != 503:
                    self.truth.wrong.append(f"{answer.status} {content!r}")
        except (OSError, http.client.HTTPException):
            pass  # killed


class Truth:
    def __init__(self):
        self.round = 0
        self.posted, self.acknowledged, self.wrong = set(), {}, []

    def compare(self, server):
        served = cwtch_server.records(server.get("/v1/log"))
        lost = [p for p, record in self.acknowledged.items() if served.get(p) != record]
        assert not lost, f"round {self.round}: acknowledged and lost: {lost[:5]} of {len(self.acknowledged)}"
        foreign = [p for p, record in served.items() if record not in self.posted]
        assert not foreign, f"round {self.round}: nobody posted what is at {foreign[:5]}"
        assert not self.wrong, self.wrong[:3]
        return len(served)


def main():
    program, io, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seed = random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    truth = Truth()
    # Retention keeps the log small, so that comparing all of it stays quick; what went is forgotten here too.
    with cwtch_server.Server(program, [f"--io={io}"]) as server:
        for truth.round in range(rounds):
            posters = [Poster(server, n, truth) for n in range(POSTERS)]
            for poster in posters:
                poster.start()
            time.sleep(dice.uniform(0.01, 0.15))
            server.process.kill()
            server.process.communicate()
            server.log.close()
            for poster in posters:
                poster.join()
            server.start()
            if truth.round % 10 == 9 or truth.round == rounds - 1:
                count = truth.compare(server)
                print(f"{truth.round + 1} kills, {len(truth.acknowledged)} acknowledged, {count} served, 0 lost "
                      "(process crashes only)", flush=True)
            else:
                # The newest ones are those at risk.
                list_ = server.json("/v1/segments")
                tail = cwtch_server.records(server.get(f"/v1/log?from={list_['tail_first']}"))
                lost = [p for p, record in truth.acknowledged.items() if p >= list_["tail_first"] and tail.get(p) != record]
                assert not lost, f"round {truth.round}: acknowledged and lost: {lost[:5]}"
        server.stop()


main()
