/* Connections that are opened, closed or abandoned, and opened again; the load counts each opening. */
#include "load.h"
#include "process.h"
#include "run.h"

static void open(struct connection *connection, struct run *run)
{
    connection_open(connection, run);
    connection->sent_at[0] = now();
}

static void open_again(struct connection *connection)
{
    run_count(connection->run, connection->sent_at[0]);
    open(connection, connection->run);
}

static void drive(struct run *run)
{
    for (int i = 0; i < run->total; i++)
        open(&run->connections[i], run);
    run_measure(run);
}

const struct load HANDSHAKES = {
    .name = "handshakes", .drive = drive, .opened = connection_close, .closed = open_again};

const struct load OPENINGS = {
    .name = "openings", .drive = drive, .opened = connection_abandon, .closed = open_again};
