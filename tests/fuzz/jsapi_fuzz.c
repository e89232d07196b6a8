/* jsapi_fuzz: requests to the API, and messages to the streams that come of
 * them, in a broker of our own. Each line of the input is one:
 *
 *     STREAM.CREATE.S {"name":"S"}     a request, and its body
 *     !s.a payload                     a message
 *     #s.a Nats-Rollup: sub            a message with that header
 *
 * Whatever is answered is JSON, or a status. A configuration that is taken
 * reads back, when it was written, as the same.
 *
 * fuzz-links: broker/[!m]?*.c broker/m[!a]?*.c broker/mailbox.c broker/auth/?*.c broker/config/?*.c broker/jetstream/?*.c broker/monitor/?*.c broker/net/?*.c broker/remote/?*.c broker/store/?*.c
 */
#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/jsapi.h"
#include "broker/jetstream/pull.h"
#include "broker/jetstream/transform.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/log.h"

#define LINES_MAX 32
#define LEAP_NS   (20 * NS_PER_S) /* timers run as if so much time had passed */

static char dir[] = "/dev/shm/jsapi_fuzz.XXXXXX";
static struct server *server;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clean_up(void)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A delivery, whose payload is anything, has a reply subject. */
static void answered(struct sub *sub, struct conn *from, const struct msg *msg)
{
    (void)sub;
    (void)from;
    if (msg->headers.len == 0 && msg->reply.len == 0 && msg->payload.len > 0)
        assert(json_validate(msg->payload, NULL) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct errmsg err = {0};
    (void)argc;
    (void)argv;
    log_setup("fuzz", LOG_ERROR + 1, LOG_LOGFMT);
    assert(mkdtemp(dir) != NULL);
    atexit(clean_up);
    const struct server_config config = {
        .addr = "127.0.0.1",
        .payload_max = 1 << 20,
        .control_line_max = 4096,
        .pending_max = 64 << 20,
        .connections_max = 1,
        .ping_interval_ns = NS_PER_S,
        .ping_max = 2,
        .auth_timeout_ns = NS_PER_S,
        .write_deadline_ns = NS_PER_S,
        .jetstream = true,
        .js = {.store_dir = dir, .domain = "D", .max_storage = 1 << 20}};
    server = server_new(&config, &err);
    assert(server != NULL);
    struct sub *sub =
        sub_new(NULL, str_of("answer"), str_make(NULL, 0), str_make(NULL, 0));
    sub->handle = answered;
    sublist_insert(server->account->subs, sub);
    return 0;
}

/* ---- what can be read alone ---- */

static void stream_there_and_back(struct json body, struct arena *arena)
{
    struct stream_config a, b;
    struct js_error error;
    if (stream_config_read(&a, body, arena, &error) == 0) {
        struct buf text = {0};
        struct json_doc doc;
        struct json_writer w = json_writer(&text);
        stream_config_write(&a, &w);
        assert(json_parse(&doc, buf_str(&text), arena, NULL) == 0);
        assert(stream_config_read(&b, json_root(&doc), arena, &error) == 0);
        assert(stream_config_equal(&a, &b));
        stream_config_fini(&b);
        buf_fini(&text);
    }
    stream_config_fini(&a);
}

static void consumer_there_and_back(struct json body, struct arena *arena)
{
    struct consumer_config a, b;
    struct js_error error;
    if (consumer_config_read(&a, body, arena, &error) == 0) {
        struct buf text = {0};
        struct json_doc doc;
        struct json_writer w = json_writer(&text);
        consumer_config_write(&a, &w);
        assert(json_parse(&doc, buf_str(&text), arena, NULL) == 0);
        assert(consumer_config_read(&b, json_root(&doc), arena, &error) == 0);
        consumer_config_fini(&b);
        buf_fini(&text);
    }
    consumer_config_fini(&a);
}

static void read_alone(struct str body)
{
    struct arena arena = {0};
    struct json_doc doc;
    struct pull_terms terms;
    struct errmsg err;
    if (body.len == 0)
        return;
    pull_terms_read(&terms, body, &arena, &err);
    if (json_parse(&doc, body, &arena, NULL) == 0) {
        stream_there_and_back(json_root(&doc), &arena);
        consumer_there_and_back(json_root(&doc), &arena);
        consumer_there_and_back(json_get(json_root(&doc), "config"), &arena);
    }
    arena_fini(&arena);
}

/* ---- requests and messages ---- */

static void publish(struct str to, struct str headers, struct str payload)
{
    const struct msg msg = {.to = to,
                            .subject = to,
                            .reply = str_of("answer"),
                            .headers = headers,
                            .payload = payload};
    if (subject_valid_literal(to))
        route(server->account, NULL, &msg);
}

static void ask(struct str request, struct str body)
{
    struct buf subject = {0};
    buf_append_text(&subject, "$JS.API.");
    buf_append_str(&subject, request);
    publish(buf_str(&subject), str_make(NULL, 0), body);
    buf_fini(&subject);
    read_alone(body);
}

static void publish_with(struct str to, struct str header)
{
    struct buf block = {0};
    buf_append_text(&block, MSG_HEADERS_LINE);
    buf_append_str(&block, header);
    buf_append_text(&block, "\r\n\r\n");
    publish(to, buf_str(&block), header);
    buf_fini(&block);
}

static void play_line(struct str line)
{
    const char *space = line.len > 0 ? memchr(line.p, ' ', line.len) : NULL;
    size_t len = space != NULL ? (size_t)(space - line.p) : line.len;
    struct str word = str_make(line.p, len);
    struct str rest = space != NULL ? str_make(space + 1, line.len - len - 1)
                                    : str_make(NULL, 0);
    if (len == 0)
        return;
    struct str subject = str_make(word.p + 1, word.len - 1);
    if (word.p[0] == '!')
        publish(subject, str_make(NULL, 0), rest);
    else if (word.p[0] == '#')
        publish_with(subject, rest);
    else
        ask(word, rest);
}

static void turn(void)
{
    jetstream_turn(server->account->js);
    jetstream_stored(server->account->js);
    sublist_reap(server->account->subs);
}

static void delete_all(void)
{
    struct jetstream *js = server->account->js;
    while (js->streams != NULL)
        jetstream_stream_delete(js->streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str left = str_make((const char *)data, size);
    for (int i = 0; i < LINES_MAX && left.len > 0; i++) {
        const char *end = memchr(left.p, '\n', left.len);
        size_t len = end != NULL ? (size_t)(end - left.p) : left.len;
        play_line(str_make(left.p, len));
        turn();
        len += end != NULL;
        left = str_make(left.p + len, left.len - len);
    }
    server->now_ns += LEAP_NS;
    timers_run(&server->timers, server->now_ns);
    turn();
    delete_all();
    turn();
    return 0;
}
