/* request: a requester and a responder, each a thread that does nothing but
 * wait for its socket. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/bench/load/link.h"
#include "tests/bench/load/work.h"

#define SUBJECT     "bench.request"
#define SAMPLES_MAX 1000000u

static void *respond(void *arg)
{
    struct link *link = arg;
    struct frame frame;
    struct buf answer = {0};
    for (;;) {
        link_wait(link, &frame);
        if (frame.reply.len == 0)
            return NULL;
        buf_reset(&answer);
        buf_append_text(&answer, "PUB ");
        buf_append_str(&answer, frame.reply);
        buf_printf(&answer, " %zu\r\n", frame.payload.len);
        buf_append_str(&answer, frame.payload);
        buf_append_text(&answer, "\r\n");
        link_send(link, buf_str(&answer));
    }
}

static int64_t round_trip(struct link *link, const char *payload,
                          unsigned number)
{
    char request[1024], reply[64];
    struct frame frame;
    snprintf(reply, sizeof(reply), "_INBOX.bench.%u", number);
    int n =
        snprintf(request, sizeof(request), "PUB " SUBJECT " %s %zu\r\n%s\r\n",
                 reply, strlen(payload), payload);
    int64_t start_ns = clock_mono_ns();
    link_send(link, str_make(request, (size_t)n));
    link_wait(link, &frame);
    int64_t took_ns = clock_mono_ns() - start_ns;
    if (!str_is(frame.subject, reply) || !str_is(frame.payload, payload))
        fail("another answer than to this request");
    return took_ns;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void work_request(const struct work *work)
{
    struct link asks, answers;
    pthread_t thread;
    char payload[513] = "";
    memset(payload, 'x', (size_t)work->payload % sizeof(payload));
    link_open(&asks, (int)work->port);
    link_open(&answers, (int)work->port);
    link_printf(&answers, "SUB " SUBJECT " 1\r\n");
    link_sync(&answers);
    link_printf(&asks, "SUB _INBOX.bench.* 1\r\n");
    link_sync(&asks);
    pthread_create(&thread, NULL, respond, &answers);
    int64_t *samples = mem_alloc(SAMPLES_MAX * sizeof(*samples));
    unsigned count = 0;
    int64_t end_ns = clock_mono_ns() + work->time_ns;
    while (count < SAMPLES_MAX && clock_mono_ns() < end_ns) {
        samples[count] = round_trip(&asks, payload, count);
        count++;
    }
    link_printf(&asks, "PUB " SUBJECT " 0\r\n\r\n");
    pthread_join(thread, NULL);
    qsort(samples, count, sizeof(*samples), by_size);
    printf("%.1f\n", (double)samples[count / 2] / NS_PER_US);
}
