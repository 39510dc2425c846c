"""Random changes of files, where no fuzzer is installed that sees which code they reach."""

import random
from collections.abc import Sequence

# What sizes, counts and offsets are when they are wrong.
_NUMBERS = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
]
_WORDS = [
    b"NaN",
    b"-1",
    b"1e400",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"\0",
    b",",
    b"\n",
    b"\xff",
]


def mutated(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """One of the files with one to eight changes."""
    content = bytearray(rng.choice(files))
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(content) + 1)
        rng.choice(_CHANGES)(rng, content, at, files)
    return bytes(content)


def _flip(rng, content, at, files):
    if at < len(content):
        content[at] ^= 1 << rng.randrange(8)


def _number(rng, content, at, files):
    size = rng.choice([1, 2, 4, 8])
    value = rng.choice(_NUMBERS) % 256**size
    content[at : at + size] = value.to_bytes(size, rng.choice(["big", "little"]))


def _word(rng, content, at, files):
    content[at : at + rng.randrange(4)] = rng.choice(_WORDS)


def _delete(rng, content, at, files):
    del content[at : at + rng.choice([1, 4, 64, 1024])]


def _repeat(rng, content, at, files):
    part = content[at : at + rng.choice([1, 8, 64])]
    content[at:at] = part * rng.choice([1, 2, 50])


def _splice(rng, content, at, files):
    other = rng.choice(files)
    start = rng.randrange(len(other) + 1)
    content[at:] = other[start:]


def _noise(rng, content, at, files):
    size = rng.choice([1, 4, 32])
    content[at : at + size] = rng.randbytes(size)


_CHANGES = [_flip, _flip, _number, _number, _word, _delete, _repeat, _splice, _noise]
