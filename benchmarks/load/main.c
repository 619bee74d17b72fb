/* A load for WebSocket servers on this machine: the client's side of RFC 6455 and RFC 7692.
 *
 * It prints one JSON object, and fails if the server gets anything wrong. It must take less CPU
 * time than the servers, which would wait for it otherwise; "load_cpu_us" is its CPU time.
 */
#include "load.h"
#include "options.h"
#include "run.h"

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    static struct run run;
    run_prepare(&run, &options, options.connections + options.silent);
    options.load->drive(&run);
    return 0;
}
