/* Some connections keep messages in flight, and the load counts their echoes; others are silent. */
#include "load.h"
#include "run.h"

static void send_again(struct connection *connection)
{
    uint64_t answered = connection->checker.received - 1;
    run_count(
        connection->run,
        connection->sent_at[answered % (uint64_t)connection->run->options->depth]);
    connection_send(connection);
}

static void drive(struct run *run)
{
    const struct options *options = run->options;
    run_open(run, options->connections + options->silent);
    for (int i = 0; i < options->connections; i++) {
        for (int j = 0; j < options->depth; j++)
            connection_send(&run->connections[i]);
        connection_flush(&run->connections[i]);
    }
    run_measure(run);
}

const struct load ECHOES = {.name = "echo", .drive = drive, .received = send_again};
