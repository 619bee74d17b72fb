/* One connection sends a message, and the server broadcasts it. The load counts deliveries, and
 * sends the next message when all connections have the last. */
#include "load.h"
#include "run.h"

static void receive(struct connection *connection)
{
    struct run *run = connection->run;
    struct connection *sender = run->connections;
    run_count(run, sender->sent_at[0]);
    static int deliveries;
    if (++deliveries == run->total) {
        deliveries = 0;
        connection_send(sender);
        connection_flush(sender);
    }
}

static void drive(struct run *run)
{
    run_open(run, run->total);
    connection_send(run->connections);
    connection_flush(run->connections);
    run_measure(run);
}

const struct load BROADCAST = {.name = "broadcast", .drive = drive, .received = receive};
