/* operation: see the header. */
#include "api/graphql/transport/operation.h"

#include <assert.h>
#include <stddef.h>

#include "api/graphql/transport/service_private.h"
#include "api/graphql/transport/topic.h"
#include "lib/mem.h"

static struct statistic *counter_of(const struct operation *op,
                                    enum graphql_outcome outcome)
{
    return op->service->stats.operations[op->type][outcome];
}

/* ---- from a request to a plan or a topic ---- */

static bool refused(struct gql_errors *errors, const char *code,
                    const char *message)
{
    gql_error_add(errors, code, NULL, 0, "%s", message);
    return false;
}

/* False: *errors says why. */
static bool query_find(struct operation *op,
                       const struct graphql_request *request,
                       struct gql_errors *errors)
{
    switch (gql_prepare(op->service->cache, request->query, request->hash,
                        &op->query)) {
    case GQL_NOT_FOUND: /* clients look for these very words */
        return refused(errors, "PERSISTED_QUERY_NOT_FOUND",
                       "PersistedQueryNotFound");
    case GQL_HASH_MISMATCH:
        return refused(errors, "PERSISTED_QUERY_HASH_MISMATCH",
                       "The hash in extensions.persistedQuery is not the "
                       "query's.");
    case GQL_NOT_ALLOWED:
        return refused(errors, "DOCUMENT_NOT_ALLOWED",
                       "This document is not on the server's allow-list.");
    case GQL_PREPARED:
        break;
    }
    if (op->query->errors.count > 0) {
        *errors = op->query->errors;
        return false;
    }
    errors->source = op->query->document.source;
    return true;
}

/* Equal for requests that get the same events. */
static void key_append(struct buf *key, const struct operation *op,
                       const struct graphql_request *request)
{
    struct arena arena = {0};
    buf_append_text(key, op->query->hash);
    buf_append_byte(key, '\n');
    buf_append_str(key, request->operation_name);
    buf_append_byte(key, '\n');
    graphql_canonical_append(request->variables, &arena, key);
    arena_fini(&arena);
}

/* A new plan; a subscription's becomes a topic. */
static enum operation_begun plan_make(struct operation *op,
                                      const struct graphql_request *request,
                                      struct str key, unsigned types,
                                      struct gql_errors *errors)
{
    op->plan =
        gql_plan_new(op->service->cache, op->query, request->operation_name,
                     request->variables, errors);
    if (op->plan == NULL)
        return OPERATION_REFUSED;
    op->type = gql_plan_type(op->plan);
    if ((types & (1U << op->type)) == 0)
        return OPERATION_TYPE;
    if (op->type != GQL_SUBSCRIPTION)
        return OPERATION_READY;
    op->topic = graphql_topic_new(op->service, key, &op->plan);
    if (op->topic != NULL)
        return OPERATION_READY;
    refused(errors, GQL_CODE_LIMIT,
            "As many different subscriptions are followed as may be; try "
            "again later.");
    return OPERATION_REFUSED;
}

/* Only subscriptions are topics: where there is one, nothing needs planning. */
static enum operation_begun plan_find(struct operation *op,
                                      const struct graphql_request *request,
                                      unsigned types, struct gql_errors *errors)
{
    struct buf key = {0};
    enum operation_begun begun = OPERATION_READY;
    key_append(&key, op, request);
    if ((types & OPERATION_SUBSCRIPTION) != 0)
        op->topic = graphql_topic_find(op->service, buf_str(&key));
    if (op->topic != NULL)
        op->type = GQL_SUBSCRIPTION;
    else
        begun = plan_make(op, request, buf_str(&key), types, errors);
    buf_fini(&key);
    return begun;
}

enum operation_begun operation_begin(struct operation *op,
                                     struct graphql_service *service,
                                     const struct operation_handlers *handlers,
                                     const struct graphql_request *request,
                                     unsigned types, struct gql_errors *errors)
{
    *op = (struct operation){.service = service, .handlers = handlers};
    enum operation_begun begun = OPERATION_REFUSED;
    if (query_find(op, request, errors))
        begun = plan_find(op, request, types, errors);
    if (begun == OPERATION_REFUSED)
        stat_add(op->plan == NULL && op->topic == NULL
                     ? service->stats.unread
                     : counter_of(op, GRAPHQL_REFUSED),
                 1);
    return begun;
}

/* ---- a query or mutation ---- */

/* It is over: nothing is left to be cancelled. */
static void execution_over(struct operation *op, enum graphql_outcome outcome)
{
    op->execution = NULL;
    http_timer_free(&op->timer);
    stat_add(counter_of(op, outcome), 1);
}

static void execution_done(struct buf *out, bool failed, void *arg)
{
    struct operation *op = arg;
    if (op->gone != NULL)
        *op->gone = true;
    op->gone = NULL;
    enum graphql_outcome outcome = failed ? GRAPHQL_FAILED : GRAPHQL_OK;
    execution_over(op, op->late ? GRAPHQL_TIMEOUT : outcome);
    op->handlers->result(op, out);
}

/* Its result is that it took too long. */
static void execution_late(void *arg)
{
    struct operation *op = arg;
    op->late = true;
    gql_execution_expire(op->execution);
}

static void execution_start(struct operation *op)
{
    bool gone = false;
    op->gone = &gone;
    struct gql_execution *execution =
        gql_execute(op->plan, NULL, op->service->context, execution_done, op);
    if (gone)
        return;
    op->gone = NULL;
    op->execution = execution;
    op->timer = http_timer_new(op->service->server, execution_late, op);
    http_timer_set(op->timer, op->service->settings.time_ns);
}

/* ---- a subscription ---- */

static void reader_woken(struct event_reader *reader)
{
    struct operation *op =
        (struct operation *)((char *)reader -
                             offsetof(struct operation, reader));
    op->handlers->wake(op);
}

static bool subscription_start(struct operation *op, struct gql_errors *errors)
{
    op->reader.wake = reader_woken;
    if (!graphql_topic_join(op->topic, &op->reader, errors)) {
        stat_add(counter_of(op, GRAPHQL_REFUSED), 1);
        return false;
    }
    stat_add(counter_of(op, GRAPHQL_OK), 1);
    stat_add(op->service->stats.subscriptions, 1);
    return true;
}

bool operation_run(struct operation *op, struct gql_errors *errors)
{
    if (op->type == GQL_SUBSCRIPTION)
        return subscription_start(op, errors);
    execution_start(op);
    return true;
}

bool operation_next(struct operation *op, struct event *event)
{
    if (op->reader.log == NULL || !event_reader_next(&op->reader, event))
        return false;
    stat_add(op->service->stats.sent, 1);
    if (event->missed > 0)
        stat_add(op->service->stats.missed, (int64_t)event->missed);
    return true;
}

/* ---- the end ---- */

void operation_end(struct operation *op)
{
    if (op->gone != NULL)
        *op->gone = true;
    op->gone = NULL;
    if (op->execution != NULL) {
        gql_execution_cancel(op->execution);
        execution_over(op, GRAPHQL_CANCELLED);
    }
    if (op->reader.log != NULL)
        stat_add(op->service->stats.subscriptions, -1);
    if (op->topic != NULL)
        graphql_topic_release(&op->topic, &op->reader);
    gql_plan_free(&op->plan);
    gql_query_unref(&op->query);
}
