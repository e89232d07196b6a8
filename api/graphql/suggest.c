/* suggest: the nearest names. Near is a small number of edits: a letter more, less or changed, two
 * neighbours swapped; a change of case only is one edit in all. */
#include "api/graphql/suggest.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/buf.h"

#define NAMED_MAX 5   /* suggestions in a message */
#define INPUT_MAX 128 /* bytes; nothing resembles what is longer */

/* ---- the sentence ---- */

static void name_all(struct buf *out, const struct str *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && count > 2)
            buf_append_text(out, ",");
        if (i > 0)
            buf_append_text(out, i + 1 == count ? " or " : " ");
        buf_printf(out, "\"%.*s\"", STR_ARG(names[i]));
    }
}

const char *gql_did_you_mean(struct arena *arena,
                             const struct gql_limits *limits, const char *what,
                             const struct str *names, uint32_t count)
{
    if (count == 0 || !limits->suggestions)
        return "";
    struct buf text = {0};
    buf_append_text(&text, " Did you mean ");
    if (what != NULL)
        buf_printf(&text, "%s ", what);
    name_all(&text, names, count < NAMED_MAX ? count : NAMED_MAX);
    buf_append_text(&text, "?");
    const char *kept = arena_text(arena, buf_str(&text));
    buf_fini(&text);
    return kept;
}

/* ---- natural order ---- */

static bool digit(struct str s, size_t at)
{
    return at < s.len && s.p[at] >= '0' && s.p[at] <= '9';
}

/* Reads the number at *at; leading zeroes are read one by one. */
static double number(struct str s, size_t *at)
{
    double value = 0;
    do {
        value = value * 10 + (s.p[(*at)++] - '0');
    } while (digit(s, *at) && value > 0);
    return value;
}

int gql_natural_compare(struct str a, struct str b)
{
    size_t i = 0, k = 0;
    while (i < a.len && k < b.len) {
        double x, y;
        if (digit(a, i) && digit(b, k)) {
            x = number(a, &i);
            y = number(b, &k);
        } else {
            x = (unsigned char)a.p[i++];
            y = (unsigned char)b.p[k++];
        }
        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* ---- distance ---- */

struct word {
    char lower[INPUT_MAX];
    uint32_t len;
};

static struct word word_of(struct str s)
{
    struct word w = {.len = (uint32_t)s.len};
    for (uint32_t i = 0; i < w.len; i++)
        w.lower[i] = (char)tolower((unsigned char)s.p[i]);
    return w;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Three rows of the table of edits, the newest last. */
struct edits {
    uint32_t rows[3][INPUT_MAX + 1];
};

/* Row i: what it takes from the first i of a to the first k of b. Returns its
 * least. */
static uint32_t edit_row(struct edits *e, const struct word *a,
                         const struct word *b, uint32_t i)
{
    const uint32_t *up = e->rows[(i + 2) % 3], *upper = e->rows[(i + 1) % 3];
    uint32_t *row = e->rows[i % 3];
    uint32_t smallest = row[0] = i;
    for (uint32_t k = 1; k <= b->len; k++) {
        bool same = a->lower[i - 1] == b->lower[k - 1];
        row[k] = least(least(up[k], row[k - 1]) + 1, up[k - 1] + !same);
        if (i > 1 && k > 1 && a->lower[i - 1] == b->lower[k - 2] &&
            a->lower[i - 2] == b->lower[k - 1])
            row[k] = least(row[k], upper[k - 2] + 1);
        smallest = least(smallest, row[k]);
    }
    return smallest;
}

/* The distance, or more than the most. */
static uint32_t distance(const struct word *a, const struct word *b,
                         uint32_t most)
{
    if (a->len < b->len)
        return distance(b, a, most);
    if (a->len - b->len > most)
        return most + 1;
    struct edits e;
    for (uint32_t k = 0; k <= b->len; k++)
        e.rows[0][k] = k;
    for (uint32_t i = 1; i <= a->len; i++)
        if (edit_row(&e, a, b, i) > most)
            return most + 1;
    return e.rows[a->len % 3][b->len];
}

static uint32_t unlikeness(struct str input, const struct word *word,
                           struct str option, uint32_t most)
{
    if (option.len > INPUT_MAX)
        return most + 1;
    if (str_eq(input, option))
        return 0;
    struct word other = word_of(option);
    if (other.len == word->len &&
        memcmp(other.lower, word->lower, word->len) == 0)
        return 1;
    return distance(word, &other, most);
}

/* ---- the nearest ---- */

struct near {
    struct str name;
    uint32_t distance;
};

static int nearer(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return gql_natural_compare(x->name, y->name);
}

static uint32_t find_near(struct near *found, struct str input,
                          const struct str *options, uint32_t count)
{
    uint32_t most = (uint32_t)(input.len * 4 / 10) + 1, kept = 0;
    struct word word = word_of(input);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = unlikeness(input, &word, options[i], most);
        if (d <= most)
            found[kept++] = (struct near){options[i], d};
    }
    qsort(found, kept, sizeof *found, nearer);
    return kept;
}

const char *gql_suggest(struct arena *arena, const struct gql_limits *limits,
                        const char *what, struct str input,
                        const struct str *options, uint32_t count)
{
    if (input.len > INPUT_MAX || !limits->suggestions)
        return "";
    struct near *found = arena_alloc(arena, (count + 1) * sizeof *found);
    uint32_t kept = find_near(found, input, options, count);
    struct str *names = arena_alloc(arena, (kept + 1) * sizeof *names);
    for (uint32_t i = 0; i < kept; i++)
        names[i] = found[i].name;
    return gql_did_you_mean(arena, limits, what, names, kept);
}

const char *gql_suggest_input(struct arena *arena,
                              const struct gql_limits *limits, struct str input,
                              const struct gql_input *options, uint32_t count)
{
    struct str *names = arena_alloc(arena, (count + 1) * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = options[i].name;
    return gql_suggest(arena, limits, NULL, input, names, count);
}

const char *gql_suggest_value(struct arena *arena,
                              const struct gql_limits *limits, struct str input,
                              const struct gql_type *type)
{
    uint32_t count = type->value_count;
    struct str *names = arena_alloc(arena, (count + 1) * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = type->values[i].name;
    return gql_suggest(arena, limits, "the enum value", input, names, count);
}
