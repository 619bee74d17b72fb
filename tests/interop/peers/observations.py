"""What a peer tells the test: one line of JSON on its standard output for each thing it sees."""

import json
import sys


def observe(**what):
    print(json.dumps(what), flush=True)


def server_arguments():
    """Return the settings: the actions to play on a connection, the subprotocols to speak."""
    return json.loads(sys.argv[1])


def client_arguments():
    """Return the URI to connect to, and the settings as a server has them."""
    return sys.argv[1], json.loads(sys.argv[2])
