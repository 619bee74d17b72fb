"""Targets that a signed token names (JWT, RFC 7519), as websockify's JWTTokenApi has them."""

from __future__ import annotations

import os
from base64 import b64decode
from binascii import Error
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from txws2._connection.factory import global_reactor
from txws2.forward.addresses import parse_address
from txws2.forward.targets import token_of
from txws2.wire.http.heads import Request

__all__ = ["JWTTargets"]

# RFC 7518 section 3.2: "A key of the same size as the hash output (for instance, 256 bits for
# "HS256") or larger MUST be used with this algorithm."
_SHORTEST = 32


class JWTTargets:
    """Finds the target of a request in a signed token, whose claims are ``host`` and ``port``.

    The token is the field ``token`` of the query; without one, it is the last part of the path.
    A token that has expired (``exp``) or isn't valid yet (``nbf``) has no target. The key decides
    about the algorithm, and the token doesn't: RS256 for a public key, HS256 for a secret.
    Whoever has the key can name any target that this machine can reach.

    This needs PyJWT, which the extra ``jwt`` has.

    Args:
        key_file: the path of a file with a public key of RSA in PEM; or with a secret of at least
            32 bytes, in Base64, as ``openssl rand -base64 32`` makes one.
        reactor: the reactor that the addresses are for; None for the global one.

    Raises:
        ImportError: PyJWT isn't installed.
        OSError: the file can't be read.
        ValueError: the file has no such key in it.
    """

    def __init__(self, key_file: str | os.PathLike[str], *, reactor: Any = None) -> None:
        try:
            import jwt
        except ImportError as exc:
            raise ImportError("JWTTargets needs PyJWT: pip install pyjwt") from exc
        self._jwt = jwt
        self._reactor = global_reactor() if reactor is None else reactor
        self._key, self._algorithm = _read_key(Path(key_file))

    def __call__(self, request: Request) -> str | None:
        """Return the address of the target of a request; None if its token isn't valid."""
        try:
            claims = self._jwt.decode(token_of(request), self._key, algorithms=[self._algorithm])
            host, port = str(claims["host"]), int(claims["port"])
            if ":" in host:
                host = f"[{host}]"
            address = f"{host}:{port}"
            parse_address(address, self._reactor)
            return address
        except (self._jwt.PyJWTError, KeyError, ValueError, TypeError):
            return None


def _read_key(path: Path) -> tuple[Any, str]:
    """Return a key, and the algorithm to verify with."""
    data = path.read_bytes().strip()
    if data.startswith(b"-----BEGIN"):
        try:
            key: Any = load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPublicKey):
            raise ValueError(f"{path} has no public key of RSA in PEM")
        return key, "RS256"
    try:
        # Both alphabets are taken, and the padding may be missing.
        text = data.replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")
        secret = b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except Error:
        secret = b""
    if len(secret) < _SHORTEST:
        raise ValueError(
            f"{path} must have a public key in PEM, or a secret of at least {_SHORTEST} bytes in "
            "Base64; `openssl rand -base64 32` makes one"
        )
    return secret, "HS256"
