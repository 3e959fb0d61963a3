"""retrieval_e2e.py CWTCHD CWTCHC IO: members fetch their messages by private retrieval from a real server.

Tagged and untagged messages of one group, through databases that are merged and a restart; then what the server refuses,
and what an audit finds.
"""
import contextlib
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cwtch_server  # noqa: E402
from cwtch_member import Member  # noqa: E402

CWTCHD, CWTCHC, IO = sys.argv[1:4]
SCHEMES = ("simplepir", "ring32")



def noise(server, mark, count):
    """Records of nobody here."""
    connection = server.client()
    for i in range(count):
        connection.request("POST", "/v1/records", cwtch_server.make_record(f"{mark} {i}"),
                           {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        assert answer.status == 201, answer.status
        answer.read()
    connection.close()


def offers(server, rows):
    """Waits until every scheme covers what is whole in so many rows: {scheme: offer}."""
    for _ in range(cwtch_server.WAIT_S * 10):
        document = json.loads(server.get("/v1/shards"))
        found = {offer["scheme"]: offer for offer in document["offers"]}
        if set(found) == set(SCHEMES) and all(
                offer["end_row"] >= rows // offer["grid"]["unit"] * offer["grid"]["unit"] for offer in found.values()):
            return found
        time.sleep(0.1)
    raise AssertionError(f"no databases of {rows} rows: {document}")


def post(server, path, body, expect):
    connection = server.client()
    connection.request("POST", path, body, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == expect, f"{path}: {answer.status} {text[:300]}"
    return text


def refusals(server, found):
    simple, ring = found["simplepir"]["databases"][0], found["ring32"]["databases"][0]
    ring_path = f"/v1/pir/ring32/{ring['name']}"
    answer = post(server, f"/v1/pir/simplepir/{simple['name']}", bytes(simple["request_bytes"]), 200)
    assert len(answer) == simple["answer_bytes"]
    assert b"malformed-query" in post(server, ring_path, bytes(ring["request_bytes"] - 1), 422)
    assert b"malformed-query" in post(server, ring_path, b"\xff" * ring["request_bytes"], 422)
    assert b"content-too-large" in post(server, ring_path, bytes(ring["request_bytes"] + 1), 413)
    for path in ("/v1/pir/ring32/90112-1024-1c", "/v1/pir/ring32/x", "/v1/pir/none/0-1024-1c", "/v1/pir/full/0-1024-1c"):
        assert b"not-found" in post(server, path, b"", 404), path
    # What was offered before its neighbours were merged with it.
    assert b"0-8192-1c" in post(server, "/v1/pir/ring32/1024-1024-1c", b"", 410)
    for database in (simple, ring):
        for blob in database["statics"]:
            data = server.get(f"/v1/blobs/{blob['sha256']}")
            assert hashlib.sha256(data).hexdigest() == blob["sha256"] and len(data) == blob["bytes"]
    assert server.get("/v1/blobs/" + "0" * 64, expect=404)


@contextlib.contextmanager
def spoiling(server, path):
    """Its URL: what the server says, but for the last bit of `path`."""
    class Between(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with urllib.request.urlopen(server.url + self.path) as answer:
                body = bytearray(answer.read())
            if self.path == path:
                body[-1] ^= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{between.server_port}"
        between.shutdown()


def audits(server, found):
    """By whoever likes: there is no profile."""
    anyone = Member(CWTCHC, server.parent / "nobody", server, init=False)

    def audit(url, *words, expect=0):
        lines = anyone("--json", "audit", url, *words, expect=expect)
        return [json.loads(line) for line in lines.splitlines() if line.startswith("{")]

    *databases, summary = audit(server.url)
    assert [(d["scheme"], d["database"]) for d in databases] == [
        (scheme, d["name"]) for scheme in SCHEMES for d in found[scheme]["databases"]], databases
    assert {d["verdict"] for d in databases} == {"matches"}, databases
    assert summary["databases"] == len(databases) and summary["records"] >= 8192, summary
    assert not (server.parent / "nobody").exists()

    name, blob = found["ring32"]["databases"][0]["name"], found["ring32"]["databases"][0]["statics"][0]["sha256"]
    with spoiling(server, f"/v1/blobs/{blob}") as url:
        said = anyone("audit", url, expect=3)
        assert f"ring32 {name}" in said and "simplepir" not in said and "--scheme full" in said, said
        assert {d["verdict"] for d in audit(url, "--scheme", "simplepir")[:-1]} == {"matches"}
        dead = "http://127.0.0.1:9"
        said = anyone("audit", dead, url, expect=3)
        assert f"ring32 {name}" in said and dead in said, "one that is gone hides no other"
    assert "profile init" in anyone("audit", expect=1)
    anyone("audit", url, "--scheme", "full", expect=2)


def run(server):
    ann, bob = (Member(CWTCHC, server.parent / name, server) for name in ("ann", "bob"))
    invite = ann("group", "create", "friends").strip()
    bob("group", "join", invite)

    said = []
    for part in range(4):
        said.append(f"tagged {part}")
        ann("post", "friends", said[-1])
        said.append(f"untagged {part} " + "long " * 150 * (part % 2))
        bob("post", "--untagged", "friends", said[-1])
        noise(server, f"part {part}", 300)
    offers(server, 1024)

    newcomers = {}
    for scheme in SCHEMES:
        newcomers[scheme] = member = Member(CWTCHC, server.parent / scheme, server)
        member("group", "join", invite)
        report = member.sync("--mark", "0", "--scheme", scheme, "--rounds", "10")
        assert report["waiting"] == 0 and report["failed_queries"] == 0, report
        assert member.texts("friends") == said, member.texts("friends")
        if scheme == "ring32":  # the other has no database that small: its newcomer read everything
            assert report["query_bytes"] > 0 and report["wanted"] > 0
        # Nobody's messages cost as much as everybody's.
        eve = Member(CWTCHC, server.parent / f"eve-{scheme}", server)
        eve("group", "create", "others")
        other = eve.sync("--mark", "0", "--scheme", scheme, "--rounds", "10")
        assert other["messages"] == 0
        for what in ("index_bytes", "statics_bytes", "query_bytes", "tail_bytes"):
            assert abs(other[what] - report[what]) < 64, (what, other, report)  # a report's digits, no message's
    assert "--allow-relaxed-trust" in eve("sync", "--scheme", "direct", expect=1)

    # Eight stretches become one, and a restart makes the same databases again.
    noise(server, "more", 7100)
    before = offers(server, 8192)
    server.stop()
    server.start()
    for member in (ann, *newcomers.values()):
        member("group", "join", invite)  # learns the port, which is another one now
    after = offers(server, 8192)
    for scheme in SCHEMES:
        assert before[scheme]["databases"][0] == after[scheme]["databases"][0], scheme
        ann("post", "friends", f"late, for {scheme}")
        said.append(f"late, for {scheme}")
        member = Member(CWTCHC, server.parent / f"late-{scheme}", server)
        member("group", "join", invite)
        report = member.sync("--mark", "0", "--scheme", scheme, "--rounds", "12")
        assert report["wanted"] > 0 and report["waiting"] == 0 and member.texts("friends") == said, report
        again = member.sync("--mark", "0", "--scheme", scheme, "--rounds", "1")  # from a boundary that the databases reach
        assert again["records"] < report["records"] * 3 / 4, (again, report)  # merges leave few boundaries
        assert again["wanted"] == again["messages"] == again["spoiled"] == 0, again
        report = newcomers[scheme].sync("--mark", "0", "--scheme", scheme, "--rounds", "2")
        assert report["waiting"] == 0 and newcomers[scheme].texts("friends") == said
    # By public numbers alone: of 8,500 rows three rounds are cheapest by ring32, and what is new since by full send.
    chooser = Member(CWTCHC, server.parent / "chooser", server)
    chooser("group", "join", invite)
    report = chooser.sync("--mark", "0", "--scheme", "auto", "--rounds", "3")
    assert report["scheme"] == "ring32" and report["bytes"] < 8e6, report
    chooser.sync()
    report = chooser.sync("--mark", "0", "--scheme", "auto", "--rounds", "3")
    assert report["scheme"] == "full" and chooser.texts("friends") == said, report
    # No hour is whole yet, so there is nothing that a poll could ask; a server that is gone is said once.
    poll = json.loads(chooser("--json", "poll", "--now", "--polls", "1", "--mark", "1"))
    assert poll["queries"] == poll["failed_queries"] == 0 and poll["documents_bytes"] > 0, poll
    refusals(server, after)
    audits(server, offers(server, 8192))
    assert json.loads(ann("--json", "audit").splitlines()[-1])["databases"] > 0  # of the server that the profile knows
    server.stop()
    assert chooser("poll", "--now", "--polls", "1", expect=1).count("cwtchc: ") == 1


with cwtch_server.Server(CWTCHD, [f"--io={IO}", f"--schemes={','.join(SCHEMES)}", "--seal-records=256",
                                  "--batch-window-ms=1", "--journal-files=8"]) as under_test:
    run(under_test)
print("private retrieval: every message, by", " and ".join(SCHEMES))
