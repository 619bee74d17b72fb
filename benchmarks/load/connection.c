#include "connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "fail.h"
#include "load.h"
#include "process.h"
#include "run.h"

enum { MOST_OF_A_RESPONSE = 8192, NORMAL_CLOSURE = 1000 };

static const unsigned char HELLO[] = "are you there?";

static void watch(struct connection *connection, int operation)
{
    struct epoll_event event = {
        .events = EPOLLIN | (connection->awaits_room ? EPOLLOUT : 0), .data.ptr = connection};
    if (epoll_ctl(connection->run->epoll, operation, connection->stream.fd, &event))
        fail_call("epoll_ctl failed for a connection");
}

void connection_open(struct connection *connection, struct run *run)
{
    const struct options *options = run->options;
    double *sent_at = connection->sent_at;
    if (sent_at == NULL && options->depth > 0)
        sent_at = calloc((size_t)options->depth, sizeof *sent_at);
    *connection = (struct connection){.run = run, .sent_at = sent_at};
    stream_open(&connection->stream, options->port, run->tls);
    watch(connection, EPOLL_CTL_ADD);
    write_request(&connection->out, options);
    connection_flush(connection);
}

void connection_send(struct connection *connection)
{
    const struct options *options = connection->run->options;
    const struct messages *messages = &connection->run->messages;
    size_t which = connection->sent % messages->count;
    if (options->pings)
        write_frame(&connection->out, PING, HELLO, sizeof HELLO - 1);
    write_fragments(
        &connection->out, messages->opcode, messages->payload[which],
        messages->payload_size[which], options->fragments);
    connection->sent_at[connection->sent % (uint64_t)options->depth] = now();
    connection->sent++;
}

void connection_close(struct connection *connection)
{
    static const unsigned char code[] = {NORMAL_CLOSURE >> 8, NORMAL_CLOSURE & 0xff};
    write_frame(&connection->out, CLOSE, code, sizeof code);
    connection->state = CLOSING;
}

void connection_abandon(struct connection *connection)
{
    connection->state = ABANDONED;
}

void connection_flush(struct connection *connection)
{
    struct buffer *out = &connection->out;
    while (buffer_size(out) > 0) {
        ssize_t sent = stream_write(&connection->stream, out->bytes + out->start, buffer_size(out));
        if (sent <= 0)
            break;
        buffer_drop(out, (size_t)sent);
    }
    bool awaits_room = buffer_size(out) > 0 && connection->stream.wants_write;
    if (awaits_room != connection->awaits_room) {
        connection->awaits_room = awaits_room;
        watch(connection, EPOLL_CTL_MOD);
    }
}

static void receive_control(struct connection *connection, int opcode)
{
    const unsigned char *payload = connection->control;
    size_t size = connection->control_size;
    if (opcode == PING) {
        write_frame(&connection->out, PONG, payload, size);
    } else if (opcode == PONG) {
        if (size != sizeof HELLO - 1 || memcmp(payload, HELLO, size) != 0)
            fail("a pong has another payload than the ping");
        connection->run->pongs++;
    } else if (opcode == CLOSE) {
        int code = size < 2 ? 1005 : payload[0] << 8 | payload[1];
        if (connection->state != CLOSING || code != NORMAL_CLOSURE)
            fail("the server closes with %d", code);
        /* The server closes the TCP connection first (RFC 6455 section 7.1.1). */
        connection->state = CLOSED;
    }
}

static void receive_piece(struct connection *connection, const struct piece *piece)
{
    struct run *run = connection->run;
    if (piece->opcode >= CLOSE) {
        memcpy(connection->control + connection->control_size, piece->bytes, piece->size);
        connection->control_size += piece->size;
        if (piece->complete) {
            receive_control(connection, piece->opcode);
            connection->control_size = 0;
        }
        return;
    }
    if (run->counting)
        run->payload_bytes += piece->size;
    if (!check_piece(
            &connection->checker, piece, &run->messages, &run->agreement,
            run->options->lengths_only))
        return;
    if (run->options->load->received == NULL)
        return;
    run->options->load->received(connection);
}

static void is_open(struct run *run, struct connection *connection)
{
    /* The first response tells the parameters of compression. */
    if (run->agreement.deflate && !(run->messages.opcode & COMPRESSED))
        compress_messages(&run->messages, &run->agreement);
    run->opened++;
    if (run->options->load->opened != NULL)
        run->options->load->opened(connection);
}

/* Read the response to the handshake; return the number of its bytes. */
static size_t receive_response(
    struct connection *connection, const unsigned char *bytes, size_t size)
{
    struct run *run = connection->run;
    struct buffer *response = &connection->response;
    size_t before = buffer_size(response);
    memcpy(buffer_extend(response, size), bytes, size);
    *buffer_extend(response, 1) = 0;
    size_t head = read_response((char *)response->bytes, run->options->deflate, &run->agreement);
    if (head == 0) {
        if (buffer_size(response) > MOST_OF_A_RESPONSE)
            fail("the server's response to the handshake is endless");
        response->end--;
        return size;
    }
    buffer_free(response);
    connection->state = OPEN;
    is_open(run, connection);
    return head - before;
}

static void receive(struct connection *connection, const unsigned char *bytes, size_t size)
{
    size_t taken = 0;
    if (connection->state == OPENING)
        taken = receive_response(connection, bytes, size);
    while (taken < size) {
        struct piece piece;
        taken += read_frame(&connection->frames, bytes + taken, size - taken, &piece);
        if (piece.bytes != NULL)
            receive_piece(connection, &piece);
    }
}

static void end(struct connection *connection)
{
    if (connection->state == ABANDONED)
        stream_reset_at_close(&connection->stream);
    else if (connection->state != CLOSED)
        fail("the server has dropped a connection");
    stream_close(&connection->stream);
    buffer_free(&connection->out);
    checker_free(&connection->checker);
    connection->run->options->load->closed(connection);
}

void connection_serve(struct connection *connection, uint32_t events)
{
    static unsigned char bytes[1 << 18];
    /* Over TLS, a write may have waited for bytes to read. */
    connection_flush(connection);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    do {
        ssize_t size = stream_read(&connection->stream, bytes, sizeof bytes);
        if (size == STREAM_WAITS)
            break;
        if (size == STREAM_ENDED) {
            end(connection);
            return;
        }
        receive(connection, bytes, (size_t)size);
        if (connection->state == ABANDONED) {
            end(connection);
            return;
        }
    } while (stream_pending(&connection->stream));
    connection_flush(connection);
}
