"""The opening handshake of section 1.3, which tests change in one place at a time."""

from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2.exceptions import InvalidHandshake
from txws2.wire.handshake.client import check_response
from txws2.wire.handshake.server import check_request
from txws2.wire.http.heads import Request, Response

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def changed(head, changes):
    """Return the head with some headers replaced; None removes one, a list makes several lines."""
    for name, value in changes.items():
        name = name.replace("_", "-")
        head.headers.removeHeader(name)
        if value is not None:
            head.headers.setRawHeaders(name, [value] if isinstance(value, str) else value)
    return head


def a_request(method="GET", **changes):
    """The example of section 1.3, without its optional headers."""
    request = Request("/chat", method=method)
    headers = {
        "Host": "server.example.com",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": KEY,
        "Sec_WebSocket_Version": "13",
    }
    return changed(request, headers | changes)


def a_response(status=101, **changes):
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Accept": ACCEPT}
    return changed(Response(status, "Switching Protocols"), headers | changes)


class HandshakeTestCase(TestCase):
    def complaint(self, call, *args, **kwargs):
        """Return the class and the text of the exception; None if there is none."""
        try:
            call(*args, **kwargs)
        except InvalidHandshake as exc:
            return type(exc), str(exc)
        return None

    def request_fails(self, kind, message, **changes):
        self.assertEqual(self.complaint(check_request, a_request(**changes)), (kind, message))

    def response_fails(self, kind, message, **changes):
        result = self.complaint(check_response, a_request(), a_response(**changes))
        self.assertEqual(result, (kind, message))
