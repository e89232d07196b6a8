/* The route table itself: what the documents made from it rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/route.h"
#include "lib/timestamp.h"

static void operations_have_names_of_their_own(void **state)
{
    (void)state;
    for (int i = 0; api_routes[i] != NULL; i++) {
        assert_non_null(api_routes[i]->summary);
        assert_non_null(api_routes[i]->tag);
        assert_non_null(api_routes[i]->element);
        assert_non_null(api_routes[i]->handle);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(api_routes[i]->name, api_routes[k]->name);
    }
}

static int braces_in(const char *pattern)
{
    int n = 0;
    for (; *pattern != '\0'; pattern++)
        n += *pattern == '{';
    return n;
}

/* Each {name} of the pattern is a line of the table, and the other way. */
static void path_parameters_match_the_pattern(void **state)
{
    (void)state;
    for (int i = 0; api_routes[i] != NULL; i++) {
        const struct api_route *route = api_routes[i];
        int count = 0;
        for (const struct api_param *p = route->params; p->name != NULL; p++) {
            char braced[64];
            snprintf(braced, sizeof braced, "{%s}", p->name);
            if (p->place == PARAM_PATH)
                assert_non_null(strstr(route->pattern, braced));
            count += p->place == PARAM_PATH;
        }
        assert_int_equal(count, braces_in(route->pattern));
    }
}

static void defaults_are_valid(void **state)
{
    (void)state;
    for (int i = 0; api_routes[i] != NULL; i++) {
        int count = 0;
        const struct api_param *p = api_routes[i]->params;
        for (; p->name != NULL; p++, count++) {
            int64_t value;
            assert_non_null(p->help);
            if (p->initial == NULL || p->type != PARAM_INT)
                continue;
            assert_int_equal(str_to_i64(str_of(p->initial), &value), 0);
            assert_in_range(value, p->min, p->max);
        }
        assert_true(count <= PARAMS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_names_of_their_own),
        cmocka_unit_test(path_parameters_match_the_pattern),
        cmocka_unit_test(defaults_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
