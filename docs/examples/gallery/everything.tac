"""A page, its feed, metrics, and a client that watches it: twistd -ny everything.tac

The environment may say more:

LISTEN       the endpoint of the page and the feed (tcp:8000:interface=127.0.0.1)
LISTEN_TLS   the port for TLS (8443), if CERTIFICATE names a file with a certificate and its key
METRICS      the endpoint of the metrics (tcp:9090:interface=127.0.0.1)
RUN_AS       the user to become, once all ports are open, if root has started this
LOG          a file for the log, as lines of JSON; otherwise twistd's options decide
"""

import os
import pwd
from time import ctime

from prometheus_client import CollectorRegistry
from prometheus_client.twisted import MetricsResource
from twisted.application.internet import StreamServerEndpointService, TimerService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.logger import ILogObserver, Logger, jsonFileLogObserver
from twisted.python.logfile import LogFile
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

import txws2
from txws2.metrics import WebSocketCollector

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Clock</title><link rel="icon" href="data:,">
<style>:root { color-scheme: light dark } body { font: 8vw system-ui; text-align: center }</style>
<p>Connecting …</p>
<script>
const feed = new WebSocket(`${location.origin.replace("http", "ws")}/feed`);
const say = text => { document.querySelector("p").textContent = text; };
feed.onmessage = ({data}) => say(data);
feed.onclose = () => say("The server has stopped.");
</script>
"""
log = Logger(namespace="everything")
settings = os.environ

# Privileges: twistd opens the ports first, and becomes this user then.
user = pwd.getpwnam(settings["RUN_AS"]) if "RUN_AS" in settings else None
application = Application("everything", *((user.pw_uid, user.pw_gid) if user else ()))

# The log, in files of 10 MB at most, of which it keeps ten.
if "LOG" in settings:
    file = LogFile.fromFullPath(settings["LOG"], rotateLength=10_000_000, maxRotatedFiles=10)
    application.setComponent(ILogObserver, jsonFileLogObserver(file, ""))

# The feed. Pages of other sites may not read it; programs may, and each host has 100 connections.
feed = txws2.WebSocketServerFactory(
    lambda ws: ws.wait_closed(),
    origins=[txws2.SAME_ORIGIN, None],
    max_connections_per_host=100,
    log_connections=True,
)
TimerService(1, lambda: txws2.broadcast(feed.connections, ctime())).setServiceParent(application)

# The page and the feed share their ports.
page = Resource()
page.putChild(b"", Data(PAGE.encode(), "text/html; charset=utf-8"))
places = [serverFromString(reactor, settings.get("LISTEN", "tcp:8000:interface=127.0.0.1"))]
if "CERTIFICATE" in settings:
    # A renewed certificate is used from the next connection on.
    certificate = txws2.CertificateFiles(settings["CERTIFICATE"])
    port = int(settings.get("LISTEN_TLS", "8443"))
    places.append(SSL4ServerEndpoint(reactor, port, certificate))
server = txws2.WebSocketService(places, txws2.Mounts({"/feed": feed}, page))
server.setServiceParent(application)

# The metrics, on a port of their own, which isn't for everybody.
registry = CollectorRegistry()
registry.register(WebSocketCollector({"feed": feed}))
metrics = Resource()
metrics.putChild(b"metrics", MetricsResource(registry))
StreamServerEndpointService(
    serverFromString(reactor, settings.get("METRICS", "tcp:9090:interface=127.0.0.1")),
    Site(metrics),
).setServiceParent(application)


def watched():
    return f"ws://127.0.0.1:{server.addresses[0].port}/feed"


# The client, which comes back whenever its connection ends.
txws2.WebSocketClientService(
    watched, lambda message: log.debug("the feed says {message}", message=message)
).setServiceParent(application)
