"""Short forms of endpoints, as -l has them."""

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.endpoints import endpoint_of


class EndpointsTests(SynchronousTestCase):
    def assertEndpoints(self, endpoints):
        self.assertEqual({text: endpoint_of(text) for text in endpoints}, endpoints)

    def test_a_port_is_one_of_this_machine_only(self):
        self.assertEndpoints(
            {
                "8000": "tcp:8000:interface=127.0.0.1",
                "localhost:8000": "tcp:8000:interface=127.0.0.1",
                "LOCALHOST:0": "tcp:0:interface=127.0.0.1",
            }
        )

    def test_a_colon_before_it_opens_it_to_all(self):
        self.assertEndpoints({":8000": "tcp:8000", "0.0.0.0:80": "tcp:80:interface=0.0.0.0"})

    def test_an_address_is_that_of_an_interface(self):
        self.assertEndpoints(
            {
                "192.0.2.1:80": "tcp:80:interface=192.0.2.1",
                "[::]:443": r"tcp6:443:interface=\:\:",
                "[2001:db8::1]:443": r"tcp6:443:interface=2001\:db8\:\:1",
            }
        )

    def test_anything_else_is_the_description_of_an_endpoint(self):
        for text in "tcp:80", "ssl:443:privateKey=k", "unix:/run/ws.sock", "example.com:80", "x":
            self.assertEqual(endpoint_of(text), text)

    def test_a_port_that_there_is_not_is_refused(self):
        for text in "65536", ":99999", "[::]:123456":
            error = self.assertRaises(ValueError, endpoint_of, text)
            self.assertIn("must have a port from 0 to 65535, as 8000", str(error))
            self.assertIn(repr(text), str(error))

    def test_so_is_an_address_that_is_none(self):
        for text in "1.2.3:80", "300.1.1.1:80", "[example]:80", "[1.2.3.4]:80":
            error = self.assertRaises(ValueError, endpoint_of, text)
            self.assertRegex(str(error), "^must have an address of IPv4 or IPv6, as 8000, :8000")
