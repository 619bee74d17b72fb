"""Proxies between a client and its server: CONNECT (RFC 9110 section 9.3.6) and SOCKS."""
