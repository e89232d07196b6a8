/* reader: how a map of the configuration fills a struct, key by key.
 *
 * A table has a row for each key: its names, what reads its value, where that
 * goes, and its range. */
#ifndef NEXUS_BROKER_READER_H
#define NEXUS_BROKER_READER_H

#include <stddef.h>
#include <stdint.h>

#include "broker/config/conf.h"
#include "broker/config/options.h"

struct reader {
    struct options *options;
    struct arena *arena;
    struct errmsg *err;
};

struct setting {
    const char *names; /* "http_port|monitor_port" */
    /* Reads value into at; 0, or -EINVAL with the reader's *err. */
    int (*read)(struct reader *r, const struct conf_value *value,
                const struct setting *setting, void *at);
    size_t offset; /* of what it fills */
    int64_t min, max;
};

/* Reads every member of a map into the struct at `into`. The table ends with
 * names NULL. */
int read_settings(struct reader *r, const struct conf_value *map,
                  const struct setting *table, void *into);

/* ---- values; all but the last take a setting's range ---- */

/* const char * */
int read_text(struct reader *r, const struct conf_value *value,
              const struct setting *setting, void *at);
/* bool; also "enabled" and "disabled" */
int read_flag(struct reader *r, const struct conf_value *value,
              const struct setting *setting, void *at);
/* int64_t */
int read_number(struct reader *r, const struct conf_value *value,
                const struct setting *setting, void *at);
/* int64_t nanoseconds: "1m30s", "500ms"; a number alone is seconds */
int read_duration(struct reader *r, const struct conf_value *value,
                  const struct setting *setting, void *at);
/* Looked at and left: it has no meaning here. */
int read_ignored(struct reader *r, const struct conf_value *value,
                 const struct setting *setting, void *at);
int read_unsupported(struct reader *r, const struct conf_value *value,
                     const struct setting *setting, void *at);

/* Texts of a list, or one alone; NULL behind the last. max of them at most. */
int read_texts(struct reader *r, const struct conf_value *value, size_t max,
               const char **out);

/* Nanoseconds of a Go duration: 0 or -EINVAL. */
int duration_of(const char *text, int64_t *ns);

/* 0, or -EINVAL with "… is <type>: expected …". */
int expect_type(struct reader *r, const struct conf_value *value,
                enum conf_type type);

/* ---- the larger blocks ---- */

/* authorization { } into the options. */
int read_authorization(struct reader *r, const struct conf_value *value,
                       const struct setting *setting, void *at);
/* accounts { } into the options. */
int read_accounts(struct reader *r, const struct conf_value *value,
                  const struct setting *setting, void *at);
/* struct tls_config */
int read_tls(struct reader *r, const struct conf_value *value,
             const struct setting *setting, void *at);
/* struct websocket_config */
int read_websocket(struct reader *r, const struct conf_value *value,
                   const struct setting *setting, void *at);
/* "host:port", ":port" or a port: into a const char * and an int64_t. */
int read_listen(struct reader *r, const struct conf_value *value,
                const char **addr, int64_t *port);

#endif
