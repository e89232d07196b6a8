/* client: see client.h. */
#include "tests/bench/live/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/mem.h"
#include "tests/bench/load/link.h"

#define READ_MAX (256u << 10)

static char read_buffer[CLIENT_FRAME_MAX + READ_MAX];

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            fail("send: %s", strerror(errno));
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
}

/* A masked text frame; the mask is zero, so the text stands as it is. */
static void send_text(int fd, const char *text)
{
    char frame[4096 + 8];
    size_t len = strlen(text), head = len < 126 ? 2 : 4;
    if (len > 4096)
        fail("a message of %zu bytes", len);
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, len);
    send_all(fd, frame, head + 4 + len);
}

static int connect_to(int port)
{
    int on = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        fail("connect to port %d: %s", port, strerror(errno));
    return fd;
}

static bool is_plain(const char *path)
{
    return strcmp(path, "/ws") == 0;
}

/* Reads byte by byte, so nothing behind the head is taken. */
static void upgrade(int fd, int port, const char *path)
{
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: bmV4dXMtYmVuY2gtMDAwMA==\r\n"
                     "%s\r\n",
                     path, port,
                     is_plain(path)
                         ? ""
                         : "Sec-WebSocket-Protocol: graphql-transport-ws\r\n");
    send_all(fd, text, (size_t)n);
    size_t len = 0;
    while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == sizeof text || recv(fd, text + len, 1, 0) != 1)
            fail("no answer to the upgrade");
        len++;
    }
    if (memcmp(text, "HTTP/1.1 101", 12) != 0)
        fail("the upgrade was refused: %.*s", (int)len, text);
}

/* Takes one frame off the front of bytes: its length with its head, 0 when it
 * is not whole. */
static size_t frame_next(struct str bytes, unsigned *opcode,
                         struct str *payload)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t head = 2, len;
    if (bytes.len < 2)
        return 0;
    *opcode = p[0] & 15;
    len = p[1] & 127;
    if (len == 126)
        head = 4;
    else if (len == 127)
        fail("a frame of more than 65535 bytes");
    if (bytes.len < head)
        return 0;
    if (head == 4)
        len = (size_t)p[2] << 8 | p[3];
    if (bytes.len < head + len)
        return 0;
    *payload = str_make(bytes.p + head, len);
    return head + len;
}

/* Answers a ping with what it carried, under a mask of zeros. */
static void pong(struct client *client, struct str payload)
{
    char frame[6 + 125] = {(char)0x8a, (char)(0x80 | payload.len)};
    memcpy(frame + 6, payload.p, payload.len);
    send_all(client->fd, frame, 6 + payload.len);
}

static bool contains(struct str text, const char *part)
{
    return memmem(text.p, text.len, part, strlen(part)) != NULL;
}

static const char *event_mark(const struct client *client)
{
    return client->plain ? "\"telemetry_update\"" : "\"next\"";
}

static void take(struct client *client, unsigned opcode, struct str payload,
                 client_event_fn event, void *arg)
{
    if (opcode == 9) {
        pong(client, payload);
    } else if (opcode == 8) {
        fail("the server closes: %.*s", STR_ARG(payload));
    } else if (contains(payload, event_mark(client))) {
        client->events++;
        event(payload, arg);
    } else if (contains(payload, "\"error\"")) {
        fail("%.*s", STR_ARG(payload));
    } else if (contains(payload, "\"type\":\"ping\"")) {
        send_text(client->fd, "{\"type\":\"pong\"}");
    }
}

static void keep(struct client *client, const char *bytes, size_t len)
{
    if (len > CLIENT_FRAME_MAX)
        fail("a frame of more than %u bytes", CLIENT_FRAME_MAX);
    if (len > 0) {
        if (client->kept == NULL)
            client->kept = mem_alloc(CLIENT_FRAME_MAX);
        memcpy(client->kept, bytes, len);
    }
    client->kept_len = len;
}

bool client_read(struct client *client, client_event_fn event, void *arg)
{
    size_t have = client->kept_len;
    if (have > 0)
        memcpy(read_buffer, client->kept, have);
    ssize_t n = recv(client->fd, read_buffer + have, READ_MAX, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return false;
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail("recv: %s", strerror(errno));
    if (n < 0)
        return true;
    struct str bytes = str_make(read_buffer, have + (size_t)n);
    unsigned opcode;
    struct str payload;
    size_t taken;
    while ((taken = frame_next(bytes, &opcode, &payload)) > 0) {
        take(client, opcode, payload, event, arg);
        bytes = str_make(bytes.p + taken, bytes.len - taken);
    }
    keep(client, bytes.p, bytes.len);
    return true;
}

/* Reads whole messages, one at a time, until one contains part. */
static void wait_for(struct client *client, const char *part)
{
    char frame[CLIENT_FRAME_MAX];
    for (size_t len = 0;;) {
        unsigned opcode;
        struct str payload;
        size_t taken = frame_next(str_make(frame, len), &opcode, &payload);
        if (taken > 0 && contains(payload, part)) {
            keep(client, frame + taken, len - taken);
            return;
        }
        if (taken > 0 && contains(payload, event_mark(client)))
            client->events++;
        else if (taken > 0 && contains(payload, "\"error\""))
            fail("%.*s", STR_ARG(payload));
        memmove(frame, frame + taken, len - taken);
        len -= taken;
        ssize_t n = taken > 0 ? 0 : recv(client->fd, frame + len, 1, 0);
        if (taken == 0 && n <= 0)
            fail("the server hung up before %s", part);
        len += (size_t)n;
    }
}

void client_open(struct client *client, int port, const char *path)
{
    *client = (struct client){.fd = connect_to(port), .plain = is_plain(path)};
    upgrade(client->fd, port, path);
    if (client->plain)
        return;
    send_text(client->fd, "{\"type\":\"connection_init\"}");
    wait_for(client, "\"connection_ack\"");
}

void client_subscribe(struct client *client, const char *document)
{
    char text[4096];
    if (client->plain) {
        send_text(client->fd, document);
        wait_for(client, "\"subscribed\"");
        return;
    }
    snprintf(text, sizeof text,
             "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"query\":"
             "\"%s\"}}",
             document);
    send_text(client->fd, text);
    /* Messages are answered in order: the subscription stands. */
    send_text(client->fd, "{\"type\":\"ping\"}");
    wait_for(client, "\"pong\"");
}

void client_kill(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(client->fd);
    free(client->kept);
    *client = (struct client){.fd = -1};
}
