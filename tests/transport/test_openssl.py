"""The addresses of OpenSSL's functions, and connections that have none for C."""

import socket
from unittest.mock import Mock

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from txws2._private_names import Names
from txws2._transport import openssl
from txws2._transport.openssl import FUNCTIONS, pointers_of, shed_buffers


class Other:
    """A library that has all functions, of other types or not at all."""

    def __init__(self, module, **types):
        self.lib, self.ffi = module.lib, Mock(wraps=module.ffi)
        self.ffi.addressof = lambda library, name: name
        self.ffi.typeof = lambda name: Mock(cname=types.get(name, openssl._TYPES[name]))
        self.ffi.cast = lambda kind, name: 1


class FunctionTests(SynchronousTestCase):
    def test_this_cryptography_has_them(self):
        self.assertEqual(len(FUNCTIONS), len(openssl._TYPES))
        self.assertNotIn(0, FUNCTIONS)

    def test_functions_of_other_types_are_not_called(self):
        module = openssl._openssl
        self.assertEqual(openssl._addresses(Other(module)), (1,) * len(FUNCTIONS))
        other = Other(module, SSL_read="int(*)(SSL *, size_t, void *)")
        self.assertIsNone(openssl._addresses(other))

    def test_without_one_of_them_none_is_called(self):
        self.patch(openssl, "OPENSSL_LIBRARY", Names("it is slow", "SSL_nowhere"))
        self.assertIsNone(openssl._addresses(openssl._openssl))


class ConnectionTests(SynchronousTestCase):
    def setUp(self):
        self.context = SSL.Context(SSL.TLS_METHOD)

    def assertHasNone(self, connection):
        self.assertIsNone(pointers_of(connection))
        self.assertFalse(shed_buffers(connection))

    def test_one_in_memory_has_pointers(self):
        connection = SSL.Connection(self.context, None)
        owner, *addresses = pointers_of(connection)
        self.assertIs(owner, connection._ssl)
        self.assertEqual(len(addresses), 3 + len(FUNCTIONS))

    def test_one_with_a_socket_has_none(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        self.assertHasNone(SSL.Connection(self.context, ours))

    def test_a_connection_of_another_kind_has_none(self):
        class Special(SSL.Connection):
            pass

        self.assertHasNone(Special(self.context, None))
        self.assertHasNone(Mock())

    def test_no_connection_has_any_if_the_functions_are_unknown(self):
        self.patch(openssl, "FUNCTIONS", None)
        self.assertHasNone(SSL.Connection(self.context, None))
