#include "lib/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/clock.h"

/* Days from 1970-01-01 to the date, and back: the proleptic Gregorian calendar
 * counted in 400-year eras that begin on 1 March, so that the leap day is the
 * last of its year. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year =
        (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* The n digits at *s, moved past; -1 when they are not digits. */
static int take_digits(struct str *s, size_t n)
{
    if (s->len < n)
        return -1;
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return -1;
        value = value * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->len -= n;
    return value;
}

static bool take_byte(struct str *s, const char *any_of)
{
    if (s->len == 0 || s->p[0] == '\0' || strchr(any_of, s->p[0]) == NULL)
        return false;
    s->p++;
    s->len--;
    return true;
}

static int take_date(struct str *s, int64_t *days)
{
    int year = take_digits(s, 4);
    if (year < 0 || !take_byte(s, "-"))
        return -1;
    int month = take_digits(s, 2);
    if (month < 1 || month > 12 || !take_byte(s, "-"))
        return -1;
    int day = take_digits(s, 2);
    if (day < 1 || day > days_in_month(year, month))
        return -1;
    *days = days_of_date(year, month, day);
    return 0;
}

/* A leap second (60) is taken as the second after 59. */
static int take_clock(struct str *s, int64_t *seconds)
{
    int hour = take_digits(s, 2);
    if (hour < 0 || hour > 23 || !take_byte(s, ":"))
        return -1;
    int minute = take_digits(s, 2);
    if (minute < 0 || minute > 59 || !take_byte(s, ":"))
        return -1;
    int second = take_digits(s, 2);
    if (second < 0 || second > 60)
        return -1;
    *seconds = hour * 3600 + minute * 60 + second;
    return 0;
}

static int take_fraction(struct str *s, int64_t *ns)
{
    *ns = 0;
    if (!take_byte(s, "."))
        return 0;
    int64_t unit = NS_PER_S / 10;
    size_t digits = 0;
    while (s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        if (++digits > 9)
            return -1;
        *ns += (s->p[0] - '0') * unit;
        unit /= 10;
        s->p++;
        s->len--;
    }
    return digits > 0 ? 0 : -1;
}

static int take_offset(struct str *s, int64_t *seconds)
{
    *seconds = 0;
    if (take_byte(s, "Zz"))
        return 0;
    bool west = s->len > 0 && s->p[0] == '-';
    if (!take_byte(s, "+-"))
        return -1;
    int hour = take_digits(s, 2);
    if (hour < 0 || hour > 23 || !take_byte(s, ":"))
        return -1;
    int minute = take_digits(s, 2);
    if (minute < 0 || minute > 59)
        return -1;
    *seconds = (west ? -1 : 1) * (hour * 3600 + minute * 60);
    return 0;
}

int timestamp_parse(struct str text, int64_t *ns)
{
    int64_t days, seconds, fraction, offset;
    if (take_date(&text, &days) < 0 || !take_byte(&text, "Tt ") ||
        take_clock(&text, &seconds) < 0 ||
        take_fraction(&text, &fraction) < 0 ||
        take_offset(&text, &offset) < 0 || text.len > 0)
        return -EINVAL;
    int64_t total;
    if (__builtin_mul_overflow(days * 86400 + seconds - offset, NS_PER_S,
                               &total) ||
        __builtin_add_overflow(total, fraction, &total))
        return -EINVAL;
    *ns = total;
    return 0;
}

int timestamp_parse_query(struct str text, int64_t now_ns, int64_t *ns)
{
    static const struct str now = STR("now");
    if (!str_has_prefix(text, now))
        return timestamp_parse(text, ns);
    text = str_make(text.p + now.len, text.len - now.len);
    int64_t back = 0;
    if (text.len > 0) {
        if (text.p[0] != '-' ||
            duration_parse(str_make(text.p + 1, text.len - 1), &back) < 0)
            return -EINVAL;
    }
    if (__builtin_sub_overflow(now_ns, back, ns))
        return -EINVAL;
    return 0;
}

static void put_digits(char *out, int64_t value, int n)
{
    while (n-- > 0) {
        out[n] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* 0 to 99 */
static void put_two(char *out, uint32_t value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

#define DATE_LEN 10

/* "2026-11-21". The same day comes again and again: it is kept. */
static void put_date(char *out, int64_t days)
{
    static _Thread_local struct {
        int64_t days;
        char text[DATE_LEN];
    } last = {.days = INT64_MIN};
    if (last.days != days) {
        int64_t year;
        int month, day;
        date_of_days(days, &year, &month, &day);
        last.text[4] = last.text[7] = '-';
        put_digits(last.text, year, 4);
        put_two(last.text + 5, (uint32_t)month);
        put_two(last.text + 8, (uint32_t)day);
        last.days = days;
    }
    memcpy(out, last.text, DATE_LEN);
}

/* "T19:05:28" */
static void put_clock(char *out, uint32_t seconds)
{
    uint32_t minutes = seconds / 60;
    memcpy(out, "T00:00:00", 9);
    put_two(out + 1, minutes / 60);
    put_two(out + 4, minutes % 60);
    put_two(out + 7, seconds % 60);
}

/* Rounded down, with what is left. */
static int64_t divide(int64_t number, int64_t by, int64_t *rest)
{
    int64_t quotient = number / by;
    *rest = number - quotient * by;
    if (*rest < 0) {
        *rest += by;
        quotient--;
    }
    return quotient;
}

int timestamp_format(int64_t ns, int digits, char *out)
{
    int64_t fraction, rest;
    int64_t seconds = divide(ns, NS_PER_S, &fraction);
    put_date(out, divide(seconds, 86400, &rest));
    put_clock(out + DATE_LEN, (uint32_t)rest);
    int len = DATE_LEN + 9;
    if (digits > 0) {
        char nine[9];
        put_digits(nine, fraction, 9);
        out[len++] = '.';
        memcpy(out + len, nine, (size_t)digits);
        len += digits;
    }
    out[len++] = 'Z';
    out[len] = '\0';
    return len;
}

int timestamp_format_nano(int64_t ns, char *out)
{
    if (ns % NS_PER_S == 0)
        return timestamp_format(ns, 0, out);
    int len = timestamp_format(ns, 9, out) - 1;
    while (out[len - 1] == '0')
        len--;
    out[len++] = 'Z';
    out[len] = '\0';
    return len;
}

static const struct unit {
    struct str name;
    int64_t ns;
} units[] = {
    {STR("d"), 86400 * NS_PER_S},
    {STR("h"), 3600 * NS_PER_S},
    {STR("m"), 60 * NS_PER_S},
    {STR("s"), NS_PER_S},
    {STR("ms"), NS_PER_MS},
    {STR("us"), NS_PER_US},
    {STR("ns"), 1},
};
#define UNIT_COUNT (sizeof units / sizeof *units)

int duration_parse(struct str text, int64_t *ns)
{
    size_t digits = 0;
    while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    int64_t number;
    if (digits == 0 || str_to_i64(str_make(text.p, digits), &number) < 0)
        return -EINVAL;
    struct str unit = str_make(text.p + digits, text.len - digits);
    int64_t scale = unit.len == 0 ? NS_PER_S : 0;
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (str_eq(unit, units[i].name))
            scale = units[i].ns;
    if (scale == 0 || __builtin_mul_overflow(number, scale, &number))
        return -EINVAL;
    *ns = number;
    return 0;
}

void duration_append(struct buf *out, int64_t ns)
{
    size_t i = 0;
    while (i < UNIT_COUNT - 1 &&
           (ns == 0 ? units[i].ns != NS_PER_S : ns % units[i].ns != 0))
        i++;
    buf_append_i64(out, ns / units[i].ns);
    buf_append_str(out, units[i].name);
}
