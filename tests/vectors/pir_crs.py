#!/usr/bin/env python3
"""Makes pir_crs.json: public randomness of private retrieval, and the discrete Gaussian, by a second implementation
(standard library only; ../interop/pir_reference.py has ChaCha20 and the derivation)."""
import decimal, json, os, struct, sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "interop"))
from pir_reference import block_domain, chacha20_block, crs_slots, range_domain

decimal.getcontext().prec = 60


def samples(key, sigma, calls):
    """Magnitude: how many of the thresholds 2^63 P(|x| > k) lie above 63 bits of the keystream; sign: the lowest bit."""
    sigma = decimal.Decimal(sigma)
    weights = [2 * (-(decimal.Decimal(x) ** 2) / (2 * sigma * sigma)).exp() for x in range(1, int(10 * sigma) + 1)]
    total = 1 + sum(weights)
    thresholds = [int(2**63 * sum(weights[k:]) / total) for k in range(len(weights))]
    made, draws = [], 0
    for count in calls:
        call = []
        while len(call) < count:
            stream = b"".join(chacha20_block(key, i, struct.pack("<QL", draws, 0)) for i in range(8))
            draws += 1
            for number in struct.unpack("<64Q", stream):
                magnitude = sum(number >> 1 < threshold for threshold in thresholds)
                call.append(-magnitude if number & 1 else magnitude)
        made.append(call[:count])
    return made


cases = [("", "", b""), ("a", "simplepir-v1", block_domain(7)), ("a", "simplepir-v1", range_domain("w", bytes([1, 2, 3]), 4)),
         ("cwtchserver" * 5, "ring32-v1", range_domain("a", bytes(range(25)), 2**32 + 1))]
polynomials = []
for server, parameters, domain in cases:
    slots = crs_slots(server, parameters, domain)
    polynomials.append({"server": server, "parameters": parameters, "domain_hex": domain.hex(), "first": slots[:16],
                        "sum": sum(slots)})
gaussian = [{"key_hex": key.hex(), "sigma": sigma, "calls": samples(key, sigma, [1, 64, 100])}
            for key, sigma in ((bytes(range(32)), 11), (bytes([255] * 32), 3))]
with open(os.path.join(here, "pir_crs.json"), "w") as out:
    json.dump({"_provenance": "made by pir_crs.py", "polynomials": polynomials, "gaussian": gaussian}, out, indent=1)
    out.write("\n")
