#include "lib/announce.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"
#include "lib/timestamp.h"
#include "lib/ulid.h"

#define API_WAIT_MS 1000
#define HOST_MAX    256
#define KEY_MAX     128

/* A broker that refuses is asked less and less often. */
#define RETRY_MAX_NS (60 * NS_PER_S)

struct announce {
    struct bus *bus;
    struct announce_config config;
    struct announce_instance instance;
    char host[HOST_MAX];
    char key[KEY_MAX];
    jsCtx *js;
    kvStore *kv; /* NULL: not opened, or lost */
    struct buf value;
    int64_t wait_ns; /* until the next beat */
    bool failed;     /* the last one, which was logged */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
};

void announce_write(struct buf *out, const struct announce_config *config,
                    const struct announce_instance *instance)
{
    char started[TIMESTAMP_MAX];
    int len = timestamp_format(instance->started_ns, 3, started);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_i64(&w, "v", 1);
    json_member_text(&w, "service", config->service);
    json_member_text(&w, "id", config->id);
    json_member_text(&w, "host", instance->host);
    json_member_i64(&w, "pid", instance->pid);
    json_member_text(&w, "version", NEXUS_VERSION);
    json_member_str(&w, "started", str_make(started, (size_t)len));
    json_key(&w, "figures");
    json_begin_object(&w);
    config->figures(&w, config->arg);
    json_end_object(&w);
    json_end_object(&w);
}

/* ---- the bucket ---- */

/* Whoever comes first makes it, all in the same way. In memory: what it tells is
 * of the moment, and told again. */
static natsStatus open_bucket(struct announce *a)
{
    natsStatus s = js_KeyValue(&a->kv, a->js, SERVICES_BUCKET);
    if (s != NATS_NOT_FOUND)
        return s;
    kvConfig config;
    kvConfig_Init(&config);
    config.Bucket = SERVICES_BUCKET;
    config.Description = "Who is running: a key an instance, gone by TTL.";
    config.History = 1;
    config.TTL = SERVICES_TTL_NS;
    config.MaxValueSize = SERVICES_VALUE_MAX;
    config.MaxBytes = SERVICES_BYTES_MAX;
    config.StorageType = js_MemoryStorage;
    return js_CreateKeyValue(&a->kv, a->js, &config);
}

static void forget_bucket(struct announce *a)
{
    kvStore_Destroy(a->kv);
    a->kv = NULL;
}

static natsStatus put(struct announce *a)
{
    natsStatus s = a->kv != NULL ? NATS_OK : open_bucket(a);
    if (s == NATS_OK)
        s = kvStore_PutString(NULL, a->kv, a->key, buf_text(&a->value));
    if (s != NATS_OK)
        forget_bucket(a);
    return s;
}

/* A broker that was started again has lost the bucket: it is made anew. One that
 * does not answer is not asked twice. */
static natsStatus write_key(struct announce *a)
{
    bool was_open = a->kv != NULL;
    buf_reset(&a->value);
    announce_write(&a->value, &a->config, &a->instance);
    natsStatus s = put(a);
    bool lost = s != NATS_OK && s != NATS_TIMEOUT && was_open;
    return lost ? put(a) : s;
}

/* While the broker is away there is nobody to tell, and no news in that. */
static void beat(struct announce *a)
{
    if (!bus_connected(a->bus)) {
        a->wait_ns = SERVICES_BEAT_NS;
        return;
    }
    natsStatus s = write_key(a);
    if (s == NATS_OK) {
        a->failed = false;
        a->wait_ns = SERVICES_BEAT_NS;
        return;
    }
    if (a->failed && a->wait_ns < RETRY_MAX_NS)
        a->wait_ns *= 2;
    if (!a->failed && bus_connected(a->bus))
        log_warn("cannot tell the others that this runs",
                 LOG_STR("bucket", SERVICES_BUCKET),
                 LOG_STR("error", natsStatus_GetText(s)),
                 LOG_STR("reason", nats_GetLastError(NULL)));
    a->failed = true;
}

static void take_back(struct announce *a)
{
    if (a->kv != NULL && bus_connected(a->bus))
        kvStore_Delete(a->kv, a->key);
    forget_bucket(a);
}

/* ---- the thread ---- */

static bool wait_for_stop(struct announce *a)
{
    int64_t until = clock_mono_ns() + a->wait_ns;
    pthread_mutex_lock(&a->lock);
    while (!a->stopping && clock_mono_ns() < until)
        cond_wait_until(&a->changed, &a->lock, until);
    bool stop = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return stop;
}

static void *run(void *arg)
{
    struct announce *a = arg;
    do
        beat(a);
    while (!wait_for_stop(a));
    take_back(a);
    return NULL;
}

static void init_lock(struct announce *a)
{
    cond_init(&a->changed);
    pthread_mutex_init(&a->lock, NULL);
}

/* What a name is made of here will do as a key's token. */
static void name_key(struct announce *a)
{
    char id[ULID_LEN + 1];
    ulid_make(id);
    snprintf(a->key, sizeof a->key, "%s.%s", a->config.service, id);
}

static void destroy(struct announce *a)
{
    jsCtx_Destroy(a->js);
    buf_fini(&a->value);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

struct announce *announce_start(struct bus *bus,
                                const struct announce_config *config)
{
    struct announce *a = mem_zalloc(sizeof *a);
    a->bus = bus;
    a->config = *config;
    a->wait_ns = SERVICES_BEAT_NS;
    if (gethostname(a->host, sizeof a->host - 1) < 0)
        a->host[0] = '\0';
    a->instance = (struct announce_instance){
        .host = a->host, .pid = getpid(), .started_ns = clock_wall_ns()};
    name_key(a);
    init_lock(a);
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = API_WAIT_MS;
    natsStatus s =
        natsConnection_JetStream(&a->js, bus_connection(bus), &options);
    if (s == NATS_OK && pthread_create(&a->thread, NULL, run, a) == 0)
        return a;
    log_warn("cannot tell the others that this runs",
             LOG_STR("error", natsStatus_GetText(s)));
    destroy(a);
    return NULL;
}

void announce_stop(struct announce **announce)
{
    struct announce *a = *announce;
    *announce = NULL;
    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    destroy(a);
}
