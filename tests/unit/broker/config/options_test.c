/* options: what a configuration file makes of the broker's settings. */
#include "tests/unit/test.h"

#include "broker/config/options.h"
#include "broker/config/reader.h"
#include "lib/clock.h"

#define NKEY "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

static struct options options;
static struct errmsg err;

static int teardown(void **state)
{
    (void)state;
    options_fini(&options);
    return 0;
}

static int try_to(const char *text)
{
    options_fini(&options);
    int rc = options_read_text(&options, str_of(text), "x.conf", &err);
    return rc == 0 ? options_finish(&options, &err) : rc;
}

static void configure(const char *text)
{
    if (try_to(text) != 0)
        fail_msg("%s", err.text);
}

static void assert_refused(const char *text, const char *message)
{
    assert_int_not_equal(try_to(text), 0);
    assert_string_equal(err.text, message);
}

static const struct auth_user *user_named(const char *name)
{
    const struct auth_user *user =
        auth_user(&options.server.auth, str_of(name));
    if (user == NULL)
        fail_msg("there is no user %s", name);
    return user;
}

static void general_settings(void **state)
{
    (void)state;
    configure("listen: 127.0.0.1:4333\nhttp: \"0.0.0.0:8223\"\n"
              "server_name: one\nmax_payload: 8mb\nmax_control_line: 8kb\n"
              "max_pending: 128MiB\nmax_connections: 10\nmax_subs: 7\n"
              "ping_interval: \"30s\"\nping_max: 3\nwrite_deadline: \"1m30s\"\n"
              "lame_duck_duration: 1m\nlame_duck_grace_period: 5\n"
              "pid_file: /p\nlogfile: /l\ndebug: true\nlogtime: off\n"
              "prof_port: 1\nallow_non_tls: true\n");
    const struct server_config *c = &options.server;
    assert_string_equal(c->addr, "127.0.0.1");
    assert_int_equal(c->port, 4333);
    assert_string_equal(options.http_addr, "0.0.0.0");
    assert_int_equal(options.http_port, 8223);
    assert_string_equal(c->name, "one");
    assert_int_equal(c->payload_max, 8 << 20);
    assert_int_equal(c->control_line_max, 8192);
    assert_int_equal(c->pending_max, 128 << 20);
    assert_int_equal(c->connections_max, 10);
    assert_int_equal(c->subs_max, 7);
    assert_int_equal(c->ping_interval_ns, 30 * NS_PER_S);
    assert_int_equal(c->ping_max, 3);
    assert_int_equal(c->write_deadline_ns, 90 * NS_PER_S);
    assert_int_equal(c->lame_duck_ns, 60 * NS_PER_S);
    assert_int_equal(c->lame_duck_grace_ns, 5 * NS_PER_S);
    assert_string_equal(options.pid_file, "/p");
    assert_string_equal(options.log_file, "/l");
    assert_true(options.debug);
    assert_true(c->tls.allow_non_tls);
    assert_false(c->tls.on);
}

static void names_in_any_case_and_variables(void **state)
{
    (void)state;
    configure("P: 4444\nPort: $P\nHTTP_Port = 1");
    assert_int_equal(options.server.port, 4444);
    assert_int_equal(options.http_port, 1);
    assert_refused("P: 4444\nport: 1", "x.conf:1:1: unknown key \"P\"");
}

static void streams(void **state)
{
    (void)state;
    configure("jetstream: enabled");
    assert_true(options.server.jetstream);
    configure("jetstream: off");
    assert_false(options.server.jetstream);
    configure("jetstream { store_dir: /d, max_mem: 1gb, max_file: 2G, domain: "
              "hub, sync_interval: always }");
    const struct jetstream_config *js = &options.server.js;
    assert_true(options.server.jetstream);
    assert_string_equal(js->store_dir, "/d");
    assert_int_equal(js->max_memory, 1 << 30);
    assert_int_equal(js->max_storage, 2000000000);
    assert_string_equal(js->domain, "hub");
    assert_int_equal(js->sync, STORE_SYNC_ALWAYS);
    configure("store_dir: /e\njetstream { sync_interval: \"2s\" }");
    assert_string_equal(js->store_dir, "/e");
    assert_int_equal(js->sync, STORE_SYNC_RELAXED);
    assert_int_equal(js->sync_interval_ns, 2 * NS_PER_S);
}

static void remotes(void **state)
{
    (void)state;
    configure("jetstream { remotes: [ {domain: HUB, url: \"nats://h:1\", "
              "user: u, password: p}, {domain: E, url: \"tls://e\", token: t, "
              "tls { ca_file: /ca }} ] }");
    const struct jetstream_config *js = &options.server.js;
    assert_int_equal(js->remote_count, 2);
    assert_string_equal(js->remotes[0].domain, "HUB");
    assert_string_equal(js->remotes[0].url, "nats://h:1");
    assert_string_equal(js->remotes[0].user, "u");
    assert_string_equal(js->remotes[0].pass, "p");
    assert_string_equal(js->remotes[1].token, "t");
    assert_string_equal(js->remotes[1].ca_file, "/ca");
    assert_refused("jetstream { remotes: [ {domain: HUB} ] }",
                   "x.conf:1:24: a remote needs a domain and a url");
    assert_refused(
        "jetstream { remotes: [ {domain: H, url: \"nats://h:x\"} ] }",
        "x.conf:1:24: the URL's port is not a number from 1 to "
        "65535");
}

static void tls_and_websocket(void **state)
{
    (void)state;
    configure("tls { cert_file: c, key_file: k, ca_file: a, verify: true, "
              "timeout: 0.5, handshake_first: \"100ms\", min_version: \"1.3\", "
              "cipher_suites: [\"A\", \"B\"] }\n"
              "websocket { port: 8080, host: h, tls { cert_file: c2, key_file: "
              "k2, verify_and_map: true }, compression: true, same_origin: "
              "true, allowed_origins: \"https://a\" }");
    const struct tls_config *tls = &options.server.tls;
    assert_true(tls->on && tls->verify && tls->handshake_first);
    assert_string_equal(tls->cert_file, "c");
    assert_int_equal(tls->timeout_ns, NS_PER_S / 2);
    assert_int_equal(tls->first_wait_ns, NS_PER_S / 10);
    assert_string_equal(tls->cipher_suites[1], "B");
    assert_null(tls->cipher_suites[2]);
    const struct websocket_config *ws = &options.server.websocket;
    assert_true(ws->on && ws->tls.on && ws->tls.verify_and_map);
    assert_int_equal(ws->port, 8080);
    assert_string_equal(ws->addr, "h");
    assert_string_equal(ws->allowed_origins[0], "https://a");
    configure("tls { cert_file: c, key_file: k, handshake_first: auto }");
    assert_int_equal(tls->first_wait_ns, TLS_FIRST_AUTO_MS * NS_PER_MS);
}

static void one_user_or_token(void **state)
{
    (void)state;
    configure("authorization { user: u, password: p, timeout: 3 }");
    assert_string_equal(user_named("u")->password, "p");
    assert_int_equal(options.server.auth_timeout_ns, 3 * NS_PER_S);
    configure("authorization { token: \"t\", timeout: 0.25 }");
    assert_string_equal(options.server.auth.token, "t");
    assert_int_equal(options.server.auth_timeout_ns, NS_PER_S / 4);
}

static void users_and_permissions(void **state)
{
    (void)state;
    configure("authorization {\n"
              "  ADMIN = { publish: \">\", subscribe: \">\" }\n"
              "  default_permissions: { subscribe: [a, \"b.* q\"] }\n"
              "  users: [\n"
              "    { user: x, password: 1, permissions: $ADMIN }\n"
              "    { username: y, pass: $2a$04$abcdefg }\n"
              "    { nkey: " NKEY ", permissions: { publish: { allow: [p, q], "
              "deny: [r] }, allow_responses: { max: 5, expires: \"1m\" } },\n"
              "      allowed_connection_types: [WEBSOCKET] }\n"
              "    { user: z, permissions: { allow_responses: true } }\n"
              "  ]\n}\nno_auth_user: x");
    assert_string_equal(user_named("x")->password, "1");
    assert_str(user_named("x")->permissions->publish_allow.rules[0].subject,
               ">");
    assert_ptr_equal(options.server.auth.anybody, user_named("x"));
    assert_true(options.server.auth.has_nkeys);
    const struct permissions *p = user_named("y")->permissions;
    assert_int_equal(p->subscribe_allow.count, 2);
    assert_str(p->subscribe_allow.rules[1].subject, "b.*");
    assert_str(p->subscribe_allow.rules[1].queue, "q");
    assert_string_equal(user_named("y")->password, "$2a$04$abcdefg");
    p = user_named(NKEY)->permissions;
    assert_true(user_named(NKEY)->by_nkey);
    assert_int_equal(user_named(NKEY)->ways, AUTH_WEBSOCKET);
    assert_int_equal(p->publish_allow.count, 2);
    assert_int_equal(p->publish_deny.count, 1);
    assert_int_equal(p->responses_max, 5);
    assert_int_equal(p->responses_ns, 60 * NS_PER_S);
    p = user_named("z")->permissions;
    assert_true(p->publish_allow.set && p->publish_allow.count == 0);
    assert_int_equal(p->responses_max, 1);
}

static void accounts(void **state)
{
    (void)state;
    configure("accounts {\n"
              "  A { users: [{user: a, password: a}], jetstream: {max_mem: 1, "
              "max_file: 2, max_streams: 3, max_consumers: 4}\n"
              "      limits { max_conn: 5, max_subs: 6, max_payload: 7kb } }\n"
              "  B: { users: [{user: b, password: b}], default_permissions: "
              "{ publish: x } }\n"
              "  SYS: {}\n}\nsystem_account: SYS");
    const struct auth_config *auth = &options.server.auth;
    assert_int_equal(auth->account_count, 3);
    assert_string_equal(user_named("a")->account, "A");
    assert_string_equal(user_named("b")->account, "B");
    assert_non_null(user_named("b")->permissions);
    const struct account_limits *limits = &auth->accounts[0].limits;
    assert_true(auth->accounts[0].jetstream);
    assert_int_equal(limits->js_memory_max, 1);
    assert_int_equal(limits->js_file_max, 2);
    assert_int_equal(limits->js_streams_max, 3);
    assert_int_equal(limits->js_consumers_max, 4);
    assert_int_equal(limits->connections_max, 5);
    assert_int_equal(limits->subs_max, 6);
    assert_int_equal(limits->payload_max, 7 * 1024);
    assert_false(auth->accounts[1].jetstream);
    assert_int_equal(auth->accounts[1].limits.connections_max, -1);
}

static void flags_stand_for_all_users(void **state)
{
    (void)state;
    options_fini(&options);
    static const char text[] = "authorization { users: [{user: a}] }";
    assert_int_equal(options_read_text(&options, str_of(text), "x", &err), 0);
    options.user = "f";
    options.pass = "p";
    assert_int_equal(options_finish(&options, &err), 0);
    assert_string_equal(user_named("f")->password, "p");
    assert_null(auth_user(&options.server.auth, str_of("a")));
}

static void a_password_needs_its_user(void **state)
{
    (void)state;
    options_fini(&options);
    options.pass = "secret";
    assert_true(options_finish(&options, &err) != 0);
    assert_string_equal(err.text,
                        "pass: expected a user, too, whose password it is");
    options.pass = NULL;
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"\n nonsense: 3", "x.conf:2:2: unknown key \"nonsense\""},
        {"port: abc", "x.conf:1:1: \"port\" is a text: expected a number"},
        {"port: 70000", "x.conf:1:1: \"port\" is 70000: expected a number from "
                        "-1 to 65535"},
        {"listen: foo", "x.conf:1:1: \"listen\" is foo: expected host:port or "
                        "a port"},
        {"debug: 7", "x.conf:1:1: \"debug\" is a number: expected true or "
                     "false"},
        {"write_deadline: soon",
         "x.conf:1:1: \"write_deadline\" is soon: expected a duration such as "
         "\"500ms\", \"10s\" or \"2m\", from 10ms to 1d"},
        {"accounts: 3", "x.conf:1:1: \"accounts\" is a number: expected a "
                        "{ block }"},
        {"cluster { }", "x.conf:1:1: \"cluster\" is not supported by this "
                        "broker"},
        {"accounts { A { exports: [] } }", "x.conf:1:16: \"exports\" is not "
                                           "supported by this broker"},
        {"jetstream { foo: 1 }", "x.conf:1:13: unknown key \"foo\""},
        {"tls { cert_file: c }", "x.conf:1:1: tls needs cert_file and "
                                 "key_file"},
        {"tls { cert_file: c, key_file: k, min_version: 1.1 }",
         "x.conf:1:1: min_version is 1.1: expected \"1.2\" or \"1.3\""},
        {"websocket { port: 1 }", "x.conf:1:1: websocket needs tls { }, or "
                                  "no_tls: true"},
        {"websocket { no_tls: true }", "x.conf:1:1: websocket needs a port"},
        {"authorization { user: a }", "x.conf:1:1: expected user and password "
                                      "together"},
        {"authorization { token: a, users: [] }",
         "x.conf:1:1: expected one of user, token and users"},
        {"authorization { users: [{pasword: b}] }",
         "x.conf:1:26: unknown key \"pasword\""},
        {"authorization { users: [{password: b}] }",
         "x.conf:1:25: expected a user with a name, or with an nkey"},
        {"authorization { users: [{user: a}, {user: a}] }",
         "x.conf:1:36: there is a user \"a\" already"},
        {"authorization { users: [{nkey: U}] }",
         "x.conf:1:25: this is no public nkey of a user (U…, 56 letters)"},
        {"authorization { users: [{nkey: " NKEY ", pass: x}] }",
         "x.conf:1:25: a user with an nkey has no password"},
        {"authorization { users: [{user: a, permissions: {publish: \"a..\"}}]}",
         "x.conf:1:49: \"a..\" is no valid subject"},
        {"authorization { users: [{user: a, permissions: {publish: \"a "
         "q\"}}]}",
         "x.conf:1:49: \"a q\" is no valid subject"},
        {"authorization { users: [{user: a, permissions: {sub: {alow: x}}}]}",
         "x.conf:1:55: unknown key \"alow\": expected allow or deny"},
        {"authorization { users: [{user: a, clients: [MQTT]}]}",
         "x.conf:1:45: connection type MQTT: expected STANDARD or WEBSOCKET"},
        {"accounts { \"$G\" { } }", "x.conf:1:12: the account $G is there "
                                    "without being named"},
        {"no_auth_user: a", "no_auth_user: there is no user \"a\""},
        {"websocket { port: 1, no_tls: true, no_auth_user: a }",
         "websocket's no_auth_user: there is no user \"a\""},
        {"system_account: a", "system_account: there is no account \"a\""},
        {"authorization { token: t }\naccounts { A { users: [{user: a}] } }",
         "expected users or a token, not both"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(wrong[i][0], wrong[i][1]);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"1s", NS_PER_S},
                {"1h2m3s", 3723 * NS_PER_S},
                {"1.5s", 1500 * NS_PER_MS},
                {"250ms", 250 * NS_PER_MS},
                {"2us", 2000},
                {"1d", 86400 * NS_PER_S}};
    static const char *const bad[] = {"",    "s",   "5",    "5x",
                                      "-5s", "1s2", "1..s", "999999999999h"};
    int64_t ns;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(duration_of(good[i].text, &ns), 0);
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_not_equal(duration_of(bad[i], &ns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(general_settings),
        cmocka_unit_test(names_in_any_case_and_variables),
        cmocka_unit_test(streams),
        cmocka_unit_test(remotes),
        cmocka_unit_test(tls_and_websocket),
        cmocka_unit_test(one_user_or_token),
        cmocka_unit_test(users_and_permissions),
        cmocka_unit_test(accounts),
        cmocka_unit_test(flags_stand_for_all_users),
        cmocka_unit_test(a_password_needs_its_user),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
