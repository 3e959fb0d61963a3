"""A thousand bytes of a sealed segment of 8 MiB, changed while its server is down: each is noticed, none is served.

usage: server_damage.py CWTCHD uring|epoll [FLIPS] [SEED]

All but a few lie in chunks: then the answer that starts in such a chunk is 500 `damaged`, an answer that reaches it later
ends there, and all other chunks are served as they were. A few lie in the table or the footer, which lead to the chunks:
then the server does not start, or answers 500. (Every single byte is changed at the segment reader, by its unit test.)
"""
import http.client
import json
import random
import sys
import time

from cwtch_server import Server, frames, make_record, skip_without_ring

RECORDS = 4096
RECORD_BYTES = 1930
ROUND = 100  # chunks damaged at a time


def fill(server):
    """Posts on one connection, and gives the segment that they become."""
    with server.connect() as connection:
        answers = connection.makefile("rb")
        for number in range(RECORDS + 1):  # the last one shows that the part before it is full
            record = make_record(f"flip-{number}", RECORD_BYTES)
            connection.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(record) + record)
            answer = b""
            while not answer.rstrip().endswith(b"}"):
                piece = answers.read1(4096)
                assert piece, f"closed after {answer!r}"
                answer += piece
            assert answer.startswith(b"HTTP/1.1 201"), answer
    while not (listed := server.json("/v1/segments")["segments"]):
        time.sleep(0.01)
    return listed[0]


def chunk_starts(stream):
    """Every chunk begins with an anchor."""
    starts, at = [], 0
    for frame in frames(stream):
        if frame.kind == frame.ANCHOR:
            starts.append(at)
        at += (16 + len(frame.payload) + 15) // 16 * 16
    return starts


def flip(path, offsets, dice):
    """Changes a bit at each offset; returns what undoes it."""
    with open(path, "r+b") as file:
        for offset in offsets:
            file.seek(offset)
            old = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([old ^ 1 << dice.randrange(8)]))
            yield offset, old


def mend(path, old):
    with open(path, "r+b") as file:
        for offset, byte in old:
            file.seek(offset)
            file.write(bytes([byte]))


def check_chunks(server, segment, stream, starts, damaged):
    """Asks for each chunk on one connection, which stays usable after a refusal."""
    client = server.client()
    for chunk, start in enumerate(starts):
        end = starts[chunk + 1] if chunk + 1 < len(starts) else len(stream)
        client.request("GET", segment, headers={"Range": f"bytes={start}-{end - 1}"})
        answer = client.getresponse()
        content = answer.read()
        if chunk in damaged:
            assert answer.status == 500, f"chunk {chunk} is damaged: {answer.status}"
            assert json.loads(content)["type"] == "urn:cwtch:problem:damaged", content
        else:
            assert answer.status == 206 and content == stream[start:end], f"chunk {chunk} is sound: {answer.status}"
    client.close()


def check_cut(server, path, stream, end):
    """An answer that meets damage behind its beginning: sound bytes up to there, and no proper end."""
    client = server.client()
    client.request("GET", path)
    answer = client.getresponse()
    if end == 0:
        assert answer.status == 500, answer.status
        return
    assert answer.status == 200, answer.status
    try:
        content = answer.read()
        raise AssertionError(f"{path}: {len(content)} bytes without an error")
    except http.client.IncompleteRead as cut:
        assert len(cut.partial) == end and stream.startswith(cut.partial), f"{path}: cut at {len(cut.partial)}, not {end}"
    client.close()


def main():
    program, io = sys.argv[1], sys.argv[2]
    skip_without_ring(program, io)
    flips = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    dice = random.Random(seed)
    flags = [f"--io={io}", "--seal-records=4096", "--journal-file-bytes=16M", "--chunk-bytes=16K", "--cache-bytes=1M"]
    with Server(program, flags) as server:
        listed = fill(server)
        segment = f"/v1/segments/{listed['first']}-{listed['last']}"
        whole = server.get(segment)
        log = f"/v1/log?to={listed['last'] + 1}"
        stream = server.get(log)
        assert whole.startswith(stream) and len(whole) >= 8 << 20, len(whole)
        starts = chunk_starts(stream)
        server.stop()
        path = next((server.directory / "log" / "segments").glob("*.seg"))
        try:
            done = 0
            while done < flips - flips // 100:
                damaged = dice.sample(range(len(starts)), min(ROUND, flips - flips // 100 - done))
                ends = starts[1:] + [len(stream)]
                old = list(flip(path, [dice.randrange(starts[c], ends[c]) for c in damaged], dice))
                said = len(server.stderr())
                server.start()
                check_chunks(server, segment, stream, starts, set(damaged))
                check_cut(server, segment, stream, starts[min(damaged)])
                check_cut(server, log, stream, starts[min(damaged)])
                assert path.name in server.stderr()[said:], "the file is not named"
                server.stop()
                mend(path, old)
                done += len(damaged)
            while done < flips:  # table and footer
                old = list(flip(path, [dice.randrange(len(stream), len(whole))], dice))
                said = len(server.stderr())
                try:
                    server.start()
                except AssertionError:  # it says which file, and does not serve at all
                    server.process.communicate()
                    assert server.process.returncode == 1, server.process.returncode
                    server.process = None
                    assert path.name in server.stderr()[said:], server.stderr()
                else:
                    check_cut(server, segment, b"", 0)
                    server.get(f"/v1/log?from={listed['last'] + 1}")  # what lies behind it
                    server.stop()
                mend(path, old)
                done += 1
        except AssertionError:
            print(f"replay with: server_damage.py CWTCHD {io} {flips} {seed}", file=sys.stderr)
            raise
        server.start()
        assert server.get(segment) == whole
        server.stop()
    print(f"{done} flips in {len(whole)} bytes, {len(starts)} chunks: all noticed, none served")


main()
