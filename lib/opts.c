#include "lib/opts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"
#include "lib/timestamp.h"

#define ENV_NAME_MAX 64

/* BATCH_SIZE for batch-size; "" where an option has no variable. */
static const char *env_name(const struct opt *o, char out[ENV_NAME_MAX])
{
    if (o->env != NULL)
        return o->env;
    size_t i = 0;
    for (; i < ENV_NAME_MAX - 1 && o->flag[i] != '\0'; i++)
        out[i] =
            o->flag[i] == '-' ? '_' : (char)toupper((unsigned char)o->flag[i]);
    out[i] = '\0';
    return out;
}

static int set_bool(const struct opt *o, const char *text)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *(bool *)o->value = true;
            return 0;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *(bool *)o->value = false;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_choice(const struct opt *o, const char *text)
{
    for (int i = 0; o->choices[i] != NULL; i++)
        if (strcasecmp(text, o->choices[i]) == 0) {
            *(int *)o->value = i;
            return 0;
        }
    return -EINVAL;
}

static int parse_size(struct str text, int64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.p[digits]))
        digits++;
    if (str_to_i64(str_make(text.p, digits), out) < 0)
        return -EINVAL;
    struct str unit = str_make(text.p + digits, text.len - digits);
    static const char letters[] = "KMGT";
    if (unit.len == 0 || str_ieq(unit, str_of("B")))
        return 0;
    const char *at = strchr(letters, toupper((unsigned char)unit.p[0]));
    struct str rest = str_make(unit.p + 1, unit.len - 1);
    if (at == NULL || !(rest.len == 0 || str_ieq(rest, str_of("B")) ||
                        str_ieq(rest, str_of("iB"))))
        return -EINVAL;
    for (long i = at - letters; i >= 0; i--)
        if (__builtin_mul_overflow(*out, 1024, out))
            return -EINVAL;
    return 0;
}

static int set_number(const struct opt *o, const char *text)
{
    int64_t value;
    int rc = o->type == OPT_INT    ? str_to_i64(str_of(text), &value)
             : o->type == OPT_SIZE ? parse_size(str_of(text), &value)
                                   : duration_parse(str_of(text), &value);
    if (rc < 0)
        return -EINVAL;
    bool ranged = o->min != 0 || o->max != 0;
    if (ranged ? value < o->min || value > o->max : value < 0)
        return -ERANGE;
    *(int64_t *)o->value = value;
    return 0;
}

static int set_value(const struct opt *o, const char *text)
{
    switch (o->type) {
    case OPT_TEXT:
        *(const char **)o->value = text;
        return 0;
    case OPT_BOOL:
        return set_bool(o, text);
    case OPT_CHOICE:
        return set_choice(o, text);
    default:
        return set_number(o, text);
    }
}

static void append_bound(struct buf *out, const struct opt *o, int64_t bound)
{
    if (o->type == OPT_DURATION)
        duration_append(out, bound);
    else
        buf_append_i64(out, bound);
}

static bool is_number(const struct opt *o)
{
    return o->type == OPT_INT || o->type == OPT_SIZE || o->type == OPT_DURATION;
}

static void append_expected(struct buf *out, const struct opt *o)
{
    static const char *const kinds[] = {
        [OPT_TEXT] = "text",
        [OPT_BOOL] = "true or false",
        [OPT_INT] = "a whole number",
        [OPT_SIZE] = "a size such as 64MB",
        [OPT_DURATION] = "a duration such as 250ms, 5s or 2m",
        [OPT_CHOICE] = "one of",
    };
    buf_append_text(out, kinds[o->type]);
    if (o->type == OPT_CHOICE)
        for (int i = 0; o->choices[i] != NULL; i++)
            buf_printf(out, "%s %s", i > 0 ? "," : "", o->choices[i]);
    if (o->min != 0 || o->max != 0) {
        buf_append_text(out, " from ");
        append_bound(out, o, o->min);
        buf_append_text(out, " to ");
        append_bound(out, o, o->max);
    } else if (is_number(o)) {
        buf_append_text(out, ", not negative");
    }
}

static int refuse_value(const struct opt *o, const char *from, const char *text,
                        struct errmsg *err)
{
    struct buf expected = {0};
    append_expected(&expected, o);
    errmsg_set(err, 0, "%s is \"%s\": expected %s", from,
               o->secret ? "***" : text, buf_text(&expected));
    buf_fini(&expected);
    return -EINVAL;
}

static int set_from(const struct opt *o, const char *from, const char *text,
                    struct errmsg *err)
{
    return set_value(o, text) < 0 ? refuse_value(o, from, text, err) : 0;
}

static void set_default(const struct opt *o)
{
    if (o->initial != NULL) {
        if (set_value(o, o->initial) < 0) {
            fprintf(stderr, "option --%s: default \"%s\" is not valid\n",
                    o->flag, o->initial);
            abort();
        }
        return;
    }
    switch (o->type) {
    case OPT_TEXT:
        *(const char **)o->value = NULL;
        break;
    case OPT_BOOL:
        *(bool *)o->value = false;
        break;
    case OPT_CHOICE:
        *(int *)o->value = 0;
        break;
    default:
        *(int64_t *)o->value = 0;
    }
}

void opts_reset(const struct opt *table)
{
    for (const struct opt *o = table; o->flag != NULL; o++)
        set_default(o);
}

static int set_from_environment(const struct opt *table, struct errmsg *err)
{
    for (const struct opt *o = table; o->flag != NULL; o++) {
        char name[ENV_NAME_MAX];
        const char *env = env_name(o, name);
        const char *text = env[0] != '\0' ? getenv(env) : NULL;
        if (text != NULL && text[0] != '\0' && set_from(o, env, text, err) < 0)
            return -EINVAL;
    }
    return 0;
}

static const struct opt *find(const struct opt *table, struct str flag)
{
    for (const struct opt *o = table; o->flag != NULL; o++)
        if (str_is(flag, o->flag) ||
            (o->alias != NULL && str_is(flag, o->alias)))
            return o;
    return NULL;
}

/* One flag and, where it stands apart, its value. Returns how many arguments
 * were used, or -EINVAL. */
static int take_argument(const struct opt *table, char **argv,
                         struct errmsg *err)
{
    const char *arg = argv[0];
    if (arg[0] != '-' || arg[1] == '\0')
        return errmsg_set(err, -EINVAL, "unexpected argument \"%s\"", arg);
    const char *name = arg + (arg[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    struct str flag =
        equals != NULL ? str_make(name, (size_t)(equals - name)) : str_of(name);
    const struct opt *o = find(table, flag);
    if (o == NULL)
        return errmsg_set(err, -EINVAL,
                          "unknown option \"%.*s\": --help lists them",
                          (int)(name - arg + (ptrdiff_t)flag.len), arg);
    char from[ENV_NAME_MAX];
    snprintf(from, sizeof from, "--%s", o->flag);
    if (equals != NULL)
        return set_from(o, from, equals + 1, err) < 0 ? -EINVAL : 1;
    if (o->type == OPT_BOOL) {
        *(bool *)o->value = true;
        return 1;
    }
    if (argv[1] == NULL)
        return errmsg_set(err, -EINVAL, "%s needs a value", from);
    return set_from(o, from, argv[1], err) < 0 ? -EINVAL : 2;
}

static void print_option(const struct opt *o)
{
    char name[ENV_NAME_MAX];
    const char *env = env_name(o, name);
    struct buf line = {0};
    buf_printf(&line, "  --%s", o->flag);
    if (o->alias != NULL)
        buf_printf(&line, ", -%s", o->alias);
    printf("%-28s %s\n", buf_text(&line), o->help);
    buf_reset(&line);
    append_expected(&line, o);
    printf("%-28s (%s", "", buf_text(&line));
    if (o->initial != NULL && o->initial[0] != '\0' && !o->secret)
        printf("; default %s", o->initial);
    if (env[0] != '\0')
        printf("; %s", env);
    printf(")\n");
    buf_fini(&line);
}

static void print_help(const struct opt *table, const char *program,
                       const char *summary)
{
    printf("%s: %s\n\nOptions (value; default; environment variable):\n",
           program, summary);
    for (const struct opt *o = table; o->flag != NULL; o++)
        print_option(o);
    printf("  --help                     this text\n");
}

int opts_override(const struct opt *table, int argc, char **argv,
                  struct errmsg *err)
{
    if (set_from_environment(table, err) < 0)
        return -EINVAL;
    for (int i = 1; i < argc;) {
        int used = take_argument(table, argv + i, err);
        if (used < 0)
            return used;
        i += used;
    }
    return 0;
}

int opts_parse(const struct opt *table, const char *program,
               const char *summary, int argc, char **argv, struct errmsg *err)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(table, program, summary);
            return 1;
        }
    opts_reset(table);
    return opts_override(table, argc, argv, err);
}
