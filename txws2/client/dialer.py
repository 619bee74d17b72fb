"""`Dialer` makes the endpoint for the host of a URI, with proxy and TLS."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypedDict

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint

from txws2._checks.kinds import shown
from txws2._checks.signatures import check_hook
from txws2._transport.dns import check_name
from txws2._transport.guarded_tls import TLSEndpoint
from txws2.client.authentication import Authenticate, Authentication, digest_auth
from txws2.client.happy_eyeballs import HostEndpoint
from txws2.client.protocol import WebSocketClientFactory
from txws2.client.proxy_endpoint import ProxyEndpoint, proxy_for
from txws2.client.tls import TLS, ClientCertificate, ClientTLS
from txws2.exceptions import InvalidProxy, InvalidURI
from txws2.wire.http.uris import WebSocketURI
from txws2.wire.proxy.urls import Proxy, parse_proxy

__all__ = ["DialOptions", "Dialer", "UnixDialOptions", "take_dialer"]


class UnixDialOptions(TypedDict, total=False):
    """The options of `Dialer` without an endpoint, which a Unix socket provides."""

    tls: TLS | None
    server_hostname: str | None
    client_certificate: ClientCertificate | None
    proxy: str | bool | None
    proxy_tls: TLS | None
    authentication: Authenticate | None
    proxy_authentication: Authenticate | None


class DialOptions(UnixDialOptions, total=False):
    """The options of `Dialer`, which explains them."""

    endpoint: IStreamClientEndpoint | None


class Dialer:
    """Makes the endpoint for a server, from the options of an application.

    Args:
        endpoint: an endpoint to connect by, for instance one for a Unix socket. It takes the place
            of the URI's host and port, and of the proxy. If the URI is wss, TLS runs over it.
        tls: for wss, the path of a PEM file with the certificates of the authorities to trust, or
            of a directory with such files, named ``*.pem``; by default the authorities that this
            machine trusts. It may also be a connection creator, as `optionsForClientTLS` returns
            it. Then the creator alone decides whom to trust, and which name is verified.
            `txws2.client.InsecureTLS` verifies nothing.
        server_hostname: the name to request by SNI and to verify in the certificate, instead
            of the URI's host.
        client_certificate: the certificate to show to a server that demands one: a
            `PrivateCertificate`, or the path of a PEM file with certificate and key, and with
            the intermediate certificates.
        proxy: the URL of a proxy: http, https, socks5h, socks5, socks4a or socks4, with user
            name and password if the proxy demands them. True, the default, takes the proxy from
            the environment (wss_proxy, https_proxy, all_proxy and no_proxy, for instance). None
            is for no proxy. A URL excludes endpoint.
        proxy_tls: the same as tls, for an https proxy.
        authentication: a hook that is called with a `Demand` when the server answers 401. It
            returns the value of Authorization, or None to take the 401 as a refusal, or a
            coroutine or a Deferred of one of these. Each round has a connection of its own. By
            default the user name and the password of the URI are sent as Basic with the first
            request, and answer a 401 by Digest. `digest_auth` never sends the password. The hook
            isn't called for another origin.
        proxy_authentication: the same for an http or https proxy that answers 407. Its rounds
            share a connection if the proxy keeps the connection open.

    Raises:
        InvalidProxy: proxy isn't the URL of a proxy.
        OSError: a file can't be read.
        TypeError: tls or client_certificate is of the wrong kind, or a hook can't be called.
        ValueError: a file has no certificate in it, or options exclude each other.
    """

    def __init__(
        self,
        *,
        endpoint: IStreamClientEndpoint | None = None,
        tls: TLS | None = None,
        server_hostname: str | None = None,
        client_certificate: ClientCertificate | None = None,
        proxy: str | bool | None = True,
        proxy_tls: TLS | None = None,
        authentication: Authenticate | None = None,
        proxy_authentication: Authenticate | None = None,
    ) -> None:
        if authentication is not None:
            check_hook("authentication", authentication, ["demand"])
        if proxy_authentication is not None:
            check_hook("proxy_authentication", proxy_authentication, ["demand"])
        if not (endpoint is None or hasattr(endpoint, "connect")):
            described = "clientFromString makes one" if isinstance(endpoint, str) else "or None"
            raise TypeError(
                "endpoint must be a client endpoint of Twisted, with a connect(); it is "
                f"{shown(endpoint)}; {described}"
            )
        if not (server_hostname is None or isinstance(server_hostname, str)):
            raise TypeError(f"server_hostname must be a str; it is {shown(server_hostname)}")
        self._authentication = authentication
        self._proxy_authentication = proxy_authentication
        self._endpoint = endpoint
        self._tls = ClientTLS(tls, client_certificate)
        self._server_hostname = server_hostname
        if not (proxy is None or isinstance(proxy, (str, bool))):
            # Another true value would take the environment's proxy, and a false one no proxy.
            kind = f"an object of type {type(proxy).__name__}"
            raise InvalidProxy(kind, "it must be a URL, True for the environment's, or None")
        self._proxy = parse_proxy(proxy) if isinstance(proxy, str) else bool(proxy)
        self._proxy_tls = ClientTLS(proxy_tls)
        # The proxy that was used last; the environment may name another by now.
        self._taken = self._proxy if isinstance(self._proxy, Proxy) else None
        if endpoint is not None and isinstance(proxy, str):
            raise ValueError(
                "proxy is the URL of a proxy, which isn't used with endpoint= or a Unix socket; "
                "leave proxy out"
            )
        if server_hostname is not None and self._tls.is_given:
            raise ValueError(
                "tls is a connection creator, which has its own name to verify; "
                "leave server_hostname out"
            )

    def endpoint_for(self, factory: WebSocketClientFactory) -> IStreamClientEndpoint:
        """Return the endpoint for the URI of a factory.

        Raises:
            InvalidURI: the host of the URI can't be looked up.
            InvalidProxy: the environment has a proxy that isn't the URL of one.
        """
        uri, reactor = factory.uri, factory.reactor
        endpoint = self._endpoint
        if endpoint is None:
            _check_name(uri)
            proxy = self._taken = self._proxy_for(uri)
            if proxy is None:
                endpoint = HostEndpoint(reactor, uri.host, uri.port)
            else:
                endpoint = self._through(factory, proxy)
        if uri.secure:
            factory.server_name = self._server_hostname or uri.host
            # The reactor of txws2.testing has no TLS in its network.
            wrap = getattr(reactor, "wrapClientTLS", TLSEndpoint)
            endpoint = wrap(self._creator_for(factory.server_name, uri), endpoint)
        return endpoint

    def authentication_for(self, uri: WebSocketURI) -> Authentication:
        """Return the authentication for the server of a URI."""
        hook = self._authentication
        if hook is None and uri.username is not None:
            hook = digest_auth(uri.username, uri.password or "")
        return Authentication(hook, uri.host, uri.port, is_proxy=False)

    def leave_origin(self) -> bool:
        """Drop credentials and names of this origin; return True if another can be reached."""
        self._server_hostname = None
        self._tls = self._tls.without_certificate()
        self._authentication = None
        return self._endpoint is None

    def describe(self, uri: WebSocketURI) -> str:
        """Return the host, and the proxy if there is one, for an error text."""
        if self._endpoint is not None:
            return "the endpoint"
        host, proxy = uri.host_header, self._taken
        return host if proxy is None else f"{host} through the proxy {proxy}"

    def _proxy_for(self, uri: WebSocketURI) -> Proxy | None:
        if isinstance(self._proxy, Proxy):
            return self._proxy
        return proxy_for(uri) if self._proxy else None

    def _creator_for(self, name: str, uri: WebSocketURI) -> IOpenSSLClientConnectionCreator:
        try:
            return self._tls.creator_for(name)
        except ValueError as exc:
            why = f"no certificate can have the name {name!r}; give server_hostname: {exc}"
            raise InvalidURI(str(uri), why) from exc

    def _through(self, factory: WebSocketClientFactory, proxy: Proxy) -> IStreamClientEndpoint:
        uri, reactor = factory.uri, factory.reactor
        endpoint: IStreamClientEndpoint = HostEndpoint(reactor, proxy.host, proxy.port)
        if proxy.scheme == "https":
            try:
                creator = self._proxy_tls.creator_for(proxy.host)
            except ValueError as exc:
                why = f"no certificate can have the name of its host: {exc}"
                raise InvalidProxy(str(proxy), why) from exc
            endpoint = TLSEndpoint(creator, endpoint)
        return ProxyEndpoint(
            reactor,
            proxy,
            endpoint,
            uri.bare_host,
            uri.port,
            limits=factory.head_limits,
            authenticate=self._proxy_authentication,
        )


def take_dialer(options: MutableMapping[str, Any]) -> Dialer:
    """Take the options of a dialer out of the options of a connection; make the dialer."""
    names = DialOptions.__optional_keys__ & options.keys()
    return Dialer(**{name: options.pop(name) for name in names})


def _check_name(uri: WebSocketURI) -> None:
    """Check that the host of a URI can be looked up, here or by a proxy."""
    try:
        check_name(uri.host)
    except ValueError as exc:
        raise InvalidURI(str(uri), f"its host can't be looked up: {exc}") from exc
