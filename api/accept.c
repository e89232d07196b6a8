/* accept: see the header. */
#include "api/accept.h"

/* Cuts the next part off *rest, up to the separator; spaces around it go. */
static struct str part_take(struct str *rest, char separator)
{
    const char *at = memchr(rest->p, separator, rest->len);
    size_t len = at != NULL ? (size_t)(at - rest->p) : rest->len;
    struct str part = str_trim(str_make(rest->p, len));
    size_t taken = at != NULL ? len + 1 : len;
    *rest = str_make(rest->p + taken, rest->len - taken);
    return part;
}

/* "0.8" as 800; what is no quality counts as the default, 1. */
static int quality_read(struct str text)
{
    if (text.len == 0 || text.len > 5 || (text.p[0] != '0' && text.p[0] != '1'))
        return 1000;
    int value = (text.p[0] - '0') * 1000;
    int unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.p[1] != '.' || text.p[i] < '0' || text.p[i] > '9')
            return 1000;
        value += (text.p[i] - '0') * unit;
    }
    return value > 1000 ? 1000 : value;
}

/* The q of a range's parameters, "level=1; q=0.4". */
static int quality_of(struct str parameters)
{
    while (parameters.len > 0) {
        struct str parameter = part_take(&parameters, ';');
        if (parameter.len >= 2 && (parameter.p[0] | 0x20) == 'q' &&
            parameter.p[1] == '=')
            return quality_read(
                str_trim(str_make(parameter.p + 2, parameter.len - 2)));
    }
    return 1000;
}

/* How closely a range names it. */
static int range_precision(struct str range, struct str name)
{
    if (str_ieq(range, name))
        return 3;
    if (str_is(range, "*") || str_is(range, "*/*"))
        return 1;
    if (range.len < 2 || range.len > name.len ||
        memcmp(range.p + range.len - 2, "/*", 2) != 0)
        return 0;
    size_t type = range.len - 1; /* with its slash */
    return str_ieq(str_make(range.p, type), str_make(name.p, type)) ? 2 : 0;
}

static int range_find(struct str header, const char *name, int *quality)
{
    int best = 0;
    *quality = 0;
    while (header.len > 0) {
        struct str parameters = part_take(&header, ',');
        if (parameters.len == 0)
            continue;
        struct str range = part_take(&parameters, ';');
        int precision = range_precision(range, str_of(name));
        if (precision > best) {
            best = precision;
            *quality = quality_of(parameters);
        }
    }
    return best;
}

int accept_quality(struct str header, const char *name)
{
    int quality;
    range_find(header, name, &quality);
    return quality;
}

int accept_precision(struct str header, const char *name)
{
    int quality;
    return range_find(header, name, &quality);
}
