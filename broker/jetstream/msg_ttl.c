/* msg_ttl: see msg_ttl.h. */
#include "broker/jetstream/msg_ttl.h"

#include "broker/msg.h"
#include "lib/clock.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS   (60 * MINUTE_NS)

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    /* A name that begins another stands behind it. */
    {"ns", 1},         {"us", NS_PER_US}, {"\xc2\xb5s", NS_PER_US},
    {"ms", NS_PER_MS}, {"s", NS_PER_S},   {"m", MINUTE_NS},
    {"h", HOUR_NS},
};

static struct str without(struct str s, size_t n)
{
    return str_make(s.p + n, s.len - n);
}

/* Takes the unit off *text; 0: there is none. */
static int64_t take_unit(struct str *text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct str name = str_of(units[i].name);
        if (str_has_prefix(*text, name)) {
            *text = without(*text, name.len);
            return units[i].ns;
        }
    }
    return 0;
}

/* "1.5" of "1.5h30m". */
static int take_number(struct str *text, double *number)
{
    size_t len = 0;
    while (len < text->len && ((text->p[len] >= '0' && text->p[len] <= '9') ||
                               text->p[len] == '.'))
        len++;
    if (str_to_double(str_make(text->p, len), number) != 0)
        return -1;
    *text = without(*text, len);
    return 0;
}

/* As Go reads durations. */
static int read_duration(struct str text, int64_t *ns)
{
    double sum = 0;
    do {
        double number;
        if (take_number(&text, &number) != 0)
            return -1;
        int64_t unit_ns = take_unit(&text);
        if (unit_ns == 0)
            return -1;
        sum += number * (double)unit_ns;
    } while (text.len > 0);
    if (sum >= (double)INT64_MAX)
        return -1;
    *ns = (int64_t)sum;
    return 0;
}

int msg_ttl_read(struct str text, int64_t *ttl_ns)
{
    int64_t seconds;
    if (str_ieq(text, str_of("never"))) {
        *ttl_ns = MSG_TTL_NEVER;
        return 0;
    }
    if (str_to_i64(text, &seconds) == 0) {
        if (seconds < 0 || seconds > INT64_MAX / NS_PER_S - 1)
            return -1;
        *ttl_ns = seconds * NS_PER_S;
        return 0;
    }
    if (read_duration(text, ttl_ns) != 0 || *ttl_ns < NS_PER_S)
        return -1;
    *ttl_ns -= *ttl_ns % NS_PER_S;
    return 0;
}

bool msg_ttl_is_never(struct str headers)
{
    struct str value;
    return headers.len > 0 && msg_header(headers, "Nats-TTL", &value) &&
           str_ieq(value, str_of("never"));
}

void msg_ttl_append(struct buf *out, int64_t ns)
{
    int64_t hours = ns / HOUR_NS, minutes = ns % HOUR_NS / MINUTE_NS;
    if (hours > 0)
        buf_printf(out, "%lldh", (long long)hours);
    if (hours > 0 || minutes > 0)
        buf_printf(out, "%lldm", (long long)minutes);
    buf_printf(out, "%llds", (long long)(ns % MINUTE_NS / NS_PER_S));
}
