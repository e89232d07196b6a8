/* http: GraphQL over HTTP, as the specification's working draft was when its
 * published audits were written: a request error is 200 as application/json and
 * 400 as application/graphql-response+json.
 *
 * Every answer is a GraphQL response, {"errors":[…]} where nothing was
 * executed; only what never reaches a handler is problem+json. */
#include "api/graphql/transport/service_private.h"

#include <assert.h>
#include <stdarg.h>

#include "api/accept.h"
#include "lib/websocket.h"
#include "lib/mem.h"

#define TYPE_JSON     "application/json; charset=utf-8"
#define TYPE_RESPONSE "application/graphql-response+json; charset=utf-8"

/* ---- what the client takes ---- */

struct negotiated {
    const char *type; /* of a response; NULL: none that there is */
    bool stream;      /* events, too */
    bool only_stream;
};

/* Of equal quality, the one that is named; of two named, the response's own
 * type; of none, plain JSON, which every client of old takes. */
static struct negotiated negotiate(const struct http_request *req)
{
    struct str accept = http_header(req, "accept");
    if (accept.len == 0)
        return (struct negotiated){.type = TYPE_JSON};
    int json = accept_quality(accept, "application/json");
    int response = accept_quality(accept, "application/graphql-response+json");
    bool named =
        accept_precision(accept, "application/graphql-response+json") == 3;
    bool stream = accept_precision(accept, "text/event-stream") == 3 &&
                  accept_quality(accept, "text/event-stream") > 0;
    const char *type = NULL;
    if (response > json || (response == json && response > 0 && named))
        type = TYPE_RESPONSE;
    else if (json > 0)
        type = TYPE_JSON;
    return (struct negotiated){type, stream, stream && type == NULL};
}

/* ---- errors ---- */

static void errors_reply(struct http_request *req, int status, const char *type,
                         const struct gql_errors *errors)
{
    struct buf body = {0};
    gql_response_errors(errors, &body);
    http_reply_header(req, "Vary", "Accept");
    http_reply(req, status, type, &body);
}

void graphql_http_refuse(struct http_request *req, int status, const char *code,
                         const char *format, ...)
{
    struct gql_errors errors = {.arena = http_arena(req)};
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    gql_error_add(&errors, code, NULL, 0, "%s", buf_text(&text));
    buf_fini(&text);
    const char *type = negotiate(req).type;
    errors_reply(req, status, type != NULL ? type : TYPE_JSON, &errors);
}

/* A request error, whose status the type decides. */
static void request_error_reply(struct http_request *req, const char *type,
                                const struct gql_errors *errors)
{
    int status = strcmp(type, TYPE_RESPONSE) == 0 ? 400 : 200;
    errors_reply(req, status, type, errors);
}

/* ---- one operation ---- */

struct call {
    struct operation operation;
    struct http_request *req;
    const char *type;
};

static void call_result(struct operation *op, struct buf *out)
{
    struct call *call = (struct call *)op;
    operation_end(op);
    http_reply_header(call->req, "Vary", "Accept");
    http_reply(call->req, 200, call->type, out);
}

static const struct operation_handlers handlers = {.result = call_result};

/* Nobody waits for a query's result any more; a mutation is done to its end.
 * The reply is read by none but a client that only closed its own side. */
static void call_gone(void *arg)
{
    struct call *call = arg;
    operation_end(&call->operation);
    graphql_http_refuse(call->req, 400, "CLIENT_GONE",
                        "The connection was closed before the answer was "
                        "there.");
}

/* An operation of a type that cannot be had in this way. */
static void type_refuse(struct http_request *req, enum gql_operation_type type)
{
    if (type == GQL_MUTATION) {
        http_reply_header(req, "Allow", "POST");
        graphql_http_refuse(req, 405, "METHOD_NOT_ALLOWED",
                            "A mutation must be sent by POST.");
        return;
    }
    graphql_http_refuse(req, 400, "SUBSCRIPTION_NOT_STREAMED",
                        "A subscription needs a WebSocket, or Accept: "
                        "text/event-stream.");
}

static void call_run(struct http_request *req, const struct operation *begun,
                     const char *type)
{
    struct gql_errors none = {.arena = http_arena(req)};
    struct call *call = arena_zalloc(http_arena(req), sizeof *call);
    *call = (struct call){*begun, req, type};
    if (begun->type == GQL_QUERY)
        http_on_gone(req, call_gone, call);
    operation_run(&call->operation, &none);
}

/* A client that takes events, too, gets them for a subscription alone. */
static void request_run(struct graphql_service *service,
                        struct http_request *req,
                        const struct negotiated *accepts,
                        const struct graphql_request *request, unsigned types)
{
    struct operation op;
    struct gql_errors errors = {.arena = http_arena(req)};
    if (accepts->stream)
        types |= OPERATION_SUBSCRIPTION;
    enum operation_begun begun =
        operation_begin(&op, service, &handlers, request, types, &errors);
    if (begun == OPERATION_READY &&
        (accepts->type == NULL || op.type == GQL_SUBSCRIPTION)) {
        graphql_sse_open(service, req, &op);
    } else if (begun == OPERATION_READY) {
        call_run(req, &op, accepts->type);
    } else {
        if (begun == OPERATION_TYPE)
            type_refuse(req, op.type);
        else if (accepts->type == NULL)
            graphql_sse_refuse(service, req, &errors);
        else
            request_error_reply(req, accepts->type, &errors);
        operation_end(&op);
    }
}

/* ---- requests ---- */

/* False: it has been answered with 406, or the service has stopped. */
static bool may_answer(struct graphql_service *service,
                       struct http_request *req,
                       const struct negotiated *accepts)
{
    if (service->server == NULL) {
        graphql_http_refuse(req, 503, "SHUTTING_DOWN",
                            "The server is shutting down.");
        return false;
    }
    if (accepts->type != NULL || accepts->stream)
        return true;
    graphql_http_refuse(req, 406, "NOT_ACCEPTABLE",
                        "The answer can be application/json, "
                        "application/graphql-response+json or "
                        "text/event-stream.");
    return false;
}

static bool is_json(struct str type)
{
    const char *end = type.len > 0 ? memchr(type.p, ';', type.len) : NULL;
    if (end != NULL)
        type.len = (size_t)(end - type.p);
    return str_ieq(str_trim(type), str_of("application/json"));
}

void graphql_http_post(struct http_request *req, void *arg)
{
    struct graphql_service *service = arg;
    struct negotiated accepts = negotiate(req);
    struct graphql_request request;
    struct errmsg err;
    if (!may_answer(service, req, &accepts))
        return;
    if (!is_json(http_header(req, "content-type")))
        graphql_http_refuse(req, 415, "UNSUPPORTED_MEDIA_TYPE",
                            "The request must be application/json.");
    else if (graphql_request_parse(&request, http_body(req), http_arena(req),
                                   &err) != 0)
        graphql_http_refuse(req, 400, "BAD_REQUEST", "%s", err.text);
    else
        request_run(service, req, &accepts, &request,
                    OPERATION_QUERY | OPERATION_MUTATION);
}

/* A browser's own request, which has no query. */
static bool wants_page(const struct http_request *req)
{
    struct str name, value;
    struct str accept = http_header(req, "accept");
    return accept_precision(accept, "text/html") == 3 &&
           accept_quality(accept, "text/html") > 0 &&
           !http_query(req, "query", &value) &&
           !http_query(req, "extensions", &value) &&
           !http_query_at(req, 0, &name, &value);
}

static void url_run(struct graphql_service *service, struct http_request *req)
{
    struct negotiated accepts = negotiate(req);
    struct graphql_request request;
    struct errmsg err;
    if (!may_answer(service, req, &accepts))
        return;
    if (graphql_request_of_url(&request, req, &err) != 0)
        graphql_http_refuse(req, 400, "BAD_REQUEST", "%s", err.text);
    else
        request_run(service, req, &accepts, &request, OPERATION_QUERY);
}

void graphql_http_get(struct http_request *req, void *arg)
{
    struct graphql_service *service = arg;
    if (websocket_asked(req))
        graphql_socket_open(service, req);
    else if (wants_page(req))
        graphql_page_reply(service, req);
    else
        url_run(service, req);
}

void graphql_schema_get(struct http_request *req, void *arg)
{
    const struct graphql_service *service = arg;
    if (service->settings.introspection)
        static_text_reply(req, HTTP_TEXT, service->schema_text);
    else
        http_reply_problem(req, 404, NULL, "introspection is turned off");
}
