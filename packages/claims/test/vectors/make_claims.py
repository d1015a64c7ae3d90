"""Writes claims.json beside this file: claims and their signatures, made with nothing but Python's standard library, which knows
nothing of our code. The answer is the same on every machine. Run it again after adding a vector: python3 make_claims.py"""

import hashlib
import hmac
import json
import pathlib

# Keccak-256 (FIPS 202 with Ethereum's padding).

MASK = 2**64 - 1


def rotate(word, count):
    count %= 64
    return ((word << count) | (word >> (64 - count))) & MASK


def make_offsets():
    offsets = [[0] * 5 for _ in range(5)]
    x, y = 1, 0
    for t in range(24):
        offsets[x][y] = (t + 1) * (t + 2) // 2
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


def make_constants():
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (2**j - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


OFFSETS, CONSTANTS = make_offsets(), make_constants()


def permute(a):
    for constant in CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = rotate(a[x][y] ^ d[x], OFFSETS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & MASK & b[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return a


def keccak(message):
    rate = 136
    padded = bytearray(message) + b"\x01"
    padded += bytes(-len(padded) % rate)
    padded[-1] |= 0x80
    a = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            a[i % 5][i // 5] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        a = permute(a)
    return b"".join(a[i][0].to_bytes(8, "little") for i in range(4))


assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

# secp256k1 (SEC 2), with the nonces of RFC 6979 and the lower s of EIP-2.

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    slope = 3 * p[0] ** 2 * pow(2 * p[1], -1, P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope**2 - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, p):
    result = None
    while k:
        result = add(result, p) if k & 1 else result
        p, k = add(p, p), k >> 1
    return result


def word(number):
    return number.to_bytes(32, "big")


def to_address(key):
    return keccak(b"".join(map(word, multiply(key, G))))[12:]


assert to_address(1).hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


def sign(key, digest):
    seed = word(key) + word(int.from_bytes(digest, "big") % N)
    state, mac = b"\x01" * 32, bytes(32)
    hash_with = lambda message: hmac.new(mac, message, hashlib.sha256).digest()
    for tag in (b"\x00", b"\x01"):
        mac = hash_with(state + tag + seed)
        state = hash_with(state)
    state = hash_with(state)
    k = int.from_bytes(state, "big")
    assert 0 < k < N
    x, y = multiply(k, G)
    r = x % N
    s = pow(k, -1, N) * (int.from_bytes(digest, "big") + r * key) % N
    parity = y & 1
    if s > N // 2:
        s, parity = N - s, 1 - parity
    return word(r) + word(s) + bytes([27 + parity])


# Solidity's abi.encode, for what is used here.


def pad(address):
    return bytes(12) + address


def dynamic(data):
    return word(len(data)) + data + bytes(-len(data) % 32)


def hexed(data):
    return "0x" + data.hex()


KEY = 0x1234567890123456789012345678901234567890123456789012345678901234
ISSUER, IDENTITY = bytes.fromhex("11" * 20), bytes.fromhex("22" * 20)
CASE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
TOPICS = [0, 1, 2, 2**31, 2**53, 2**255, 2**256 - 1]
SIZES = [0, 1, 31, 32, 33, 10240]
DOMAIN = keccak(b"persona-kyc.claim.v1")


def make_claim(topic, size):
    data = b"\xab" * size
    digest = keccak(pad(IDENTITY) + word(topic) + word(96) + dynamic(data))
    signature = sign(KEY, keccak(b"\x19Ethereum Signed Message:\n32" + digest))
    return {"topic": str(topic), "dataBytes": size, "digest": hexed(digest), "signature": hexed(signature)}


def make_data(chain_id, topic, generation, level, verified_at, valid_until):
    numbers = word(generation) + word(level) + word(verified_at) + word(valid_until)
    bound = word(chain_id) + pad(ISSUER) + pad(IDENTITY) + word(topic) + word(320) + numbers
    commitment = keccak(DOMAIN + bound + dynamic(CASE.encode()))
    shown = word(chain_id) + pad(ISSUER) + word(level) + word(verified_at) + word(valid_until)
    return {
        "chainId": chain_id,
        "topic": str(topic),
        "generation": generation,
        "level": level,
        "verifiedAtSeconds": verified_at,
        "validUntilSeconds": valid_until or None,
        "commitment": hexed(commitment),
        "data": hexed(DOMAIN + shown + commitment),
    }


vectors = {
    "issuer": hexed(ISSUER),
    "identity": hexed(IDENTITY),
    "caseId": CASE,
    "signer": {"privateKey": hexed(word(KEY)), "key": hexed(keccak(pad(to_address(KEY))))},
    "claimIds": [{"topic": str(t), "claimId": hexed(keccak(pad(ISSUER) + word(t)))} for t in TOPICS],
    "claims": [make_claim(topic, size) for topic in TOPICS for size in SIZES],
    "data": [
        make_data(137, 42, 1, 3, 1767323045, 1893456000),
        make_data(137, 42, 2, 3, 1767323045, 0),
        make_data(2**53 - 1, 2**256 - 1, 1, 0, 0, 2**53 - 1),
    ],
    "salts": [
        {
            "chainId": chain_id,
            "salt": hexed(
                keccak(keccak(b"persona-kyc.identity.v1") + word(chain_id) + pad(ISSUER) + pad(IDENTITY))
            ),
        }
        for chain_id in (1, 137)
    ],
}

path = pathlib.Path(__file__).with_name("claims.json")
path.write_text(json.dumps(vectors, indent=2) + "\n")
