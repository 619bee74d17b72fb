/* One WebSocket connection, the client's end. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdint.h>

#include "buffer.h"
#include "checking.h"
#include "frames.h"
#include "stream.h"

struct run;

enum state { OPENING, OPEN, CLOSING, CLOSED };

struct connection {
    struct run *run;
    struct stream stream;
    enum state state;
    bool awaits_room; /* whether epoll is asked when the socket can be written to */
    struct buffer out;
    struct buffer response; /* of the handshake, until it is whole */
    struct frame_reader frames;
    unsigned char control[MAX_CONTROL_SIZE]; /* payload of the control frame that is arriving */
    size_t control_size;
    struct checker checker;
    uint64_t sent;   /* messages */
    double *sent_at; /* for each of those in flight, when it was sent */
};

/* Connect, and ask for the handshake. */
void connection_open(struct connection *connection, struct run *run);

/* Have the next message sent by connection_flush. */
void connection_send(struct connection *connection);

/* Begin the closing handshake; connection_flush sends it. */
void connection_close(struct connection *connection);

/* Send what can be sent. */
void connection_flush(struct connection *connection);

/* React to what epoll has said. */
void connection_serve(struct connection *connection, uint32_t events);

#endif
