"""An Exchange of either twin, with only the objects around it that it needs."""

from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.connection import Connection
from txws2.wire.events import Ping


def exchange_of(exchange, cork, made_of):
    """Return a class of exchanges that record their calls and their writes.

    Each is its own receiver, and has a `handle`.

    Args:
        exchange: the twin of Exchange to use.
        cork: the twin of Cork to use.
        made_of: the twin of Handle to use.
    """

    class Written(cork):
        """Records each write by itself."""

        def __init__(self):
            super().__init__()
            self.writes = []

        def _transmit(self, data):
            self.writes.append(data)

    class Example(exchange):
        Handle = made_of

        def __init__(self, **options):
            super().__init__()
            self.told = []
            self.failed = []
            self.reads = []
            self.pushes = True
            self.answer = lambda message: None
            self.receiver = self
            self.outbox = Written()
            if options:
                self.connection = Connection(**options)

        @property
        def handle(self):
            return self.Handle(self)

        @property
        def writes(self):
            return self.outbox.writes

        def messageReceived(self, message):
            self.told.append(message)
            return self.answer(message)

        def stop(self):
            """Behave as if the application wanted no more messages now."""
            self.shut = True

        def receive_opening(self, data):
            self.told.append(("opening", data))

        def receive(self, data):
            for event in self.connection.receive(data):
                if isinstance(event, Ping):
                    self.outbox.write(self.connection.pong(event.payload))
                    self.ping_received(event.payload)
                elif not isinstance(event, (str, bytes)):
                    self.told.append(type(event).__name__)
                elif self._heeds_hang_up():
                    self.told.append(("kept", event))
                else:
                    try:
                        result = self.receiver.messageReceived(event)
                    except BaseException as exc:
                        self.message_failed(exc)
                    else:
                        if result is not None:
                            self.hook_returned(result)

        def control_received(self, opcode, payload):
            try:
                event = self.connection.control(opcode, payload)
            except ProtocolError as exc:
                event = self.connection.refuse(exc)
            if isinstance(event, Ping):
                self.outbox.write(self.connection.pong(event.payload))
            self.told.append(type(event).__name__)

        def ping_received(self, payload):
            self.told.append("Ping")

        def read_ended(self):
            pass

        def let_catch_up(self):
            pass

        def hold_read(self, data):
            self.reads.append(data)
            self.holds = True

        def receive_held(self):
            while self.holds:
                self.holds, reads, self.reads = False, self.reads, []
                for data in reads:
                    self.receive(data)

        def _heeds_hang_up(self):
            if not self.shut and self.outbox.hung_up():
                self.transport_closed()
            return self.shut

        def transport_closed(self):
            self.told.append("hung up")
            self.shut = self.pushes

        def hook_returned(self, result):
            self.told.append(("returned", result))

        def message_failed(self, exception):
            self.failed.append(exception)

        def refuse(self, exception):
            if not isinstance(exception, (ProtocolError, PayloadTooBig)):
                raise exception
            self.told.append(type(self.connection.refuse(exception)).__name__)

        def send_otherwise(self, message, text=None, *, compress=None):
            self.told.append(("sent", message, text, compress))

    return Example
