/* nexus-graphql: the GraphQL engine on the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/graphql/cli/cli.h"
#include "lib/mem.h"

#define FILE_MAX ((size_t)256 * 1024 * 1024)

enum { GOOD = 0, HAS_ERRORS = 1, CALLED_WRONGLY = 2 };

static void usage(FILE *to)
{
    fputs("usage: nexus-graphql parse    QUERY\n"
          "       nexus-graphql schema   SCHEMA\n"
          "       nexus-graphql validate SCHEMA QUERY\n"
          "       nexus-graphql execute  SCHEMA QUERY [VARIABLES [FIXTURE]]\n"
          "       nexus-graphql batch    [SCHEMA [FIXTURE]]\n"
          "Each is a file, - standard input; api/graphql/cli/README.md says "
          "more.\n",
          to);
}

static int help(void)
{
    usage(stdout);
    return GOOD;
}

static bool wants_help(int argc, char **argv)
{
    return argc == 2 &&
           (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* ---- files ---- */

static int read_all(FILE *file, const char *path, struct buf *text,
                    struct errmsg *err)
{
    size_t n;
    do {
        n = fread(buf_reserve(text, 65536), 1, 65536, file);
        text->len += n;
    } while (n > 0 && text->len <= FILE_MAX);
    if (ferror(file))
        return errmsg_set(err, -EIO, "%s: %s", path, strerror(errno));
    if (text->len > FILE_MAX)
        return errmsg_set(err, -EFBIG, "%s: longer than 256 MiB", path);
    return 0;
}

/* The file's content, in the program's arena. */
static int read_file(struct cli *cli, const char *path, struct str *content,
                     struct errmsg *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL)
        return errmsg_set(err, -errno, "%s: %s", path, strerror(errno));
    struct buf text = {0};
    int rc = read_all(file, path, &text, err);
    *content = arena_str(&cli->arena, buf_str(&text));
    buf_fini(&text);
    if (file != stdin)
        fclose(file);
    return rc;
}

static int read_schema(struct cli *cli, const char *path, struct errmsg *err)
{
    struct str text = {0};
    if (read_file(cli, path, &text, err) < 0)
        return -EINVAL;
    cli->schema = gql_schema_new(text, path, NULL, err);
    return cli->schema != NULL ? 0 : -EINVAL;
}

static int read_json(struct cli *cli, const char *path, struct json *value,
                     struct errmsg *err)
{
    struct str text = {0};
    struct errmsg why;
    struct json_doc *doc = arena_alloc(&cli->arena, sizeof *doc);
    if (read_file(cli, path, &text, err) < 0)
        return -EINVAL;
    if (json_parse(doc, text, &cli->arena, &why) < 0)
        return errmsg_set(err, -EINVAL, "%s: %s", path, why.text);
    *value = json_root(doc);
    return 0;
}

/* ---- commands ---- */

static int batch(struct cli *cli, char **args, struct errmsg *err)
{
    cli->limits = (struct gql_limits){.errors = gql_limits_default.errors,
                                      .list_size = gql_limits_default.list_size,
                                      .introspection = true,
                                      .suggestions = true};
    if (args[0] != NULL && read_schema(cli, args[0], err) < 0)
        return CALLED_WRONGLY;
    if (args[0] != NULL && args[1] != NULL &&
        read_json(cli, args[1], &cli->fixture, err) < 0)
        return CALLED_WRONGLY;
    return cli_batch(cli, err) < 0 ? CALLED_WRONGLY : GOOD;
}

/* QUERY [VARIABLES [FIXTURE]], behind the schema. */
static int read_request(struct cli *cli, char **args,
                        struct cli_request *request, struct errmsg *err)
{
    if (read_file(cli, args[0], &request->query, err) < 0)
        return -EINVAL;
    if (args[1] != NULL &&
        read_json(cli, args[1], &request->variables, err) < 0)
        return -EINVAL;
    return args[1] != NULL && args[2] != NULL
               ? read_json(cli, args[2], &cli->fixture, err)
               : 0;
}

static int run(struct cli *cli, const struct cli_action *action, char **args,
               struct errmsg *err)
{
    struct cli_request request = {0};
    struct buf out = {0};
    if (action->needs_schema && read_schema(cli, *args++, err) < 0)
        return CALLED_WRONGLY;
    if (read_request(cli, args, &request, err) < 0)
        return CALLED_WRONGLY;
    bool good = action->run(cli, &request, &out);
    buf_append_byte(&out, '\n');
    bool written = fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_fini(&out);
    if (!written || fflush(stdout) != 0)
        return errmsg_set(err, CALLED_WRONGLY, "the answer was not written");
    return good ? GOOD : HAS_ERRORS;
}

/* How many files a command takes at least and at most. */
static bool suits(const struct cli_action *action, int files)
{
    int least = action->needs_schema ? 2 : 1;
    bool executes = strcmp(action->name, "execute") == 0;
    return files >= least && files <= (executes ? least + 2 : least);
}

int main(int argc, char **argv)
{
    struct cli cli = {.limits = gql_limits_default};
    struct errmsg err = {0};
    int code = CALLED_WRONGLY;
    mem_return_large();
    const struct cli_action *action =
        argc > 1 ? cli_action(str_of(argv[1])) : NULL;
    if (action != NULL && suits(action, argc - 2))
        code = run(&cli, action, argv + 2, &err);
    else if (argc > 1 && argc <= 4 && strcmp(argv[1], "batch") == 0)
        code = batch(&cli, argv + 2, &err);
    else if (wants_help(argc, argv))
        code = help();
    else
        usage(stderr);
    if (err.text[0] != '\0')
        fprintf(stderr, "nexus-graphql: %s\n", err.text);
    cli_execution_end(&cli);
    gql_schema_free(&cli.schema);
    arena_fini(&cli.arena);
    return code;
}
