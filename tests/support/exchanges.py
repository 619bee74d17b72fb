"""An Exchange of either twin, with only the objects around it that it needs."""

from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.connection import Connection


def exchange_of(exchange, cork):
    """Return a class of exchanges that record their calls and their writes.

    Args:
        exchange: the twin of Exchange to use.
        cork: the twin of Cork to use.
    """

    class Written(cork):
        """Records each write by itself."""

        def __init__(self):
            super().__init__()
            self.writes = []

        def _transmit(self, data):
            self.writes.append(data)

    class Example(exchange):
        def __init__(self, **options):
            self.told = []
            self.failed = []
            self.pushes = True
            self.answer = lambda message: None
            self._outbox = Written()
            if options:
                self._connection = Connection(**options)

        @property
        def writes(self):
            return self._outbox.writes

        def messageReceived(self, message):
            self.told.append(message)
            return self.answer(message)

        def shut(self):
            """Behave as if the application wanted no more messages."""
            self._shut = True

        def _receive_opening(self, data):
            self.told.append(("opening", data))

        def _receive(self, data):
            for event in self._connection.receive(data):
                if not isinstance(event, (str, bytes)):
                    self.told.append(type(event).__name__)
                elif self._heeds_hang_up():
                    self.told.append(("kept", event))
                else:
                    try:
                        result = self.messageReceived(event)
                    except BaseException as exc:
                        self._message_failed(exc)
                    else:
                        if result is not None:
                            self._hook_returned(result)

        def _heeds_hang_up(self):
            if not self._shut and self._outbox.hung_up():
                self._transport_closed()
            return self._shut

        def _transport_closed(self):
            self.told.append("hung up")
            self._shut = self.pushes

        def _hook_returned(self, result):
            self.told.append(("returned", result))

        def _message_failed(self, exception):
            self.failed.append(exception)

        def _refuse(self, exception):
            if not isinstance(exception, (ProtocolError, PayloadTooBig)):
                raise exception
            self.told.append(type(self._connection.refuse(exception)).__name__)

        def _send_otherwise(self, message, text=None, *, compress=None):
            self.told.append(("sent", message, text, compress))

    return Example
