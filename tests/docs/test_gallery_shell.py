"""docs/examples/gallery/shell.py lets in whoever has an authorized key."""

from getpass import getuser
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.keys import Key
from twisted.cred.credentials import SSHPrivateKey
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example


class ShellTests(SynchronousTestCase):
    def setUp(self):
        self.key, host_key = (Key(Ed25519PrivateKey.generate()) for _ in range(2))
        paths = Path(self.mktemp()), Path(self.mktemp())
        paths[0].write_bytes(host_key.toString("openssh"))
        paths[1].write_bytes(self.key.public().toString("openssh") + b"\n")
        self.server = example(self, "shell").ssh(Clock(), *map(str, paths))

    def login(self, user, key):
        data = b"the session"
        credentials = SSHPrivateKey(
            user.encode(), key.sshType(), key.public().blob(), data, key.sign(data)
        )
        return self.server.portal.login(credentials, None, IConchUser)

    def test_an_authorized_key_is_let_in(self):
        interface, user, _ = self.successResultOf(self.login(getuser(), self.key))
        self.assertIs(interface, IConchUser)
        self.assertIn(b"session", user.channelLookup)

    def test_other_keys_and_other_users_are_not(self):
        other = Key(Ed25519PrivateKey.generate())
        for user, key in (getuser(), other), ("somebody", self.key):
            self.failureResultOf(self.login(user, key), UnauthorizedLogin)
