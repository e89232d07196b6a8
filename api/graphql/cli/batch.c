/* batch: a request a line, an answer a line. */
#include "api/graphql/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct line {
    char *text;
    size_t cap;
    ssize_t len;
    unsigned long number;
};

static int refuse(const struct line *line, const char *why, struct errmsg *err)
{
    return errmsg_set(err, -EINVAL, "line %lu: %s", line->number, why);
}

static struct str text_of(struct json object, const char *name,
                          struct arena *arena)
{
    struct str text = {0};
    json_string(json_get(object, name), arena, &text);
    return text;
}

static int run(struct cli *cli, const struct line *line, struct json object,
               struct arena *arena, struct buf *out, struct errmsg *err)
{
    const struct cli_action *action = cli_action(text_of(object, "do", arena));
    struct cli_request request = {
        .query = text_of(object, "query", arena),
        .variables = json_get(object, "variables"),
        .operation_name = text_of(object, "operationName", arena),
    };
    if (action == NULL)
        return refuse(line, "\"do\" is none of this program's commands", err);
    if (action->needs_schema && cli->schema == NULL)
        return refuse(line, "this command needs a SCHEMA", err);
    if (request.query.p == NULL)
        return refuse(line, "\"query\" is no string", err);
    action->run(cli, &request, out);
    return 0;
}

static int answer(struct cli *cli, const struct line *line, struct errmsg *err)
{
    struct arena arena = {0};
    struct json_doc doc;
    struct errmsg why;
    struct buf out = {0};
    int rc;
    if (json_parse(&doc, str_make(line->text, (size_t)line->len), &arena,
                   &why) < 0)
        rc = refuse(line, why.text, err);
    else
        rc = run(cli, line, json_root(&doc), &arena, &out, err);
    if (rc == 0) {
        buf_append_byte(&out, '\n');
        fwrite(out.data, 1, out.len, stdout);
    }
    buf_fini(&out);
    arena_fini(&arena);
    return rc;
}

int cli_batch(struct cli *cli, struct errmsg *err)
{
    struct line line = {0};
    int rc = 0;
    while (rc == 0 && (line.len = getline(&line.text, &line.cap, stdin)) > 0) {
        line.number++;
        rc = answer(cli, &line, err);
    }
    free(line.text);
    if (fflush(stdout) != 0 || ferror(stdout))
        return errmsg_set(err, -EIO, "the answers could not be written");
    return rc;
}
