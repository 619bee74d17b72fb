"""Tunnels through SOCKS proxies: version 5 (RFC 1928, RFC 1929), and 4 and 4A."""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import ip_address

from txws2.wire.exceptions import ProxyError, UnreachableThroughProxy
from txws2.wire.proxy.urls import Proxy

__all__ = ["SOCKSTunnel"]

# No library does this for us. The part of python-socks without I/O is private, socksio wants each
# reply in one piece, and siosocks has no error but a text.

# A generator of steps: it yields the bytes to send and the length of the reply, and is sent the
# reply.
_Steps = Generator[tuple[bytes, int], bytes, None]

# RFC 1928 section 3, METHOD: "X'00' NO AUTHENTICATION REQUIRED", "X'02' USERNAME/PASSWORD", "X'FF'
# NO ACCEPTABLE METHODS". Why not GSSAPI, which the RFC requires: hardly any proxy or client has it.
_NO_AUTHENTICATION, _PASSWORD, _NONE_ACCEPTED = 0, 2, 0xFF

# RFC 1928 section 4, ATYP: "IP V4 address: X'01'", "DOMAINNAME: X'03'", "IP V6 address: X'04'".
_IPV4, _NAME, _IPV6 = 1, 3, 4

# RFC 1928 section 6, REP, from "X'01' general SOCKS server failure" to "X'08' Address type not
# supported".
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

# These replies concern the way to the server, and not the rules or the abilities of the proxy. So
# another attempt may succeed.
_UNREACHABLE = {1, 3, 4, 5, 6}

# The replies of version 4, for which there is no RFC.
_GRANTED, _FAILED = 90, 91
_REPLIES_4 = {
    _FAILED: "it refused, or failed",
    92: "it can't find out who we are",
    93: "we aren't who we say",
}


class SOCKSTunnel:
    """Asks a SOCKS proxy for a tunnel.

    Args:
        proxy: the proxy, with user name and password if it requires them.
        host: the host at the other end of the tunnel: an address, or a name that the proxy looks
            up.
        port: the port at the other end.

    Attributes:
        asked: whether the proxy was told the host. A refusal before that concerns every host.
        complete: whether the tunnel is open.
        rest: the bytes that have come through the tunnel already, once it is open.
        can_ask_again: always False.
    """

    # RFC 1928 section 6: "When a reply (REP value other than X'00') indicates a failure, the SOCKS
    # server MUST terminate the TCP connection shortly after sending the reply."
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
        """Return the first bytes to send.

        Raises:
            ProxyError: the protocol can't express this host or user name.
        """
        data, self._needed = next(self._steps)
        return data

    def receive(self, data: bytes) -> bytes:
        """Take the bytes that have arrived; return the bytes to send.

        Raises:
            ProxyError: the proxy refuses.
        """
        # A reply may arrive in pieces, or together with the first bytes of the server.
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
        """Return None: a refusal has no body to wait for."""
        return None

    def ended(self) -> ProxyError:
        """Return the exception for a connection that has ended before the tunnel was open."""
        return self._error("it closed the connection")

    def _error(self, why: str, kind: type[ProxyError] = ProxyError) -> ProxyError:
        return kind(f"the proxy {self._proxy} did not let us through: {why}")

    def _version_4(self) -> _Steps:
        # The request: version 4, command 1 for CONNECT, port, address, user name, a zero byte. The
        # user name ends at that byte, so it can't contain one.
        user = (self._proxy.username or "").encode()
        if b"\0" in user:
            raise self._error("a user name can't have a zero byte in it")
        address = _address(self._host)
        if address is None:
            # Version 4A: the address 0.0.0.1, which no host has, says that a name follows.
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
            raise self._error(_REPLIES_4.get(code, f"its reply has the code {code}"), refusal)

    def _5(self) -> _Steps:
        # RFC 1928 section 4: "Once the method-dependent subnegotiation has completed, the client
        # sends the request details."
        yield from self._log_in()
        address = _address(self._host)
        if address is None:
            # Section 5: "The first octet of the address field contains the number of octets of name
            # that follow, there is no terminating NUL octet."
            name = self._host.encode()
            if len(name) > 255:
                raise self._error("the host's name is longer than 255 bytes")
            target = bytes([_NAME, len(name)]) + name
        else:
            target = bytes([_IPV4 if len(address) == 4 else _IPV6]) + address
        self.asked = True
        # Section 6: VER, REP, RSV, ATYP, BND.ADDR, BND.PORT. Five bytes are read first: the fifth
        # is the first byte of BND.ADDR, which may be the length of a name.
        version, code, _, kind, first = yield b"\5\1\0" + target + self._port, 5
        if version != 5:
            raise self._error("its answer isn't SOCKS 5")
        if code != 0:
            refusal = UnreachableThroughProxy if code in _UNREACHABLE else ProxyError
            raise self._error(_REPLIES.get(code, f"its reply has the code {code}"), refusal)
        # BND.ADDR and BND.PORT are the proxy's own end of its connection to the server. They are
        # read and ignored: the bytes after them come from the server.
        length = {_IPV4: 3, _NAME: first, _IPV6: 15}.get(kind)
        if length is None:
            raise self._error(f"its reply has an address of the unknown type {kind}")
        yield b"", length + 2

    def _log_in(self) -> _Steps:
        # Section 3: VER, NMETHODS, METHODS. Why not offer a password always: a proxy that wants one
        # would be sent an empty one, and its refusal would say less.
        user, secret = self._proxy.username, self._proxy.password or ""
        methods = [_NO_AUTHENTICATION] if user is None else [_NO_AUTHENTICATION, _PASSWORD]
        version, method = yield bytes([5, len(methods), *methods]), 2
        if version != 5:
            raise self._error("its answer isn't SOCKS 5")
        # Section 3: "If the selected METHOD is X'FF', none of the methods listed by the client are
        # acceptable, and the client MUST close the connection."
        if method == _NONE_ACCEPTED:
            known = "one without" if user is None else "one with or without"
            wants = f"it wants another way to log in than {known} a password"
            raise self._error(wants)
        if method not in methods:
            raise self._error(f"it chose the authentication method {method}, which was not offered")
        # RFC 1929 section 2: VER, which is X'01', ULEN, UNAME, PLEN, PASSWD. `parse_proxy` has
        # checked that each length fits a byte.
        if user is not None and method == _PASSWORD:
            name, word = user.encode(), secret.encode()
            request = b"\1" + bytes([len(name)]) + name + bytes([len(word)]) + word
            _, status = yield request, 2
            # RFC 1929 section 2: "If the server returns a `failure' (STATUS value other than X'00')
            # status, it MUST close the connection."
            if status != 0:
                raise self._error("user name or password is wrong")


def _address(host: str) -> bytes | None:
    """Return the bytes of an address; None if it is a name."""
    try:
        return ip_address(host).packed
    except ValueError:
        return None
