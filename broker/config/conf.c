/* conf: see conf.h. A recursive descent over the bytes; a `source` is one file
 * being read, a `scope` the maps around the current place, innermost first. */
#include "broker/config/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "lib/buf.h"

struct scope {
    struct conf_value *map;
    const struct scope *outer;
};

struct source {
    const char *name;
    const char *at, *end;
    const char *line_start;
    int line;
    unsigned depth;    /* of maps and arrays */
    unsigned includes; /* files and variables around this one */
    bool may_include;
    struct arena *arena;
    struct errmsg *err;
};

static bool read_value(struct source *s, const struct scope *scope,
                       struct conf_value *value);
static bool read_members(struct source *s, const struct scope *scope,
                         char closer);

/* ---- messages ---- */

const char *conf_type_name(enum conf_type type)
{
    static const char *const names[] = {
        [CONF_TEXT] = "a text",      [CONF_INT] = "a number",
        [CONF_FLOAT] = "a number",   [CONF_BOOL] = "true or false",
        [CONF_ARRAY] = "a [ list ]", [CONF_MAP] = "a { block }",
    };
    return names[type];
}

static void set_message(struct errmsg *err, const char *file, int line,
                        int column, const char *format, va_list args)
{
    char text[400];
    vsnprintf(text, sizeof(text), format, args);
    errmsg_set(err, 0, "%s:%d:%d: %s", file, line, column, text);
}

int conf_refuse(const struct conf_value *at, struct errmsg *err,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(err, at->file, at->line, at->column, format, args);
    va_end(args);
    return -EINVAL;
}

__attribute__((format(printf, 2, 3))) static bool fail(struct source *s,
                                                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(s->err, s->name, s->line, (int)(s->at - s->line_start) + 1,
                format, args);
    va_end(args);
    return false;
}

/* ---- bytes ---- */

static char peek(const struct source *s)
{
    return s->at < s->end ? *s->at : '\0';
}

static bool at_text(const struct source *s, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(s->end - s->at) >= len && memcmp(s->at, text, len) == 0;
}

static void step(struct source *s)
{
    if (*s->at++ == '\n') {
        s->line++;
        s->line_start = s->at;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool at_comment(const struct source *s)
{
    return peek(s) == '#' || at_text(s, "//");
}

static void skip_blanks(struct source *s)
{
    while (is_blank(peek(s)))
        s->at++;
    if (at_comment(s)) {
        while (s->at < s->end && *s->at != '\n')
            s->at++;
    }
}

static void skip_lines(struct source *s)
{
    skip_blanks(s);
    while (peek(s) == '\n') {
        step(s);
        skip_blanks(s);
    }
}

static bool ends_bare(char c)
{
    return c == '\0' || is_blank(c) || c == '\n' || c == ',' || c == ';' ||
           c == ']' || c == '}';
}

static void note_place(const struct source *s, struct conf_value *value)
{
    value->file = s->name;
    value->line = s->line;
    value->column = (int)(s->at - s->line_start) + 1;
}

/* ---- texts ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind "\x". */
static bool read_hex(struct source *s, struct buf *out)
{
    int high = s->end - s->at >= 2 ? hex_digit(s->at[0]) : -1;
    int low = high >= 0 ? hex_digit(s->at[1]) : -1;
    if (low < 0 || high * 16 + low == 0)
        return fail(s, "\\x needs two hexadecimal digits, not 00");
    buf_append_byte(out, (char)(high * 16 + low));
    s->at += 2;
    return true;
}

/* Behind the backslash. */
static bool read_escape(struct source *s, struct buf *out)
{
    static const char names[] = "tnr\"\\", bytes[] = "\t\n\r\"\\";
    char c = peek(s);
    const char *found = c != '\0' ? strchr(names, c) : NULL;
    if (found == NULL && c != 'x')
        return fail(s, "unknown escape: expected \\t \\n \\r \\\" \\\\ or \\x");
    s->at++;
    if (c == 'x')
        return read_hex(s, out);
    buf_append_byte(out, bytes[found - names]);
    return true;
}

static bool read_quoted_into(struct source *s, struct buf *out)
{
    char quote = *s->at++;
    while (peek(s) != quote) {
        if (s->at == s->end || *s->at == '\n')
            return fail(s, "the text that begins with %c does not end", quote);
        char c = *s->at++;
        if (c != '\\' || quote == '\'')
            buf_append_byte(out, c);
        else if (!read_escape(s, out))
            return false;
    }
    s->at++;
    return true;
}

static const char *read_quoted(struct source *s)
{
    struct buf text = {0};
    const char *copy = NULL;
    if (read_quoted_into(s, &text))
        copy = arena_text(s->arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

static const char *read_bare(struct source *s)
{
    const char *start = s->at;
    while (!ends_bare(peek(s)))
        s->at++;
    return arena_text(s->arena, str_make(start, (size_t)(s->at - start)));
}

static bool line_ends_at(const struct source *s, const char *at)
{
    while (at < s->end && is_blank(*at))
        at++;
    return at == s->end || *at == '\n';
}

/* ( … ) with the ")" alone in a line. */
static bool read_block(struct source *s, struct conf_value *value)
{
    s->at++;
    const char *start = s->at;
    for (;;) {
        if (s->at == s->end)
            return fail(s,
                        "the block that begins with ( in line %d does not "
                        "end with a ) alone in a line",
                        value->line);
        bool line_ended = *s->at == '\n';
        step(s);
        if (!line_ended)
            continue;
        const char *end = s->at;
        while (is_blank(peek(s)))
            s->at++;
        if (peek(s) != ')' || !line_ends_at(s, s->at + 1))
            continue;
        s->at++;
        value->text =
            arena_text(s->arena, str_make(start, (size_t)(end - start)));
        return true;
    }
}

/* ---- bare values ---- */

/* What the suffix of a number multiplies with; 0: no such suffix. */
static int64_t suffix_factor(const char *suffix)
{
    static const char letters[] = "kmgtpe";
    if (*suffix == '\0')
        return 1;
    const char *found = strchr(letters, tolower((unsigned char)*suffix));
    if (found == NULL)
        return 0;
    const char *rest = suffix + 1;
    bool binary = strcasecmp(rest, "b") == 0 || strcasecmp(rest, "i") == 0 ||
                  strcasecmp(rest, "ib") == 0;
    if (*rest != '\0' && !binary)
        return 0;
    int64_t factor = 1;
    for (const char *at = letters; at <= found; at++)
        factor *= binary ? 1024 : 1000;
    return factor;
}

static bool integer_of(const char *text, int64_t *out)
{
    const char *suffix = text + (*text == '-');
    while (isdigit((unsigned char)*suffix))
        suffix++;
    int64_t factor = suffix_factor(suffix);
    return factor != 0 &&
           str_to_i64(str_make(text, (size_t)(suffix - text)), out) == 0 &&
           !__builtin_mul_overflow(*out, factor, out);
}

static bool bool_of(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no",
                                        "yes",   "off",  "on"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static void classify(struct conf_value *value)
{
    const char *text = value->text;
    value->type = CONF_TEXT;
    if (integer_of(text, &value->integer)) {
        value->type = CONF_INT;
        value->real = (double)value->integer;
    } else if (strchr(text, '.') != NULL &&
               str_to_double(str_of(text), &value->real) == 0) {
        value->type = CONF_FLOAT;
    } else if (bool_of(text, &value->boolean)) {
        value->type = CONF_BOOL;
    }
}

/* ---- variables ---- */

static struct conf_value *map_find(const struct conf_value *map,
                                   const char *key)
{
    for (struct conf_value *v = map->first; v != NULL; v = v->next) {
        if (strcmp(v->key, key) == 0)
            return v;
    }
    return NULL;
}

static struct conf_value *scope_find(const struct scope *scope,
                                     const char *name)
{
    for (; scope != NULL; scope = scope->outer) {
        struct conf_value *found = map_find(scope->map, name);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* The value as its own, at its own place. */
static void take_value(struct conf_value *value, const struct conf_value *from)
{
    struct conf_value own = *value;
    *value = *from;
    value->key = own.key;
    value->file = own.file;
    value->line = own.line;
    value->column = own.column;
    value->next = NULL;
    value->used = false;
}

static bool read_environment(struct source *s, const char *name,
                             const char *text, struct conf_value *value)
{
    struct conf_value root = {.type = CONF_MAP};
    const struct scope scope = {.map = &root};
    struct source env = *s;
    env.name = arena_printf(s->arena, "$%s", name);
    env.at = env.line_start = text;
    env.end = text + strlen(text);
    env.line = 1;
    env.may_include = false;
    if (++env.includes > CONF_INCLUDE_DEPTH_MAX)
        return fail(s, "the variable %s stands for itself", name);
    struct conf_value found = {.file = env.name, .line = 1, .column = 1};
    skip_blanks(&env);
    if (!read_value(&env, &scope, &found))
        return false;
    skip_lines(&env);
    if (env.at != env.end)
        return fail(&env, "expected one value, but there is more");
    take_value(value, &found);
    return true;
}

/* A password's hash has the form $2a$…, and is no variable. */
static bool is_bcrypt(const char *text)
{
    return strncmp(text, "$2", 2) == 0 && strlen(text) > 4 && text[3] == '$';
}

static bool read_variable(struct source *s, const struct scope *scope,
                          struct conf_value *value)
{
    value->text = read_bare(s);
    if (is_bcrypt(value->text))
        return true;
    const char *name = value->text + 1;
    struct conf_value *found = scope_find(scope, name);
    if (found != NULL) {
        found->used = true;
        take_value(value, found);
        return true;
    }
    const char *text = getenv(name);
    if (text != NULL)
        return read_environment(s, name, text, value);
    conf_refuse(value, s->err,
                "the variable %s is neither a key further up nor in the "
                "environment",
                name);
    return false;
}

/* ---- arrays and maps ---- */

static void append_value(struct conf_value *to, struct conf_value *value)
{
    if (to->last != NULL)
        to->last->next = value;
    else
        to->first = value;
    to->last = value;
}

static bool enter(struct source *s)
{
    if (++s->depth > CONF_DEPTH_MAX)
        return fail(s, "blocks and lists stand more than %d deep",
                    CONF_DEPTH_MAX);
    s->at++;
    return true;
}

static bool read_array(struct source *s, const struct scope *scope,
                       struct conf_value *array)
{
    array->type = CONF_ARRAY;
    if (!enter(s))
        return false;
    for (;;) {
        skip_lines(s);
        if (peek(s) == ']')
            break;
        if (s->at == s->end)
            return fail(s, "the list that begins in line %d does not end",
                        array->line);
        struct conf_value *value = arena_zalloc(s->arena, sizeof(*value));
        note_place(s, value);
        if (!read_value(s, scope, value))
            return false;
        append_value(array, value);
        skip_blanks(s);
        if (peek(s) == ',')
            s->at++;
        else if (peek(s) != ']' && peek(s) != '\n' && s->at != s->end)
            return fail(s, "expected a comma, a new line or ] in the list");
    }
    s->at++;
    s->depth--;
    return true;
}

static bool read_map(struct source *s, const struct scope *scope,
                     struct conf_value *map)
{
    const struct scope inner = {.map = map, .outer = scope};
    map->type = CONF_MAP;
    if (!enter(s) || !read_members(s, &inner, '}'))
        return false;
    s->depth--;
    return true;
}

static bool read_value(struct source *s, const struct scope *scope,
                       struct conf_value *value)
{
    switch (peek(s)) {
    case '{':
        return read_map(s, scope, value);
    case '[':
        return read_array(s, scope, value);
    case '(':
        return read_block(s, value);
    case '$':
        return read_variable(s, scope, value);
    case '"':
    case '\'':
        value->text = read_quoted(s);
        return value->text != NULL;
    default:
        value->text = read_bare(s);
        classify(value);
        return *value->text != '\0' || fail(s, "expected a value");
    }
}

static const char *read_key(struct source *s)
{
    if (peek(s) == '"' || peek(s) == '\'')
        return read_quoted(s);
    const char *start = s->at;
    while (!ends_bare(peek(s)) && strchr(":={[(", peek(s)) == NULL)
        s->at++;
    if (s->at == start) {
        fail(s, "expected a name");
        return NULL;
    }
    return arena_text(s->arena, str_make(start, (size_t)(s->at - start)));
}

/* Up to the value: one ':' or '=', and new lines where a block or list
 * follows. */
static void skip_separator(struct source *s)
{
    skip_blanks(s);
    if (peek(s) == ':' || peek(s) == '=')
        s->at++;
    skip_blanks(s);
    struct source ahead = *s;
    skip_lines(&ahead);
    char c = peek(&ahead);
    if (c == '{' || c == '[' || c == '(')
        *s = ahead;
}

/* A member: new, or in the place of the one with the same name. */
static struct conf_value *member_of(struct source *s, struct conf_value *map,
                                    const char *key)
{
    struct conf_value *value = map_find(map, key);
    if (value == NULL) {
        value = arena_zalloc(s->arena, sizeof(*value));
        value->key = key;
        append_value(map, value);
    }
    return value;
}

static bool read_member(struct source *s, const struct scope *scope)
{
    struct conf_value read = {0};
    note_place(s, &read);
    read.key = read_key(s);
    if (read.key == NULL)
        return false;
    skip_separator(s);
    if (!read_value(s, scope, &read))
        return false;
    struct conf_value *value = member_of(s, scope->map, read.key);
    read.next = value->next;
    *value = read;
    return true;
}

/* ---- files ---- */

static bool read_all(int fd, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode) || st.st_size > CONF_FILE_BYTES_MAX) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return false;
    }
    for (;;) {
        ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
        if (n <= 0)
            return n == 0;
        out->len += (size_t)n;
        if (out->len > CONF_FILE_BYTES_MAX) {
            errno = EFBIG;
            return false;
        }
    }
}

/* The file's text in the arena; p NULL with errno. */
static struct str load_text(const char *path, struct arena *arena)
{
    struct str text = {0};
    struct buf bytes = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return text;
    if (read_all(fd, &bytes))
        text = arena_str(arena, buf_str(&bytes));
    int error = errno;
    close(fd);
    buf_fini(&bytes);
    errno = error;
    return text;
}

static bool read_source(struct source *s, const struct scope *scope,
                        struct str text)
{
    s->at = s->line_start = text.p;
    s->end = text.p + text.len;
    s->line = 1;
    if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
        return fail(s, "this is no text: it holds a NUL byte");
    /* A file may be one { … }, so that JSON can be read. */
    skip_lines(s);
    if (peek(s) != '{')
        return read_members(s, scope, '\0');
    if (!enter(s) || !read_members(s, scope, '}'))
        return false;
    skip_lines(s);
    return s->at == s->end || fail(s, "expected nothing behind the last }");
}

/* A path beside the file that names it. */
static const char *path_beside(struct source *s, const char *path)
{
    const char *slash = strrchr(s->name, '/');
    if (path[0] == '/' || slash == NULL)
        return path;
    return arena_printf(s->arena, "%.*s%s", (int)(slash - s->name + 1), s->name,
                        path);
}

/* Behind the word "include". */
static bool read_include(struct source *s, const struct scope *scope)
{
    skip_blanks(s);
    char c = peek(s);
    const char *path = c == '"' || c == '\'' ? read_quoted(s) : read_bare(s);
    if (path == NULL)
        return false;
    if (*path == '\0')
        return fail(s, "include needs the name of a file");
    if (!s->may_include)
        return fail(s, "include is understood only in files");
    struct source file = *s;
    file.name = path_beside(s, path);
    if (++file.includes > CONF_INCLUDE_DEPTH_MAX)
        return fail(s, "files include each other more than %d deep",
                    CONF_INCLUDE_DEPTH_MAX);
    struct str text = load_text(file.name, s->arena);
    if (text.p == NULL)
        return fail(s, "cannot read %s: %s", file.name, strerror(errno));
    return read_source(&file, scope, text);
}

static bool at_include(const struct source *s)
{
    static const char word[] = "include";
    size_t len = sizeof(word) - 1;
    return at_text(s, word) && (size_t)(s->end - s->at) > len &&
           is_blank(s->at[len]) && s->at[len] != '\r';
}

static bool skip_terminator(struct source *s, char closer)
{
    skip_blanks(s);
    char c = peek(s);
    if (c == ',' || c == ';') {
        s->at++;
        return true;
    }
    if (c == '\n' || s->at == s->end || (closer != '\0' && c == closer))
        return true;
    return fail(s, "expected the end of the line behind the value%s",
                closer != '\0' ? ", a comma or }" : "");
}

/* Members up to the closer, which is taken, too; '\0': up to the end. */
static bool read_members(struct source *s, const struct scope *scope,
                         char closer)
{
    int line = s->line;
    for (;;) {
        skip_lines(s);
        if (s->at == s->end)
            return closer == '\0' ||
                   fail(s, "the block that begins in line %d does not end",
                        line);
        if (closer != '\0' && peek(s) == closer) {
            s->at++;
            return true;
        }
        bool read;
        if (at_include(s)) {
            s->at += strlen("include");
            read = read_include(s, scope);
        } else {
            read = read_member(s, scope);
        }
        if (!read || !skip_terminator(s, closer))
            return false;
    }
}

static struct conf_value *read_root(struct source *s, struct str text)
{
    struct conf_value *root = arena_zalloc(s->arena, sizeof(*root));
    const struct scope scope = {.map = root};
    root->type = CONF_MAP;
    root->file = s->name;
    root->line = root->column = 1;
    return read_source(s, &scope, text) ? root : NULL;
}

struct conf_value *conf_load(const char *path, struct arena *arena,
                             struct errmsg *err)
{
    struct source s = {.name = arena_text(arena, str_of(path)),
                       .may_include = true,
                       .arena = arena,
                       .err = err};
    struct str text = load_text(path, arena);
    if (text.p == NULL) {
        errmsg_set(err, 0, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    return read_root(&s, text);
}

struct conf_value *conf_parse(struct str text, const char *name,
                              struct arena *arena, struct errmsg *err)
{
    struct source s = {
        .name = arena_text(arena, str_of(name)), .arena = arena, .err = err};
    return read_root(&s, arena_str(arena, text));
}
