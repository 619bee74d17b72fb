"""A connection's life, the same for both sides: protocol, factory, inbox, keepalive, counters."""
