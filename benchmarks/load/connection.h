/* The client's end of a WebSocket connection. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdint.h>

#include "buffer.h"
#include "checking.h"
#include "frames.h"
#include "stream.h"

struct run;

enum state { OPENING, OPEN, CLOSING, CLOSED, ABANDONED };

struct connection {
    struct run *run;
    struct stream stream;
    enum state state;
    bool awaits_room; /* true while epoll waits until the socket is writable */
    struct buffer out;
    struct buffer response; /* the head of the response, until it is complete */
    struct frame_reader frames;
    unsigned char control[MAX_CONTROL_SIZE]; /* the payload of the control frame that is arriving */
    size_t control_size;
    struct checker checker;
    uint64_t sent;   /* messages */
    double *sent_at; /* the time of sending of each message in flight */
};

/* Connect, and send the request of the opening handshake. */
void connection_open(struct connection *connection, struct run *run);

/* Queue the next message; connection_flush sends it. */
void connection_send(struct connection *connection);

/* Queue a close frame; connection_flush sends it. */
void connection_close(struct connection *connection);

/* End the TCP connection without a close frame, once what has arrived is handled. */
void connection_abandon(struct connection *connection);

/* Write as much as the socket takes. */
void connection_flush(struct connection *connection);

/* Handle an event of epoll. */
void connection_serve(struct connection *connection, uint32_t events);

#endif
