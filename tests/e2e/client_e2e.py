"""client_e2e.py CWTCHD CWTCHC IO: members of two groups, by every scheme, through a real server."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cwtch_server  # noqa: E402
from cwtch_member import Member  # noqa: E402

CWTCHD, CWTCHC, IO = sys.argv[1:4]



def run(parent, server):
    ann, bob, eve = (Member(CWTCHC, parent / name, server) for name in ("ann", "bob", "eve"))
    invite = ann("group", "create", "friends").strip()
    assert invite.startswith("torv3")
    bob("group", "join", invite)
    eve("group", "create", "others")

    long_text = "".join(f"sentence {i}, " for i in range(700))  # more than one message holds
    said = ["hello", "ünï¢ödé \u2028 <&>", "", "plain", long_text, "last"]
    ann("post", "friends", said[0])
    bob("post", "friends", said[1])
    ann("post", "friends", said[2])
    ann("post", "--untagged", "friends", said[3])
    bob("post", "friends", "-", text=said[4])
    eve("post", "others", "nobody else sees this")
    ann("post", "friends", said[5])

    for member, scheme in ((ann, "full"), (bob, "segments")):
        member.sync("--scheme", scheme)
        assert member.texts("friends") == said, member.texts("friends")
    assert eve.sync()["messages"] == 0
    assert eve.texts("others") == ["nobody else sees this"]
    assert "No gaps" in ann("gaps")

    # All that our client posts tagged has one length.
    lengths = {len(record) for record in cwtch_server.records(server.get("/v1/log")).values()}
    assert 64 + 16 + 2720 in lengths and len(lengths) <= 2, lengths

    # Leaky modes need both sides.
    assert "--allow-leaky" in ann("sync", "--scheme", "cursor", expect=1)
    assert "does not allow" in ann("sync", "--scheme", "cursor", "--allow-leaky", expect=1)

    # Incremental over sealed and merged segments: enough to seal (64 records a segment here).
    for i in range(40):
        server.post(cwtch_server.make_record(f"noise a {i}"))
    bob("post", "friends", "in between")
    for i in range(200):
        server.post(cwtch_server.make_record(f"noise b {i}"))
    first = ann.sync()
    assert first["messages"] == 1 and ann.texts("friends")[-1] == "in between"
    for i in range(200):
        server.post(cwtch_server.make_record(f"noise c {i}"))
    again = ann.sync("--scheme", "segments")
    assert again["messages"] == 0 and again["records"] < 400, again
    assert ann.sync()["records"] < 300  # begins at a boundary, not at the beginning
    ann("resync")
    assert ann.texts("friends") == said + ["in between"]

    # A restart changes nothing for anybody.
    server.stop()
    server.start(f"--listen={server.address[0]}:{server.address[1]}")
    assert ann.sync()["messages"] == 0

    # Followers hear of it at once.
    watching = subprocess.Popen([CWTCHC, "--profile", str(ann.directory), "--server", server.url, "--json", "watch"],
                                stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    bob("post", "friends", "are you there?")
    while True:
        heard = json.loads(watching.stdout.readline())
        if heard["text"] == "are you there?":
            break
    watching.terminate()
    watching.communicate()

    # Errors say what to do.
    assert "profile init" in Member(CWTCHC, parent / "nobody", server, init=False)("sync", expect=1)
    assert "group list" in ann("post", "nobody", "x", expect=1)
    assert ann("group", "join", "torv3nonsense", expect=1)

    # A message that the server withholds is a gap, with author and place: bob's log misses one of ann's.
    server.stop()
    with cwtch_server.Server(CWTCHD, [f"--io={IO}"]) as other:
        # Another server's log with one record left out, under the first one's name.
        shutil.copytree(server.directory / "keys", other.directory / "keys", dirs_exist_ok=True)
        other.stop()
        other.start()
        server.start(f"--listen={server.address[0]}:{server.address[1]}")
        ann_records = cwtch_server.records(server.get("/v1/log"))
        hidden = ann("--json", "post", "friends", "withheld")
        hidden = json.loads(hidden)["positions"][0]
        ann("post", "friends", "after it")
        records = cwtch_server.records(server.get("/v1/log"))
        assert len(records) == len(ann_records) + 2
        for position in sorted(records):
            if position != hidden:
                other.post(records[position])
        late = Member(CWTCHC, parent / "late", other)
        late("group", "join", invite)
        late.sync()
        gaps = [json.loads(line) for line in late("--json", "gaps").splitlines()]
        assert len(gaps) == 1 and gaps[0]["position"] == hidden, gaps
        assert "withheld" not in late.texts("friends") and "after it" in late.texts("friends")


def run_leaky(parent, server):
    """Scheme cursor, one profile in two processes, an outbox, and what others write on our terminal."""
    ann, bob = (Member(CWTCHC, parent / name, server) for name in ("cara", "dave"))
    invite = ann("group", "create", "friends").strip()
    assert invite not in bob("group", "join", "-", text=invite + "\n")  # the secret is neither in argv nor on the screen
    ann("post", "friends", "one")
    assert bob.sync("--scheme", "cursor", "--allow-leaky")["messages"] == 1
    for i in range(30):
        server.post(cwtch_server.make_record(f"leaky {i}"))
    assert bob.sync("--scheme", "cursor", "--allow-leaky")["records"] == 30
    assert bob.sync("--scheme", "cursor", "--allow-leaky")["records"] == 0
    assert bob.sync()["messages"] == 0

    # One profile follows in one process and posts and reads in others.
    watching = subprocess.Popen([CWTCHC, "--profile", str(bob.directory), "--server", server.url, "--json", "watch"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    texts = [f"text {i}" for i in range(20)]
    long_text = "".join(f"sentence {i}, " for i in range(700))
    for i, text in enumerate(texts):
        (ann if i % 2 else bob)("post", "friends", text)
    ann("post", "friends", "-", text=long_text)
    bob.sync()
    heard = []
    while long_text not in heard:
        heard.append(json.loads(watching.stdout.readline())["text"])
    assert [t for t in heard if t in texts] == texts and len(heard) == len(set(heard)), heard
    watching.terminate()
    out, errors = watching.communicate(timeout=60)
    assert watching.returncode == 0 and not errors, (watching.returncode, errors)
    assert bob.texts("friends") == ["one", *texts, long_text]
    assert bob.sync()["messages"] == 0

    # Nobody answers: the text is kept, and goes out before the next one, whole.
    server.stop()
    assert "cwtchc send" in ann("post", "friends", "-", text=long_text + "again", expect=1)
    assert "run" in ann("sync", expect=1)
    assert json.loads(ann("--json", "profile", "show"))["outbox"] > 1
    server.start(f"--listen={server.address[0]}:{server.address[1]}")
    assert "sent" in ann("send")
    assert json.loads(ann("--json", "profile", "show"))["outbox"] == 0
    ann("post", "friends", "\x1b[31mred\x9b\u202e\n2025-11-25 10:00  forged")
    bob.sync()
    assert bob.texts("friends")[-2] == long_text + "again"
    shown = bob("messages", "friends")
    assert "\x1b" not in shown and "\x9b" not in shown and "\u202e" not in shown
    assert "\n    2025-11-25 10:00  forged" in shown  # set in, so that it is no line of its own
    assert "No gaps" in bob("gaps")


parent_directory = pathlib.Path(tempfile.mkdtemp(prefix="cwtchc-test."))
try:
    with cwtch_server.Server(CWTCHD, [f"--io={IO}", "--merge-factor=2"]) as the_server:
        run(parent_directory, the_server)
    with cwtch_server.Server(CWTCHD, [f"--io={IO}", "--leaky-modes=true"]) as the_server:
        run_leaky(parent_directory, the_server)
finally:
    shutil.rmtree(parent_directory, ignore_errors=True)
