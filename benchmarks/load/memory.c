/* Connections that stay open, after `depth` echoes on each. */
#include <stdio.h>

#include "fail.h"
#include "load.h"
#include "process.h"
#include "run.h"

/* The memory of the first connections doesn't count: with them, the server also allocates what
 * it needs only once. */
enum { FIRST = 100, SECONDS_TO_ANSWER = 60 };

static void send_all(struct connection *connection)
{
    for (int i = 0; i < connection->run->options->depth; i++)
        connection_send(connection);
}

static bool all_answered(const struct run *run)
{
    for (int i = 0; i < run->opened; i++)
        if (run->connections[i].checker.received != run->connections[i].sent)
            return false;
    return true;
}

static double settled_kib(struct run *run)
{
    double deadline = now() + SECONDS_TO_ANSWER;
    do {
        run_until(run, now() + run->options->warmup);
        if (now() > deadline)
            fail("not all messages came back in time");
    } while (!all_answered(run));
    return resident_kib(run->options->server);
}

static void drive(struct run *run)
{
    if (run->total <= FIRST)
        fail("measuring memory needs more than %d connections", FIRST);
    run_open(run, FIRST);
    double before = settled_kib(run);
    run_open(run, run->total);
    double after = settled_kib(run);
    printf("{\"count\": %d, \"kib\": %.3f}\n", run->total - FIRST,
           (after - before) / (run->total - FIRST));
}

const struct load MEMORY = {.name = "memory", .drive = drive, .opened = send_all};
