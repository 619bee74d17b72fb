"""The environment of a program: CGI's variables, and none that a client could misuse."""

import os

from twisted.trial.unittest import SynchronousTestCase

from txws2 import __version__
from txws2.programs.environment import chosen, path_info, request_variables
from txws2.server import auth_backend
from txws2.testing import joined
from txws2.wire.http.heads import Request


class RequestTests(SynchronousTestCase):
    def variables(
        self, uri="ws://example.com/", script_name="/", username=None, auth_type=None, **options
    ):
        both = joined(uri=uri, **options)
        both.server.username, both.server.auth_type = username, auth_type
        try:
            return request_variables(both.server, script_name)
        finally:
            both.client.close()
            both.pump()

    def test_they_tell_the_request(self):
        found = self.variables("ws://example.com:81/a/b%20c%2Fd?x=1&y=%20")
        for name, value in {
            b"GATEWAY_INTERFACE": b"CGI/1.1",
            b"PATH_INFO": b"/a/b c/d",
            b"PATH_TRANSLATED": b"/a/b c/d",
            b"QUERY_STRING": b"x=1&y=%20",
            b"REQUEST_METHOD": b"GET",
            b"REQUEST_URI": b"/a/b%20c%2Fd?x=1&y=%20",
            b"SCRIPT_NAME": b"/",
            b"SERVER_NAME": b"example.com",
            b"SERVER_PORT": b"81",
            b"SERVER_PROTOCOL": b"HTTP/1.1",
            b"SERVER_SOFTWARE": f"txws2/{__version__}".encode(),
            b"AUTH_TYPE": b"",
            b"CONTENT_LENGTH": b"",
            b"CONTENT_TYPE": b"",
            b"REMOTE_IDENT": b"",
            b"REMOTE_USER": b"",
        }.items():
            self.assertEqual(found[name], value, name)
        self.assertNotIn(b"HTTPS", found)
        self.assertEqual(found[b"REMOTE_ADDR"], found[b"REMOTE_HOST"])
        self.assertTrue(found[b"REMOTE_ADDR"] and found[b"REMOTE_PORT"] and found[b"UNIQUE_ID"])

    def test_the_port_may_be_left_out_of_the_host(self):
        found = self.variables("ws://[2001:db8::1]/")
        self.assertEqual((found[b"SERVER_NAME"], found[b"SERVER_PORT"]), (b"2001:db8::1", b"80"))

    def test_behind_a_proxy_that_is_trusted_they_tell_its_client(self):
        found = self.variables(
            trusted_proxies=["0.0.0.0/0", "unix"],
            additional_headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"},
        )
        self.assertEqual(found[b"REMOTE_ADDR"], b"203.0.113.9")
        self.assertEqual(found[b"HTTPS"], b"on")

    def test_headers_are_variables(self):
        found = self.variables(
            additional_headers=[("X-Two", "1"), ("X-Two", "2"), ("Cookie", "a=b")]
        )
        self.assertEqual(found[b"HTTP_X_TWO"], b"1, 2")
        self.assertEqual(found[b"HTTP_COOKIE"], b"a=b")
        self.assertEqual(found[b"HTTP_HOST"], b"example.com")

    def test_no_header_is_the_proxy_of_the_programs_own_requests(self):
        found = self.variables(additional_headers={"Proxy": "http://attacker.example/"})
        self.assertNotIn(b"HTTP_PROXY", found)

    def test_no_header_passes_for_one_that_a_proxy_in_front_has_set(self):
        found = self.variables(additional_headers=[("X-User", "mallory"), ("X_User", "admin")])
        self.assertEqual(found[b"HTTP_X_USER"], b"mallory")

    def test_a_password_that_was_checked_is_not_for_the_program(self):
        header = {"Authorization": "Basic dTpw"}
        found = self.variables(additional_headers=header, username="u", auth_type="Basic")
        self.assertNotIn(b"HTTP_AUTHORIZATION", found)
        self.assertEqual((found[b"REMOTE_USER"], found[b"AUTH_TYPE"]), (b"u", b"Basic"))
        found = self.variables(additional_headers=header)
        self.assertEqual(found[b"HTTP_AUTHORIZATION"], b"Basic dTpw")
        self.assertEqual((found[b"REMOTE_USER"], found[b"AUTH_TYPE"]), (b"", b""))

    def test_neither_is_a_token_that_names_nobody(self):
        header = {"Authorization": "Bearer abc"}
        found = self.variables(additional_headers=header, auth_type="Bearer")
        self.assertNotIn(b"HTTP_AUTHORIZATION", found)
        self.assertEqual((found[b"REMOTE_USER"], found[b"AUTH_TYPE"]), (b"", b"Bearer"))

    def test_neither_is_what_a_service_has_judged_that_names_nobody(self):
        header = {"Authorization": "Bearer abc"}
        both = joined(uri="ws://example.com/?access_token=abc", additional_headers=header)
        auth_backend._authorized.add(both.server)
        found = request_variables(both.server, "/")
        self.assertFalse(any(b"abc" in value for value in found.values()))
        self.assertEqual((found[b"REMOTE_USER"], found[b"AUTH_TYPE"]), (b"", b""))
        both.client.close()
        both.pump()

    def test_a_certificate_is_no_scheme_of_http(self):
        found = self.variables(username="CN=ann")
        self.assertEqual((found[b"REMOTE_USER"], found[b"AUTH_TYPE"]), (b"CN=ann", b""))

    def test_a_token_that_was_checked_is_not_in_the_query_either(self):
        for query, rest in {
            "?access_token=abc": "",
            "?access_token=abc&x=1": "?x=1",
            "?x=1&access_token=abc": "?x=1",
            "?x=1&access%5Ftoken=abc&y=access_token&access_token": "?x=1&y=access_token",
            "?x=%26&&y": "?x=%26&&y",
        }.items():
            found = self.variables(f"ws://example.com/a{query}", auth_type="Bearer")
            self.assertEqual(found[b"REQUEST_URI"], f"/a{rest}".encode())
            self.assertEqual(found[b"QUERY_STRING"], rest[1:].encode())
            self.assertFalse(any(b"abc" in value for value in found.values()))
            # The program is to check what nobody has checked.
            found = self.variables(f"ws://example.com/a{query}")
            self.assertEqual(found[b"REQUEST_URI"], f"/a{query}".encode())


class PathTests(SynchronousTestCase):
    def test_it_is_the_rest_after_the_program(self):
        for path, script_name, rest in (
            ("/", "/", b"/"),
            ("/a?b", "/", b"/a"),
            ("/tool", "/tool", b""),
            ("/tool/a/b?c", "/tool", b"/a/b"),
            ("/tool/a", "/tool/", b"/a"),
            ("/toolbox", "/tool", b"/toolbox"),
            ("/%ff%0d%0a", "/", b"/\xff  "),
        ):
            self.assertEqual(path_info(Request(path), script_name), rest, path)


class ChosenTests(SynchronousTestCase):
    def test_only_those_that_are_named_pass(self):
        self.patch(os, "environ", {"PATH": "/bin", "SECRET": "x"})
        self.assertEqual(
            chosen(["PATH", "MISSING"], {"A": "ö"}), {b"PATH": b"/bin", b"A": "ö".encode()}
        )

    def test_mistakes_are_told(self):
        for wrong in ({"": "x"}, {"A=B": "x"}, {"A": "x\0"}):
            with self.assertRaisesRegex(ValueError, "no environment can have a variable named"):
                chosen((), wrong)
        for wrong in ({1: "x"}, {"A": 1}):
            with self.assertRaisesRegex(TypeError, "must be str"):
                chosen((), wrong)
        with self.assertRaisesRegex(TypeError, "must be several names"):
            chosen("PATH", None)
