#define _GNU_SOURCE
#include "handshake.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* The key is the example of section 1.3. A key for each connection keeps a cache from answering
 * in the server's place (section 1.3); there is no cache here. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* As Chromium sends it to a page's own host, between Connection and the key. */
static const char BROWSER[] =
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36\r\n"
    "Origin: http://127.0.0.1\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n";

void write_request(struct buffer *out, const struct options *options)
{
    char text[1024];
    int size = snprintf(
        text, sizeof text,
        "GET / HTTP/1.1\r\n"
        "Host: 127.0.0.1:%d\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "%s"
        "Sec-WebSocket-Key: %s\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "%s\r\n",
        options->port, options->browser ? BROWSER : "", KEY,
        options->deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
    memcpy(buffer_extend(out, (size_t)size), text, (size_t)size);
}

/* Copy the value of a header, cut to the size of the buffer; return false if it is missing. */
static bool find_header(const char *head, const char *name, char *value, size_t room)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s:", name);
    const char *found = strcasestr(head, line);
    if (found == NULL)
        return false;
    found += strlen(line);
    found += strspn(found, " \t");
    size_t size = strcspn(found, "\r");
    while (size > 0 && isblank((unsigned char)found[size - 1]))
        size--;
    snprintf(value, room, "%.*s", (int)size, found);
    return true;
}

static void read_extensions(const char *value, struct agreement *agreement)
{
    if (strncmp(value, "permessage-deflate", 18) != 0)
        fail("the server has chosen an extension that nobody offered: %s", value);
    const char *bits = strstr(value, "client_max_window_bits=");
    if (bits != NULL)
        bits += strlen("client_max_window_bits=");
    *agreement = (struct agreement){
        .deflate = true,
        .server_takeover = strstr(value, "server_no_context_takeover") == NULL,
        .client_takeover = strstr(value, "client_no_context_takeover") == NULL,
        .client_window_bits = bits == NULL ? 15 : atoi(bits + (*bits == '"')),
    };
}

size_t read_response(const char *bytes, bool deflate, struct agreement *agreement)
{
    const char *end = strstr(bytes, "\r\n\r\n");
    if (end == NULL)
        return 0;
    if (strncmp(bytes, "HTTP/1.1 101", 12) != 0)
        fail("the server refuses the handshake: %.*s", (int)strcspn(bytes, "\r"), bytes);
    char value[256];
    if (!find_header(bytes, "Sec-WebSocket-Accept", value, sizeof value) ||
        strcmp(value, ACCEPT) != 0)
        fail("the server's Sec-WebSocket-Accept is wrong or missing");
    *agreement = (struct agreement){0};
    if (find_header(bytes, "Sec-WebSocket-Extensions", value, sizeof value))
        read_extensions(value, agreement);
    if (agreement->deflate != deflate)
        fail(deflate ? "the server doesn't compress" : "the server compresses without being asked");
    return (size_t)(end + 4 - bytes);
}
