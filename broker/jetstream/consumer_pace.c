/* consumer_pace: what makes a consumer slower than it could be: replay at the
 * speed at which the messages came, a rate limit, a pause. */
#include "broker/jetstream/consumer_parts.h"

#include "broker/jetstream/js_config.h"
#include "lib/clock.h"

/* Gaps shorter than this are not kept: the loop's clock is no finer. */
#define REPLAY_GAP_MIN_NS NS_PER_MS

#define BITS_PER_BYTE 8

static int64_t pause_left_ns(const struct consumer *consumer)
{
    int64_t until_ns = consumer->config.pause_until_ns;
    int64_t left_ns = until_ns != 0 ? until_ns - clock_wall_ns() : 0;
    return left_ns > 0 ? left_ns : 0;
}

void consumer_pace_start(struct consumer *consumer)
{
    consumer->pace.replaying =
        consumer->config.replay_policy == REPLAY_ORIGINAL;
    consumer_pace_update(consumer);
}

void consumer_pace_update(struct consumer *consumer)
{
    struct consumer_pace *pace = &consumer->pace;
    pace->credit = (int64_t)(consumer->config.rate_bps / BITS_PER_BYTE);
    pace->credited_ns = consumer_now(consumer);
    consumer->paused = pause_left_ns(consumer) > 0;
}

/* ---- at the original speed ---- */

static bool replay_allows(struct consumer *consumer,
                          const struct candidate *found)
{
    const struct consumer_pace *pace = &consumer->pace;
    if (!pace->replaying || pace->last_time_ns == 0)
        return true;
    int64_t gap_ns = found->msg.time_ns - pace->last_time_ns;
    int64_t due_ns = time_after(pace->last_sent_ns, gap_ns);
    if (gap_ns < REPLAY_GAP_MIN_NS || due_ns <= consumer_now(consumer))
        return true;
    consumer_wake_at(consumer, due_ns);
    return false;
}

void consumer_pace_caught_up(struct consumer *consumer)
{
    consumer->pace.replaying = false;
}

/* ---- a rate limit: a bucket of one second's bytes ---- */

static bool rate_allows(struct consumer *consumer)
{
    struct consumer_pace *pace = &consumer->pace;
    int64_t bytes_per_s = (int64_t)(consumer->config.rate_bps / BITS_PER_BYTE);
    int64_t now_ns = consumer_now(consumer);
    if (bytes_per_s == 0)
        return true;
    double earned = (double)(now_ns - pace->credited_ns) / (double)NS_PER_S *
                    (double)bytes_per_s;
    if (earned >= 1) {
        double credit = (double)pace->credit + earned;
        bool full = credit >= (double)bytes_per_s;
        pace->credit = full ? bytes_per_s : (int64_t)credit;
        pace->credited_ns = now_ns;
    }
    if (pace->credit > 0)
        return true;
    double wait_s = (double)(1 - pace->credit) / (double)bytes_per_s;
    consumer_wake_at(consumer,
                     time_after(now_ns, (int64_t)(wait_s * (double)NS_PER_S)));
    return false;
}

bool consumer_pace_allows(struct consumer *consumer,
                          const struct candidate *found)
{
    return replay_allows(consumer, found) && rate_allows(consumer);
}

void consumer_pace_sent(struct consumer *consumer,
                        const struct candidate *found)
{
    struct consumer_pace *pace = &consumer->pace;
    pace->last_time_ns = found->msg.time_ns;
    pace->last_sent_ns = consumer_now(consumer);
    if (consumer->config.rate_bps > 0)
        pace->credit -= (int64_t)consumer_size(consumer, found);
}

/* ---- a pause ---- */

void consumer_pause(struct consumer *consumer)
{
    consumer->paused = pause_left_ns(consumer) > 0;
    consumer_advise_pause(consumer);
    consumer_wake(consumer);
}

bool consumer_check_pause(struct consumer *consumer)
{
    if (!consumer->paused)
        return false;
    int64_t left_ns = pause_left_ns(consumer);
    if (left_ns > 0) {
        consumer_wake_at(consumer, time_after(consumer_now(consumer), left_ns));
        return true;
    }
    consumer->paused = false;
    consumer_advise_pause(consumer);
    return false;
}

void consumer_describe_pause(const struct consumer *consumer,
                             struct json_writer *w)
{
    int64_t left_ns = pause_left_ns(consumer);
    json_member_bool(w, "paused", left_ns > 0);
    js_member_time(w, "pause_until", consumer->config.pause_until_ns);
    if (left_ns > 0)
        json_member_i64(w, "pause_remaining", left_ns);
}
