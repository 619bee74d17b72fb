/* A WebSocket server that costs little, as a load for clients: it feeds, answers or takes messages.
 *
 * It serves one client at a time, and prints nothing.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../load/fail.h"
#include "opening.h"
#include "talks.h"

static _Noreturn void misused(void)
{
    fputs("usage: feed PORT feed|ask|send SIZE [deflate]\n", stderr);
    exit(2);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16))
        fail_call("can't listen");
    return fd;
}

static int accept_next(int listening)
{
    int fd = accept(listening, NULL, NULL), yes = 1;
    if (fd < 0)
        fail_call("can't accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        misused();
    size_t size = strtoul(argv[3], NULL, 10);
    const struct talk *talk = find_talk(argv[2]);
    bool deflate = argc > 4 && strcmp(argv[4], "deflate") == 0;
    if (size == 0 || talk == NULL)
        misused();
    signal(SIGPIPE, SIG_IGN);
    struct buffer messages = feed_of(size, deflate);
    for (int listening = listen_on(atoi(argv[1]));;) {
        int fd = accept_next(listening);
        if (open_connection(fd, deflate))
            talk->hold(fd, &messages);
        close(fd);
    }
}
