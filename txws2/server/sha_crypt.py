"""Passwords as `crypt` hashes them with SHA-256 and SHA-512 ("$5$" and "$6$").

Python's own module crypt is gone since 3.13. The algorithm is "Unix crypt using SHA-256 and
SHA-512" by Ulrich Drepper; the numbers of the steps below are those of its description.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

__all__ = ["MAX_ROUNDS", "SHA_CRYPT", "sha_crypt"]

SHA_CRYPT = re.compile(
    r"\$(?P<kind>[56])\$(?:rounds=(?P<rounds>[1-9][0-9]{3,8})\$)?(?P<salt>[^$:]{0,16})"
    r"\$(?P<digest>[./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})",
    re.ASCII,
)

MAX_ROUNDS = 100_000
"""The most rounds that are worth their time: a tenth of a second."""

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def sha_crypt(kind: str, password: bytes, salt: bytes, rounds: int = 5000) -> str:
    """Return the hash of a password, without the kind and the salt in front of it.

    Args:
        kind: "5" for SHA-256, "6" for SHA-512.
        password: the password. The time grows with the square of its size.
        salt: at most 16 bytes.
        rounds: the number of rounds.
    """
    new = hashlib.sha256 if kind == "5" else hashlib.sha512
    # Steps 1 to 12.
    other = new(password + salt + password).digest()
    first = new(password + salt + _filled(other, len(password)))
    length = len(password)
    while length:
        first.update(other if length & 1 else password)
        length >>= 1
    digest = first.digest()
    # Steps 13 to 20.
    p = _filled(new(password * len(password)).digest(), len(password))
    s = _filled(new(salt * (16 + digest[0])).digest(), len(salt))
    # Step 21.
    for number in range(rounds):
        odd = number & 1
        middle = (s if number % 3 else b"") + (p if number % 7 else b"")
        digest = new((p if odd else digest) + middle + (digest if odd else p)).digest()
    return "".join(_characters(kind, digest))


def _filled(digest: bytes, length: int) -> bytes:
    """Return this many bytes of a digest that is repeated."""
    return (digest * (length // len(digest) + 1))[:length]


def _characters(kind: str, digest: bytes) -> Iterator[str]:
    """Generate the characters of a digest (step 22)."""
    third = len(digest) // 3
    a, b, c = 0, third, 2 * third
    for _ in range(third):
        yield _encoded(digest[a] << 16 | digest[b] << 8 | digest[c], 4)
        a, b, c = (c + 1, a + 1, b + 1) if kind == "5" else (b + 1, c + 1, a + 1)
    if kind == "5":
        yield _encoded(digest[31] << 8 | digest[30], 3)
    else:
        yield _encoded(digest[63], 2)


def _encoded(value: int, characters: int) -> str:
    return "".join(_ALPHABET[value >> 6 * index & 63] for index in range(characters))
