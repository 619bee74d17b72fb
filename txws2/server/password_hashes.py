"""Hashes of passwords, as those in the files of `htpasswd`."""

from __future__ import annotations

import hmac
import re
from typing import Any

from txws2.server.sha_crypt import MAX_ROUNDS, SHA_CRYPT, sha_crypt

__all__ = ["check_hash", "matches"]

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./0-9A-Za-z]{53}", re.ASCII)

# bcrypt reads no more of a password, and its library refuses longer ones.
_BCRYPT_READS = 72
# The time of SHA-crypt grows with the square of the size.
_LONGEST = 512

_ADVICE = "make it again by `htpasswd -B FILE NAME`, which uses bcrypt"

_WEAK = {
    "$apr1$": "apr1, which is MD5, and too fast to be safe",
    "$1$": "MD5, which is too fast to be safe",
    "{SHA}": "SHA-1 without a salt, which is too fast to be safe",
    "$y$": "yescrypt, which isn't supported",
    "$argon2": "Argon2, which isn't supported",
}


def check_hash(text: str) -> None:
    """Make sure that passwords can be compared with a hash.

    Raises:
        ValueError: the hash is of a kind that isn't safe, or not supported. The text is the end of
            a sentence that begins with the person's name, and doesn't show the hash.
    """
    if text.startswith(("$2a$", "$2b$", "$2y$")) and _BCRYPT.fullmatch(text):
        _bcrypt()
        return
    match = SHA_CRYPT.fullmatch(text)
    if match is not None and len(match["digest"]) == (43 if match["kind"] == "5" else 86):
        if int(match["rounds"] or 0) > MAX_ROUNDS:
            raise ValueError(f"has a hash of more than {MAX_ROUNDS} rounds; {_ADVICE}")
        return
    for prefix, kind in _WEAK.items():
        if text.startswith(prefix):
            raise ValueError(f"has a hash of the kind {kind}; {_ADVICE}")
    raise ValueError(
        f"has no hash of a known kind (bcrypt, SHA-256-crypt or SHA-512-crypt); {_ADVICE}"
    )


def matches(password: str, text: str) -> bool:
    """Return True if a hash is that of a password; this takes its time.

    Args:
        password: the password.
        text: a hash that `check_hash` has accepted.
    """
    secret = password.encode()
    match = SHA_CRYPT.fullmatch(text)
    if match is None:
        found: bool = _bcrypt().checkpw(secret[:_BCRYPT_READS], text.encode())
        return found
    if len(secret) > _LONGEST:
        return False
    rounds = int(match["rounds"] or 5000)
    digest = sha_crypt(match["kind"], secret, match["salt"].encode(), rounds)
    return hmac.compare_digest(digest, match["digest"])


def _bcrypt() -> Any:
    try:
        import bcrypt
    except ImportError:
        raise ValueError(
            "has a hash of bcrypt, for which the package bcrypt is needed; install it, or "
            "txws2[passwords]"
        ) from None
    return bcrypt
