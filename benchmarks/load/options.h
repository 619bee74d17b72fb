/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "messages.h"

struct load;

struct options {
    const struct load *load;
    int port;
    pid_t server;       /* the process whose CPU time and memory are measured */
    int connections;    /* number of connections that send messages */
    int silent;         /* number of other connections, which are silent */
    int depth;          /* number of messages in flight on each */
    size_t size;        /* size of a message, in bytes */
    size_t largest;     /* size of the largest message, for a mix of sizes */
    enum contents contents;
    int fragments;      /* number of frames of a message */
    bool pings;         /* send a ping before each message */
    bool deflate;
    bool tls;
    bool browser;       /* send the header fields of a browser, too */
    bool lengths_only;  /* compare only the length of a message with the one sent */
    double warmup;      /* seconds before counting begins */
    double seconds;     /* seconds of counting */
};

struct options parse_options(int argc, char **argv);

#endif
