/* pg: how programs reach PostgreSQL. Only settings live here; each program
 * owns its connections. */
#ifndef NEXUS_PG_H
#define NEXUS_PG_H

#include <libpq-fe.h>

#include "lib/errmsg.h"
#include "lib/opts.h"

struct pg_settings {
    const char *url; /* DATABASE_URL; wins over the rest */
    const char *host, *user, *password, *name;
    int64_t port;
};

/* The options DATABASE_URL, DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME,
 * for a program's table. */
#define PG_OPTIONS(s)                                            \
    {.flag = "database-url",                                     \
     .type = OPT_TEXT,                                           \
     .value = &(s).url,                                          \
     .secret = true,                                             \
     .help = "PostgreSQL URL; wins over the --db options"},      \
        {.flag = "db-host",                                      \
         .type = OPT_TEXT,                                       \
         .value = &(s).host,                                     \
         .initial = "127.0.0.1",                                 \
         .help = "PostgreSQL host or socket folder"},            \
        {.flag = "db-port",                                      \
         .type = OPT_INT,                                        \
         .value = &(s).port,                                     \
         .initial = "5432",                                      \
         .min = 1,                                               \
         .max = 65535,                                           \
         .help = "PostgreSQL port"},                             \
        {.flag = "db-user",                                      \
         .type = OPT_TEXT,                                       \
         .value = &(s).user,                                     \
         .initial = "nexus",                                     \
         .help = "PostgreSQL user"},                             \
        {.flag = "db-password",                                  \
         .type = OPT_TEXT,                                       \
         .value = &(s).password,                                 \
         .secret = true,                                         \
         .help = "PostgreSQL password"},                         \
    {                                                            \
        .flag = "db-name", .type = OPT_TEXT, .value = &(s).name, \
        .initial = "nexus", .help = "PostgreSQL database"        \
    }

/* The connection string for PQconnectdb and PQconnectStart; the caller frees
 * it. program becomes application_name (through PGAPPNAME, so call it before
 * threads start). Holds the password: never log it. */
char *pg_conninfo(const struct pg_settings *settings, const char *program);

/* 0, or -EINVAL with *err when libpq cannot read the connection string: then
 * waiting for a server is of no use. */
int pg_check_conninfo(const char *conninfo, struct errmsg *err);

/* "doing: libpq's message", on one line, without the password. */
void pg_error(PGconn *conn, struct errmsg *err, const char *doing);

#endif
