/* A TCP connection to the server, with TLS or without. */
#ifndef STREAM_H
#define STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stream {
    int fd;
    SSL *ssl;         /* NULL without TLS */
    bool wants_write; /* true if a write stopped because the socket is full */
};

enum { STREAM_ENDED = 0, STREAM_WAITS = -1 };

/* Return the context of all TLS connections; it doesn't verify the certificate. */
SSL_CTX *stream_tls(void);

/* Begin to connect; writes wait meanwhile. */
void stream_open(struct stream *stream, int port, SSL_CTX *tls);

/* Write some of the bytes; return their number, or STREAM_WAITS. */
ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);

/* Read some bytes; return their number, STREAM_ENDED or STREAM_WAITS. */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);

/* Return true if bytes that epoll doesn't know of may be there to read. */
bool stream_pending(const struct stream *stream);

/* Let the close abort the TCP connection. */
void stream_reset_at_close(const struct stream *stream);

void stream_close(struct stream *stream);

#endif
