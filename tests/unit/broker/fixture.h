/* fixture: a broker that serves nobody, its loop turned by the test, and a
 * listener that keeps what it hears. */
#ifndef NEXUS_TEST_BROKER_FIXTURE_H
#define NEXUS_TEST_BROKER_FIXTURE_H

#include "tests/unit/test.h"

#include <ftw.h>

#include "broker/jetstream/jetstream.h"
#include "broker/route.h"
#include "broker/server.h"
#include "lib/log.h"

#define HEARD_MAX 512

struct heard {
    char to[128], subject[128], reply[128], headers[256], payload[2048];
};

static struct server *server;
static char store_dir[64];
static struct heard heard[HEARD_MAX];
static size_t heard_count;

static inline void keep_text(char *room, size_t size, struct str text)
{
    size_t n = text.len < size ? text.len : size - 1;
    if (n > 0)
        memcpy(room, text.p, n);
    room[n] = '\0';
}

static inline void listener(struct sub *sub, struct conn *from,
                            const struct msg *msg)
{
    (void)sub;
    (void)from;
    assert_true(heard_count < HEARD_MAX);
    struct heard *h = &heard[heard_count++];
    keep_text(h->to, sizeof(h->to), msg->to);
    keep_text(h->subject, sizeof(h->subject), msg->subject);
    keep_text(h->reply, sizeof(h->reply), msg->reply);
    keep_text(h->headers, sizeof(h->headers), msg->headers);
    keep_text(h->payload, sizeof(h->payload), msg->payload);
}

/* Keeps what is sent to a subject, from now on. */
static inline struct sub *listen_to(const char *subject)
{
    struct sub *sub = sub_new(NULL, str_of(subject), str_of(""), str_of(""));
    sub->handle = listener;
    sublist_insert(server->account->subs, sub);
    return sub;
}

static inline void open_server(void)
{
    struct errmsg err = {0};
    const struct server_config config = {.addr = "127.0.0.1",
                                         .payload_max = 1 << 20,
                                         .control_line_max = 4096,
                                         .pending_max = 64 << 20,
                                         .connections_max = 100,
                                         .ping_interval_ns = NS_PER_S,
                                         .ping_max = 2,
                                         .auth_timeout_ns = NS_PER_S,
                                         .write_deadline_ns = NS_PER_S,
                                         .jetstream = true,
                                         .js = {.store_dir = store_dir}};
    server = server_new(&config, &err);
    if (server == NULL)
        fail_msg("%s", err.text);
}

static inline int broker_setup(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR + 1, LOG_LOGFMT);
    strcpy(store_dir, "/tmp/nexus-broker-test.XXXXXX");
    assert_non_null(mkdtemp(store_dir));
    heard_count = 0;
    open_server();
    return 0;
}

/* The listener's subscriptions go with the server's list. */
static inline void close_server(struct sub **subs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sublist_remove(server->account->subs, subs[i]);
    server_free(&server);
}

static inline int remove_one(const char *path, const struct stat *st, int type,
                             struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int broker_teardown(void **state)
{
    (void)state;
    nftw(store_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* Lets the disk catch up and everything be sent. */
static inline void turn_loop(void)
{
    jetstream_turn(server->account->js);
    while (!jetstream_settled(server->account->js)) {
        usleep(1000);
        jetstream_stored(server->account->js);
        jetstream_turn(server->account->js);
    }
    jetstream_stored(server->account->js);
    do
        jetstream_turn(server->account->js);
    while (jetstream_busy(server->account->js));
    sublist_reap(server->account->subs);
}

/* The same ns later. */
static inline void pass_time(int64_t ns)
{
    server->now_ns += ns;
    timers_run(&server->timers, server->now_ns);
    turn_loop();
}

static inline void publish_with(const char *to, const char *reply,
                                const char *headers, const char *payload)
{
    struct msg msg = {.to = str_of(to),
                      .subject = str_of(to),
                      .reply = str_of(reply),
                      .headers = str_of(headers),
                      .payload = str_of(payload)};
    route(server->account, NULL, &msg);
}

/* What the broker has sent to listeners arrives. */
static inline void hand_over(void)
{
    while (!mailbox_empty(&server->account->mailbox))
        route_mailbox(server->account);
}

static inline void publish(const char *to, const char *payload)
{
    publish_with(to, "", "", payload);
}

/* What was heard last on `to`; it must be there. */
static inline const struct heard *last_heard(const char *to)
{
    for (size_t i = heard_count; i > 0; i--) {
        if (strcmp(heard[i - 1].to, to) == 0)
            return &heard[i - 1];
    }
    fail_msg("nothing was heard on %s", to);
    return NULL;
}

static inline size_t heard_on(const char *to)
{
    size_t count = 0;
    for (size_t i = 0; i < heard_count; i++)
        count += strcmp(heard[i].to, to) == 0;
    return count;
}

/* One request to the API, and its answer. Somebody listens on "api". */
static inline const char *api(const char *request, const char *body)
{
    char subject[256];
    snprintf(subject, sizeof(subject), "$JS.API.%s", request);
    publish_with(subject, "api", "", body);
    hand_over();
    return last_heard("api")->payload;
}

static inline struct stream *stream_named(const char *name)
{
    struct stream *stream = jetstream_stream(server->account->js, str_of(name));
    assert_non_null(stream);
    return stream;
}

#endif
