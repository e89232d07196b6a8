/* jsapi: $JS.API.>, the requests by which clients manage streams and
 * consumers.
 *
 * Each kind of request is one row of a table (subject → handler). A handler
 * reads call->body, acts, and writes the members of its reply, or refuses. */
#ifndef NEXUS_BROKER_JSAPI_H
#define NEXUS_BROKER_JSAPI_H

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/jetstream.h"
#include "broker/msg.h"
#include "lib/arena.h"
#include "lib/json.h"

#define API_NAMES_PAGE 1024
#define API_LIST_PAGE  256

struct api_call {
    struct jetstream *js;
    struct arena *arena;
    struct str payload;
    struct json body;  /* an object, or nothing where none was sent */
    struct str stream; /* names in the subject */
    struct str consumer;
    struct str filter;    /* what is behind the consumer's name */
    struct json_writer w; /* of the reply */
    struct js_error error;
    struct stream *target; /* the stream of that name, where a row needs one */
};

/* 0: the reply's members are written; -1: call->error says why not. */
typedef int (*api_handler)(struct api_call *call);

void jsapi_listen(struct jetstream *js);

/* Writes "total", "offset" and "limit" of a list, and tells which part of it
 * to write: [offset, offset + limit). */
struct api_page {
    uint64_t offset, limit;
};
struct api_page api_page(struct api_call *call, uint64_t total, uint64_t limit);

/* 0: nothing was sent, or {}, as some clients do; -1: refused. */
int api_expect_empty(struct api_call *call);

/* jsapi_account.c */
int api_info(struct api_call *call);

/* jsapi_msg.c */
int api_msg_get(struct api_call *call);
int api_msg_delete(struct api_call *call);

/* jsapi_stream.c */
int api_stream_create(struct api_call *call);
int api_stream_update(struct api_call *call);
int api_stream_info(struct api_call *call);
int api_stream_names(struct api_call *call);
int api_stream_list(struct api_call *call);
int api_stream_delete(struct api_call *call);
int api_stream_purge(struct api_call *call);

/* jsapi_consumer.c */
int api_consumer_create(struct api_call *call);
int api_durable_create(struct api_call *call);
int api_consumer_info(struct api_call *call);
int api_consumer_names(struct api_call *call);
int api_consumer_list(struct api_call *call);
int api_consumer_delete(struct api_call *call);
int api_consumer_pause(struct api_call *call);
int api_consumer_unpin(struct api_call *call);
int api_consumer_reset(struct api_call *call);

#endif
