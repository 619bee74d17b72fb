"""A remote shell, SSH over WebSocket: python shell.py HOST_KEY AUTHORIZED_KEYS

Whoever has one of the authorized keys can do all that you can. It listens on this machine only.
"""

import os
import sys
from contextlib import suppress
from fcntl import ioctl
from getpass import getuser
from struct import pack
from termios import TIOCSWINSZ

from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker, readAuthorizedKeyFile
from twisted.conch.interfaces import ISession
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import SSHSession
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ProcessExitedAlready
from twisted.logger import Logger
from zope.interface import implementer

from txws2 import run

log = Logger()


@implementer(ISession)
class Shell:
    """The session of one client: a shell, or a command, with a terminal if it asks for one."""

    process = size = None

    def __init__(self, reactor):
        self.reactor = reactor
        self.environ = dict(os.environ)

    def getPty(self, term, size, modes):
        self.environ["TERM"], self.size = term.decode(), size

    def windowChanged(self, size):
        if self.size and self.process:  # there is a terminal
            ioctl(self.process.fileno(), TIOCSWINSZ, pack("4H", *size))

    def openShell(self, protocol):
        self.spawn(protocol, "-l")

    def execCommand(self, protocol, command):
        self.spawn(protocol, "-c", command)

    def spawn(self, protocol, *arguments):
        shell = self.environ.get("SHELL", "/bin/sh")
        self.process = self.reactor.spawnProcess(
            protocol,
            shell,
            [shell, *arguments],
            self.environ,
            os.path.expanduser("~"),
            usePTY=self.size is not None,
        )
        self.windowChanged(self.size)

    def eofReceived(self):
        if self.process:
            self.process.closeStdin()

    def closed(self):
        if self.process:
            with suppress(ProcessExitedAlready):
                self.process.signalProcess("HUP")
            self.process.loseConnection()


class User(ConchUser):
    def __init__(self, reactor):
        super().__init__()
        self.reactor = reactor
        self.channelLookup[b"session"] = SSHSession

    def __conform__(self, interface):
        return Shell(self.reactor) if interface is ISession else None


@implementer(IRealm)
class Realm:
    def __init__(self, reactor):
        self.reactor = reactor

    def requestAvatar(self, name, mind, *interfaces):
        return interfaces[0], User(self.reactor), lambda: None


def ssh(reactor, host_key, authorized_keys):
    """Return the factory of an SSH server; nothing in it knows of WebSocket."""
    factory = SSHFactory()
    key = Key.fromFile(host_key)
    factory.privateKeys = {key.sshType(): key}
    factory.publicKeys = {key.sshType(): key.public()}
    with open(authorized_keys, "rb") as file:
        keys = list(readAuthorizedKeyFile(file))
    users = InMemorySSHKeyDB({getuser().encode(): keys})
    factory.portal = Portal(Realm(reactor), [SSHPublicKeyChecker(users)])
    return factory


async def main(reactor, host_key, authorized_keys, where="ws:8022:interface=127.0.0.1"):
    # Programs may connect; pages, which browsers would send an Origin for, may not.
    endpoint = serverFromString(reactor, f"{where}:origin=none")
    port = await endpoint.listen(ssh(reactor, host_key, authorized_keys))
    log.info("listening on port {port}", port=port.getHost().port)
    await Deferred()


if __name__ == "__main__":
    run(lambda reactor: main(reactor, *sys.argv[1:]))
