#define _GNU_SOURCE
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

SSL_CTX *stream_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        fail("OpenSSL doesn't start");
    /* Bytes that wait for a second write may have moved, and be followed by more. */
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A server may close TCP without a close_notify of TLS. */
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Without this, each record takes two system calls. */
    SSL_CTX_set_read_ahead(tls, 1);
    return tls;
}

void stream_open(struct stream *stream, int port, SSL_CTX *tls)
{
    *stream = (struct stream){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    if (stream->fd < 0)
        fail_call("no socket");
    int yes = 1;
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail_call("can't connect");
    if (tls != NULL) {
        stream->ssl = SSL_new(tls);
        if (stream->ssl == NULL || !SSL_set_fd(stream->ssl, stream->fd))
            fail("no TLS connection");
        /* OpenSSL does the handshake in the first write. */
        SSL_set_connect_state(stream->ssl);
    }
}

/* Translate the result of an OpenSSL call. */
static ssize_t tls_result(struct stream *stream, int result)
{
    if (result > 0)
        return result;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_WRITE: stream->wants_write = true; return STREAM_WAITS;
    case SSL_ERROR_WANT_READ: return STREAM_WAITS;
    case SSL_ERROR_ZERO_RETURN: return STREAM_ENDED;
    default: fail("TLS fails: %s", ERR_reason_error_string(ERR_peek_error()));
    }
}

ssize_t stream_write(struct stream *stream, const void *bytes, size_t size)
{
    stream->wants_write = false;
    if (stream->ssl != NULL) {
        ERR_clear_error();
        return tls_result(stream, SSL_write(stream->ssl, bytes, (int)size));
    }
    ssize_t sent = send(stream->fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    if (errno != EAGAIN)
        fail_call("the connection is lost");
    stream->wants_write = true;
    return STREAM_WAITS;
}

ssize_t stream_read(struct stream *stream, void *bytes, size_t size)
{
    if (stream->ssl != NULL) {
        ERR_clear_error();
        return tls_result(stream, SSL_read(stream->ssl, bytes, (int)size));
    }
    ssize_t received = recv(stream->fd, bytes, size, 0);
    if (received >= 0)
        return received;
    if (errno != EAGAIN)
        fail_call("the connection is lost");
    return STREAM_WAITS;
}

bool stream_pending(const struct stream *stream)
{
    return stream->ssl != NULL && SSL_has_pending(stream->ssl);
}

void stream_reset_at_close(const struct stream *stream)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

void stream_close(struct stream *stream)
{
    SSL_free(stream->ssl);
    close(stream->fd);
    *stream = (struct stream){.fd = -1};
}
