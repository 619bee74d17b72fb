/* A load: what is said, when, and what is counted. */
#ifndef LOAD_H
#define LOAD_H

struct connection;
struct run;

struct load {
    const char *name;
    /* Do all of it, and print the result. */
    void (*drive)(struct run *run);
    /* A connection is open. May be NULL, as those below. */
    void (*opened)(struct connection *connection);
    /* A message has come back, and is right. */
    void (*received)(struct connection *connection);
    /* A connection that was to be closed is. */
    void (*closed)(struct connection *connection);
};

extern const struct load ECHOES;
extern const struct load BROADCAST;
extern const struct load HANDSHAKES;
extern const struct load MEMORY;

#endif
