#define _GNU_SOURCE
#include "opening.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../load/fail.h"

enum { MOST_OF_A_REQUEST = 8192, KEY_SIZE = 24, SHA1_SIZE = 20 };

static const char KEY[] = "\r\nSec-WebSocket-Key: ";

/* Read until the head is complete; return false if the client leaves before. */
static bool read_head(int fd, char *head)
{
    size_t filled = 0;
    while (filled < MOST_OF_A_REQUEST) {
        ssize_t size = recv(fd, head + filled, MOST_OF_A_REQUEST - filled, 0);
        if (size <= 0)
            return false;
        filled += (size_t)size;
        head[filled] = 0;
        if (strstr(head, "\r\n\r\n") != NULL)
            return true;
    }
    fail("the client's request is endless");
}

/* Write the answer to a key, with a NUL. */
static void answer_key(const char *key, char *answer)
{
    char joined[KEY_SIZE + 64];
    unsigned char digest[EVP_MAX_MD_SIZE];
    int size = snprintf(
        joined, sizeof joined, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", KEY_SIZE, key);
    if (!EVP_Digest(joined, (size_t)size, digest, NULL, EVP_sha1(), NULL))
        fail("OpenSSL has no SHA-1");
    EVP_EncodeBlock((unsigned char *)answer, digest, SHA1_SIZE);
}

bool open_connection(int fd, bool deflate)
{
    char head[MOST_OF_A_REQUEST + 1], response[512], answer[64];
    if (!read_head(fd, head))
        return false;
    const char *key = strcasestr(head, KEY);
    if (key == NULL || strlen(key) < sizeof KEY - 1 + KEY_SIZE)
        fail("the client's request has no key");
    if (deflate && strcasestr(head, "permessage-deflate") == NULL)
        fail("the client doesn't offer compression");
    answer_key(key + sizeof KEY - 1, answer);
    int size = snprintf(
        response, sizeof response,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n%s\r\n",
        answer,
        deflate ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" : "");
    return send(fd, response, (size_t)size, 0) == size;
}
