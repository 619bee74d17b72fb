"""The ways to and from a socket: the outbox, the shared epoll, TLS, name resolution."""
