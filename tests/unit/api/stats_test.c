/* The gateway's figures: one line for each route and class of status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/rest/rest.h"
#include "api/stats.h"

static char *printed(struct gateway_stats *stats)
{
    struct buf out = {0};
    stats_append(&out, gateway_stats_table(stats));
    buf_text(&out);
    return out.data;
}

static void replies_are_counted_by_route_and_class(void **state)
{
    (void)state;
    struct gateway_stats *stats = gateway_stats_new();
    gateway_stats_reply(stats, &gpus_list, 200, 1000);
    gateway_stats_reply(stats, &gpus_list, 204, 1000);
    gateway_stats_reply(stats, &gpu_telemetry, 404, 2000000);
    gateway_stats_reply(stats, NULL, 503, 1000);
    char *text = printed(stats);
    static const char *const lines[] = {
        "nexus_gateway_requests_total{route=\"listGpus\",status=\"2xx\"} 2\n",
        "nexus_gateway_requests_total{route=\"listGpus\",status=\"4xx\"} 0\n",
        "{route=\"getGpuTelemetry\",status=\"4xx\"} 1\n",
        "{route=\"other\",status=\"5xx\"} 1\n",
        "seconds_bucket{route=\"getGpuTelemetry\",le=\"0.001\"} 0\n",
        "seconds_bucket{route=\"getGpuTelemetry\",le=\"0.0025\"} 1\n",
        "nexus_gateway_request_seconds_count{route=\"listGpus\"} 2\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no %s in\n%s", lines[i], text);
    free(text);
    gateway_stats_free(&stats);
}

/* Prometheus refuses a page where one name comes twice. */
static void names_stand_together(void **state)
{
    (void)state;
    struct gateway_stats *stats = gateway_stats_new();
    const struct statistic *table = gateway_stats_table(stats);
    for (int i = 1; table[i].name != NULL; i++)
        for (int k = 0; k + 1 < i; k++)
            if (strcmp(table[i].name, table[k].name) == 0)
                assert_string_equal(table[i].name, table[i - 1].name);
    gateway_stats_free(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_counted_by_route_and_class),
        cmocka_unit_test(names_stand_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
