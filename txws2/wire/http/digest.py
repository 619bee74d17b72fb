"""Answers to a Digest challenge (RFC 7616): a password is shown to be known, and isn't sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from secrets import token_urlsafe
from urllib.parse import quote

from txws2.wire.http.challenges import Challenge

__all__ = ["answer_digest", "strongest_digest"]

# No library does this for us: requests and httpx have it inside, and for their own requests;
# Twisted's is private, has no SHA-256, and is the server's half.

# By the names of the RFC, those of hashlib. OpenSSL may lack the third.
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = ["MD5", "SHA-256", "SHA-512-256"]

# Values that the answer repeats must be text that a header can have.
_PRINTABLE = re.compile(r"[ -~]*")
_SESSION = "-SESS"


def strongest_digest(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the Digest challenge with the best algorithm of those that can be answered.

    The order of the server doesn't count (RFC 7616 section 3.7 would have it so): whoever changes
    the answer on its way could choose the weakest otherwise.
    """
    able = [challenge for challenge in challenges if _can_answer(challenge)]
    return max(able, key=lambda challenge: _STRENGTH.index(_algorithm(challenge)), default=None)


def answer_digest(
    challenge: Challenge,
    username: str,
    password: str,
    method: str,
    target: str,
    cnonce: str | None = None,
) -> str:
    """Return the value of Authorization, or of Proxy-Authorization.

    The answer is the first to its nonce, and is sent with an empty body.

    Args:
        challenge: one that `strongest_digest` has chosen.
        username: the user's name.
        password: the user's password.
        method: the method of the request.
        target: the target of the request, as its first line has it.
        cnonce: what the client adds to be hashed; None for something random.
    """
    given = challenge.parameters
    cnonce = token_urlsafe(16) if cnonce is None else cnonce
    realm, nonce = given.get("realm", ""), given["nonce"]
    secret = _hash(challenge, username, realm, password)
    if _is_session(challenge):
        secret = _hash(challenge, secret, nonce, cnonce)
    counted = ["00000001", cnonce, "auth"] if "qop" in given else []
    response = _hash(challenge, secret, nonce, *counted, _hash(challenge, method, target))
    return "Digest " + ", ".join(
        [
            *_user(challenge, username, realm),
            f"realm={_quoted(realm)}",
            f"nonce={_quoted(nonce)}",
            f"uri={_quoted(target)}",
            f'response="{response}"',
            # Sections 3.4 and 3.5: these have no quotes, and the algorithm is spelled as it came.
            *([f"algorithm={given['algorithm']}"] if "algorithm" in given else []),
            *([f"opaque={_quoted(given['opaque'])}"] if "opaque" in given else []),
            *([f'qop=auth, nc=00000001, cnonce="{cnonce}"'] if counted else []),
            *(["userhash=true"] if _hashes_user(challenge) else []),
        ]
    )


def _can_answer(challenge: Challenge) -> bool:
    given = challenge.parameters
    offered = [word.strip().lower() for word in given.get("qop", "auth").split(",")]
    echoed = [given.get(name, "") for name in ("realm", "nonce", "opaque", "algorithm")]
    return (
        challenge.scheme.lower() == "digest"
        and "nonce" in given
        and "auth" in offered
        and _HASHES.get(_algorithm(challenge)) in hashlib.algorithms_available
        and all(map(_PRINTABLE.fullmatch, echoed))
    )


def _algorithm(challenge: Challenge) -> str:
    """Return the name of the algorithm, without what says that the secret is a session's."""
    # Section 3.3: without one, it is MD5.
    return challenge.parameters.get("algorithm", "MD5").upper().removesuffix(_SESSION)


def _is_session(challenge: Challenge) -> bool:
    return challenge.parameters.get("algorithm", "").upper().endswith(_SESSION)


def _hashes_user(challenge: Challenge) -> bool:
    return challenge.parameters.get("userhash", "").lower() == "true"


def _hash(challenge: Challenge, *parts: str) -> str:
    # UTF-8, whether the server says so or not (section 4): it is what servers have by now.
    data = ":".join(parts).encode()
    name = _HASHES[_algorithm(challenge)]
    # Systems for which MD5 is forbidden refuse it otherwise.
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _user(challenge: Challenge, username: str, realm: str) -> list[str]:
    if _hashes_user(challenge):
        return [f'username="{_hash(challenge, username, realm)}"']
    if _PRINTABLE.fullmatch(username):
        return [f"username={_quoted(username)}"]
    # Section 3.4: the form of RFC 8187, for what quotes can't have.
    return [f"username*=UTF-8''{quote(username, safe='')}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
