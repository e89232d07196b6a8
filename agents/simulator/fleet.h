/* fleet: made-up GPUs whose figures hang together.
 *
 * Hosts get jobs: training keeps all GPUs of a host busy in step, inference
 * loads them in part and unevenly, and between jobs they idle. Power follows
 * load, temperature follows power with a delay, clocks fall when a GPU idles or
 * overheats. A few GPUs are badly cooled, a few lag behind in every training.
 *
 * The same numbers come for the same seed, on every machine: all arithmetic is
 * in whole numbers, and each host draws from a sequence of its own, so that a
 * larger fleet begins like a smaller one. */
#ifndef NEXUS_SIMULATOR_FLEET_H
#define NEXUS_SIMULATOR_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#define FLEET_HOSTS_MAX 100000
#define FLEET_GPUS_MAX  16 /* on a host */

#define FLEET_UUID_LEN  40 /* "GPU-" and 36 characters */
#define FLEET_MODEL     "NVIDIA H100 80GB HBM3"
#define FLEET_MEMORY_MB 81007

struct fleet_gpu {
    int host, index; /* from 1, from 0 */
    char uuid[FLEET_UUID_LEN + 1];

    /* how it is built in */
    int64_t idle_mw;
    int64_t ambient_mc; /* temperature without load, in 1/1000 °C */
    int64_t heat_uc_mw; /* what a milliwatt adds, in 1/1,000,000 °C */
    bool straggler;

    /* what it shows */
    int64_t utilization, memory_utilization; /* % */
    int64_t used_mb;
    int64_t power_mw;
    int64_t temperature_mc;
    int64_t sm_clock_mhz;
};

struct fleet;

/* missing: one host has a GPU less, where hosts have several. */
struct fleet *fleet_new(int hosts, int gpus_per_host, bool missing,
                        uint64_t seed);
void fleet_free(struct fleet **fleet);

/* Lets the time between two scrapes pass. */
void fleet_step(struct fleet *fleet);

/* GPUs in the order of a scrape: the hosts mixed up, the GPUs of each in
 * order. Borrowed. */
int fleet_count(const struct fleet *fleet);
const struct fleet_gpu *fleet_gpu(const struct fleet *fleet, int i);

#endif
