"""`GuardedResource`: hooks in front of the pages of a site."""

from twisted.internet.defer import Deferred
from twisted.internet.ssl import Certificate
from twisted.web.server import Site

from tests.server.test_authentication import basic
from tests.support.certificates import make_pems
from tests.support.website import PAGE, SiteTestCase, plus
from txws2 import GuardedResource, basic_auth
from txws2.server.client_certificates import certificate_auth


def lined(*lines, request=PAGE):
    return request[:-2] + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n"


MINE = lined("Authorization: " + basic("me", "secret"))


class GuardTestCase(SiteTestCase):
    def guard(self, *hooks):
        self.serve()
        self.site = Site(GuardedResource(self.root, *hooks), reactor=self.clock)
        self.connect()

    def guard_by_password(self):
        self.guard(basic_auth("the club", credentials=("me", "secret")))


class HooksTests(GuardTestCase):
    def test_a_visitor_whom_the_hooks_accept_gets_the_page(self):
        self.guard_by_password()
        self.assertEqual(self.assertStatus("200 OK", MINE)[1], b"a page")

    def test_others_get_the_answer_of_the_hook_and_may_ask_again(self):
        self.guard_by_password()
        headers, body = self.assertStatus("401 Unauthorized", PAGE)
        self.assertIn("the club", headers["WWW-Authenticate"])
        self.assertIn(b"needed", body)
        self.assertEqual(self.assertStatus("200 OK", MINE)[1], b"a page")

    def test_no_spelling_of_a_path_leads_around_it(self):
        self.guard_by_password()
        for path in (
            b"/",
            b"//page",
            b"/./page",
            b"/%70age",
            b"/x/../page",
            b"/chat",
            b"http://x/page",
        ):
            self.assertStatus("401 Unauthorized", PAGE.replace(b"/page", path))
        for method in b"HEAD", b"PUT", b"OPTIONS":
            self.assertStatus("401 Unauthorized", PAGE.replace(b"GET", method))

    def test_a_missing_page_is_missing_only_for_those_whom_the_hooks_accept(self):
        self.guard_by_password()
        self.assertStatus("401 Unauthorized", PAGE.replace(b"/page", b"/none"))
        self.assertStatus("404 Not Found", MINE.replace(b"/page", b"/none"))

    def test_websockets_below_it_are_asked_about_too(self):
        self.guard_by_password()
        self.assertStatus("401 Unauthorized", plus())
        self.connect()
        self.open(lined("Authorization: " + basic("me", "secret"), request=plus()))

    def test_all_hooks_must_accept(self):
        self.guard(
            basic_auth("the club", credentials=("me", "secret")),
            lambda visitor, request: visitor.respond(403, f"not {visitor.username}"),
        )
        self.assertEqual(self.assertStatus("403 Forbidden", MINE)[1], b"not me")

    def test_a_hook_knows_the_visitor(self):
        seen = []

        def hook(visitor, request):
            seen.append((visitor.remote_address, visitor.secure, request.path, request.method))

        self.guard(hook)
        self.assertStatus("200 OK", PAGE.replace(b"/page", b"/page?a=b"))
        self.assertEqual(seen, [(("127.0.0.1", 50000), False, "/page?a=b", "GET")])

    def test_a_hook_knows_the_visitor_behind_a_proxy_that_is_trusted(self):
        seen = []
        self.serve()
        hook = lambda visitor, _: seen.append((visitor.remote_address, visitor.secure))  # noqa: E731
        for trusted in ["127.0.0.0/8"], []:
            guarded = GuardedResource(self.root, hook, trusted_proxies=trusted)
            self.site = Site(guarded, reactor=self.clock)
            self.connect()
            told = "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"
            self.assertStatus("200 OK", lined(*told))
        self.assertEqual(seen, [(("192.0.2.7", 0), True), (("127.0.0.1", 50000), False)])

    def test_proxies_that_contradict_each_other_are_refused(self):
        self.serve()
        guarded = GuardedResource(self.root, trusted_proxies=["127.0.0.0/8"])
        self.site = Site(guarded, reactor=self.clock)
        self.connect()
        told = "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8"
        self.assertStatus("400 Bad Request", lined(*told))

    def test_a_hook_may_wait(self):
        waiting = Deferred()
        self.guard(lambda visitor, request: waiting)
        self.receive(PAGE)
        self.assertEqual(self.peer.take(), b"")
        waiting.callback(None)
        self.joined.pump()
        self.assertEqual(self.answer()[2], b"a page")

    def test_a_hook_that_waits_for_a_visitor_who_has_left_is_cancelled(self):
        cancelled = []
        self.guard(lambda visitor, request: Deferred(cancelled.append))
        self.receive(PAGE)
        self.leave()
        self.assertEqual(len(cancelled), 1)

    def test_a_hook_that_raises_lets_nobody_in_and_tells_no_details(self):
        def hook(visitor, request):
            raise ValueError("s3cret")

        self.guard(hook)
        body = self.assertStatus("500 Internal Server Error", PAGE)[1]
        self.assertNotIn(b"s3cret", body)
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_hook_that_returns_something_else_lets_nobody_in(self):
        self.guard(lambda visitor, request: True)
        self.assertStatus("500 Internal Server Error", PAGE)
        self.assertEqual(len(self.take_loud()), 1)

    def test_mistakes_are_told(self):
        self.assertRaises(TypeError, GuardedResource, self.root, lambda visitor: None)
        self.assertRaises(TypeError, GuardedResource, self.root, None)


class CertificateTests(GuardTestCase):
    def test_without_a_certificate_nobody_gets_in(self):
        self.guard(certificate_auth())
        self.assertStatus("403 Forbidden", PAGE)
        self.connect()
        self.assertStatus("403 Forbidden", plus())

    def test_a_certificate_has_the_name_of_a_visitor_and_of_a_websocket_in_a_site(self):
        certificate = Certificate.loadPEM(make_pems("ann.example")[0]).original
        self.serve(process_request=certificate_auth())
        for request in PAGE, plus():
            self.site = Site(GuardedResource(self.root, certificate_auth()), reactor=self.clock)
            self.connect()
            self.server_end.getPeerCertificate = lambda: certificate
            self.receive(request)
            self.assertIn(b"HTTP/1.1 200 OK" if request is PAGE else b" 101 ", self.peer.take())
        self.assertEqual(self.ws.username, "CN=ann.example")
