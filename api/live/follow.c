#include "api/live/follow.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/mem.h"

#define ROOT "telemetry."

/* The token at *rest, which moves behind it and its dot; len 0: none. */
static struct str token_next(const char **rest)
{
    const char *dot = strchrnul(*rest, '.');
    struct str token = str_make(*rest, (size_t)(dot - *rest));
    *rest = *dot == '.' ? dot + 1 : dot;
    return token;
}

static bool token_ok(struct str token, bool last)
{
    if (token.len == 0 || (str_is(token, ">") && !last))
        return false;
    if (token.len == 1)
        return true;
    for (size_t i = 0; i < token.len; i++)
        if (strchr("*> \t\r\n", token.p[i]) != NULL)
            return false;
    return true;
}

static const char *fault_of(const char *subject)
{
    if (strncmp(subject, ROOT, strlen(ROOT)) != 0)
        return "a subject below " ROOT " is expected";
    if (strlen(subject) >= FOLLOW_BYTES_MAX)
        return "it is too long";
    if (subject[strlen(subject) - 1] == '.')
        return "a token is empty";
    for (const char *rest = subject; *rest != '\0';) {
        struct str token = token_next(&rest);
        if (!token_ok(token, *rest == '\0'))
            return "tokens are names, * or, at the end, >";
    }
    return NULL;
}

static void cover_append(struct buf *out, const char *token, size_t len)
{
    if (out->len > 0)
        buf_append_byte(out, '.');
    buf_append(out, token, len);
}

void follow_cover(char *cover, const char *subject)
{
    struct buf out = {0};
    const char *a = cover, *b = subject;
    for (;;) {
        struct str x = token_next(&a), y = token_next(&b);
        if (x.len == 0 && y.len == 0)
            break;
        if (x.len == 0 || y.len == 0 || str_is(x, ">") || str_is(y, ">")) {
            cover_append(&out, ">", 1);
            break;
        }
        if (str_eq(x, y))
            cover_append(&out, x.p, x.len);
        else
            cover_append(&out, "*", 1);
    }
    memcpy(cover, buf_text(&out), out.len + 1); /* no longer than the longer */
    buf_fini(&out);
}

static int subject_add(struct follow *follow, const char *subject,
                       struct errmsg *err)
{
    const char *fault =
        follow->count == FOLLOW_MAX ? "too many subjects" : fault_of(subject);
    if (fault != NULL)
        return errmsg_set(err, -EINVAL, "FOLLOW: \"%.100s\": %s", subject,
                          fault);
    follow->subjects[follow->count] = subject;
    if (follow->count++ == 0)
        memcpy(follow->cover, subject, strlen(subject) + 1);
    else
        follow_cover(follow->cover, subject);
    return 0;
}

int follow_parse(struct follow *follow, const char *list, struct errmsg *err)
{
    *follow = (struct follow){.text = mem_strdup(list)};
    char *rest = follow->text, *subject;
    int rc = 0;
    while (rc == 0 && (subject = strtok_r(rest, ", ", &rest)) != NULL)
        rc = subject_add(follow, subject, err);
    if (rc == 0 && follow->count == 0)
        rc = errmsg_set(err, -EINVAL, "FOLLOW: a subject is expected");
    if (rc < 0)
        follow_fini(follow);
    return rc;
}

void follow_fini(struct follow *follow)
{
    free(follow->text);
    *follow = (struct follow){0};
}

static bool matches(const char *pattern, const char *subject)
{
    for (;;) {
        struct str p = token_next(&pattern), s = token_next(&subject);
        if (p.len == 0 || s.len == 0)
            return p.len == s.len;
        if (str_is(p, ">"))
            return true;
        if (!str_is(p, "*") && !str_eq(p, s))
            return false;
    }
}

bool follow_is_all(const struct follow *follow)
{
    for (int i = 0; i < follow->count; i++)
        if (strcmp(follow->subjects[i], ROOT ">") == 0)
            return true;
    return false;
}

bool follow_takes(const struct follow *follow, const char *subject)
{
    for (int i = 0; i < follow->count; i++)
        if (matches(follow->subjects[i], subject))
            return true;
    return false;
}
