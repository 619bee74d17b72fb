"""A connection, the same for both sides: protocol, factory, inbox, keepalive, counters, rooms."""
