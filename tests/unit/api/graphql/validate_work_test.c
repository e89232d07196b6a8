/* Documents made to be slow: twice the document may take twice the steps, and
 * a little more, whatever it repeats and nests. */
#include "unit/api/graphql/validate_fixture.h"

#include <stdio.h>

static struct gql_schema *schema;

/* Writes a document of size n. */
typedef void (*make_fn)(struct buf *out, int n);

static struct validated run(make_fn make, int n)
{
    struct buf text = {0};
    struct gql_limits limits = no_limits();
    make(&text, n);
    struct validated result = validated(schema, buf_str(&text), &limits);
    buf_fini(&text);
    return result;
}

/* Twice as large: at most 2.3 times the work (n log n is 2.2 at these sizes). */
static void assert_linear(make_fn make, int n, bool valid)
{
    struct validated once = run(make, n), twice = run(make, 2 * n);
    if (valid && once.errors > 0)
        fail_msg("%s", once.first);
    if (valid)
        assert_int_equal(twice.errors, 0);
    else
        assert_true(once.errors > 0 && twice.errors > 0);
    assert_true(once.work > (uint64_t)n / 4);
    if (twice.work * 10 > once.work * 23)
        fail_msg("%d: %lu steps, %d: %lu steps", n, (unsigned long)once.work,
                 2 * n, (unsigned long)twice.work);
}

static void repeat(struct buf *out, int n, const char *text)
{
    for (int i = 0; i < n; i++)
        buf_append_text(out, text);
}

/* ---- fields that are merged ---- */

static void same_leaf(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ");
    repeat(out, n, "name ");
    buf_append_text(out, "} }");
}

static void same_object(struct buf *out, int n)
{
    buf_append_text(out, "{ ");
    repeat(out, n, "gpu(id: 1) { host { gpus { name id } } } ");
    buf_append_text(out, "}");
}

static void reordered_arguments(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ");
    for (int i = 0; i < n; i++)
        buf_append_text(
            out, i % 2 ? "samples(limit: 1, from: 2) { value(of: {a: 1, c: {a: "
                         "2, b: 3}}) } "
                       : "samples(from: 2, limit: 1) { value(of: {c: {b: 3, a: "
                         "2}, a: 1}) } ");
    buf_append_text(out, "} }");
}

/* Fragments in fragments, each spread twice with its arguments turned round. */
static void nested_reordered(struct buf *out, int n)
{
    buf_append_text(out, "{ q { ...F0 } q { ...F0 } }");
    for (int i = 0; i < n; i++) {
        buf_printf(out,
                   " fragment F%d on Query { gpu(id: 1) { samples(limit: "
                   "1, from: 2) { at } samples(from: 2, limit: 1) { at } }",
                   i);
        if (i + 1 < n)
            buf_printf(out, " q { ...F%d } q { ...F%d q { ...F%d } }", i + 1,
                       i + 1, i + 1);
        buf_append_text(out, " }");
    }
}

static void spread_everywhere(struct buf *out, int n)
{
    buf_append_text(out, "{ ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "a%d: gpu { x%d: name ...F } ", i, i);
    buf_append_text(out, "} fragment F on Gpu { ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "y%d: name ", i);
    buf_append_text(out, "}");
}

static void all_in_one_set(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "...F%d ", i);
    buf_append_text(out, "} } ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "fragment F%d on Gpu { name host { name } } ", i);
}

/* The set of fields under a, b, a.a, a.b … is another each time: 2^n of them
 * for who merges sets. */
static void many_paths(struct buf *out, int n)
{
    buf_append_text(out, "{ q { ...F0 } } ");
    for (int i = 0; i < n; i++) {
        buf_printf(out, "fragment F%d on Query { a: q { x%d: dear ...R%d ", i,
                   i, i);
        if (i + 1 < n)
            buf_printf(out, "...F%d } b: q { y%d: dear ...R%d ...F%d } } ",
                       i + 1, i, i, i + 1);
        else
            buf_append_text(out, "} } ");
        buf_printf(out, "fragment R%d on Query { ", i);
        if (i + 1 < n)
            buf_printf(out, "a: q { ...R%d } b: q { ...R%d } ", i + 1, i + 1);
        buf_append_text(out, "dear } ");
    }
}

static void inline_fragments(struct buf *out, int n)
{
    buf_append_text(out, "{ node { ");
    repeat(out, n, "... on Gpu { name host { id } } ... on Host { name } ");
    buf_append_text(out, "} }");
}

static void test_merging_is_linear(void **state)
{
    (void)state;
    assert_linear(same_leaf, 1500, true);
    assert_linear(same_object, 500, true);
    assert_linear(reordered_arguments, 500, true);
    assert_linear(nested_reordered, 200, true);
    assert_linear(spread_everywhere, 500, true);
    assert_linear(all_in_one_set, 400, true);
    assert_linear(many_paths, 150, true);
    assert_linear(inline_fragments, 400, true);
}

static void test_three_thousand_copies(void **state)
{
    (void)state;
    struct validated result = run(same_leaf, 3000);
    assert_int_equal(result.errors, 0);
    assert_true(result.work < 3000 * 10);
}

/* ---- fields that are not ---- */

static void conflicting_copies(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ");
    repeat(out, n, "x: name x: id ");
    buf_append_text(out, "} }");
}

static void conflicting_arguments(struct buf *out, int n)
{
    buf_append_text(out, "{ ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "gpu(id: %d) { name } ", i);
    buf_append_text(out, "}");
}

/* One conflict at the very end, behind copies that agree. */
static void late_conflict(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ");
    repeat(out, n, "host { page { total } } ");
    buf_append_text(out, "host { page { total: edges { node { id } } } } } }");
}

static void late_conflict_in_fragments(struct buf *out, int n)
{
    buf_append_text(out, "{ ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "...F%d ", i);
    buf_append_text(out, "} ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "fragment F%d on Query { gpu { %s: host { name } } } ",
                   i, i + 1 < n ? "a" : "a: name x");
}

static void test_conflicts_are_bounded(void **state)
{
    (void)state;
    assert_linear(conflicting_copies, 500, false);
    assert_linear(conflicting_arguments, 500, false);
    assert_linear(late_conflict, 800, false);
    assert_linear(late_conflict_in_fragments, 600, false);
}

/* Two places that share a fragment, and differ: the exact search is needed and
 * uses up what it may. */
static void doubtful_copies(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { ...N x: name } host { ...N x: page { total } "
                         "} q { gpu { ");
    repeat(out, n, "host { name } ");
    buf_append_text(out, "} } } fragment N on Node { name }");
}

static void test_what_costs_too_much_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run(doubtful_copies, 20).errors, 0);
    struct validated result = run(doubtful_copies, 3000);
    assert_int_equal(result.errors, 1);
    assert_string_equal(result.code, "LIMIT_EXCEEDED");
    assert_linear(doubtful_copies, 3000, false);
}

/* ---- fragments and variables ---- */

static void chain(struct buf *out, int n)
{
    buf_append_text(out, "query A($v: ID) { q { ...F0 } } ");
    for (int i = 0; i + 1 < n; i++)
        buf_printf(out, "fragment F%d on Query { ...F%d gpu(id: $v) { id } } ",
                   i, i + 1);
    buf_printf(out, "fragment F%d on Query { gpu(id: $v) { id } }", n - 1);
}

static void chain_of_many_operations(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "query A%d($v: ID, $w: Int) { q { ...F0 } ...F%d } ", i,
                   i);
    for (int i = 0; i + 1 < n; i++)
        buf_printf(out,
                   "fragment F%d on Query { ...F%d gpu(id: $v) { s: "
                   "samples(from: $w) { at } } } ",
                   i, i + 1);
    buf_printf(out, "fragment F%d on Query { gpu(id: $v) { id } }", n - 1);
}

static void used_nowhere(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "query A%d { q { ...F0 } } ", i);
    for (int i = 0; i < n; i++)
        buf_printf(out, "fragment F%d on Query { ...F%d } ", i,
                   i + 1 < n ? i + 1 : 0);
}

static void complete_graph(struct buf *out, int n)
{
    buf_append_text(out, "{ ...F0 } ");
    for (int i = 0; i < n; i++) {
        buf_printf(out, "fragment F%d on Query { ", i);
        for (int k = 0; k < 20; k++)
            buf_printf(out, "...F%d ", (i * 7 + k * 13 + 1) % n);
        buf_append_text(out, "} ");
    }
}

static void variables(struct buf *out, int n)
{
    buf_append_text(out, "query A(");
    for (int i = 0; i < n; i++)
        buf_printf(out, "$v%d: ID ", i);
    buf_append_text(out, ") { ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "a%d: gpu(id: $v%d) { id } ", i, i);
    buf_append_text(out, "}");
}

static void test_fragments_and_variables_are_linear(void **state)
{
    (void)state;
    assert_linear(chain, 400, true);
    assert_linear(variables, 500, true);
    assert_linear(complete_graph, 200, false);
    assert_linear(chain_of_many_operations, 1000, false);
    assert_int_equal(run(chain_of_many_operations, 50).errors, 0);
    assert_linear(used_nowhere, 1000, false);
}

/* ---- other lists ---- */

static void many_arguments(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu { text(a: {");
    for (int i = 0; i < n; i++)
        buf_printf(out, "f%d: [%d] ", i, i);
    buf_append_text(out, "}) } }");
}

static void same_argument(struct buf *out, int n)
{
    buf_append_text(out, "{ gpu(");
    repeat(out, n, "id: 1 ");
    buf_append_text(out, ") { id } }");
}

static void same_names(struct buf *out, int n)
{
    repeat(out, n, "query A { dear } fragment F on Query { dear } ");
}

static void unknown_everything(struct buf *out, int n)
{
    buf_append_text(out, "query A { ");
    for (int i = 0; i < n; i++)
        buf_printf(out, "f%d(a%d: $v%d) @d%d { ...G%d ... on T%d { x } } ", i,
                   i, i, i, i, i);
    buf_append_text(out, "}");
}

static void test_lists_are_linear(void **state)
{
    (void)state;
    assert_linear(many_arguments, 1000, true);
    assert_linear(same_argument, 1000, false);
    assert_linear(same_names, 500, false);
    assert_linear(unknown_everything, 300, false);
}

static int set_up(void **state)
{
    (void)state;
    schema = schema_of(FIXTURE_SCHEMA);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gql_schema_free(&schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merging_is_linear),
        cmocka_unit_test(test_three_thousand_copies),
        cmocka_unit_test(test_conflicts_are_bounded),
        cmocka_unit_test(test_what_costs_too_much_is_refused),
        cmocka_unit_test(test_fragments_and_variables_are_linear),
        cmocka_unit_test(test_lists_are_linear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
