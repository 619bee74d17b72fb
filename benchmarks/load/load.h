/* A load: the messages, their times, and the figure that is counted. */
#ifndef LOAD_H
#define LOAD_H

struct connection;
struct run;

struct load {
    const char *name;
    /* Run the load, and print the result. */
    void (*drive)(struct run *run);
    /* Called when a connection is open. NULL for no call, here and below. */
    void (*opened)(struct connection *connection);
    /* Called when a correct message has come back. */
    void (*received)(struct connection *connection);
    /* Called when a connection is closed. */
    void (*closed)(struct connection *connection);
};

extern const struct load ECHOES;
extern const struct load BROADCAST;
extern const struct load HANDSHAKES;
extern const struct load OPENINGS;
extern const struct load MEMORY;

#endif
