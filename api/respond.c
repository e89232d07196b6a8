/* respond: see the header. */
#include "api/respond.h"

#include "api/gateway.h"
#include "lib/clock.h"

/* Seconds after which a client may try again. */
#define RETRY_AFTER "1"

struct json_writer respond_begin(struct buf *out, int64_t count)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_bool(&w, "success", true);
    json_member_i64(&w, "count", count);
    json_key(&w, "data");
    json_begin_array(&w);
    return w;
}

void respond_end(struct api_call *call, struct json_writer *w)
{
    json_end_array(w);
    json_end_object(w);
    http_reply(call->req, 200, HTTP_JSON, w->out);
}

struct rows_reply {
    struct api_call *call;
    row_append append;
};

static void rows_done(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct rows_reply *reply = arg;
    if (outcome != DB_OK) {
        respond_db_problem(reply->call, outcome);
        return;
    }
    struct buf body = {0};
    struct json_writer w = respond_begin(&body, PQntuples(rows));
    for (int i = 0; i < PQntuples(rows); i++)
        reply->append(&w, reply->call->gateway->fleet, rows, i);
    respond_end(reply->call, &w);
}

void respond_rows(struct api_call *call, const struct db_statement *statement,
                  const struct db_param *params, int count, row_append append)
{
    struct arena *arena = http_arena(call->req);
    struct rows_reply *reply = arena_alloc(arena, sizeof *reply);
    *reply = (struct rows_reply){call, append};
    db_query(call->gateway->db, statement, params, count, rows_done, reply);
}

void respond_db_problem(struct api_call *call, enum db_outcome outcome)
{
    static const char *const detail[DB_OUTCOMES] = {
        [DB_TIMEOUT] = "the database did not answer in time",
        [DB_FULL] = "too many requests wait for the database",
        [DB_ABSENT] = "the database has no tables yet: a collector makes them",
        [DB_FAILED] = "the database could not answer",
    };
    if (outcome == DB_FAILED) {
        http_reply_problem(call->req, 500, NULL, "%s", detail[outcome]);
        return;
    }
    http_reply_header(call->req, "Retry-After", RETRY_AFTER);
    http_reply_problem(call->req, 503, NULL, "%s", detail[outcome]);
}

struct db_param respond_active_since(const struct api_call *call)
{
    return (struct db_param){.type = DB_TIME,
                             .number = clock_wall_ns() -
                                       call->gateway->config.silent_after_ns};
}
