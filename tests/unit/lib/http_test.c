/* The server, asked over real sockets. It runs in a thread of its own; each
 * test has a fresh one on a free port. All is tested on each of its loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/health.h"
#include "lib/http.h"
#include "lib/mem.h"

#define HOST    "Host: h\r\n"
#define WAIT_MS 20000 /* for what must happen; a test that works waits less */

/* ---- the server under test ---- */

struct fixture {
    struct http_server *server;
    struct http_request *kept; /* by handle_keep, until the test lets go */
    sem_t reached;             /* posted when something was reached */
    bool gone;                 /* what http_gone said when it was answered */
    int observed_status;
};

static void handle_hello(struct http_request *req, void *arg)
{
    (void)arg;
    struct buf body = {0};
    buf_append_text(&body, "hello");
    http_reply(req, 200, HTTP_TEXT, &body);
}

/* Answers with the parameter, a query parameter, a header and the body. */
static void handle_echo(struct http_request *req, void *arg)
{
    (void)arg;
    struct buf body = {0};
    struct str q = str_of("none");
    http_query(req, "q", &q);
    buf_printf(&body, "[%.*s][%.*s][%.*s][%.*s]",
               STR_ARG(http_param(req, "id")), STR_ARG(q),
               STR_ARG(http_header(req, "x-thing")), STR_ARG(http_body(req)));
    http_reply_header(req, "X-Answer", "42");
    http_reply(req, 200, HTTP_TEXT, &body);
}

static void handle_large(struct http_request *req, void *arg)
{
    (void)arg;
    struct buf body = {0};
    int64_t size = 0;
    str_to_i64(http_param(req, "size"), &size);
    memset(buf_reserve(&body, (size_t)size), 'x', (size_t)size);
    body.len = (size_t)size;
    http_reply(req, 200, HTTP_TEXT, &body);
}

static void handle_keep(struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    f->kept = req;
    sem_post(&f->reached);
}

/* On the loop: answers what handle_keep kept. */
static void answer_kept(void *arg)
{
    struct fixture *f = arg;
    struct buf body = {0};
    buf_append_text(&body, "kept");
    f->gone = http_gone(f->kept);
    http_reply(f->kept, 200, HTTP_TEXT, &body);
    f->kept = NULL;
    sem_post(&f->reached);
}

/* Answers what handle_await kept, whose client has left. */
static void answer_gone(void *arg)
{
    struct fixture *f = arg;
    http_reply_problem(f->kept, 400, NULL, "too late");
    f->kept = NULL;
    sem_post(&f->reached);
}

static void handle_await(struct http_request *req, void *arg)
{
    http_on_gone(req, answer_gone, arg);
    handle_keep(req, arg);
}

static void set_timer(void *timer)
{
    http_timer_set(timer, 300 * NS_PER_MS);
}

static void observe(const struct http_route *route, int status,
                    int64_t elapsed_ns, void *arg)
{
    (void)route;
    struct fixture *f = arg;
    f->observed_status = elapsed_ns >= 0 ? status : -1;
}

static void wait_reached(struct fixture *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    assert_int_equal(sem_timedwait(&f->reached, &until), 0);
}

static struct http_route routes[] = {
    {"GET", "/hello", handle_hello, NULL},
    {"GET", "/echo/{id}/x", handle_echo, NULL},
    {"POST", "/echo/{id}/x", handle_echo, NULL},
    {"GET", "/large/{size}", handle_large, NULL},
    {"GET", "/keep", handle_keep, NULL},
    {"GET", "/rest/{id...}", handle_echo, NULL},
    {"GET", "/await", handle_await, NULL},
    {.method = NULL},
};

static const struct http_route *const tables[] = {routes, NULL};

static const struct http_loop *loop;

static struct fixture *fixture_start(struct http_config config)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    struct errmsg err;
    sem_init(&f->reached, 0, 0);
    routes[4].arg = routes[6].arg = f;
    config.host = "127.0.0.1";
    config.loop = loop;
    config.routes = tables;
    config.observe = observe;
    config.observe_arg = f;
    f->server = http_server_new(&config, &err);
    assert_non_null(f->server);
    assert_int_equal(http_server_start(f->server, &err), 0);
    return f;
}

static void fixture_stop(struct fixture *f)
{
    http_server_stop(f->server);
    http_server_free(&f->server);
    sem_destroy(&f->reached);
    free(f);
}

/* ---- a client ---- */

static int dial(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)http_server_port(f->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Reads more; false at the end of the stream. */
static bool hear(int fd, struct buf *in)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
    ssize_t n = recv(fd, buf_reserve(in, 65536), 65536, 0);
    in->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void hear_all(int fd, struct buf *in)
{
    while (hear(fd, in))
        ;
    buf_text(in);
    close(fd);
}

/* What the server says to text until it closes; the caller frees. */
static char *ask(const struct fixture *f, const char *text)
{
    struct buf in = {0};
    int fd = dial(f);
    say(fd, text);
    hear_all(fd, &in);
    return in.data;
}

static void assert_answer(const struct fixture *f, const char *text,
                          const char *const *parts)
{
    char *answer = ask(f, text);
    for (; *parts != NULL; parts++)
        if (strstr(answer, *parts) == NULL)
            fail_msg("no \"%s\" in:\n%s", *parts, answer);
    free(answer);
}

#define ANSWERS(f, text, ...) \
    assert_answer((f), (text), (const char *const[]){__VA_ARGS__, NULL})

static int count_of(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

/* ---- requests and replies ---- */

static void handler_sees_the_request(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    ANSWERS(f,
            "GET /echo/a%2Fb/x?q=1+2%26 HTTP/1.1\r\n" HOST
            "x-THING: t\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\n", "\r\n\r\n[a/b][1 2&][t][]",
            "X-Answer: 42\r\n", "Connection: close\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n", "Date: ");
    assert_int_equal(f->observed_status, 200);
    ANSWERS(f, "GET /hello HTTP/1.0\r\n\r\n", "\r\n\r\nhello");
    fixture_stop(f);
}

static void rest_of_the_path_is_a_parameter(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    ANSWERS(f, "GET /rest/a/b%20c/ HTTP/1.0\r\n\r\n",
            "\r\n\r\n[a/b c/][none][][]");
    ANSWERS(f, "GET /rest/ HTTP/1.0\r\n\r\n", "\r\n\r\n[][none][][]");
    ANSWERS(f, "GET /rest HTTP/1.0\r\n\r\n", "HTTP/1.1 404 ");
    ANSWERS(f, "GET /rest/a%2Fb HTTP/1.0\r\n\r\n", "HTTP/1.1 404 ");
    fixture_stop(f);
}

static void body_arrives_in_pieces(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = dial(f);
    say(fd, "POST /echo/1/x HTTP/1.1\r\n" HOST "Connection: close\r\n");
    say(fd, "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    hear(fd, &in);
    assert_non_null(strstr(buf_text(&in), "HTTP/1.1 100 Continue\r\n\r\n"));
    say(fd, "abc");
    say(fd, "def");
    hear_all(fd, &in);
    assert_non_null(strstr(in.data, "[1][none][][abcdef]"));
    buf_fini(&in);
    fixture_stop(f);
}

static void chunked_body_arrives_in_pieces(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = dial(f);
    say(fd, "POST /echo/1/x HTTP/1.1\r\n" HOST "Connection: close\r\n");
    say(fd, "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    hear(fd, &in);
    assert_non_null(strstr(buf_text(&in), "HTTP/1.1 100 Continue\r\n\r\n"));
    say(fd, "3\r\nab");
    say(fd, "c\r\n3;x=y\r\ndef\r\n0\r\nTrailer: z\r\n\r\n");
    hear_all(fd, &in);
    assert_non_null(strstr(in.data, "[1][none][][abcdef]"));
    buf_fini(&in);
    fixture_stop(f);
}

static void head_has_no_body(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    char *answer = ask(f, "HEAD /hello HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(answer, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    free(answer);
    fixture_stop(f);
}

static void problems_are_answered(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){.body_max = 10});
    static const struct {
        const char *text, *status, *part;
    } cases[] = {
        {"GET /none HTTP/1.0\r\n\r\n", "404 Not Found",
         "\"instance\":\"/none\""},
        {"GET /hello/ HTTP/1.0\r\n\r\n", "404 Not Found", "\"status\":404"},
        {"GET * HTTP/1.0\r\n\r\n", "404 Not Found", "\"status\":404"},
        {"POST /hello HTTP/1.0\r\n\r\n", "405 Method Not Allowed",
         "Allow: GET, HEAD\r\n"},
        {"BREW /echo/1/x HTTP/1.0\r\n\r\n", "405 Method Not Allowed",
         "Allow: GET, HEAD, POST\r\n"},
        {"GET /echo/%zz/x HTTP/1.0\r\n\r\n", "400 Bad Request",
         "\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400"},
        {"GET /hello?a=%ff HTTP/1.0\r\n\r\n", "400 Bad Request", "UTF-8"},
        {"nonsense\r\n\r\n", "400 Bad Request", "request line"},
        {"POST /echo/1/x HTTP/1.0\r\nContent-Length: 11\r\n\r\nabcdefghijk",
         "413 Content Too Large", "Connection: close\r\n"},
        {"POST /echo/1/x HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
         "400 Bad Request", "chunks are malformed"},
        {"POST /echo/1/x HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde",
         "413 Content Too Large", "Connection: close\r\n"},
        {"GET / HTTP/3.0\r\n\r\n", "505 HTTP Version", "\"status\":505"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ANSWERS(f, cases[i].text, cases[i].status, cases[i].part,
                "Content-Type: application/problem+json\r\n");
    fixture_stop(f);
}

static void large_heads_are_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf text = {0};
    buf_append_text(&text, "GET /");
    memset(buf_reserve(&text, 20000), 'a', 20000);
    text.len += 20000;
    ANSWERS(f, buf_text(&text), "414 URI Too Long");
    buf_reset(&text);
    buf_append_text(&text, "GET / HTTP/1.1\r\nX: ");
    memset(buf_reserve(&text, 20000), 'a', 20000);
    text.len += 20000;
    ANSWERS(f, buf_text(&text), "431 Request Header Fields Too Large");
    buf_fini(&text);
    fixture_stop(f);
}

static void request_id_is_echoed_or_made(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    ANSWERS(f, "GET /hello HTTP/1.0\r\nX-Request-Id: a-B.9_\r\n\r\n",
            "X-Request-Id: a-B.9_\r\n");
    char *answer = ask(f, "GET /hello HTTP/1.0\r\nX-Request-Id: a b\r\n\r\n");
    const char *id = strstr(answer, "X-Request-Id: ");
    assert_non_null(id);
    assert_int_equal(strcspn(id + 14, "\r"), 26);
    free(answer);
    fixture_stop(f);
}

static void preflight_is_answered_with_cors(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){.cors = true});
    ANSWERS(f, "OPTIONS /hello HTTP/1.0\r\n\r\n", "204 No Content",
            "Access-Control-Allow-Origin: *\r\n",
            "Access-Control-Allow-Methods: GET, HEAD\r\n");
    ANSWERS(f, "GET /hello HTTP/1.0\r\n\r\n",
            "Access-Control-Allow-Origin: *\r\n");
    fixture_stop(f);
    f = fixture_start((struct http_config){0});
    ANSWERS(f, "OPTIONS /hello HTTP/1.0\r\n\r\n", "405 Method Not Allowed");
    fixture_stop(f);
}

/* ---- connections ---- */

static void connection_serves_many_requests(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = dial(f);
    for (int i = 1; i <= 3; i++) {
        say(fd, "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
        while (count_of(buf_text(&in), "hello") < i)
            assert_true(hear(fd, &in));
    }
    assert_null(strstr(in.data, "Connection: close"));
    close(fd);
    buf_fini(&in);
    fixture_stop(f);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = dial(f);
    say(fd, "GET /echo/1/x HTTP/1.1\r\n" HOST "\r\n"
            "GET /keep HTTP/1.1\r\n" HOST "\r\n"
            "POST /echo/3/x HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
            "GET /echo/4/x HTTP/1.0\r\n\r\n");
    wait_reached(f);
    http_server_post(f->server, answer_kept, f);
    hear_all(fd, &in);
    const char *first = strstr(in.data, "[1]");
    const char *second = strstr(in.data, "kept");
    const char *third = strstr(in.data, "[3][none][][hi]");
    const char *fourth = strstr(in.data, "[4]");
    assert_true(first != NULL && first < second && second < third &&
                third < fourth);
    buf_fini(&in);
    fixture_stop(f);
}

/* More than the sockets' buffers hold, to a client that reads late. */
static void large_replies_are_written_in_parts(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = dial(f);
    say(fd, "GET /large/30000000 HTTP/1.1\r\n" HOST "\r\n"
            "GET /large/70000 HTTP/1.0\r\n\r\n");
    ANSWERS(f, "GET /hello HTTP/1.0\r\n\r\n", "hello");
    hear_all(fd, &in);
    assert_int_equal(count_of(in.data, "HTTP/1.1 200 OK"), 2);
    size_t x = 0;
    for (size_t i = 0; i < in.len; i++)
        x += in.data[i] == 'x';
    assert_in_range(x, 30070000, 30070008); /* the heads have a few more */
    buf_fini(&in);
    fixture_stop(f);
}

static void client_that_left_is_noticed(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    int fd = dial(f);
    say(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    wait_reached(f);
    close(fd);
    http_server_post(f->server, answer_kept, f);
    wait_reached(f);
    assert_true(f->gone);
    fd = dial(f);
    say(fd, "GET /keep HTTP/1.0\r\n\r\n");
    wait_reached(f);
    http_server_post(f->server, answer_kept, f);
    wait_reached(f);
    assert_false(f->gone);
    close(fd);
    fixture_stop(f);
}

/* A reset is heard of while the handler has the request: the reply must find
 * nobody, and nothing may be lost or freed twice. */
static void client_may_reset_while_it_waits(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    int fd = dial(f);
    say(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    wait_reached(f);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    ANSWERS(f, "GET /hello HTTP/1.0\r\n\r\n", "hello");
    http_server_post(f->server, answer_kept, f);
    wait_reached(f);
    assert_true(f->gone);
    fixture_stop(f);
}

static int ask_and_wait(struct fixture *f, const char *request)
{
    int fd = dial(f);
    say(fd, request);
    wait_reached(f);
    return fd;
}

static void handler_hears_that_the_client_left(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    const char *await = "GET /await HTTP/1.1\r\n" HOST "\r\n";
    close(ask_and_wait(f, await)); /* an end … */
    wait_reached(f);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int fd = ask_and_wait(f, await); /* … a reset … */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    wait_reached(f);
    fd = ask_and_wait(f, await); /* … and the end of one side */
    shutdown(fd, SHUT_WR);
    wait_reached(f);
    hear_all(fd, &in);
    assert_int_equal(count_of(in.data, "too late"), 1);
    buf_fini(&in);
    fixture_stop(f);
}

/* Nor of a request before, on the same connection. */
static void handler_hears_of_no_end_behind_its_reply(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int fd = ask_and_wait(f, "GET /await HTTP/1.1\r\n" HOST "\r\n");
    http_server_post(f->server, answer_kept, f);
    wait_reached(f);
    assert_false(f->gone);
    assert_true(hear(fd, &in));
    say(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    wait_reached(f);
    close(fd);
    ANSWERS(f, "GET /hello HTTP/1.0\r\n\r\n", "hello");
    assert_non_null(f->kept);
    http_server_post(f->server, answer_kept, f);
    wait_reached(f);
    assert_true(f->gone);
    buf_fini(&in);
    fixture_stop(f);
}

static void clients_beyond_the_limit_wait(void **state)
{
    (void)state;
    struct fixture *f =
        fixture_start((struct http_config){.connections_max = 1});
    struct buf in = {0};
    int first = dial(f);
    say(first, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    assert_true(hear(first, &in));
    int second = dial(f);
    say(second, "GET /hello HTTP/1.0\r\n\r\n");
    struct pollfd ready = {.fd = second, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 100), 0);
    close(first);
    hear_all(second, &in);
    assert_int_equal(count_of(in.data, "hello"), 2);
    buf_fini(&in);
    fixture_stop(f);
}

/* ---- the server's end ---- */

static void stop_waits_for_the_reply(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct buf in = {0};
    int idle = dial(f), fd = dial(f);
    say(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    wait_reached(f);
    struct http_timer *timer = http_timer_new(f->server, answer_kept, f);
    http_server_post(f->server, set_timer, timer);
    http_server_stop(f->server);
    hear_all(fd, &in);
    assert_non_null(strstr(in.data, "Connection: close"));
    assert_non_null(strstr(in.data, "kept"));
    close(idle);
    buf_fini(&in);
    http_timer_free(&timer);
    fixture_stop(f);
}

static void stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    int fd = dial(f);
    say(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    wait_reached(f);
    int64_t started = clock_mono_ns();
    http_server_stop(f->server);
    int64_t took = clock_mono_ns() - started;
    assert_in_range(took, NS_PER_S, 10 * NS_PER_S);
    answer_kept(f);
    close(fd);
    fixture_stop(f);
}

static void port_in_use_is_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    struct errmsg err;
    struct http_config config = {.host = "127.0.0.1",
                                 .port = http_server_port(f->server),
                                 .routes = tables};
    assert_null(http_server_new(&config, &err));
    char expected[64];
    snprintf(expected, sizeof expected, "port %d is in use on 127.0.0.1",
             config.port);
    assert_non_null(strstr(err.text, expected));
    fixture_stop(f);
}

/* ---- what else runs on the loop ---- */

struct pipe_watch {
    struct fixture *f;
    struct http_watch *watch;
    int seen;
};

static void pipe_readable(int fd, int events, void *arg)
{
    struct pipe_watch *p = arg;
    char byte;
    if ((events & HTTP_READABLE) && read(fd, &byte, 1) == 1)
        p->seen++;
    else
        http_watch_free(&p->watch);
    sem_post(&p->f->reached);
}

static void watch_open(void *arg)
{
    struct pipe_watch *p = arg;
    p->seen++;
    sem_post(&p->f->reached);
}

static void watch_is_called_while_ready(void **state)
{
    (void)state;
    struct fixture *f = fixture_start((struct http_config){0});
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct pipe_watch p = {.f = f};
    p.watch =
        http_watch_new(f->server, ends[0], HTTP_READABLE, pipe_readable, &p);
    assert_non_null(p.watch);
    assert_int_equal(write(ends[1], "ab", 2), 2);
    wait_reached(f);
    wait_reached(f);
    close(ends[1]);
    wait_reached(f);
    assert_null(p.watch);
    assert_int_equal(p.seen, 2);
    http_server_post(f->server, watch_open, &p);
    wait_reached(f);
    assert_int_equal(p.seen, 3);
    close(ends[0]);
    fixture_stop(f);
}

static bool well(void *arg, struct errmsg *why)
{
    errmsg_set(why, 0, "it is \"down\"");
    return *(bool *)arg;
}

static void health_tells_what_is_wrong(void **state)
{
    (void)state;
    struct fixture *f = mem_zalloc(sizeof *f);
    bool up = true;
    const struct health_check checks[] = {{"thing", well, &up}, {.name = NULL}};
    struct statistic stats[] = {
        {.name = "test_total", .help = "Tests.", .type = STAT_COUNTER},
        {.name = NULL}};
    struct health health = {
        .service = "tester", .checks = checks, .stats = stats};
    const struct http_route *const own[] = {health_routes(&health), NULL};
    struct http_config config = {.host = "127.0.0.1", .routes = own};
    struct errmsg err;
    f->server = http_server_new(&config, &err);
    assert_int_equal(http_server_start(f->server, &err), 0);
    stat_add(&stats[0], 7);
    ANSWERS(f, "GET /health HTTP/1.0\r\n\r\n", "200 OK",
            "\"service\":\"tester\"");
    ANSWERS(f, "GET /ready HTTP/1.0\r\n\r\n", "200 OK", "\"status\":\"ready\"",
            "\"checks\":{\"thing\":\"ok\"}}");
    ANSWERS(f, "GET /metrics HTTP/1.0\r\n\r\n", "\ntest_total 7\n",
            "version=0.0.4");
    up = false;
    ANSWERS(f, "GET /ready HTTP/1.0\r\n\r\n", "503 Service Unavailable",
            "\"checks\":{\"thing\":\"it is \\\"down\\\"\"}}");
    http_server_stop(f->server);
    http_server_free(&f->server);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handler_sees_the_request),
        cmocka_unit_test(rest_of_the_path_is_a_parameter),
        cmocka_unit_test(body_arrives_in_pieces),
        cmocka_unit_test(chunked_body_arrives_in_pieces),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(problems_are_answered),
        cmocka_unit_test(large_heads_are_refused),
        cmocka_unit_test(request_id_is_echoed_or_made),
        cmocka_unit_test(preflight_is_answered_with_cors),
        cmocka_unit_test(connection_serves_many_requests),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(large_replies_are_written_in_parts),
        cmocka_unit_test(client_that_left_is_noticed),
        cmocka_unit_test(client_may_reset_while_it_waits),
        cmocka_unit_test(handler_hears_that_the_client_left),
        cmocka_unit_test(handler_hears_of_no_end_behind_its_reply),
        cmocka_unit_test(clients_beyond_the_limit_wait),
        cmocka_unit_test(stop_waits_for_the_reply),
        cmocka_unit_test(stop_does_not_wait_for_ever),
        cmocka_unit_test(port_in_use_is_told),
        cmocka_unit_test(watch_is_called_while_ready),
        cmocka_unit_test(health_tells_what_is_wrong),
    };
    loop = &http_loop_poll;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    loop = &http_loop_uv;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
