/* A run of a load against a server: its connections, its clock, its counters. */
#ifndef RUN_H
#define RUN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "handshake.h"
#include "latencies.h"
#include "messages.h"
#include "options.h"

struct run {
    const struct options *options;
    int epoll;
    SSL_CTX *tls;
    struct connection *connections;
    int total, started, opened; /* numbers of connections */
    struct agreement agreement; /* the same for all handshakes */
    struct messages messages;
    bool counting;
    uint64_t count;         /* messages, deliveries or handshakes */
    uint64_t payload_bytes; /* received in data frames */
    uint64_t pongs;
    struct latencies latencies;
};

/* Prepare for this many connections. */
void run_prepare(struct run *run, const struct options *options, int total);

/* Open connections, a few at a time, until this many are open. */
void run_open(struct run *run, int wanted);

/* Serve the connections until this time. */
void run_until(struct run *run, double time);

/* Count an answer, to a message sent at this time. */
void run_count(struct run *run, double since);

/* Run for the warmup, count for the seconds of the options, and print the result. */
void run_measure(struct run *run);

#endif
