/* lame_duck: see lame_duck.h. */
#include "broker/lame_duck.h"

#include "broker/net/net.h"
#include "broker/server.h"
#include "lib/log.h"

#define STEP_NS_MAX (1 * NS_PER_S)  /* between two clients that are closed */
#define STEP_NS_MIN (1 * NS_PER_MS) /* more at a time, rather than faster */

static struct server *server_of(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct server, duck_timer);
    return (struct server *)start;
}

static void close_some(struct server *server)
{
    for (uint32_t i = 0; i < server->duck_batch && server->conns != NULL; i++) {
        struct conn *conn = server->conns;
        conn_flush(conn);
        conn_close(conn, "the server stops");
    }
}

static void next_step(struct timer *timer)
{
    struct server *server = server_of(timer);
    close_some(server);
    if (server->conns == NULL)
        server->stopping = true;
    else
        timer_set(&server->timers, timer,
                  server->now_ns + server->duck_step_ns);
}

/* So many at a time, so often, that the last goes when the time is over. */
static void begin_closing(struct timer *timer)
{
    struct server *server = server_of(timer);
    int64_t time = server->config.lame_duck_ns;
    int64_t step = server->conn_count > 0 ? time / server->conn_count : 0;
    server->duck_batch = 1;
    if (step > STEP_NS_MAX)
        step = STEP_NS_MAX;
    if (step < STEP_NS_MIN) {
        step = STEP_NS_MIN;
        server->duck_batch +=
            (uint32_t)(server->conn_count * STEP_NS_MIN / (time + 1));
    }
    server->duck_step_ns = step;
    timer->fire = next_step;
    next_step(timer);
}

static void tell_clients(struct server *server)
{
    for (struct conn *conn = server->conns; conn != NULL; conn = conn->next) {
        if (conn->options.protocol > 0 && conn->state == CONN_OPEN)
            conn_inform(conn);
    }
}

void lame_duck_begin(struct server *server)
{
    if (server->lame_duck)
        return;
    log_info("lame duck", LOG_I64("clients", server->conn_count));
    server->lame_duck = true;
    net_close(server);
    tell_clients(server);
    int64_t grace =
        server->conns != NULL ? server->config.lame_duck_grace_ns : 0;
    server->duck_timer.fire = begin_closing;
    timer_set(&server->timers, &server->duck_timer, server->now_ns + grace);
}
