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
    bool wants_write; /* whether what stopped a write was that the socket is full */
};

enum { STREAM_ENDED = 0, STREAM_WAITS = -1 };

/* Return what TLS needs in common; the certificate isn't looked at. */
SSL_CTX *stream_tls(void);

/* Begin to connect; what is written meanwhile waits. */
void stream_open(struct stream *stream, int port, SSL_CTX *tls);

/* Write some of the bytes; return how many, or STREAM_WAITS. */
ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);

/* Read some bytes; return how many, STREAM_ENDED or STREAM_WAITS. */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);

/* Tell whether there may be something to read that epoll doesn't know of. */
bool stream_pending(const struct stream *stream);

void stream_close(struct stream *stream);

#endif
