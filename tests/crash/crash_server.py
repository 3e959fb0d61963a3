"""Clients that remember what they were told, for servers that end without warning."""
import http.client
import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from cwtch_server import WAIT_S, Server, make_record, records  # noqa: E402, F401

HEADERS = {"Content-Type": "application/octet-stream"}


class Memory:
    """Positions that were acknowledged, and records whose post was never answered."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {}
        self.unanswered = set()

    def check(self, log, what):
        """The log holds what was acknowledged, where it was, and nothing that nobody posted, nor anything twice."""
        for position, record in self.acknowledged.items():
            assert position in log, f"{what}: acknowledged position {position} is lost"
            assert log[position] == record, f"{what}: position {position} holds other bytes than were acknowledged"
        assert sorted(log) == list(range(len(log))), f"{what}: positions have gaps"
        for position, record in log.items():
            known = position in self.acknowledged or record in self.unanswered
            assert known, f"{what}: position {position} holds bytes that nobody posted"
        assert len(set(log.values())) == len(log), f"{what}: a record is there twice"


class Poster(threading.Thread):
    """Posts one record after the other on one connection until it breaks or `stop` is set."""

    def __init__(self, server, memory, name, size, answered):
        super().__init__(daemon=True)
        self.address, self.memory, self.label, self.size = server.address, memory, name, size
        self.answered, self.stop, self.refused = answered, threading.Event(), 0

    def run(self):
        client = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        number = 0
        try:
            while not self.stop.is_set():
                record = make_record(f"{self.label}-{number}", self.size(number))
                number += 1
                with self.memory.lock:
                    self.memory.unanswered.add(record)
                client.request("POST", "/v1/records", record, HEADERS)
                answer = client.getresponse()
                content = answer.read()
                with self.memory.lock:
                    if answer.status in (200, 201):
                        self.memory.acknowledged[json.loads(content)["position"]] = record
                        self.memory.unanswered.discard(record)
                    else:
                        assert answer.status == 503, f"{answer.status} {content!r}"
                        self.refused += 1
                self.answered(answer.status)
        except (OSError, http.client.HTTPException):
            pass  # the server is gone
        finally:
            client.close()
