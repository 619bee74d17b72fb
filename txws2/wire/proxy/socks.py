"""Tunnels through SOCKS proxies: version 5 (RFC 1928, RFC 1929), and 4 and 4A."""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import ip_address

from txws2.wire.exceptions import ProxyError, UnreachableThroughProxy
from txws2.wire.proxy.urls import Proxy

__all__ = ["SOCKSTunnel"]

# No library does this for us: what python-socks has without I/O is private, socksio wants each
# answer in one piece, and siosocks has no other error than a text.

# What to send, and how many bytes of answer to send back in.
_Steps = Generator[tuple[bytes, int], bytes, None]

# RFC 1928 section 3.
_NO_AUTHENTICATION, _PASSWORD, _NONE_ACCEPTED = 0, 2, 0xFF

# RFC 1928 section 4.
_IPV4, _NAME, _IPV6 = 1, 3, 4

# RFC 1928 section 6.
_REPLIES = {
    1: "it failed",
    2: "its rules forbid it",
    3: "the network can't be reached",
    4: "the host can't be reached",
    5: "the connection was refused",
    6: "it took too long",
    7: "it can't connect to anything",
    8: "it knows no such kind of address",
}

# Those that tell of the way to the server, and not of what the proxy allows or understands.
_UNREACHABLE = {1, 3, 4, 5, 6}

# The answers of version 4.
_GRANTED, _FAILED = 90, 91
_REPLIES_4 = {
    _FAILED: "it refused, or failed",
    92: "it can't find out who we are",
    93: "we aren't who we say",
}


class SOCKSTunnel:
    """Asks a SOCKS proxy for a tunnel.

    Args:
        proxy: the proxy, with user name and password if it wants such.
        host: where the tunnel is to end: an address, or a name that the proxy looks up.
        port: likewise.

    Attributes:
        asked: whether the proxy was told the host; a refusal before that would be one of any host.
        complete: whether the tunnel is there.
        rest: what has come through it already, once it is.
        can_ask_again: False, as a proxy that refuses closes the connection (RFC 1928 section 6).
    """

    can_ask_again = False

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._host = host
        self._port = port.to_bytes(2, "big")
        self._buffer = b""
        self._needed = 0
        self.asked = False
        self.complete = False
        self.rest = b""
        self._steps = self._version_4() if proxy.scheme in ("socks4", "socks4a") else self._5()

    def begin(self) -> bytes:
        """Return what to send first.

        Raises:
            ProxyError: the proxy can't connect to this host.
        """
        data, self._needed = next(self._steps)
        return data

    def receive(self, data: bytes) -> bytes:
        """Take what has arrived; return what to send.

        Raises:
            ProxyError: the proxy refuses.
        """
        self._buffer += data
        reply = b""
        while len(self._buffer) >= self._needed:
            part, self._buffer = self._buffer[: self._needed], self._buffer[self._needed :]
            try:
                more, self._needed = self._steps.send(part)
            except StopIteration:
                self.complete, self.rest = True, self._buffer
                break
            reply += more
        return reply

    def given_up(self) -> ProxyError | None:
        """Return None: each refusal is known as soon as it comes."""
        return None

    def ended(self) -> ProxyError:
        """Return what it means that nothing more comes."""
        return self._error("it closed the connection")

    def _error(self, why: str, kind: type[ProxyError] = ProxyError) -> ProxyError:
        return kind(f"the proxy {self._proxy} did not let us through: {why}")

    def _version_4(self) -> _Steps:
        user = (self._proxy.username or "").encode()
        if b"\0" in user:
            raise self._error("a user name can't have a zero byte in it")
        address = _address(self._host)
        if address is None:
            # 4A: an address that can't be one says that a name follows.
            request = self._port + b"\0\0\0\1" + user + b"\0" + self._host.encode() + b"\0"
        elif len(address) == 4:
            request = self._port + address + user + b"\0"
        else:
            raise self._error("SOCKS 4 knows no IPv6")
        self.asked = True
        version, code, *_ = yield b"\4\1" + request, 8
        if version != 0:
            raise self._error("its answer isn't SOCKS 4")
        if code != _GRANTED:
            refusal = UnreachableThroughProxy if code == _FAILED else ProxyError
            raise self._error(_REPLIES_4.get(code, f"it says {code}"), refusal)

    def _5(self) -> _Steps:
        yield from self._log_in()
        address = _address(self._host)
        if address is None:
            name = self._host.encode()
            if len(name) > 255:
                raise self._error("the host's name is longer than 255 bytes")
            target = bytes([_NAME, len(name)]) + name
        else:
            target = bytes([_IPV4 if len(address) == 4 else _IPV6]) + address
        self.asked = True
        # The first byte of the address that comes back may be the length of a name.
        version, code, _, kind, first = yield b"\5\1\0" + target + self._port, 5
        if version != 5:
            raise self._error("its answer isn't SOCKS 5")
        if code != 0:
            refusal = UnreachableThroughProxy if code in _UNREACHABLE else ProxyError
            raise self._error(_REPLIES.get(code, f"it says {code}"), refusal)
        length = {_IPV4: 3, _NAME: first, _IPV6: 15}.get(kind)
        if length is None:
            raise self._error(f"it answers with an address of kind {kind}")
        yield b"", length + 2

    def _log_in(self) -> _Steps:
        user, secret = self._proxy.username, self._proxy.password or ""
        methods = [_NO_AUTHENTICATION] if user is None else [_NO_AUTHENTICATION, _PASSWORD]
        version, method = yield bytes([5, len(methods), *methods]), 2
        if version != 5:
            raise self._error("its answer isn't SOCKS 5")
        if method == _NONE_ACCEPTED:
            known = "one without" if user is None else "one with or without"
            wants = f"it wants another way to log in than {known} a password"
            raise self._error(wants)
        if method not in methods:
            raise self._error(f"it wants authentication of kind {method}")
        if user is not None and method == _PASSWORD:
            name, word = user.encode(), secret.encode()
            request = b"\1" + bytes([len(name)]) + name + bytes([len(word)]) + word
            _, status = yield request, 2
            if status != 0:
                raise self._error("user name or password is wrong")


def _address(host: str) -> bytes | None:
    """Return the bytes of an address; None if it is a name."""
    try:
        return ip_address(host).packed
    except ValueError:
        return None
