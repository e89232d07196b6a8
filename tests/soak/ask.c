/* ask: what is asked and answered: a key-value bucket, and a responder. */
#include <stdlib.h>

#include "tests/soak/soak.h"

#define BUCKET  "KV_soak"
#define KEYS    1000
#define PUT_MS  1 /* between two of them */
#define TIME_MS 1

void kv_setup(void)
{
    struct link link;
    link_open(&link, soak.port);
    link_request(&link, "$JS.API.STREAM.CREATE." BUCKET,
                 "{\"name\":\"" BUCKET "\",\"subjects\":[\"$KV.soak.>\"],"
                 "\"storage\":\"file\",\"max_msgs_per_subject\":1,"
                 "\"discard\":\"new\",\"allow_rollup_hdrs\":true,"
                 "\"allow_direct\":true,\"num_replicas\":1}");
    link_close(&link);
}

/* The answer to one publish on a link that listens to an inbox that
 * its descriptor names. */
static struct str ask(struct link *link, const char *subject,
                      const char *payload)
{
    struct frame frame;
    link_printf(link, "PUB %s _INBOX.%d %zu\r\n%s\r\n", subject, link->fd,
                strlen(payload), payload);
    link_wait(link, &frame);
    return frame.payload;
}

static void put(struct link *link, unsigned key, uint64_t value)
{
    char subject[64], text[32];
    snprintf(subject, sizeof(subject), "$KV.soak.key-%u", key);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    struct str answer = ask(link, subject, text);
    if (!str_has_prefix(answer, str_of("{\"stream\"")))
        fail("a put was refused: %.*s", STR_ARG(answer));
    soak.kv_puts++;
}

static void get(struct link *link, unsigned key, uint64_t value)
{
    char subject[128], text[32];
    snprintf(subject, sizeof(subject),
             "$JS.API.DIRECT.GET." BUCKET ".$KV.soak.key-%u", key);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    struct str answer = ask(link, subject, "");
    if (!str_is(answer, text))
        fail("key %u holds %.*s, not %s", key, STR_ARG(answer), text);
    soak.kv_gets++;
}

void *kv_update(void *arg)
{
    static uint64_t values[KEYS];
    struct link link;
    (void)arg;
    link_open(&link, soak.port);
    link_printf(&link, "SUB _INBOX.%d 1\r\n", link.fd);
    for (uint64_t n = 1; !soak.ending; n++) {
        unsigned key = (unsigned)rand() % KEYS, other = (unsigned)rand() % KEYS;
        put(&link, key, n);
        values[key] = n;
        if (values[other] > 0)
            get(&link, other, values[other]);
        sleep_ms(PUT_MS);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        if (values[key] > 0)
            get(&link, key, values[key]);
    }
    link_close(&link);
    return NULL;
}

void *request_reply(void *arg)
{
    struct link link;
    char number[32];
    (void)arg;
    link_open(&link, soak.port);
    link_printf(&link, "SUB _INBOX.%d 1\r\n", link.fd);
    for (uint64_t n = 1; !soak.ending; n++) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
        struct str answer = ask(&link, "soak.request", number);
        if (!str_is(answer, number))
            fail("request %s was answered with %.*s", number, STR_ARG(answer));
        soak.requests++;
        sleep_ms(TIME_MS);
    }
    link_printf(&link, "PUB soak.request 0\r\n\r\n");
    link_sync(&link);
    link_close(&link);
    return NULL;
}

/* arg: a link with its subscription. */
void *respond(void *arg)
{
    struct link *link = arg;
    struct frame frame;
    for (;;) {
        link_wait(link, &frame);
        if (frame.reply.len == 0)
            break;
        link_printf(link, "PUB %.*s %zu\r\n%.*s\r\n", STR_ARG(frame.reply),
                    frame.payload.len, STR_ARG(frame.payload));
    }
    link_close(link);
    return NULL;
}
