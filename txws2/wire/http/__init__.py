"""HTTP/1.1 as the opening handshake needs it: heads, fields, bodies, cookies, URIs (RFC 9112)."""
