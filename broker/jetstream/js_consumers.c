/* js_consumers: an account's consumers: made and changed, woken, and their
 * places saved behind. */
#include "broker/jetstream/jetstream.h"

#include "broker/jetstream/js_limits.h"
#include "broker/jetstream/js_saved.h"
#include "broker/jetstream/retention.h"
#include "broker/server.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

/* A crash costs at most the acknowledgements of this time (they come again). */
#define SAVE_DELAY_NS (250 * NS_PER_MS)

/* Saving stops for a while after this much of the loop's time, and takes a
 * tenth of it at most: many consumers, or some with very many messages to be
 * acknowledged, are saved less often. */
#define SAVE_BUDGET_NS (10 * NS_PER_MS)
#define SAVE_SHARE     10

/* ---- making and changing ---- */

static int update_consumer(struct consumer *consumer,
                           struct consumer_config *config,
                           struct js_error *error)
{
    struct errmsg err;
    bool durable = config->durable_name != NULL && js_on_disk(consumer->stream);
    if (consumer_config_may_become(&consumer->config, config,
                                   consumer_is_bound(consumer), error) != 0)
        return -1;
    if ((durable || consumer->durable) &&
        js_save_consumer(consumer, config, &err) != 0)
        return js_refuse(error, 500, 10012, "%s", err.text);
    consumer->durable = consumer->durable || durable;
    consumer_update(consumer, config);
    if (consumer->durable)
        jetstream_consumer_dirty(consumer->stream->js, consumer);
    return 0;
}

static int create_consumer(struct stream *stream, const char *name,
                           struct consumer_config *config,
                           struct consumer **out, struct js_error *error)
{
    struct errmsg err;
    if (js_limits_admit_consumer(stream, error) != 0)
        return -1;
    struct consumer *consumer =
        consumer_new(stream, name, config, clock_wall_ns());
    consumer->durable = consumer->durable && js_on_disk(stream);
    /* One sync for both: what the .state of a new consumer says, the .json
     * says, too; but one of an earlier consumer must not stay. */
    if (consumer->durable &&
        (js_save_state(consumer, false, &err) != 0 ||
         js_save_consumer(consumer, &consumer->config, &err) != 0)) {
        js_remove_consumer(consumer);
        consumer_free(consumer, NULL);
        return js_refuse(error, 500, 10012, "%s", err.text);
    }
    stream_consumer_add(stream, consumer);
    consumer_advise_created(consumer);
    *out = consumer;
    return 0;
}

int jetstream_consumer_create(struct stream *stream, const char *name,
                              struct consumer_config *config,
                              enum consumer_action action,
                              struct consumer **out, struct js_error *error)
{
    consumer_config_adopt(config, &stream->config);
    if (consumer_config_fits(config, &stream->config, error) != 0 ||
        retention_admits(stream, name, config, error) != 0)
        return -1;
    if (config->name == NULL)
        config->name = mem_strdup(name);
    *out = stream_consumer(stream, str_of(name));
    if (*out == NULL && action == CONSUMER_UPDATE)
        return js_refuse(error, 400, 10149, "consumer does not exist");
    if (*out == NULL)
        return create_consumer(stream, name, config, out, error);
    if (consumer_config_equal(&(*out)->config, config))
        return 0;
    if (action == CONSUMER_CREATE)
        return js_refuse(error, 400, 10148, "consumer already exists");
    return update_consumer(*out, config, error);
}

int jetstream_consumer_pause(struct consumer *consumer, int64_t until_ns,
                             struct js_error *error)
{
    struct errmsg err;
    int64_t before_ns = consumer->config.pause_until_ns;
    consumer->config.pause_until_ns = until_ns;
    if (consumer->durable &&
        js_save_consumer(consumer, &consumer->config, &err) != 0) {
        consumer->config.pause_until_ns = before_ns;
        return js_refuse(error, 500, 10012, "%s", err.text);
    }
    consumer_pause(consumer);
    return 0;
}

/* Not before the place that its configuration lets it begin at; NULL: it may. */
static const char *reset_refusal(const struct consumer *consumer, uint64_t seq)
{
    const struct consumer_config *config = &consumer->config;
    struct store *store = consumer->stream->store;
    struct store_msg msg;
    switch (config->deliver_policy) {
    case DELIVER_ALL:
        return NULL;
    case DELIVER_BY_START_SEQUENCE:
        return seq < config->start_seq ? "below start seq" : NULL;
    case DELIVER_BY_START_TIME:
        if (store->ops->next(store, NULL, seq, &msg) == 0 &&
            msg.time_ns < config->start_time_ns)
            return "below start time";
        return NULL;
    default:
        return "not allowed by its deliver policy";
    }
}

int jetstream_consumer_reset(struct consumer *consumer, uint64_t *seq,
                             struct js_error *error)
{
    struct errmsg err;
    struct store_state state;
    const char *why = *seq > 0 ? reset_refusal(consumer, *seq) : NULL;
    if (why != NULL)
        return js_refuse(error, 400, 10204, "invalid reset: %s", why);
    if (*seq == 0)
        *seq = consumer->floor.seq + 1;
    stream_state(consumer->stream, &state);
    if (*seq < state.first_seq)
        *seq = state.first_seq;
    if (*seq > state.last_seq)
        *seq = state.last_seq + 1;
    consumer_reset(consumer, *seq);
    if (consumer->durable && js_save_state(consumer, true, &err) != 0)
        return js_refuse(error, 400, 10204, "invalid reset: %s", err.text);
    return 0;
}

/* ---- woken ---- */

void jetstream_consumer_woken(struct jetstream *js, struct consumer *consumer)
{
    if (consumer->woken)
        return;
    consumer->woken = true;
    consumer->next_woken = js->woken;
    js->woken = consumer;
}

/* ---- saving behind ---- */

void jetstream_consumer_dirty(struct jetstream *js, struct consumer *consumer)
{
    struct server *server = js->account->server;
    if (consumer->dirty)
        return;
    consumer->dirty = true;
    consumer->next_dirty = NULL;
    if (js->dirty_states != NULL)
        js->last_dirty_state->next_dirty = consumer;
    else
        js->dirty_states = consumer;
    js->last_dirty_state = consumer;
    if (timer_is_set(&js->save_timer))
        return;
    int64_t when_ns = server->now_ns + SAVE_DELAY_NS;
    timer_set(&server->timers, &js->save_timer,
              when_ns > js->save_after_ns ? when_ns : js->save_after_ns);
}

static struct consumer *take_dirty(struct jetstream *js)
{
    struct consumer *consumer = js->dirty_states;
    js->dirty_states = consumer->next_dirty;
    consumer->dirty = false;
    return consumer;
}

/* Says so once until it succeeds again. */
static int save_state(struct consumer *consumer, bool sync)
{
    struct errmsg err;
    int rc = js_save_state(consumer, sync, &err);
    if (rc != 0 && (sync || !consumer->save_failed))
        log_warn("consumer state not saved", LOG_STR("error", err.text));
    consumer->save_failed = rc != 0;
    return rc;
}

void jetstream_save_states(struct jetstream *js)
{
    while (js->dirty_states != NULL)
        save_state(take_dirty(js), true);
}

void jetstream_save_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct jetstream, save_timer);
    struct jetstream *js = (struct jetstream *)start;
    const struct consumer *last = js->last_dirty_state;
    int64_t start_ns = clock_mono_ns(), spent_ns = 0;
    while (js->dirty_states != NULL && spent_ns < SAVE_BUDGET_NS) {
        struct consumer *consumer = take_dirty(js);
        if (save_state(consumer, false) != 0)
            jetstream_consumer_dirty(js, consumer);
        spent_ns = clock_mono_ns() - start_ns;
        if (consumer == last)
            break; /* what failed stands behind it, for the next time */
    }
    js->save_after_ns = start_ns + SAVE_SHARE * spent_ns;
    if (js->dirty_states != NULL && !timer_is_set(timer))
        timer_set(&js->account->server->timers, timer, js->save_after_ns);
}

static void forget_woken(struct jetstream *js, struct consumer *consumer)
{
    struct consumer **at = &js->woken;
    while (*at != NULL && *at != consumer)
        at = &(*at)->next_woken;
    if (*at != NULL)
        *at = (*at)->next_woken;
}

static void forget_dirty(struct jetstream *js, struct consumer *consumer)
{
    struct consumer **at = &js->dirty_states, *before = NULL;
    while (*at != NULL && *at != consumer) {
        before = *at;
        at = &(*at)->next_dirty;
    }
    if (*at == NULL)
        return;
    *at = (*at)->next_dirty;
    if (js->last_dirty_state == consumer)
        js->last_dirty_state = before;
}

void jetstream_consumer_forget(struct jetstream *js, struct consumer *consumer)
{
    forget_woken(js, consumer);
    forget_dirty(js, consumer);
}
