"""The protocol itself: bytes in, messages and bytes out; no reactor, clock, transport or log.

The way of a byte, inward::

    http, headers, uri, body          the opening handshake, until 101:
        handshake                     what both sides know of it
        accepting, requesting         one side each
        deflate                       what they agree on for compressing
    connection                        the state rules, then
        frames, masking, keys         one frame
        messages, encoding            one message, inward and outward
        compression                   its payload, smaller
        closing                       the end
"""
