"""The protocol itself: bytes in, messages and bytes out; no reactor, clock, transport or log.

The way of a byte, inward::

    http, headers, uri, handshake     the opening handshake, until 101
    connection                        the state rules, then
        frames, masking               one frame
        messages                      one message
        closing                       the end
"""
