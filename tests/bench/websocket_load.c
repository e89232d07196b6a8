/* websocket_load: many clients of one WebSocket server, in one thread.
 *
 *     websocket_load PORT CLIENTS RATE SECONDS
 *
 * Opens CLIENTS sockets at /ws, says "rate RATE" on the first, and counts for
 * SECONDS what comes: "frames bytes reads". RATE 0: prints "open" and waits
 * until its standard input ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"

#define REQUEST                                             \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" \
    "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Where in a frame the bytes are; frames are below 64 KiB and unmasked. */
struct client {
    int fd;
    unsigned char head[4];
    unsigned head_len;
    size_t left;
};

static struct client *clients;
static size_t client_count;
static uint64_t frames, bytes, reads;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

static void upgrade(int fd)
{
    char in[4096];
    size_t len = 0;
    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
        die("send");
    while (len < 4 || memcmp(in + len - 4, "\r\n\r\n", 4) != 0) {
        ssize_t n = recv(fd, in + len, sizeof in - len, 0);
        if (n <= 0 || len == sizeof in)
            die("upgrade");
        len += (size_t)n;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void say(int fd, const char *text)
{
    unsigned char frame[128] = {0x81, (unsigned char)(0x80 | strlen(text))};
    memcpy(frame + 6, text, strlen(text)); /* the mask is zero */
    if (send(fd, frame, 6 + strlen(text), MSG_NOSIGNAL) < 0)
        die("send");
}

static void take_head(struct client *c, unsigned char byte)
{
    c->head[c->head_len++] = byte;
    bool wide = c->head_len > 1 && c->head[1] == 126;
    if (c->head_len < (wide ? 4 : 2))
        return;
    c->left = wide ? (size_t)c->head[2] << 8 | c->head[3] : c->head[1];
    c->head_len = 0;
    frames++;
}

static void take(struct client *c, const unsigned char *in, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = len - at < c->left ? len - at : c->left;
        c->left -= n;
        at += n;
        if (at < len)
            take_head(c, in[at++]);
    }
}

static void read_some(struct client *c)
{
    static unsigned char in[65536];
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n <= 0 && (n == 0 || errno != EAGAIN))
        die("recv");
    if (n <= 0)
        return;
    reads++;
    bytes += (uint64_t)n;
    take(c, in, (size_t)n);
}

static void count(int epoll_fd, int64_t until_ns)
{
    struct epoll_event events[128];
    while (clock_mono_ns() < until_ns) {
        int n = epoll_wait(epoll_fd, events, 128, 10);
        for (int i = 0; i < n; i++)
            read_some(events[i].data.ptr);
    }
}

static void open_all(int epoll_fd, int port)
{
    clients = mem_zalloc(client_count * sizeof *clients);
    for (size_t i = 0; i < client_count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        clients[i].fd = dial(port);
        upgrade(clients[i].fd);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
}

static void measure(int epoll_fd, int rate, int seconds)
{
    char text[32];
    snprintf(text, sizeof text, "rate %d", rate);
    say(clients[0].fd, text);
    count(epoll_fd, clock_mono_ns() + NS_PER_S); /* it warms up */
    frames = bytes = reads = 0;
    count(epoll_fd, clock_mono_ns() + seconds * NS_PER_S);
    say(clients[0].fd, "rate 0");
    printf("%llu %llu %llu\n", (unsigned long long)frames,
           (unsigned long long)bytes, (unsigned long long)reads);
}

int main(int argc, char **argv)
{
    char end;
    if (argc != 5)
        return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    client_count = (size_t)atoi(argv[2]);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_all(epoll_fd, atoi(argv[1]));
    if (atoi(argv[3]) > 0) {
        measure(epoll_fd, atoi(argv[3]), atoi(argv[4]));
        return 0;
    }
    printf("open\n");
    fflush(stdout);
    return read(STDIN_FILENO, &end, 1) < 0;
}
