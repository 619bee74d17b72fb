"""A handler for each path."""

from functools import partial

from twisted.internet.defer import Deferred, inlineCallbacks

from tests.support.sides import CLOSE, REQUEST, ServerSide, closing, frames_in
from txws2.server.authentication import basic_auth
from txws2.server.routes import guarded, route
from txws2.wire.http.heads import Response


class RoutingTestCase(ServerSide):
    def setUp(self):
        super().setUp()
        self.handled = []

    def handler(self, name):
        def handle(connection, **parameters):
            self.handled.append((name, parameters))
            return Deferred()

        return handle

    def ask(self, handler, path, **options):
        """Send a request for a path; return the status of the response."""
        self.connect(handler=handler, **options)
        self.receive(REQUEST.replace(b"/chat", path.encode()))
        self.joined.pump()
        head, _, self.rest = self.peer.take().partition(b"\r\n\r\n")
        return head.decode().split("\r\n")[0].removeprefix("HTTP/1.1 ")

    def assertOpen(self, *arguments, **options):
        self.assertEqual(self.ask(*arguments, **options), "101 Switching Protocols")

    def assertNotFound(self, *arguments, **options):
        self.assertEqual(self.ask(*arguments, **options), "404 Not Found")
        self.assertEqual(self.handled, [])


class RouteTests(RoutingTestCase):
    def test_each_path_has_its_handler(self):
        handlers = route({"/": self.handler("root"), "/chat": self.handler("chat")})
        self.assertOpen(handlers, "/chat")
        self.assertOpen(handlers, "/?x=1")
        self.assertEqual(self.handled, [("chat", {}), ("root", {})])

    def test_parameters_reach_it_by_their_names(self):
        handlers = route({"/chat/{room}/{user}": self.handler("chat")})
        self.assertOpen(handlers, "/chat/caf%C3%A9/me?x=1")
        self.assertEqual(self.handled, [("chat", {"room": "café", "user": "me"})])

    def test_handlers_of_every_kind_will_do(self):
        given = []

        async def coroutine(ws, room):
            given.append(room)

        @inlineCallbacks
        def generator(ws, *, room):
            given.append(room)
            yield

        class Chat:
            async def run(self, ws, room, greeting="hello"):
                given.append(room + greeting)

        def with_more(more, ws, room):
            given.append(room + more)

        for handler in (coroutine, generator, Chat().run, partial(with_more, "!")):
            self.assertOpen(route({"/{room}": handler}), "/a")
        self.assertEqual(given, ["a", "a", "ahello", "a!"])

    def test_for_other_paths_there_is_404(self):
        handlers = route({"/chat/{room}": self.handler("chat")})
        for path in ("/", "/chat", "/chat/", "/chat/a/", "/chat/%ff"):
            self.assertNotFound(handlers, path)

    def test_it_says_where_there_is_nothing_but_not_the_query(self):
        self.ask(route({}), "/chat?token=secret")
        text = b"The WebSocket handshake failed: there is no WebSocket at /chat.\n"
        self.assertEqual(self.rest, text)

    def test_hooks_for_all_paths_are_asked_before(self):
        handlers = route({"/chat": self.handler("chat")})
        hook = basic_auth("x", credentials=("me", "secret"))
        for path in ("/chat", "/nothing"):
            self.assertEqual(self.ask(handlers, path, process_request=hook), "401 Unauthorized")
        self.assertNotFound(handlers, "/nothing", process_request=lambda *_: None)
        self.assertOpen(handlers, "/chat", process_request=lambda *_: None)

    def test_a_hook_may_send_it_to_another_path(self):
        def process_request(connection, request):
            request.path = "/chat"

        handlers = route({"/chat": self.handler("chat")})
        self.assertOpen(handlers, "/old", process_request=process_request)
        self.assertEqual(self.handled, [("chat", {})])

    def test_a_handler_that_raises_fails_its_connection(self):
        def handler(connection):
            raise ZeroDivisionError

        self.assertOpen(route({"/chat": handler}), "/chat")
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(frames_in(self.rest), [(CLOSE, closing(1011))])


class WrongRouteTests(RoutingTestCase):
    def complaint(self, handlers, kind=ValueError):
        return str(self.assertRaises(kind, route, handlers))

    def test_a_path_must_be_one(self):
        self.assertEqual(
            self.complaint({"chat": self.handler("chat")}),
            "a path begins with a slash, as '/chat'; it is 'chat'",
        )
        self.assertIn(
            "stands for the same paths as",
            self.complaint({"/{a}": self.handler("a"), "/{b}": self.handler("b")}),
        )

    def test_a_handler_must_take_its_parameters(self):
        for handler in (
            lambda: None,
            lambda ws: None,
            lambda ws, name: None,
            lambda ws, room, name: None,
            lambda room: None,
            lambda ws, room, /: None,
        ):
            self.assertRegex(
                self.complaint({"/{room}": handler}, TypeError),
                r"the handler of '/\{room\}' .*can't be called with connection, room=\.\.\.: .+",
            )

    def test_a_handler_must_be_one(self):
        for handlers, told in (
            ({"/": None}, "the handler of '/' must be a function; it is None"),
            ({5: self.handler("five")}, "a path is a str, as '/chat'; it is 5"),
            ([self.handler("one")], r"route\(\) takes a mapping"),
        ):
            self.assertRegex(self.complaint(handlers, TypeError), told)


class GuardedTests(RoutingTestCase):
    def setUp(self):
        super().setUp()
        self.asked = []
        self.handlers = route(
            {
                "/public/{room}": self.handler("public"),
                "/private/{room}": guarded(self.handler("private"), self.look, self.refuse_eve),
            }
        )

    def look(self, connection, request):
        self.asked.append(request.path)

    def refuse_eve(self, connection, request):
        if request.query.get("who") == "eve":
            return Response(403, "Forbidden")
        return None

    def test_its_hooks_are_asked_for_its_paths_only(self):
        self.assertOpen(self.handlers, "/public/a?who=eve")
        self.assertOpen(self.handlers, "/private/a?who=me")
        self.assertEqual(self.handled, [("public", {"room": "a"}), ("private", {"room": "a"})])
        self.assertEqual(self.asked, ["/private/a?who=me"])

    def test_its_hooks_can_refuse(self):
        self.assertEqual(self.ask(self.handlers, "/private/a?who=eve"), "403 Forbidden")
        self.assertEqual(self.handled, [])

    def test_no_way_to_write_the_path_goes_around_them(self):
        for path in ("/%70rivate/a", "/private/%61", "/%70%72%69%76%61%74%65/a"):
            self.assertEqual(self.ask(self.handlers, f"{path}?who=eve"), "403 Forbidden")
        self.assertEqual(len(self.asked), 3)

    def test_it_needs_no_routes(self):
        handler = guarded(self.handler("all"), self.refuse_eve)
        self.assertOpen(handler, "/")
        self.assertEqual(self.ask(handler, "/?who=eve"), "403 Forbidden")
        self.assertEqual(self.handled, [("all", {})])

    def test_the_parameters_of_its_handler_are_known(self):
        handler = guarded(lambda ws: None, self.look)
        self.assertRaises(TypeError, route, {"/{room}": handler})

    def test_it_can_be_guarded_twice(self):
        inner = guarded(self.handler("private"), self.refuse_eve)
        handlers = route({"/": guarded(inner, self.look)})
        self.assertEqual(self.ask(handlers, "/?who=eve"), "403 Forbidden")
        self.assertEqual(self.asked, ["/?who=eve"])

    def test_routes_can_be_guarded_together(self):
        handlers = guarded(self.handlers, self.look)
        self.assertNotFound(handlers, "/nothing")
        self.assertOpen(handlers, "/public/a")
        self.assertEqual(self.asked, ["/nothing", "/public/a"])


class SubprotocolTests(RoutingTestCase):
    offering = b"\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"

    def chosen(self, handler, path, **options):
        self.connect(handler=handler, **options)
        request = REQUEST.replace(b"/chat", path.encode())
        self.receive(request.replace(b"\r\n\r\n", self.offering))
        self.joined.pump()
        return self.ws.subprotocol

    def test_the_handler_of_the_path_chooses_also_if_it_is_guarded(self):
        router = route({"/a": Choosing(), "/b": guarded(Choosing()), "/c": self.handler("c")})
        chosen = [self.chosen(router, path) for path in ("/a", "/b", "/c")]
        self.assertEqual(chosen, ["b", "b", None])

    def test_the_options_go_before_the_handlers(self):
        self.assertEqual(self.chosen(route({"/a": Choosing()}), "/a", subprotocols=["a"]), "a")


class Choosing:
    """A handler that chooses the subprotocol."""

    def select_subprotocol(self, connection, offered):
        return offered[-1]

    def __call__(self, connection):
        return Deferred()
