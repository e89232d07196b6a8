#include "broker/store/syncer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/mem.h"

struct syncer {
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a task was scheduled, or stopping */
    pthread_cond_t ran;     /* a task has run */
    struct sync_task *head, *tail;
    bool waiting; /* the thread, for `changed` */
    bool stopping;
    _Atomic uint64_t syncs, bytes;
    _Atomic int64_t sync_ns;
};

static void enqueue(struct syncer *syncer, struct sync_task *task)
{
    task->next = NULL;
    if (syncer->tail != NULL)
        syncer->tail->next = task;
    else
        syncer->head = task;
    syncer->tail = task;
}

static void unlink_task(struct syncer *syncer, struct sync_task *task)
{
    struct sync_task **link = &syncer->head, *before = NULL;
    while (*link != task) {
        before = *link;
        link = &before->next;
    }
    *link = task->next;
    if (syncer->tail == task)
        syncer->tail = before;
    task->due_ns = SYNC_NEVER;
}

/* With the lock held. */
static void schedule(struct syncer *syncer, struct sync_task *task,
                     int64_t delay_ns)
{
    int64_t due_ns = clock_mono_ns() + delay_ns;
    if (task->detached)
        return;
    if (task->due_ns == SYNC_NEVER)
        enqueue(syncer, task);
    else if (task->due_ns <= due_ns)
        return;
    task->due_ns = due_ns;
    if (syncer->waiting)
        pthread_cond_signal(&syncer->changed);
}

/* The first task that is due; else NULL and when the next one is. */
static struct sync_task *next_due(const struct syncer *syncer,
                                  int64_t *wait_until_ns)
{
    int64_t now_ns = clock_mono_ns();
    *wait_until_ns = INT64_MAX;
    for (struct sync_task *t = syncer->head; t != NULL; t = t->next) {
        if (t->due_ns <= now_ns)
            return t;
        if (t->due_ns < *wait_until_ns)
            *wait_until_ns = t->due_ns;
    }
    return NULL;
}

static void wait_changed(struct syncer *syncer, int64_t until_ns)
{
    syncer->waiting = true;
    if (until_ns == INT64_MAX) {
        pthread_cond_wait(&syncer->changed, &syncer->lock);
    } else {
        cond_wait_until(&syncer->changed, &syncer->lock, until_ns);
    }
    syncer->waiting = false;
}

static void run_task(struct syncer *syncer, struct sync_task *task)
{
    unlink_task(syncer, task);
    task->running = true;
    pthread_mutex_unlock(&syncer->lock);
    int64_t again_ns = task->run(task);
    pthread_mutex_lock(&syncer->lock);
    task->running = false;
    if (again_ns != SYNC_NEVER)
        schedule(syncer, task, again_ns);
    pthread_cond_broadcast(&syncer->ran);
}

static void *syncer_main(void *arg)
{
    struct syncer *syncer = arg;
    pthread_mutex_lock(&syncer->lock);
    while (!syncer->stopping) {
        int64_t until_ns;
        struct sync_task *task = next_due(syncer, &until_ns);
        if (task != NULL)
            run_task(syncer, task);
        else
            wait_changed(syncer, until_ns);
    }
    pthread_mutex_unlock(&syncer->lock);
    return NULL;
}

/* Signals are the loop thread's. */
static int start_thread(struct syncer *syncer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&syncer->thread, NULL, syncer_main, syncer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct syncer *syncer_new(int wake_fd, struct errmsg *err)
{
    struct syncer *syncer = mem_zalloc(sizeof *syncer);
    syncer->wake_fd = wake_fd;
    pthread_mutex_init(&syncer->lock, NULL);
    cond_init(&syncer->changed);
    cond_init(&syncer->ran);
    int rc = start_thread(syncer);
    if (rc == 0)
        return syncer;
    errmsg_set(err, -rc, "cannot start the syncer thread: %s", strerror(rc));
    free(syncer);
    return NULL;
}

void syncer_free(struct syncer **syncer)
{
    struct syncer *s = *syncer;
    *syncer = NULL;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_cond_destroy(&s->ran);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void syncer_schedule(struct syncer *syncer, struct sync_task *task,
                     int64_t delay_ns)
{
    pthread_mutex_lock(&syncer->lock);
    schedule(syncer, task, delay_ns);
    pthread_mutex_unlock(&syncer->lock);
}

void syncer_detach(struct syncer *syncer, struct sync_task *task)
{
    pthread_mutex_lock(&syncer->lock);
    task->detached = true;
    while (task->running)
        pthread_cond_wait(&syncer->ran, &syncer->lock);
    if (task->due_ns != SYNC_NEVER)
        unlink_task(syncer, task);
    pthread_mutex_unlock(&syncer->lock);
}

void syncer_wake(struct syncer *syncer)
{
    uint64_t one = 1;
    /* It can only fail when the counter is full: then a wake is due anyway. */
    ssize_t written = write(syncer->wake_fd, &one, sizeof one);
    (void)written;
}

void syncer_count(struct syncer *syncer, uint64_t bytes, int64_t ns)
{
    atomic_fetch_add(&syncer->syncs, 1);
    atomic_fetch_add(&syncer->bytes, bytes);
    atomic_fetch_add(&syncer->sync_ns, ns);
}

void syncer_stats(const struct syncer *syncer, struct syncer_stats *out)
{
    out->syncs = atomic_load(&syncer->syncs);
    out->bytes = atomic_load(&syncer->bytes);
    out->sync_ns = atomic_load(&syncer->sync_ns);
}
