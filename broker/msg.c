/* msg: see msg.h. */
#include "broker/msg.h"

static bool line_next(struct str *rest, struct str *line)
{
    if (rest->len == 0)
        return false;
    const char *newline = memchr(rest->p, '\n', rest->len);
    size_t len = newline != NULL ? (size_t)(newline - rest->p) : rest->len;
    *line = str_make(rest->p, len);
    size_t taken = newline != NULL ? len + 1 : len;
    *rest = str_make(rest->p + taken, rest->len - taken);
    return true;
}

bool msg_header(struct str headers, const char *name, struct str *value)
{
    struct str wanted = str_of(name), line;
    if (!line_next(&headers, &line))
        return false;
    while (line_next(&headers, &line)) {
        if (line.len > wanted.len && line.p[wanted.len] == ':' &&
            str_has_prefix(line, wanted)) {
            *value = str_trim(
                str_make(line.p + wanted.len + 1, line.len - wanted.len - 1));
            return true;
        }
    }
    return false;
}

bool msg_header_next(struct str *block, struct str *name, struct str *value)
{
    struct str line;
    while (line_next(block, &line)) {
        const char *colon = line.len > 0 ? memchr(line.p, ':', line.len) : NULL;
        if (colon == NULL)
            continue;
        size_t len = (size_t)(colon - line.p);
        *name = str_make(line.p, len);
        *value = str_trim(str_make(colon + 1, line.len - len - 1));
        return true;
    }
    return false;
}
