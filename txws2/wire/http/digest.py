"""Answers to a Digest challenge (RFC 7616): they prove that the client knows a password."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from secrets import token_urlsafe
from urllib.parse import quote

from txws2.wire.http.challenges import Challenge

__all__ = ["answer_digest", "strongest_digest"]

# No library does this for us. The code of requests and httpx is for their own requests only;
# Twisted's is private, has no SHA-256, and is the server's half.

# The names of algorithms in the RFC, and in hashlib. OpenSSL may lack the third.
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = ["MD5", "SHA-256", "SHA-512-256"]

# The answer repeats values of the challenge. They must be text that a header may have.
_PRINTABLE = re.compile(r"[ -~]*")

# Section 3.4.2: with "-sess" after an algorithm's name, the secret is that of a session: the nonces
# of both sides are hashed into it.
_SESSION = "-SESS"


def strongest_digest(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the Digest challenge with the strongest algorithm; None if none can be answered."""
    # Section 3.7: "When the client receives the first challenge, it SHOULD use the first challenge
    # it supports, unless a local policy dictates otherwise." This is a local policy. Why not the
    # server's order: whoever changes a response on its way could put the weakest first.
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

    The answer is the first one to its nonce, for a request with an empty body.

    Args:
        challenge: a challenge that `strongest_digest` has returned.
        username: the user's name.
        password: the user's password.
        method: the method of the request.
        target: the target of the request, as in the request line.
        cnonce: the client's nonce, which is hashed, too; None for a random one.
    """
    # Section 3.4.1: with qop, the response is the hash of the hashed secret, the nonce, the count
    # of requests with this nonce, the client's nonce, qop, and the hash of method and target. An
    # old server offers no qop; then count and client's nonce are left out, as in RFC 2069. The
    # count is always one: each handshake answers a challenge of its own.
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
            # Section 3.4: algorithm, qop and nc have no quotes. Section 3.5 shows the algorithm
            # spelled as it came, which some servers compare.
            *([f"algorithm={given['algorithm']}"] if "algorithm" in given else []),
            *([f"opaque={_quoted(given['opaque'])}"] if "opaque" in given else []),
            *([f'qop=auth, nc=00000001, cnonce="{cnonce}"'] if counted else []),
            *(["userhash=true"] if _hashes_user(challenge) else []),
        ]
    )


def _can_answer(challenge: Challenge) -> bool:
    # Section 3.4.3 has another qop, "auth-int", which hashes the body, too. Why not support it: a
    # GET has no body to protect.
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
    """Return the name of the algorithm, without "-sess"."""
    # Section 3.3: "If this is not present, it is assumed to be "MD5"."
    return challenge.parameters.get("algorithm", "MD5").upper().removesuffix(_SESSION)


def _is_session(challenge: Challenge) -> bool:
    return challenge.parameters.get("algorithm", "").upper().endswith(_SESSION)


def _hashes_user(challenge: Challenge) -> bool:
    return challenge.parameters.get("userhash", "").lower() == "true"


def _hash(challenge: Challenge, *parts: str) -> str:
    # Section 4: a server asks for UTF-8 with the parameter charset, which has no other value. Why
    # UTF-8 without it, too: servers have passwords in UTF-8 by now.
    data = ":".join(parts).encode()
    name = _HASHES[_algorithm(challenge)]
    # Without usedforsecurity, systems that forbid MD5 (FIPS 140) raise an exception.
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _user(challenge: Challenge, username: str, realm: str) -> list[str]:
    # Section 3.4.4: if the server asks for it with userhash, the user name is hashed, so that
    # nobody on the way can read it.
    if _hashes_user(challenge):
        return [f'username="{_hash(challenge, username, realm)}"']
    if _PRINTABLE.fullmatch(username):
        return [f"username={_quoted(username)}"]
    # Section 3.4: username* has the form of RFC 8187, for a name with characters that a
    # quoted-string can't have.
    return [f"username*=UTF-8''{quote(username, safe='')}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
