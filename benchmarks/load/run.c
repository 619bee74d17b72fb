#define _GNU_SOURCE
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "fail.h"
#include "load.h"
#include "process.h"

enum { OPENING_AT_ONCE = 64, SECONDS_TO_OPEN = 120, SECONDS_TO_ANSWER = 30 };

void run_prepare(struct run *run, const struct options *options, int total)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    run->options = options;
    run->epoll = epoll_create1(0);
    run->tls = options->tls ? stream_tls() : NULL;
    run->total = total;
    run->connections = calloc((size_t)total, sizeof *run->connections);
    if (run->epoll < 0 || run->connections == NULL)
        fail_call("can't begin");
    make_messages(&run->messages, options->size, options->largest, options->contents);
}

static void serve_some(struct run *run)
{
    struct epoll_event events[256];
    int count = epoll_wait(run->epoll, events, sizeof events / sizeof *events, 10);
    for (int i = 0; i < count; i++)
        connection_serve(events[i].data.ptr, events[i].events);
}

static void start_one(struct run *run)
{
    connection_open(&run->connections[run->started++], run);
}

void run_open(struct run *run, int wanted)
{
    double deadline = now() + SECONDS_TO_OPEN;
    while (run->opened < wanted) {
        while (run->started < wanted && run->started < run->opened + OPENING_AT_ONCE)
            start_one(run);
        serve_some(run);
        if (now() > deadline)
            fail("%d of %d connections were open in time", run->opened, wanted);
    }
}

void run_until(struct run *run, double time)
{
    while (now() < time)
        serve_some(run);
}

void run_count(struct run *run, double since)
{
    if (!run->counting)
        return;
    run->count++;
    add_latency(&run->latencies, now() - since);
}

void run_measure(struct run *run)
{
    const struct options *options = run->options;
    run_until(run, now() + options->warmup);

    run->counting = true;
    double start = now(), server = cpu_seconds(options->server), load = cpu_seconds(0);
    run_until(run, start + options->seconds);
    /* A short measurement of a slow server lasts until its first answer. */
    while (run->count == 0 && now() < start + SECONDS_TO_ANSWER)
        serve_some(run);
    double elapsed = now() - start;
    server = cpu_seconds(options->server) - server;
    load = cpu_seconds(0) - load;

    if (run->count == 0)
        fail("nothing came back");
    if (options->pings && run->pongs == 0)
        fail("the server answers no ping");
    double each = 1e6 / (double)run->count;
    printf(
        "{\"count\": %lu, \"per_second\": %.1f, \"cpu_us\": %.3f, \"load_cpu_us\": %.3f, "
        "\"server_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"wire_bytes\": %.1f, "
        "\"rss_kib\": %.0f}\n",
        (unsigned long)run->count, (double)run->count / elapsed, server * each, load * each,
        server / elapsed, latency_us(&run->latencies, 0.5), latency_us(&run->latencies, 0.99),
        (double)run->payload_bytes / (double)run->count, resident_kib(options->server));
}
