"""The peer's reports to the test: one line of JSON on standard output for each event.

Settings are a dict: "actions" to play on a connection, "subprotocols" to speak, and "deflate", the
parameters of RFC 7692 by their names, True for one without a value; None for no compression.
Without "deflate", the library's default is used.
"""

import json
import sys


def observe(**what):
    print(json.dumps(what), flush=True)


def server_arguments():
    """Return the settings of each server to run."""
    return [json.loads(argument) for argument in sys.argv[1:]]


def client_arguments():
    """Return the URI and the settings of each connection to make, one after the other."""
    uris, arguments = sys.argv[1::2], sys.argv[2::2]
    return [(uri, json.loads(argument)) for uri, argument in zip(uris, arguments, strict=True)]
