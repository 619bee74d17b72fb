#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char USAGE[] =
    "usage: load echo|broadcast|handshakes|openings|memory --port PORT --server PID\n"
    "            [--connections N] [--silent N] [--depth N] [--size BYTES]\n"
    "            [--largest BYTES] [--binary] [--unicode] [--fragments N] [--pings]\n"
    "            [--deflate] [--tls] [--browser] [--lengths-only] [--warmup SECONDS]\n"
    "            [--seconds SECONDS]\n";

static const struct option NAMES[] = {
    {"port", required_argument, NULL, 'p'},
    {"server", required_argument, NULL, 'P'},
    {"connections", required_argument, NULL, 'c'},
    {"silent", required_argument, NULL, 'i'},
    {"depth", required_argument, NULL, 'd'},
    {"size", required_argument, NULL, 's'},
    {"largest", required_argument, NULL, 'L'},
    {"binary", no_argument, NULL, 'b'},
    {"unicode", no_argument, NULL, 'u'},
    {"fragments", required_argument, NULL, 'f'},
    {"pings", no_argument, NULL, 'g'},
    {"deflate", no_argument, NULL, 'z'},
    {"tls", no_argument, NULL, 'T'},
    {"browser", no_argument, NULL, 'B'},
    {"lengths-only", no_argument, NULL, 'l'},
    {"warmup", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 't'},
    {NULL, 0, NULL, 0},
};

static _Noreturn void misused(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static const struct load *find_load(const char *name)
{
    static const struct load *const loads[] = {&ECHOES, &BROADCAST, &HANDSHAKES, &OPENINGS, &MEMORY};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (strcmp(name, loads[i]->name) == 0)
            return loads[i];
    misused();
}

struct options parse_options(int argc, char **argv)
{
    struct options options = {
        .connections = 1, .depth = 1, .size = 32, .fragments = 1, .warmup = 0.5, .seconds = 2};
    int letter;
    while ((letter = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        switch (letter) {
        case 'p': options.port = atoi(optarg); break;
        case 'P': options.server = atoi(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 'i': options.silent = atoi(optarg); break;
        case 'd': options.depth = atoi(optarg); break;
        case 's': options.size = strtoul(optarg, NULL, 10); break;
        case 'L': options.largest = strtoul(optarg, NULL, 10); break;
        case 'b': options.contents = NOISE; break;
        case 'u': options.contents = UNICODE; break;
        case 'f': options.fragments = atoi(optarg); break;
        case 'g': options.pings = true; break;
        case 'z': options.deflate = true; break;
        case 'T': options.tls = true; break;
        case 'B': options.browser = true; break;
        case 'l': options.lengths_only = true; break;
        case 'w': options.warmup = atof(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        default: misused();
        }
    }
    if (optind + 1 != argc || options.port <= 0 || options.server <= 0 ||
        options.connections <= 0 || options.depth < 0 || options.size == 0 ||
        options.fragments <= 0)
        misused();
    options.load = find_load(argv[optind]);
    return options;
}
