/* remote_config: see remote_config.h. */
#include "broker/remote/remote_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/jetstream/js_config.h"
#include "lib/mem.h"

#define PORT_DEFAULT "4222"
#define PORT_MAX     65535

/* ---- a URL ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy with %XX resolved; NULL: a % that nothing follows, or %00. */
static char *unescape(struct str s)
{
    char *out = mem_alloc(s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        out[n] = s.p[i];
        if (s.p[i] == '%') {
            int high = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                free(out);
                return NULL;
            }
            out[n] = (char)(high * 16 + low);
            i += 2;
        }
        n++;
    }
    out[n] = '\0';
    return out;
}

static int take_user(struct remote_url *url, struct str text,
                     struct errmsg *err)
{
    const char *colon = memchr(text.p, ':', text.len);
    size_t user = colon != NULL ? (size_t)(colon - text.p) : text.len;
    url->user = unescape(str_make(text.p, user));
    if (colon != NULL)
        url->pass = unescape(str_make(colon + 1, text.len - user - 1));
    if (url->user == NULL || (colon != NULL && url->pass == NULL))
        return errmsg_set(err, -EINVAL,
                          "the user or password of the URL has a %% that two "
                          "hexadecimal digits do not follow");
    return 0;
}

static int take_port(struct remote_url *url, struct str text,
                     struct errmsg *err)
{
    int64_t port;
    if (str_to_i64(text, &port) != 0 || port < 1 || port > PORT_MAX)
        return errmsg_set(err, -EINVAL,
                          "the URL's port is not a number from 1 to %d",
                          PORT_MAX);
    snprintf(url->port, sizeof(url->port), "%d", (int)port);
    return 0;
}

/* host, host:port, [v6], [v6]:port */
static int take_host(struct remote_url *url, struct str text,
                     struct errmsg *err)
{
    struct str host = text, rest;
    const char *end;
    if (text.len > 0 && text.p[0] == '[') {
        end = memchr(text.p, ']', text.len);
        if (end == NULL)
            return errmsg_set(err, -EINVAL, "the URL's host has no ]");
        host = str_make(text.p + 1, (size_t)(end - text.p) - 1);
        end++;
    } else {
        end = memchr(text.p, ':', text.len);
        if (end == NULL)
            end = text.p + text.len;
        host.len = (size_t)(end - text.p);
    }
    rest = str_make(end, (size_t)(text.p + text.len - end));
    if (host.len == 0)
        return errmsg_set(err, -EINVAL, "the URL names no host");
    url->host = mem_strndup(host);
    if (rest.len == 0)
        return 0;
    return take_port(url, str_make(rest.p + 1, rest.len - 1), err);
}

int remote_url_parse(struct remote_url *url, const char *text,
                     struct errmsg *err)
{
    *url = (struct remote_url){.port = PORT_DEFAULT};
    static const struct str clear = STR("nats://"), tls = STR("tls://");
    struct str rest = str_of(text), scheme = clear;
    url->tls = text != NULL && str_has_prefix(rest, tls);
    if (url->tls)
        scheme = tls;
    if (text == NULL || !str_has_prefix(rest, scheme))
        return errmsg_set(err, -EINVAL,
                          "the URL does not begin with nats:// or tls://");
    rest = str_make(rest.p + scheme.len, rest.len - scheme.len);
    while (rest.len > 0 && rest.p[rest.len - 1] == '/')
        rest.len--;
    const char *at = memrchr(rest.p, '@', rest.len);
    if (at != NULL) {
        struct str user = str_make(rest.p, (size_t)(at - rest.p));
        if (take_user(url, user, err) != 0)
            return -EINVAL;
        rest = str_make(at + 1, rest.len - user.len - 1);
    }
    return take_host(url, rest, err);
}

void remote_url_fini(struct remote_url *url)
{
    free(url->host);
    free(url->user);
    free(url->pass);
    *url = (struct remote_url){.host = NULL};
}

/* ---- what changed ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool remote_config_same(const struct remote_config *a,
                        const struct remote_config *b)
{
    return same_text(a->domain, b->domain) && same_text(a->url, b->url) &&
           same_text(a->user, b->user) && same_text(a->pass, b->pass) &&
           same_text(a->token, b->token) && same_text(a->nkey, b->nkey) &&
           same_text(a->ca_file, b->ca_file) &&
           same_text(a->cert_file, b->cert_file) &&
           same_text(a->key_file, b->key_file);
}

/* ---- a list in one text ---- */

static int take_remote(struct remote_config *remote, char *text,
                       struct errmsg *err)
{
    char *equals = strchr(text, '=');
    struct remote_url url;
    if (equals == NULL)
        return errmsg_set(err, -EINVAL,
                          "a remote is written <domain>=nats://…");
    *equals = '\0';
    if (!js_name_valid(str_of(text)))
        return errmsg_set(err, -EINVAL,
                          "what stands before = does not fit as a remote's "
                          "domain");
    *remote = (struct remote_config){.domain = text, .url = equals + 1};
    int rc = remote_url_parse(&url, remote->url, err);
    remote_url_fini(&url);
    return rc;
}

int remote_list_parse(const char *text, struct remote_config *remotes,
                      size_t *count, struct errmsg *err)
{
    static char *kept; /* the configuration's text lives as long as we do */
    *count = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    free(kept);
    kept = mem_strdup(text);
    char *rest = kept;
    for (char *one; (one = strsep(&rest, ",")) != NULL;) {
        if (*count == REMOTES_MAX)
            return errmsg_set(err, -EINVAL, "more than %d remotes",
                              REMOTES_MAX);
        if (take_remote(&remotes[*count], one, err) != 0)
            return -EINVAL;
        ++*count;
    }
    return 0;
}
