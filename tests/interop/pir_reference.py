#!/usr/bin/env python3
"""simplepir and ring32, a second time: both halves in plain Python (standard library only), written from pir/simplepir's and
pir/ring32's README and from definitions: products are big integers', automorphisms are index arithmetic, nothing is
transformed but public polynomials, which the format gives by their values.

Run as a test it is the judge of the C++ code: pir_reference.py PIR_HALF, PIR_HALF being the program of pir_half.cpp.
"""
import hashlib, random, struct, subprocess, sys

Q, D, SIGMA, P = 2**32 - 2**20 + 1, 1024, 11, 256
DELTA, HINT_BITS, ANSWER_BITS = Q // P, 20, 12
BASE_BITS, DIGITS, DROPPED = 6, 5, 2  # ring32-v1
QUERY_BITS = 28  # simplepir-v1
PSI = pow(19, (Q - 1) // (2 * D), Q)


# Public randomness.

def chacha20_block(key, counter, nonce):
    """RFC 8439, section 2.3."""
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8L", key), counter, *struct.unpack("<3L", nonce)]
    x = list(state)

    def quarter(a, b, c, d):
        for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[one] = (x[one] + x[two]) & 0xFFFFFFFF
            mixed = x[three] ^ x[one]
            x[three] = ((mixed << turn) | (mixed >> (32 - turn))) & 0xFFFFFFFF

    for _ in range(10):
        quarter(0, 4, 8, 12), quarter(1, 5, 9, 13), quarter(2, 6, 10, 14), quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15), quarter(1, 6, 11, 12), quarter(2, 7, 8, 13), quarter(3, 4, 9, 14)
    return struct.pack("<16L", *((a + b) & 0xFFFFFFFF for a, b in zip(x, state)))


assert chacha20_block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000")).hex().startswith("10f1e7e4d13b5915"), \
    "the RFC's own vector"


def crs_slots(server, parameters, domain):
    """The values of a public polynomial, in the order of slots."""
    name = server.encode()
    seed = hashlib.sha256(b"cwtch-pir-crs" + bytes([len(name)]) + name + parameters.encode()).digest()
    key = hashlib.sha256(seed + domain).digest()
    slots, counter = [], 0
    while len(slots) < D:
        slots += [word for word in struct.unpack("<16L", chacha20_block(key, counter, bytes(12))) if word < Q]
        counter += 1
    return slots[:D]


def block_domain(block):
    return b"b" + struct.pack("<Q", block)


def range_domain(use, range_bytes, number):
    return use.encode() + range_bytes + struct.pack("<Q", number)


def dft(values, root):
    if len(values) == 1:
        return values
    even, odd = dft(values[::2], root * root % Q), dft(values[1::2], root * root % Q)
    half, power = len(even), 1
    result = [0] * (2 * half)
    for i in range(half):
        term = power * odd[i]
        result[i], result[i + half] = (even[i] + term) % Q, (even[i] - term) % Q
        power = power * root % Q
    return result


def coefficients(slots):
    """Slot i holds the value at psi^(2 reversed(i) + 1)."""
    values = [slots[int(f"{k:010b}"[::-1], 2)] for k in range(D)]
    twisted = dft(values, pow(PSI, -2, Q))
    inverse, untwist = pow(D, -1, Q), pow(PSI, -1, Q)
    return [value * inverse * pow(untwist, i, Q) % Q for i, value in enumerate(twisted)]


def slots_of(a):
    values = dft([value * pow(PSI, i, Q) % Q for i, value in enumerate(a)], PSI * PSI % Q)
    return [values[int(f"{i:010b}"[::-1], 2)] for i in range(D)]


# The ring. Packed: coefficients as the digits of one integer, 80 bits each, so that integers' products are polynomials'.

def packed(a):
    return int.from_bytes(b"".join((value % Q).to_bytes(10, "little") for value in a), "little")


def unpacked(number):
    """Of a sum of at most 64 products."""
    raw = number.to_bytes(20 * D, "little")
    words = [int.from_bytes(raw[at:at + 10], "little") for at in range(0, 20 * D, 10)]
    return [(low - high) % Q for low, high in zip(words[:D], words[D:])]


def product(a, b):
    return unpacked(packed(a) * packed(b))


def plus(a, b):
    return [(x + y) % Q for x, y in zip(a, b)]


def automorphism(a, g):
    """X -> X^g."""
    result = [0] * D
    for i, value in enumerate(a):
        exponent = i * g % (2 * D)
        result[exponent % D] = value if exponent < D else -value % Q
    return result


def centred(value):
    value %= Q
    return value - Q if value > Q // 2 else value


def gaussian(source, sigma=SIGMA):
    return round(source.gauss(0, sigma))


# Encodings.

def pack_bits(values, bits):
    pieces = [f"{value:0{bits}b}" for value in reversed(values)]
    number = int("".join(pieces), 2) if pieces else 0
    return number.to_bytes((len(values) * bits + 7) // 8, "little")


def unpack_bits(data, bits, count):
    text = f"{int.from_bytes(data, 'little'):0{len(data) * 8}b}"
    assert set(text[:len(text) - count * bits]) <= {"0"}, "bits behind the last number"
    end = len(text)
    return [int(text[end - (i + 1) * bits:end - i * bits], 2) for i in range(count)]


def switch(value, bits):
    return (value * 2**bits + Q // 2) // Q % 2**bits


def nearest_byte(phi):
    return ((phi + 2**11) % 2**20 >> 12) ^ 0x80


def centred_byte(byte):
    return byte - 128


class Database:
    def __init__(self, server, first_row, rows, row_bytes, parts, partition):
        self.server, self.first_row, self.rows, self.row_bytes = server, first_row, rows, row_bytes
        self.parts, self.partition = parts, partition
        self.polynomials = -(-row_bytes // D)

    def range_bytes(self):
        return struct.pack("<QQLLB", self.first_row, self.rows, self.row_bytes, self.parts, "ci".index(self.partition))

    def rows_of_part(self, part):
        """Their numbers."""
        if self.partition == "i":
            return list(range(self.first_row + part, self.first_row + self.rows, self.parts))
        cut = [self.first_row + self.rows * j // self.parts for j in range(self.parts + 1)]
        return list(range(cut[part], cut[part + 1]))


# simplepir.

class SimplePir(Database):
    def blocks(self):
        """Public polynomials and, for each, which columns of the log it masks."""
        for block in range(self.first_row // D, (self.first_row + self.rows - 1) // D + 1):
            yield block, coefficients(crs_slots(self.server, "simplepir-v1", block_domain(block)))

    def columns(self, block):
        for c in range(D):
            if self.first_row <= block * D + c < self.first_row + self.rows:
                yield c, block * D + c - self.first_row

    # Server.
    def serve(self, data):
        hints = [[0] * D for _ in range(self.row_bytes)]
        for block, a in self.blocks():
            for r in range(self.row_bytes):
                turned = [0] * D
                for c, column in self.columns(block):
                    byte = centred_byte(data[column * self.row_bytes + r])
                    turned[-c % D] = byte if c == 0 else -byte
                hints[r] = plus(hints[r], product(turned, a))
        self.data = data
        return [b"".join(pack_bits([switch(value, HINT_BITS) for value in hint], HINT_BITS) for hint in hints)]

    def answer(self, request):
        words = [number << 4 for number in unpack_bits(request, QUERY_BITS, self.rows)]
        numbers = [sum(word * centred_byte(self.data[c * self.row_bytes + r]) for c, word in enumerate(words)) % Q
                   for r in range(self.row_bytes)]
        return pack_bits([switch(number, ANSWER_BITS) for number in numbers], ANSWER_BITS)

    # Client.
    def connect(self, statics):
        (blob,) = statics
        assert len(blob) == self.row_bytes * D * HINT_BITS // 8
        each = D * HINT_BITS // 8
        self.hints = [unpack_bits(blob[at:at + each], HINT_BITS, D) for at in range(0, len(blob), each)]

    def query(self, wanted, source):
        assert len(wanted) <= 1
        s = [gaussian(source) for _ in range(D)]
        words = [0] * self.rows
        for block, a in self.blocks():
            mask = product(a, s)
            for c, column in self.columns(block):
                words[column] = (gaussian(source) - mask[c]) % Q
        for row in wanted:
            words[row - self.first_row] = (words[row - self.first_row] + DELTA) % Q
        # Halves to even, as Python rounds.
        return pack_bits([round(word / 16) for word in words], QUERY_BITS), (s, wanted)

    def recover(self, secret, answer):
        s, wanted = secret
        numbers = unpack_bits(answer, ANSWER_BITS, self.row_bytes)
        row = bytes(nearest_byte((2**8 * number + hint[0] * s[0] - sum(hint[j] * s[D - j] for j in range(1, D))) % 2**20)
                    for hint, number in zip(self.hints, numbers))
        return [row for _ in wanted]


# ring32.

class Ring32(Database):
    def block(self, part, number):
        domain = range_domain("a", self.range_bytes(), part << 32 | number)
        return coefficients(crs_slots(self.server, "ring32-v1", domain))

    def key_halves(self, use):
        return [coefficients(crs_slots(self.server, "ring32-v1", range_domain(use, self.range_bytes(), i)))
                for i in range(DIGITS)]

    # Server: by the definition of InspiRING, for rows of which only the first bytes are not 0x80: a row of the matrix
    # that is all 0x80 has no hint.
    def serve(self, data):
        self.data, self.prepared = data, []
        w, w_prime = self.key_halves("w"), self.key_halves("v")
        blob = b""
        for part in range(self.parts):
            hints = [self.hint(part, r) for r in range(self.row_bytes)]
            for p in range(self.polynomials):
                a, words = self.prepare([h for h in hints[p * D:(p + 1) * D]], w, w_prime)
                self.prepared.append(words)
                blob += pack_bits([switch(value, HINT_BITS) for value in a], HINT_BITS)
        return [blob]

    def bytes_of(self, part, r):
        return [centred_byte(self.data[(row - self.first_row) * self.row_bytes + r]) for row in self.rows_of_part(part)]

    def hint(self, part, r):
        """None: zero."""
        values = self.bytes_of(part, r)
        if not any(values):
            return None
        total = [0] * D
        for number in range(-(-len(values) // D)):
            turned = [0] * D
            for c, value in enumerate(values[number * D:(number + 1) * D]):
                turned[-c % D] = value if c == 0 else -value
            total = plus(total, product(turned, self.block(part, number)))
        return total

    @staticmethod
    def digits(a):
        """DIGITS packed polynomials."""
        columns = []
        for value in a:
            rest = (centred(value) + 2**(DROPPED - 1)) >> DROPPED
            row = []
            for i in range(DIGITS):
                digit = rest if i == DIGITS - 1 else (rest + 2**(BASE_BITS - 1)) % 2**BASE_BITS - 2**(BASE_BITS - 1)
                row.append(digit)
                rest = (rest - digit) >> BASE_BITS
            columns.append(row)
        return [packed(digit) for digit in zip(*columns)]

    @staticmethod
    def term(hints, g):
        total, inverse = [0] * D, pow(D, -1, Q)
        for k, hint in enumerate(hints):
            if hint is None:
                continue
            shifted = automorphism(hint, g)
            shifted = [-value for value in shifted[D - k:]] + shifted[:D - k] if k else shifted
            total = [x + inverse * y for x, y in zip(total, shifted)]
        return [x % Q for x in total]

    def prepare(self, hints, w, w_prime):
        chains, words = [], []
        for sign in (1, -1):
            g = pow(5, D // 2 - 1, 2 * D)
            a = self.term(hints, sign * g)
            for j in range(D // 2 - 1, 0, -1):
                g = pow(5, j - 1, 2 * D)
                t = self.digits(a)
                words.append((sign * g, t))
                switched = unpacked(sum(digit * packed(automorphism(half, sign * g)) for digit, half in zip(t, w)))
                a = plus(self.term(hints, sign * g), switched)
            chains.append(a)
        last = self.digits(chains[1])
        return plus(chains[0], unpacked(sum(d * packed(half) for d, half in zip(last, w_prime)))), (words, last)

    def answer(self, request):
        words = struct.unpack(f"<{len(request) // 4}L", request)
        assert len(words) == 2 * DIGITS * D + self.rows and max(words) < Q
        keys = [coefficients(words[i * D:(i + 1) * D]) for i in range(2 * DIGITS)]
        at, answer = 2 * DIGITS * D, b""
        for part in range(self.parts):
            u = words[at:at + len(self.rows_of_part(part))]
            at += len(u)
            numbers = [sum(x * y for x, y in zip(u, self.bytes_of(part, r))) % Q for r in range(self.row_bytes)]
            for p in range(self.polynomials):
                steps, last = self.prepared[part * self.polynomials + p]
                total = unpacked(sum(d * packed(y) for d, y in zip(last, keys[DIGITS:])))
                for g, t in steps:
                    total = plus(total, unpacked(sum(d * packed(automorphism(y, g)) for d, y in zip(t, keys))))
                for k in range(min(D, self.row_bytes - p * D)):
                    numbers[p * D + k] = (numbers[p * D + k] + total[k]) % Q
            answer += pack_bits([switch(number, ANSWER_BITS) for number in numbers], ANSWER_BITS)
        return answer

    # Client.
    def connect(self, statics):
        (blob,) = statics
        each = D * HINT_BITS // 8
        assert len(blob) == self.parts * self.polynomials * each
        self.a = [unpack_bits(blob[at:at + each], HINT_BITS, D) for at in range(0, len(blob), each)]

    def query(self, wanted, source):
        s = [gaussian(source) for _ in range(D)]
        words = []
        for use, g in (("w", 5), ("v", 2 * D - 1)):
            moved = automorphism(s, g)
            for i, half in enumerate(self.key_halves(use)):
                masked = product(half, s)
                words += slots_of([(gaussian(source) - masked[c] + 2**(DROPPED + BASE_BITS * i) * moved[c]) % Q
                                   for c in range(D)])
        for part in range(self.parts):
            rows = self.rows_of_part(part)
            for number in range(-(-len(rows) // D)):
                mask = product(self.block(part, number), s)
                for c, row in enumerate(rows[number * D:(number + 1) * D]):
                    words.append((gaussian(source) - mask[c] + (DELTA if row in wanted else 0)) % Q)
        return struct.pack(f"<{len(words)}L", *words), (s, wanted)

    def recover(self, secret, answer):
        s, wanted = secret
        each = -(-self.row_bytes * ANSWER_BITS // 8)
        found = {}
        for part in range(self.parts):
            numbers = unpack_bits(answer[part * each:(part + 1) * each], ANSWER_BITS, self.row_bytes)
            row = b""
            for p in range(self.polynomials):
                # Modulo 2^20, not q: sums of integers.
                a = self.a[part * self.polynomials + p]
                for k in range(min(D, self.row_bytes - p * D)):
                    phi = 2**8 * numbers[p * D + k]
                    phi += sum(a[i] * s[k - i] for i in range(k + 1)) - sum(a[i] * s[D + k - i] for i in range(k + 1, D))
                    row += bytes([nearest_byte(phi % 2**20)])
            for number in self.rows_of_part(part):
                found[number] = row
        return [found[row] for row in sorted(wanted)]


# The judge.

class Half:
    """One half of the C++ code, in a process of its own."""

    def __init__(self, program, role, scheme, database):
        self.process = subprocess.Popen(
            [program, role, scheme, database.server, *map(str, (database.first_row, database.rows, database.row_bytes,
             database.parts)), database.partition], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, data):
        self.process.stdin.write(struct.pack("<L", len(data)) + data)
        self.process.stdin.flush()

    def receive(self):
        (size,) = struct.unpack("<L", self.exactly(4))
        return self.exactly(size)

    def exactly(self, size):
        data = self.process.stdout.read(size)
        assert len(data) == size, "the program ended early"
        return data

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def judge(program, kind, shape, data, wanted, servers_too):
    """C++ server and Python client; and, the other way round, Python server and C++ client, whose answers are compared."""
    source, scheme, database = random.Random(7), kind.__name__.lower(), kind(*shape)
    truth = [data[(row - database.first_row) * database.row_bytes:][:database.row_bytes] for row in sorted(wanted)]
    server = Half(program, "server", scheme, database)
    server.send(data)
    statics = [server.receive()]
    database.connect(statics)
    request, secret = database.query(wanted, source)
    server.send(request)
    answer = server.receive()
    assert database.recover(secret, answer) == truth, f"{scheme}: Python's client does not get the rows of the C++ server"
    print(f"{scheme} {shape}: Python's client reads the C++ server", flush=True)
    if servers_too:
        assert database.serve(data) == statics, f"{scheme}: statics differ"
        assert database.answer(request) == answer, f"{scheme}: answers differ"
        client = Half(program, "client", scheme, database)
        client.send(statics[0])
        client.send(struct.pack(f"<{len(wanted)}Q", *wanted))
        asked = client.receive()
        assert len(asked) == len(request)
        answered = database.answer(asked)
        client.send(answered)
        assert client.receive() == b"".join(truth), f"{scheme}: the C++ client does not get the rows of Python's server"
        client.end()
        server.send(asked)
        assert server.receive() == answered, f"{scheme}: answers to the C++ client differ"
        print(f"{scheme} {shape}: statics and answers are the same, and the C++ client reads Python's server", flush=True)
    server.end()


def main(program):
    source = random.Random(8)
    # Rows of which a few bytes matter: 0x80 counts as nothing.
    few = lambda rows, row_bytes: b"".join(source.randbytes(5) + b"\x80" * (row_bytes - 5) for _ in range(rows))
    judge(program, SimplePir, ("onion", 1000, 60, 512, 1, "c"), source.randbytes(60 * 512), [1030], True)
    judge(program, SimplePir, ("onion", 0, 1025, 520, 1, "c"), source.randbytes(1025 * 520), [1024], False)
    judge(program, Ring32, ("onion", 5000, 10, 512, 2, "i"), source.randbytes(10 * 512), [5003, 5008], False)
    judge(program, Ring32, ("onion", 5000, 2050, 1100, 2, "c"), source.randbytes(2050 * 1100), [5000, 7049], False)
    judge(program, Ring32, ("onion", 77, 3, 512, 1, "c"), few(3, 512), [78], True)


if __name__ == "__main__":
    main(sys.argv[1])
