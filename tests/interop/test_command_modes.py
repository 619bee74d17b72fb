"""`twistd ws` in place of websockify and websocketd: services and programs beside files, on one port."""

import json
import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

import txws2
from tests.command.test_commands import TWISTD, free_port
from tests.interop.devtools import inspect
from tests.interop.test_forwarding import NOVNC, Echo, NoVNCTests
from tests.interop.test_mounts import CommandTests
from tests.interop.test_stopping import ProcessTestCase
from txws2.exceptions import InvalidStatus
from txws2.forward import read_recording

COUNT = "#!/bin/sh\nfor n in 1 2 3; do echo $n; done\n"
WHO = "#!/bin/sh\necho $SCRIPT_NAME $PATH_INFO $QUERY_STRING $KEPT $LOST\n"
