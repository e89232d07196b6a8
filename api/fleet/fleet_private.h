/* fleet_private: what the files of the live model share. The public face is
 * api/fleet/fleet.h; each of its structs is the first member of one here.
 *
 *   fleet.c         the model, and what the feed says of the stream
 *   fleet_listen.c  who is told of what
 *   fleet_tree.c    clusters, hosts and GPUs: made, named, put in order
 *   fleet_sample.c  a sample is taken in
 *   fleet_status.c  status, and how it changes with time
 *   fleet_load.c    the start, from the database */
#ifndef NEXUS_API_FLEET_PRIVATE_H
#define NEXUS_API_FLEET_PRIVATE_H

#include <uthash.h>

#include "api/fleet/fleet.h"
#include "lib/buf.h"
#include "lib/clock.h"

#define FLEET_SILENT_AFTER_NS (15 * NS_PER_S)
#define FLEET_GPUS_MAX        100000
/* A pause longer than this is an outage, and says nothing of an interval. */
#define FLEET_INTERVAL_MAX_NS (600 * NS_PER_S)
/* Intervals that may pass without a sample. */
#define FLEET_INTERVALS 3
/* Indices of a host that are looked through for missing ones: what comes from
 * outside may say 4294967295. */
#define FLEET_INDEX_MAX 64

struct gpu {
    struct fleet_gpu pub;
    UT_hash_handle hh; /* by uuid */
    int64_t due_ns;    /* mono: silent from then on */
    uint32_t heap_at;  /* its place among those that are waited for, … */
    int64_t heap_ns;   /* … there by this time: no later than due_ns */
    bool heaped;
    int64_t last_ts_ns; /* of the sample that came last */
    int64_t step_ns;    /* wall: when last_ts_ns last changed */
    int64_t gap_ns;     /* between the last two such steps */
    void *labels_block; /* their memory */
};

struct host {
    struct fleet_host pub;
    int64_t settle_ns; /* mono: its indices are looked through then */
    bool settling;
    struct host *prev, *next; /* of those that settle, in order of time */
};

struct cluster {
    struct fleet_cluster pub;
};

/* A walk over the listeners, so that one may leave meanwhile. */
struct walk {
    struct fleet_link *next;
    struct walk *outer;
};

/* What a listener may be near to. */
enum scope { SCOPE_ALL, SCOPE_CLUSTER, SCOPE_HOST, SCOPE_GPU, SCOPE_COUNT };

/* A listener's place in one list. */
struct fleet_link {
    struct fleet_link *prev, *next;
    struct fleet_listener *listener;
    struct place *place;
};

struct model {
    struct fleet pub;
    struct fleet_config config;
    struct gpu *by_uuid;
    struct gpu **heap; /* who is active, who is due first on top */
    uint32_t heap_count;
    struct host *settling;
    int64_t grace_ns; /* mono: nobody falls silent before */
    int64_t known_ns; /* mono: what was sent by then is in */
    bool deaf;        /* followed the stream once, and does not now */
    struct place *places[SCOPE_COUNT]; /* by name, those that have listeners */
    struct walk *walks;
    struct http_timer *timer;
    int64_t timer_ns; /* mono: it is set for; 0: not */
    struct buf scratch;
    struct loader *loader;
    struct http_server *server;
};

static inline struct model *model_of(struct fleet *f)
{
    return (struct model *)f;
}

static inline struct gpu *gpu_of(const struct fleet_gpu *gpu)
{
    return (struct gpu *)gpu;
}

static inline struct host *host_of(struct fleet_host *host)
{
    return (struct host *)host;
}

/* fleet_listen.c */
void model_tell_update(struct model *m, const struct fleet_update *update);
void model_tell_change(struct model *m, const struct fleet_change *change);

/* fleet_tree.c */
struct fleet_cluster *tree_cluster(struct model *m, struct str name);
void tree_set_region(struct fleet_cluster *cluster, struct str region);
struct fleet_host *tree_host(struct model *m, struct fleet_cluster *cluster,
                             struct str name);
/* The sample's GPU, made where it is new (*fresh); NULL beyond the limit. */
struct gpu *tree_gpu(struct model *m, const struct sample *s, bool *fresh);
/* Takes over what the sample says of where it is and what it is. */
void tree_name_gpu(struct model *m, struct gpu *gpu, const struct sample *s);
/* A GPU without a uuid where an index of the host is left out. */
void tree_fill_holes(struct model *m, struct fleet_host *host);
void tree_free(struct model *m);
/* Replaces an owned text; false where it is the same already. */
bool tree_set_text(struct str *text, struct str now);

/* fleet_status.c */
/* A new one is silent, and nobody is told. */
void status_init(struct model *m, struct gpu *gpu);
void status_set(struct model *m, struct gpu *gpu, enum fleet_status status);
/* Counts it in (+1) or out (-1) of its host, cluster and the fleet. */
void status_count(struct model *m, const struct gpu *gpu, int n);
/* It was heard of at heard_ns (wall clock): until when is it active? */
void status_heard(struct model *m, struct gpu *gpu, int64_t heard_ns);
/* What was sent by then (wall clock) is in. */
void status_known(struct model *m, int64_t wall_ns);
enum fleet_status status_of(const struct model *m, const struct gpu *gpu);
/* The host has a new GPU: look for missing ones when no more come. */
void status_settle(struct model *m, struct fleet_host *host);
void status_arm(struct model *m);

/* fleet_sample.c */
/* All but telling the listeners; NULL when it is left out. */
struct gpu *sample_take(struct model *m, const struct sample *s,
                        uint64_t sequence, int64_t heard_ns);

/* fleet_load.c */
void loader_free(struct loader **loader);

#endif
