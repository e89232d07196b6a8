/* fleet: the live model. Cluster, host, GPU, latest values, all in memory.
 *
 * On start it is filled from PostgreSQL, then it follows the broker's stream
 * (api/live/feed.h). Lists, status and latest values are answered from here and
 * never wait for the database. Objects are made when they are first heard of
 * and stay, at the same address, as long as the gateway runs; how many is
 * limited. All on the loop's thread. */
#ifndef NEXUS_API_FLEET_H
#define NEXUS_API_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/sample.h"

/* What state a GPU is in, the first that applies. */
enum fleet_status {
    FLEET_MAINTENANCE, /* a person said so */
    FLEET_MISSING,     /* its host reports others, and its index is left out */
    FLEET_SILENT,      /* not heard of for three of its own intervals */
    FLEET_ACTIVE,
    FLEET_STATUS_COUNT
};

extern const char *const fleet_status_names[FLEET_STATUS_COUNT]; /* "active" */

struct fleet_label {
    struct str key, value;
};

struct db;
struct fleet_host;
struct fleet_cluster;

struct fleet_gpu {
    struct fleet_host *host;
    uint32_t number;  /* unique, dense from 0; stable while we run */
    struct str index; /* on its host: "0" */
    struct str uuid;  /* empty: missing, never seen */
    struct str device, model, pod, namespace, container;
    enum fleet_status status;
    int64_t status_since_ns;
    int64_t ts_ns;       /* of the latest sample; 0: none yet */
    int64_t heard_ns;    /* wall clock when it came */
    int64_t interval_ns; /* between its samples, smoothed; 0: not known */
    uint64_t sequence;   /* of the latest sample, in the stream */
    uint64_t revision;   /* the fleet's when a new sample last came */
    uint64_t present;    /* bit m: values[m] is known */
    double values[METRIC_COUNT];
    int64_t value_ts_ns[METRIC_COUNT]; /* of the sample it came with */
    /* The value as JSON text, ready to be copied; len 0: not reported. */
    struct {
        uint8_t len;
        char text[25];
    } value_json[METRIC_COUNT];
    /* Quoted and escaped, ready to be copied. The name is the model's. */
    struct str json_uuid, json_index, json_device, json_model, json_name;
    bool maintenance;
    struct str maintenance_reason;
    struct fleet_label *labels; /* in order of their keys */
    uint32_t label_count;
};

struct fleet_host {
    struct fleet_cluster *cluster;
    struct str name, json_name;
    struct fleet_gpu **gpus; /* in order of their index, numbers first */
    uint32_t gpu_count;      /* missing ones included */
    uint32_t counts[FLEET_STATUS_COUNT];
};

struct fleet_cluster {
    struct str name, region, json_name;
    struct fleet_host **hosts; /* by name */
    uint32_t host_count;
    uint32_t gpu_count;
    uint32_t counts[FLEET_STATUS_COUNT];
};

struct fleet {
    struct fleet_cluster **clusters; /* by name */
    uint32_t cluster_count;
    struct fleet_host **hosts; /* all, by cluster and name */
    uint32_t host_count;
    struct fleet_gpu **gpus; /* all, by cluster, host and index */
    uint32_t gpu_count;
    uint32_t counts[FLEET_STATUS_COUNT];
    int64_t as_of_ns;  /* wall clock: all that came by then is in */
    uint64_t sequence; /* of the stream: all up to it is in */
    uint64_t revision; /* grows with every change of anything */
    uint64_t left_out; /* samples of GPUs beyond gpus_max */
    bool loaded;       /* from the database */
    bool following;    /* the stream, without a gap */
};

struct fleet_config {
    int64_t silent_after_ns; /* where a GPU's interval is not known, and the
                                least that is waited for; 0: 15 s */
    uint32_t gpus_max; /* further ones are counted and left out; 0: 100,000 */
    /* The clocks; NULL: the system's. A test has its own. */
    int64_t (*wall_ns)(void), (*mono_ns)(void);
};

/* server: for its timers; NULL: fleet_expire is called instead. */
struct fleet *fleet_new(struct http_server *server,
                        const struct fleet_config *config);
void fleet_free(struct fleet **fleet);

/* NULL where there is none. Names are compared whole. */
struct fleet_cluster *fleet_find_cluster(const struct fleet *f,
                                         struct str name);
struct fleet_host *fleet_find_host(const struct fleet *f, struct str cluster,
                                   struct str name);
struct fleet_gpu *fleet_find_gpu(const struct fleet *f, struct str uuid);

/* The order of indices on a host, as memcmp: numbers first, by their value. */
int fleet_index_order(struct str a, struct str b);

/* ---- what happens ---- */

struct fleet_update { /* a sample that came */
    const struct fleet_gpu *gpu;
    const struct sample *sample;
    uint64_t sequence; /* in the stream */
};

struct fleet_change { /* of a GPU's status */
    const struct fleet_gpu *gpu;
    enum fleet_status before, now;
    int64_t at_ns;
};

/* What a listener wants to be told of. It may be told of more: of all of a host
 * of that name in any cluster, of a GPU wherever it stands. */
struct fleet_scope {
    struct str cluster;     /* p NULL: any */
    struct str host;        /* p NULL: any */
    const struct str *gpus; /* UUIDs; */
    uint32_t gpu_count;     /* 0: any */
};

/* Told in order, after the model has taken it in. A listener may be removed from
 * within a call, its own too. */
struct fleet_link;
struct fleet_listener {
    const struct fleet_scope
        *scope;               /* read by fleet_listen; NULL: everything */
    struct fleet_link *links; /* the model's */
    uint32_t link_count;
    void (*update)(const struct fleet_update *update, void *arg); /* or NULL */
    void (*change)(const struct fleet_change *change, void *arg); /* or NULL */
    void *arg;
};
void fleet_listen(struct fleet *f, struct fleet_listener *listener);
void fleet_unlisten(struct fleet *f, struct fleet_listener *listener);

/* ---- what changes it ---- */

/* Takes in a sample that has just come, or came at heard_ns (wall clock). The
 * order does not matter: what is older than what is known only fills gaps. Of
 * two with one time the later in the stream wins. */
void fleet_sample(struct fleet *f, const struct sample *sample,
                  uint64_t sequence);
void fleet_sample_at(struct fleet *f, const struct sample *sample,
                     uint64_t sequence, int64_t heard_ns);

/* Starts reading the fleet from the database, again and again until it can be
 * read; then done (or NULL). */
void fleet_load(struct fleet *f, struct db *db, void (*done)(void *arg),
                void *arg);

/* The feed says so. While the stream is not followed nobody falls silent: it is
 * we who do not hear. */
void fleet_set_following(struct fleet *f, bool following);

/* All that was sent up to now has been taken in, nothing came. */
void fleet_quiet(struct fleet *f);

/* The stream was made anew: its sequences start again. */
void fleet_stream_anew(struct fleet *f);

/* Does what is due by time: who is silent, what is missing. Called by a timer
 * of its own. Returns the nanoseconds until it is due again; -1: nothing is. */
int64_t fleet_expire(struct fleet *f);

/* From the database, at the start and after a mutation. */
void fleet_set_labels(struct fleet *f, struct fleet_gpu *gpu,
                      const struct fleet_label *labels, uint32_t count);
void fleet_set_maintenance(struct fleet *f, struct fleet_gpu *gpu, bool on,
                           struct str reason);

#endif
