#include "lib/pg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/mem.h"

/* libpq's quoting: 'value' with \ before quotes and backslashes. */
static void append_setting(struct buf *out, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_printf(out, "%s='", key);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            buf_append_byte(out, '\\');
        buf_append_byte(out, *c);
    }
    buf_append_text(out, "' ");
}

/* What is not said in the settings goes through libpq's own environment, which
 * a URL of the user's wins over. */
static void set_defaults(const char *program)
{
    setenv("PGAPPNAME", program, 0);
    setenv("PGCONNECT_TIMEOUT", "10", 0);
}

char *pg_conninfo(const struct pg_settings *s, const char *program)
{
    set_defaults(program);
    if (s->url != NULL && s->url[0] != '\0')
        return mem_strdup(s->url);
    struct buf out = {0};
    append_setting(&out, "host", s->host);
    buf_printf(&out, "port=%d ", (int)s->port);
    append_setting(&out, "user", s->user);
    append_setting(&out, "password", s->password);
    append_setting(&out, "dbname", s->name);
    buf_text(&out);
    return out.data;
}

/* What libpq itself says of a connection string that it cannot read repeats a
 * part of it, maybe the password. */
#define UNREADABLE                           \
    "DATABASE_URL cannot be read: expected " \
    "postgresql://user:password@host:port/name with odd characters as %XX"

int pg_check_conninfo(const char *conninfo, struct errmsg *err)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, &why);
    PQfreemem(why);
    if (parsed == NULL)
        return errmsg_set(err, -EINVAL, "%s", UNREADABLE);
    PQconninfoFree(parsed);
    return 0;
}

/* Such a connection has not even a user. */
static bool is_unread(PGconn *conn)
{
    return conn != NULL && PQuser(conn) == NULL;
}

void pg_error(PGconn *conn, struct errmsg *err, const char *doing)
{
    if (is_unread(conn)) {
        errmsg_set(err, 0, "%s: %s", doing, UNREADABLE);
        return;
    }
    struct str why = str_trim(str_of(PQerrorMessage(conn)));
    errmsg_set(err, 0, "%s: %.*s", doing, STR_ARG(why));
    for (char *c = err->text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}
