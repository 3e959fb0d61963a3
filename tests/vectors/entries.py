#!/usr/bin/env python3
"""Makes entries.json: the index entries of tagged records, by a second implementation (standard library only)."""
import base64, hashlib, json, random


def rotl(x, b):
    return ((x << b) | (x >> (64 - b))) & (2**64 - 1)


def siphash_2_4_128(key, data):
    """As in the reference code of Aumasson and Bernstein, cROUNDS 2, dROUNDS 4, 16 bytes out."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [0x736F6D6570736575 ^ k0, 0x646F72616E646F6D ^ k1 ^ 0xEE, 0x6C7967656E657261 ^ k0, 0x7465646279746573 ^ k1]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) % 2**64; v[1] = rotl(v[1], 13) ^ v[0]; v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) % 2**64; v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) % 2**64; v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) % 2**64; v[1] = rotl(v[1], 17) ^ v[2]; v[2] = rotl(v[2], 32)

    tail = len(data) % 8
    padded = data + bytes(7 - tail) + bytes([len(data) & 255])
    for i in range(0, len(padded), 8):
        m = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xEE
    rounds(4)
    out = (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    v[1] ^= 0xDD
    rounds(4)
    return out + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


# SipHash's own published vector for 128 bits: key 00..0f, empty input.
assert siphash_2_4_128(bytes(range(16)), b"").hex() == "a3817f04ba25a8e66df67214c7550293"


def hostname(key):
    check = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + check + b"\x03").decode().lower()


def main():
    rng = random.Random(20251125)
    cases = []
    for size in (40, 41, 2720, 2720, 6000):
        group_key, signature, ciphertext = (rng.randbytes(n) for n in (32, 64, size))
        server = hostname(rng.randbytes(32))
        sip_key = hashlib.blake2b(b"cwtch index v1", key=group_key, digest_size=32).digest()[:16]
        rh = hashlib.sha256(b"cwtch-entry" + signature + ciphertext).digest()[:8]
        t = siphash_2_4_128(sip_key, server.encode() + rh)[:8]
        cases.append({"group_key_hex": group_key.hex(), "server": server, "signature_hex": signature.hex(),
                      "ciphertext_hex": ciphertext.hex(), "siphash_key_hex": sip_key.hex(), "entry_hex": (rh + t).hex()})
    print(json.dumps({"_provenance": "tests/vectors/entries.py", "cases": cases}, indent=1))


main()
