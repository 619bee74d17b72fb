"""Limits on the number of connections, of a server and of each host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from txws2._checks.kinds import check_count
from txws2.exceptions import TooManyConnections, TooManyConnectionsFromHost
from txws2.wire.http.fields import Lookup
from txws2.wire.http.forwarded import Client, client_of
from txws2.wire.http.ip_addresses import UNIX, Networks, group_of

__all__ = ["Admission", "host_of"]


class Admission:
    """Counts the connections of a server, and refuses those that are over its limits.

    A connection counts from the first byte of its request until it is gone. So a refusal is an
    answer to a request, as HTTP wants it (RFC 9112 section 9.2: a response that comes before the
    request does not answer it), but the request is neither kept nor read. A client that sends no
    request costs no more than a socket, for open_timeout.

    Args:
        max_connections: the largest number of connections; None for no limit.
        max_connections_per_host: the largest number of connections of one host; None for no
            limit.
        trusted_proxies: the proxies whose word is taken for the client's address.

    Raises:
        TypeError: trusted_proxies is one name, or a limit isn't a whole number.
        ValueError: a limit is less than 1, or a proxy isn't an address, a network or "unix".
    """

    def __init__(
        self,
        max_connections: int | None,
        max_connections_per_host: int | None,
        trusted_proxies: Sequence[str],
    ) -> None:
        for name, limit in {
            "max_connections": max_connections,
            "max_connections_per_host": max_connections_per_host,
        }.items():
            check_count(name, limit, 1)
        self.max_connections = max_connections
        self.max_connections_per_host = max_connections_per_host
        self._trusted = Networks(trusted_proxies)
        # The group in which each connection is counted; None if it is in none.
        self._groups: dict[object, str | None] = {}
        self._sizes: Counter[str] = Counter()

    def enter(self, connection: object, peer: IAddress) -> None:
        """Count a connection whose request begins.

        Args:
            connection: the connection.
            peer: the address that its transport is connected to.

        Raises:
            TooManyConnections: the limit of connections is reached.
            TooManyConnectionsFromHost: the limit of this host is reached.
        """
        if self.max_connections is not None and len(self._groups) >= self.max_connections:
            raise TooManyConnections()
        host = host_of(peer)
        if host not in self._trusted:
            self._count(connection, host)
        else:
            self._groups[connection] = None

    def identify(self, connection: object, peer: IAddress, headers: Lookup) -> Client | None:
        """Find the client behind a trusted proxy, and count the connection as the client's.

        Args:
            connection: the connection, which was entered.
            peer: the address that its transport is connected to.
            headers: the headers of the request.

        Returns:
            The client as the proxy describes it; None if the peer isn't a trusted proxy.

        Raises:
            InvalidHeaderValue: the headers of the proxy contradict each other.
            TooManyConnectionsFromHost: the limit of this host is reached.
        """
        host = host_of(peer)
        if host not in self._trusted:
            return None
        client = client_of(headers, self._trusted)
        self._count(connection, client.host or host)
        return client

    def leave(self, connection: object) -> None:
        """Stop counting a connection, if it is counted."""
        if connection not in self._groups:
            return
        group = self._groups.pop(connection)
        if group is not None:
            self._sizes[group] -= 1
            if not self._sizes[group]:
                del self._sizes[group]

    def _count(self, connection: object, host: str | None) -> None:
        group = None
        # Clients that come through a Unix socket can't be told apart.
        if self.max_connections_per_host is not None and host is not None and host != UNIX:
            group = group_of(host)
            if self._sizes[group] >= self.max_connections_per_host:
                self.leave(connection)
                raise TooManyConnectionsFromHost()
            self._sizes[group] += 1
        self._groups[connection] = group


def host_of(peer: IAddress | None) -> str | None:
    """Return the address of a peer, as networks know it; None if it has none."""
    if isinstance(peer, UNIXAddress):
        return UNIX
    return peer.host if isinstance(peer, (IPv4Address, IPv6Address)) else None
