#include "agents/simulator/fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"

/* What a host works on. */
enum job {
    JOB_IDLE,     /* nothing; memory is free */
    JOB_TRAINING, /* all GPUs flat out, in step */
    JOB_INFERENCE /* each GPU has its own load, coming and going */
};

#define JOB_STEPS_MIN 20
#define JOB_STEPS_MAX 200

#define CLOCK_IDLE_MHZ 345
#define CLOCK_MHZ      1980
#define CLOCK_WARM_MHZ 1965
#define CLOCK_HOT_MHZ  1410
#define WARM_MC        70000
#define HOT_MC         84000

#define POWER_MAX_MW     690000
#define POWER_CLOCKED_MW 45000 /* what full clocks add without any load */

struct host {
    uint64_t random;
    enum job job;
    int64_t steps_left;
    int64_t load;    /* % of a training's GPUs; where inference tends to */
    int64_t mix;     /* % of memory traffic for a given load */
    int64_t used_mb; /* by the job, on each GPU */
    struct fleet_gpu *gpus;
    int gpu_count;
};

struct fleet {
    struct host *hosts;
    int host_count;
    struct fleet_gpu *gpus;
    int gpu_count;
};

/* splitmix64: a well-mixed sequence from any seed. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* A number from least to most. */
static int64_t between(uint64_t *state, int64_t least, int64_t most)
{
    return least + (int64_t)(draw(state) % (uint64_t)(most - least + 1));
}

static bool chance(uint64_t *state, int percent)
{
    return between(state, 1, 100) <= percent;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- making ---- */

/* A version 4 UUID of the host's own sequence. */
static void make_uuid(uint64_t *random, char *out)
{
    uint64_t a = draw(random), b = draw(random);
    snprintf(out, FLEET_UUID_LEN + 1, "GPU-%08x-%04x-4%03x-%04x-%012llx",
             (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0x3fff) | 0x8000,
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static void build_gpu(struct fleet_gpu *gpu, int host, int index,
                      uint64_t *random)
{
    *gpu = (struct fleet_gpu){.host = host, .index = index};
    make_uuid(random, gpu->uuid);
    gpu->idle_mw = between(random, 66000, 79000);
    gpu->ambient_mc = between(random, 22000, 27000);
    gpu->heat_uc_mw = between(random, 48, 66);
    if (chance(random, 3))
        gpu->heat_uc_mw += 32;
    gpu->straggler = chance(random, 3);
    gpu->temperature_mc = gpu->ambient_mc;
}

static void build_host(struct host *host, int number, int gpus, uint64_t seed,
                       struct fleet_gpu *place)
{
    *host = (struct host){.gpus = place, .gpu_count = gpus};
    host->random = seed ^ (uint64_t)number * UINT64_C(0xD6E8FEB86659FD93);
    for (int i = 0; i < gpus; i++)
        build_gpu(&place[i], number, i, &host->random);
}

/* Takes the last GPU but one out of a host in the middle. */
static void lose_gpu(struct host *host)
{
    int lost = host->gpu_count - 2;
    host->gpu_count--;
    for (int i = lost; i < host->gpu_count; i++)
        host->gpus[i] = host->gpus[i + 1];
}

/* A scrape meets the hosts in no order; the same one every time. */
static void shuffle(int *numbers, int count, uint64_t seed)
{
    for (int i = 0; i < count; i++)
        numbers[i] = i + 1;
    for (int i = count - 1; i > 0; i--) {
        int k = (int)between(&seed, 0, i), kept = numbers[i];
        numbers[i] = numbers[k];
        numbers[k] = kept;
    }
}

struct fleet *fleet_new(int hosts, int gpus_per_host, bool missing,
                        uint64_t seed)
{
    assert(hosts >= 1 && hosts <= FLEET_HOSTS_MAX);
    assert(gpus_per_host >= 1 && gpus_per_host <= FLEET_GPUS_MAX);
    struct fleet *fleet = mem_zalloc(sizeof *fleet);
    int *numbers = mem_grow(NULL, (size_t)hosts, sizeof *numbers);
    fleet->hosts = mem_grow(NULL, (size_t)hosts, sizeof *fleet->hosts);
    fleet->gpus = mem_grow(NULL, (size_t)hosts * (size_t)gpus_per_host,
                           sizeof *fleet->gpus);
    fleet->host_count = hosts;
    shuffle(numbers, hosts, seed);
    for (int i = 0; i < hosts; i++) {
        struct host *host = &fleet->hosts[i];
        build_host(host, numbers[i], gpus_per_host, seed,
                   fleet->gpus + fleet->gpu_count);
        if (missing && gpus_per_host > 1 && i == hosts / 2)
            lose_gpu(host);
        fleet->gpu_count += host->gpu_count;
    }
    free(numbers);
    fleet_step(fleet);
    return fleet;
}

void fleet_free(struct fleet **fleet)
{
    if (*fleet == NULL)
        return;
    free((*fleet)->hosts);
    free((*fleet)->gpus);
    free(*fleet);
    *fleet = NULL;
}

int fleet_count(const struct fleet *fleet)
{
    return fleet->gpu_count;
}

const struct fleet_gpu *fleet_gpu(const struct fleet *fleet, int i)
{
    return &fleet->gpus[i];
}

/* ---- time passing ---- */

static void start_job(struct host *host)
{
    uint64_t *random = &host->random;
    int64_t what = between(random, 1, 100);
    host->job = what <= 40   ? JOB_IDLE
                : what <= 75 ? JOB_TRAINING
                             : JOB_INFERENCE;
    host->steps_left = between(random, JOB_STEPS_MIN, JOB_STEPS_MAX);
    host->load = host->job == JOB_TRAINING ? between(random, 92, 100)
                                           : between(random, 15, 70);
    host->mix = between(random, 20, 80);
    host->used_mb = between(random, 9000, 76000);
}

/* In step with the job for training; a walk around its load for inference. */
static int64_t next_utilization(struct host *host, const struct fleet_gpu *gpu)
{
    uint64_t *random = &host->random;
    if (host->job == JOB_IDLE)
        return 0;
    if (host->job == JOB_TRAINING) {
        int64_t load = host->load - between(random, 0, 4);
        return gpu->straggler ? load * 6 / 10 : load;
    }
    int64_t pull = (host->load - gpu->utilization) / 4;
    return clamp(gpu->utilization + pull + between(random, -9, 9), 0, 100);
}

static int64_t next_clock(const struct host *host, const struct fleet_gpu *gpu)
{
    if (host->job == JOB_IDLE)
        return CLOCK_IDLE_MHZ;
    if (gpu->temperature_mc >= HOT_MC)
        return CLOCK_HOT_MHZ;
    return gpu->temperature_mc >= WARM_MC ? CLOCK_WARM_MHZ : CLOCK_MHZ;
}

/* Load draws power; traffic with the memory and the clocks make it dearer. */
static int64_t next_power(struct host *host, const struct fleet_gpu *gpu)
{
    int64_t power = gpu->idle_mw + between(&host->random, -400, 400);
    if (gpu->sm_clock_mhz > CLOCK_IDLE_MHZ)
        power += POWER_CLOCKED_MW;
    power += gpu->utilization * 3200 + gpu->memory_utilization * 2600;
    if (gpu->sm_clock_mhz == CLOCK_HOT_MHZ)
        power = power * 7 / 10;
    return clamp(power, 0, POWER_MAX_MW);
}

static void step_gpu(struct host *host, struct fleet_gpu *gpu)
{
    gpu->sm_clock_mhz = next_clock(host, gpu);
    gpu->utilization = next_utilization(host, gpu);
    gpu->memory_utilization = gpu->utilization * host->mix / 100;
    gpu->used_mb = host->job == JOB_IDLE ? 4 : host->used_mb + gpu->index * 16;
    gpu->power_mw = next_power(host, gpu);
    int64_t target = gpu->ambient_mc + gpu->power_mw * gpu->heat_uc_mw / 1000;
    gpu->temperature_mc += (target - gpu->temperature_mc) * 3 / 10;
}

void fleet_step(struct fleet *fleet)
{
    for (int h = 0; h < fleet->host_count; h++) {
        struct host *host = &fleet->hosts[h];
        if (host->steps_left-- <= 0)
            start_job(host);
        for (int i = 0; i < host->gpu_count; i++)
            step_gpu(host, &host->gpus[i]);
    }
}
