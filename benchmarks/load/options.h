/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct load;

struct options {
    const struct load *load;
    int port;
    pid_t server;       /* whose CPU time and memory are measured */
    int connections;    /* that say something */
    int silent;         /* that are open besides and say nothing */
    int depth;          /* messages in flight on each */
    size_t size;        /* bytes of a message */
    bool binary;        /* text otherwise */
    bool deflate;
    bool tls;
    bool browser;       /* to say in a request what a browser does */
    bool lengths_only;  /* not to compare what comes back with what was sent */
    double warmup;      /* seconds before anything is counted */
    double seconds;     /* that are counted */
};

struct options parse_options(int argc, char **argv);

#endif
