/* ws_upgrade: who may come in over WebSocket, and on which terms. */
#include "tests/unit/test.h"

#include "broker/net/ws_upgrade.h"

#define ASK                                           \
    "GET / HTTP/1.1\r\nHost: broker.example:8443\r\n" \
    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY                                           \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "Sec-WebSocket-Version: 13\r\n"

static struct websocket_config config;
static struct ws_terms terms;

static int ask(const char *request)
{
    struct buf answer = {0};
    terms = (struct ws_terms){0};
    int status = ws_upgrade(str_of(request), &config, true, &terms, &answer);
    char start[32];
    snprintf(start, sizeof(start), "HTTP/1.1 %d ", status);
    assert_true(str_has_prefix(buf_str(&answer), str_of(start)));
    if (status == 101) /* the RFC's own example */
        assert_non_null(
            strstr(buf_text(&answer), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    buf_fini(&answer);
    return status;
}

static void a_whole_request_is_accepted(void **state)
{
    (void)state;
    config = (struct websocket_config){0};
    assert_int_equal(ask(ASK KEY "\r\n"), 101);
    assert_false(terms.deflate || terms.browser);
    assert_int_equal(ask(ASK KEY "User-Agent: Mozilla/5.0\r\n\r\n"), 101);
    assert_true(terms.browser);
}

static void what_is_missing_is_refused(void **state)
{
    (void)state;
    config = (struct websocket_config){0};
    assert_int_equal(ask(ASK "\r\n"), 400);
    assert_int_equal(ask("POST" KEY "\r\n"), 400);
    assert_int_equal(
        ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" KEY "\r\n"),
        405);
    assert_int_equal(ask("GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
                         "Connection: upgrade\r\n" KEY "\r\n"),
                     400);
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: x\r\n"
                         "Connection: upgrade\r\n" KEY "\r\n"),
                     400);
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: x\r\n"
                         "Upgrade: websocket\r\n" KEY "\r\n"),
                     400);
}

static void origins_are_compared_by_host_and_port(void **state)
{
    (void)state;
    config = (struct websocket_config){.same_origin = true};
    assert_int_equal(ask(ASK KEY "\r\n"), 101);
    assert_int_equal(ask(ASK KEY "Origin: https://Broker.example:8443\r\n\r\n"),
                     101);
    assert_int_equal(ask(ASK KEY "Origin: https://broker.example\r\n\r\n"),
                     403);
    assert_int_equal(ask(ASK KEY "Origin: null\r\n\r\n"), 403);
    config = (struct websocket_config){
        .allowed_origins = {"https://app.example", "http://localhost:8080"}};
    assert_int_equal(ask(ASK KEY "Origin: https://app.example:443\r\n\r\n"),
                     101);
    assert_int_equal(ask(ASK KEY "Origin: http://localhost:8080\r\n\r\n"), 101);
    assert_int_equal(ask(ASK KEY "Origin: http://app.example\r\n\r\n"), 403);
    assert_int_equal(ask(ASK KEY "Origin: http://localhost\r\n\r\n"), 403);
}

static bool deflates(const char *request)
{
    assert_int_equal(ask(request), 101);
    return terms.deflate;
}

#define EXTENSION(text) ASK KEY "Sec-WebSocket-Extensions: " text "\r\n\r\n"

static void compression_is_agreed_upon_where_it_can_be(void **state)
{
    (void)state;
    config = (struct websocket_config){.compression = true};
    assert_true(deflates(EXTENSION("permessage-deflate")));
    assert_true(
        deflates(EXTENSION("permessage-deflate; client_max_window_bits")));
    assert_false(
        deflates(EXTENSION("permessage-deflate; server_max_window_bits=9")));
    assert_true(deflates(EXTENSION(
        "permessage-deflate; server_max_window_bits=9, permessage-deflate")));
    assert_false(deflates(EXTENSION("x-webkit-deflate-frame")));
    config.compression = false;
    assert_false(deflates(EXTENSION("permessage-deflate")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_request_is_accepted),
        cmocka_unit_test(what_is_missing_is_refused),
        cmocka_unit_test(origins_are_compared_by_host_and_port),
        cmocka_unit_test(compression_is_agreed_upon_where_it_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
