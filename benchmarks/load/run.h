/* A run of a load against a server: its connections, its clock, what was counted. */
#ifndef RUN_H
#define RUN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "latencies.h"
#include "messages.h"
#include "options.h"

struct run {
    const struct options *options;
    int epoll;
    SSL_CTX *tls;
    struct connection *connections;
    int total, started, opened; /* of the connections */
    struct agreement agreement; /* of the handshakes, which are all alike */
    struct messages messages;
    bool counting;
    uint64_t count;         /* of what the load is about */
    uint64_t payload_bytes; /* of data frames that came */
    struct latencies latencies;
};

/* Prepare for this many connections. */
void run_prepare(struct run *run, const struct options *options, int total);

/* Open connections, some at a time, until there are this many. */
void run_open(struct run *run, int wanted);

/* Note that a connection is open. */
void run_opened(struct run *run, struct connection *connection);

/* Serve the connections until this time. */
void run_until(struct run *run, double time);

/* Count one, which took since this time. */
void run_count(struct run *run, double since);

/* Let the load go on for a while, count for a while, and print what was counted. */
void run_measure(struct run *run);

#endif
