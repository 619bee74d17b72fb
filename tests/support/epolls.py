"""From which connection on those of a factory share an epoll, where a run of tests wants it so."""

import os

from txws2._transport import epoll_sharing as sharing

FROM = {"always": 1, "never": 10**9}
"""By what a command line calls it; otherwise it is as users have it."""

VARIABLE = "TXWS2_TESTS_SHARE_EPOLL"
"""By this variable of the environment, processes that a run starts know of it."""


def share(word):
    """Have them share it so; None for as users have it."""
    if word:
        sharing._WORTH_WHILE = FROM[word]


def share_as_told():
    """Have them share it as the environment says."""
    share(os.environ.get(VARIABLE))
