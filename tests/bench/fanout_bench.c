/* fanout_bench: what a sample costs where each GPU has a subscription of its
 * own, as a dashboard of one panel a GPU has. */
#include <stdio.h>
#include <stdlib.h>

#include "api/live/filter.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define SAMPLES 20000

static uint64_t told;

static void tell(const struct fleet_update *update, void *arg)
{
    (void)update;
    (void)arg;
    told++;
}

static void sample_make(struct sample *s, char uuid[64], int n)
{
    *s = (struct sample){.ts_ns = NS_PER_S,
                         .cluster = str_of("local"),
                         .host = str_of("host"),
                         .gpu = str_of("0")};
    s->uuid = str_make(uuid, (size_t)sprintf(uuid, "GPU-%036d", n));
    sample_set(s, METRIC_temperature, n % 100);
}

static int64_t measure(struct fleet *f, int gpus)
{
    struct sample s;
    char uuid[64];
    int64_t start = clock_mono_ns();
    for (int i = 0; i < SAMPLES; i++) {
        sample_make(&s, uuid, i % gpus);
        fleet_sample(f, &s, (uint64_t)i + 1);
    }
    return clock_mono_ns() - start;
}

static void row(int subscriptions, int gpus)
{
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(NULL, &config);
    struct filter_feed **feeds =
        mem_zalloc(((size_t)subscriptions + 1) * sizeof *feeds);
    for (int i = 0; i < subscriptions; i++) {
        char uuid[64];
        struct sample s;
        sample_make(&s, uuid, i % gpus);
        struct filter filter = {.gpus = &s.uuid, .gpu_count = 1};
        feeds[i] = filter_feed_new(f, NULL, &filter, tell, NULL);
    }
    measure(f, gpus); /* the GPUs are made */
    told = 0;
    int64_t ns = measure(f, gpus);
    printf("%6d subscriptions, %5d GPUs: %9.0f ns a sample, %llu told\n",
           subscriptions, gpus, (double)ns / SAMPLES, (unsigned long long)told);
    for (int i = 0; i < subscriptions; i++)
        filter_feed_free(&feeds[i]);
    free(feeds);
    fleet_free(&f);
}

int main(void)
{
    row(0, 1000);
    row(1000, 1000);
    row(10000, 1000);
    row(10000, 10000);
    return 0;
}
