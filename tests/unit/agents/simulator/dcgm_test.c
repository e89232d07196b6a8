/* The made-up file: its shape is the real file's, and a seed makes it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agents/simulator/dcgm.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define START INT64_C(1752871354000000000)

static int keep(void *arg, struct buf *out)
{
    buf_append(arg, out->data, out->len);
    buf_reset(out);
    return 0;
}

/* Owned by the caller. */
static char *simulate(int hosts, int gpus, bool missing, uint64_t seed,
                      enum dcgm_format format, int scrapes)
{
    struct buf text = {0};
    struct fleet *fleet = fleet_new(hosts, gpus, missing, seed);
    struct dcgm *dcgm = dcgm_new(fleet, format, keep, &text);
    dcgm_header(dcgm);
    for (int i = 0; i < scrapes; i++) {
        assert_int_equal(dcgm_scrape(dcgm, START + i * 10 * NS_PER_S), 0);
        fleet_step(fleet);
    }
    assert_int_equal(dcgm_end(dcgm), 0);
    dcgm_free(&dcgm);
    fleet_free(&fleet);
    char *copy = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return copy;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void a_long_file_has_the_real_files_shape(void **state)
{
    (void)state;
    char *text = simulate(31, 8, true, 1, DCGM_LONG, 2);
    assert_int_equal(count(text, "\n"), 1 + 2 * 2470);
    assert_int_equal(count(text, "\n\"2025-07-18T20:42:34Z\","), 3 * 247);
    assert_int_equal(count(text, "\n\"2025-07-18T20:42:35Z\","), 3 * 247);
    assert_int_equal(count(text, "\n\"2025-07-18T20:42:36Z\","), 247);
    assert_int_equal(count(text, "\n\"2025-07-18T20:42:47Z\","), 3 * 247);
    assert_int_equal(count(text, "\",\"DCGM_FI_DEV_FB_USED\",\""), 2 * 247);
    assert_int_equal(count(text, "__name__=\"\"DCGM_FI_DEV_FB_USED\"\","),
                     2 * 247);
    assert_int_equal(count(text, "\",\"nvidia6\",\""), 2 * 10 * 30);
    free(text);
}

static void the_first_row_to_the_byte(void **state)
{
    (void)state;
    char *text = simulate(1, 1, true, 1, DCGM_LONG, 1);
    struct fleet *fleet = fleet_new(1, 1, true, 1);
    struct buf expected = {0};
    const char *uuid = fleet_gpu(fleet, 0)->uuid;
    assert_int_equal(strlen(uuid), FLEET_UUID_LEN);
    buf_printf(
        &expected,
        "timestamp,metric_name,gpu_id,device,uuid,modelName,Hostname,"
        "container,pod,namespace,value,labels_raw\n"
        "\"2025-07-18T20:42:34Z\",\"DCGM_FI_DEV_GPU_UTIL\",\"0\","
        "\"nvidia0\",\"%s\",\"NVIDIA H100 80GB HBM3\",\"sim-dgx-001\","
        "\"\",\"\",\"\",\"%d\",\"DCGM_FI_DRIVER_VERSION="
        "\"\"535.129.03\"\",Hostname=\"\"sim-dgx-001\"\",UUID=\"\"%s\"\","
        "__name__=\"\"DCGM_FI_DEV_GPU_UTIL\"\",device=\"\"nvidia0\"\","
        "gpu=\"\"0\"\",instance=\"\"sim-dgx-001:9400\"\","
        "job=\"\"dgx_dcgm_exporter\"\","
        "modelName=\"\"NVIDIA H100 80GB HBM3\"\"\"\n",
        uuid, (int)fleet_gpu(fleet, 0)->utilization, uuid);
    assert_memory_equal(text, buf_text(&expected), expected.len);
    fleet_free(&fleet);
    buf_fini(&expected);
    free(text);
}

static void a_wide_file_has_a_row_a_gpu(void **state)
{
    (void)state;
    char *text = simulate(4, 8, false, 1, DCGM_WIDE, 3);
    assert_int_equal(count(text, "\n"), 1 + 3 * 32);
    assert_int_equal(count(text, ","), 13 * (1 + 3 * 32));
    assert_int_equal(count(text, "\n2025-07-18T20:42:44Z,"), 32);
    free(text);
}

static void a_seed_makes_the_same_file_again(void **state)
{
    (void)state;
    char *first = simulate(3, 8, true, 7, DCGM_LONG, 5);
    char *again = simulate(3, 8, true, 7, DCGM_LONG, 5);
    char *other = simulate(3, 8, true, 8, DCGM_LONG, 5);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    free(first);
    free(again);
    free(other);
}

static void figures_hang_together(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_new(100, 8, false, 3);
    int busy = 0, idle = 0;
    for (int step = 0; step < 300; step++, fleet_step(fleet))
        for (int i = 0; i < fleet_count(fleet); i++) {
            const struct fleet_gpu *g = fleet_gpu(fleet, i);
            assert_in_range(g->utilization, 0, 100);
            assert_in_range(g->memory_utilization, 0, g->utilization);
            assert_in_range(g->used_mb, 0, FLEET_MEMORY_MB);
            assert_in_range(g->power_mw, 60000, 690000);
            assert_in_range(g->temperature_mc, 20000, 95000);
            assert_in_range(g->sm_clock_mhz, 345, 1980);
            busy += g->power_mw > 300000 && g->utilization >= 50;
            idle += g->power_mw < 90000 && g->utilization == 0;
        }
    assert_true(busy > 300 * 800 / 10);
    assert_true(idle > 300 * 800 / 10);
    fleet_free(&fleet);
}

static int refuse(void *arg, struct buf *out)
{
    (void)arg, (void)out;
    return -5;
}

static void what_flush_returns_ends_the_writing(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_new(1000, 8, false, 1);
    struct dcgm *dcgm = dcgm_new(fleet, DCGM_LONG, refuse, NULL);
    assert_int_equal(dcgm_scrape(dcgm, START), -5);
    dcgm_free(&dcgm);
    fleet_free(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_file_has_the_real_files_shape),
        cmocka_unit_test(the_first_row_to_the_byte),
        cmocka_unit_test(a_wide_file_has_a_row_a_gpu),
        cmocka_unit_test(a_seed_makes_the_same_file_again),
        cmocka_unit_test(figures_hang_together),
        cmocka_unit_test(what_flush_returns_ends_the_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
