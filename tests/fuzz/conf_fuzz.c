/* conf: whatever a configuration holds, it is read or refused with its place,
 * and what was read makes options or is refused likewise.
 * fuzz-links: broker/config/conf.c broker/config/reader.c
 * fuzz-links: broker/config/options.c broker/config/options_auth.c
 * fuzz-links: broker/auth/nkey.c broker/auth/auth.c broker/auth/password.c
 * fuzz-links: broker/remote/remote_config.c broker/subject.c */
#include <assert.h>
#include <string.h>

#include "broker/config/conf.h"
#include "broker/config/options.h"

#define VALUES_MAX 100000 /* a variable may stand for a large list many times */

/* Every value has a place, and the members of maps have names. */
static void walk(const struct conf_value *value, int *left)
{
    if (--*left < 0)
        return;
    assert(value->line > 0 && value->column > 0 && value->file != NULL);
    bool holds = value->type == CONF_MAP || value->type == CONF_ARRAY;
    assert(holds == (value->text == NULL));
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        assert((value->type == CONF_MAP) == (v->key != NULL));
        walk(v, left);
    }
}

static void read_tree(struct str text)
{
    struct arena arena = {0};
    struct errmsg err = {0};
    int left = VALUES_MAX;
    const struct conf_value *root = conf_parse(text, "fuzz", &arena, &err);
    assert(root != NULL || strchr(err.text, ':') != NULL);
    if (root != NULL)
        walk(root, &left);
    arena_fini(&arena);
}

static void read_options(struct str text)
{
    struct options options = {0};
    struct errmsg err = {0};
    int rc = options_read_text(&options, text, "fuzz", &err);
    if (rc == 0)
        rc = options_finish(&options, &err);
    assert((rc == 0) == (err.text[0] == '\0'));
    options_fini(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str text = str_make((const char *)data, size);
    read_tree(text);
    read_options(text);
    return 0;
}
