/* jsapi_consumer: the requests about consumers. */
#include "broker/jetstream/jsapi.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/priority.h"
#include "broker/server.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

#define AUTO_NAME_LEN 8

/* ---- CREATE ---- */

static int check_names(struct api_call *call,
                       const struct consumer_config *config)
{
    struct js_error *error = &call->error;
    struct str stream;
    if (json_string(json_get(call->body, "stream_name"), call->arena,
                    &stream) == 0 &&
        stream.len > 0 && !str_eq(stream, call->stream))
        return js_refuse(error, 400, 10056,
                         "stream name in subject does not match request");
    if (call->consumer.len > 0 && config->durable_name != NULL &&
        !str_is(call->consumer, config->durable_name))
        return js_refuse(error, 400, 10017,
                         "consumer name in subject does not match durable "
                         "name in request");
    if (call->consumer.len == 0 && config->durable_name != NULL)
        return js_refuse(error, 400, 10020,
                         "consumer expected to be ephemeral but a durable "
                         "name was set in request");
    bool single = config->filters.count > 0 && !config->filters_listed;
    const char *filter = single ? config->filters.texts[0] : "";
    if (call->filter.len > 0 && config->filters_listed)
        return js_refuse(error, 400, 10137,
                         "consumer with multiple subject filters cannot use "
                         "subject based API");
    if (call->filter.len > 0 && !str_is(call->filter, filter))
        return js_refuse(error, 400, 10131,
                         "Consumer create request did not match filtered "
                         "subject from create subject");
    return 0;
}

static char *make_name(struct api_call *call)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";
    char name[AUTO_NAME_LEN + 1] = {0};
    do {
        for (int i = 0; i < AUTO_NAME_LEN; i++)
            name[i] = letters[server_random(call->js->account->server) %
                              (sizeof(letters) - 1)];
    } while (stream_consumer(call->target, str_of(name)) != NULL);
    return mem_strdup(name);
}

/* "create", "update" or nothing. */
static int read_action(struct api_call *call, enum consumer_action *action)
{
    static const char *const actions[] = {"", "create", "update", NULL};
    int found = CONSUMER_CREATE_OR_UPDATE;
    if (js_read_choice(call->body, "action", call->arena, actions, &found) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    *action = (enum consumer_action)found;
    return 0;
}

static int create(struct api_call *call, struct consumer_config *config)
{
    enum consumer_action action = CONSUMER_CREATE_OR_UPDATE;
    struct consumer *consumer = NULL;
    char *name;
    if (check_names(call, config) != 0 || read_action(call, &action) != 0)
        return -1;
    if (call->consumer.len > 0) {
        name = mem_strndup(call->consumer);
        free(config->name); /* the subject has the last word */
        config->name = NULL;
    } else {
        name =
            config->name != NULL ? mem_strdup(config->name) : make_name(call);
    }
    int rc = js_name_valid(str_of(name))
                 ? jetstream_consumer_create(call->target, name, config, action,
                                             &consumer, &call->error)
                 : js_refuse(&call->error, JS_BAD_REQUEST);
    free(name);
    if (rc == 0)
        consumer_describe(consumer, &call->w);
    return rc;
}

int api_consumer_create(struct api_call *call)
{
    struct consumer_config config = {0};
    if (json_type(call->body) != JSON_OBJECT)
        return js_refuse(&call->error, JS_INVALID_JSON);
    int rc = consumer_config_read(&config, json_get(call->body, "config"),
                                  call->arena, &call->error);
    if (rc == 0)
        rc = create(call, &config);
    consumer_config_fini(&config);
    return rc;
}

int api_durable_create(struct api_call *call)
{
    struct str durable;
    struct json config = json_get(call->body, "config");
    if (json_string(json_get(config, "durable_name"), call->arena, &durable) !=
            0 ||
        durable.len == 0)
        return js_refuse(&call->error, 400, 10018,
                         "consumer expected to be durable but a durable name "
                         "was not set");
    return api_consumer_create(call);
}

/* ---- the others ---- */

static struct consumer *target(struct api_call *call)
{
    struct consumer *consumer = stream_consumer(call->target, call->consumer);
    if (consumer == NULL)
        js_refuse(&call->error, JS_CONSUMER_NOT_FOUND);
    return consumer;
}

int api_consumer_info(struct api_call *call)
{
    struct consumer *consumer = target(call);
    if (consumer == NULL)
        return -1;
    consumer_describe(consumer, &call->w);
    js_member_time(&call->w, "ts", clock_wall_ns());
    return 0;
}

int api_consumer_delete(struct api_call *call)
{
    struct consumer *consumer = target(call);
    if (consumer == NULL)
        return -1;
    if (api_expect_empty(call) != 0)
        return -1;
    log_info("consumer deleted", LOG_SLICE("stream", call->stream),
             LOG_SLICE("consumer", call->consumer));
    stream_consumer_delete(call->target, consumer);
    json_member_bool(&call->w, "success", true);
    return 0;
}

/* {"pause_until":"2030-01-01T00:00:00Z"}; without it, it goes on. */
int api_consumer_pause(struct api_call *call)
{
    struct consumer *consumer = target(call);
    int64_t until_ns = 0;
    if (consumer == NULL)
        return -1;
    if (js_read_time(call->body, "pause_until", call->arena, &until_ns) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (jetstream_consumer_pause(consumer, until_ns, &call->error) != 0)
        return -1;
    consumer_describe_pause(consumer, &call->w);
    return 0;
}

/* {"group":"jobs"}: the next client gets what comes. */
int api_consumer_unpin(struct api_call *call)
{
    struct consumer *consumer = target(call);
    struct str group = {0};
    if (consumer == NULL)
        return -1;
    if (json_type(call->body) != JSON_OBJECT ||
        js_read_str(call->body, "group", call->arena, &group) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    const struct consumer_config *config = &consumer->config;
    if (config->priority_groups.count == 0 ||
        !str_is(group, config->priority_groups.texts[0]))
        return js_refuse(&call->error, 400, 10160,
                         "Provided priority group does not exist for this "
                         "consumer");
    if (config->priority_policy != PRIORITY_PINNED_CLIENT)
        return js_refuse(&call->error, JS_BAD_REQUEST);
    priority_unpin(consumer, "admin");
    return 0;
}

/* {"seq":17}; without it, to the acknowledgement floor. */
int api_consumer_reset(struct api_call *call)
{
    struct consumer *consumer = target(call);
    uint64_t seq = 0;
    if (consumer == NULL)
        return -1;
    if (js_read_u64(call->body, "seq", &seq) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (jetstream_consumer_reset(consumer, &seq, &call->error) != 0)
        return -1;
    log_info("consumer reset", LOG_SLICE("stream", call->stream),
             LOG_SLICE("consumer", call->consumer), LOG_I64("seq", seq));
    consumer_describe(consumer, &call->w);
    json_member_u64(&call->w, "reset_seq", seq);
    return 0;
}

static void write_consumers(struct api_call *call, uint64_t limit,
                            void (*write)(struct consumer *consumer,
                                          struct json_writer *w))
{
    struct api_page page = api_page(call, call->target->consumer_count, limit);
    uint64_t at = 0;
    json_key(&call->w, "consumers");
    json_begin_array(&call->w);
    for (struct consumer *consumer = call->target->consumers; consumer != NULL;
         consumer = consumer->hh.next, at++) {
        if (at >= page.offset && at < page.offset + page.limit)
            write(consumer, &call->w);
    }
    json_end_array(&call->w);
}

static void write_name(struct consumer *consumer, struct json_writer *w)
{
    json_put_text(w, consumer->name);
}

static void write_info(struct consumer *consumer, struct json_writer *w)
{
    json_begin_object(w);
    consumer_describe(consumer, w);
    json_end_object(w);
}

int api_consumer_names(struct api_call *call)
{
    write_consumers(call, API_NAMES_PAGE, write_name);
    return 0;
}

int api_consumer_list(struct api_call *call)
{
    write_consumers(call, API_LIST_PAGE, write_info);
    return 0;
}
