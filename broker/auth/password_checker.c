/* password_checker: see password_checker.h. */
#include "broker/auth/password_checker.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <utlist.h>

#include "broker/auth/password.h"
#include "lib/mem.h"

struct password_checker {
    int wake_fd;
    pthread_t thread;
    bool running;         /* the thread has been started */
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    bool stopping;
    struct password_check *todo, *done; /* first in, first out */
};

static struct password_check *queue_take(struct password_check **queue)
{
    struct password_check *check = *queue;
    if (check != NULL)
        DL_DELETE(*queue, check);
    return check;
}

struct password_check *password_check_new(void *owner, const char *hash,
                                          struct str given)
{
    struct password_check *check = mem_zalloc(sizeof(*check));
    check->owner = owner;
    check->hash = mem_strdup(hash);
    check->given = mem_strndup(given);
    check->given_len = given.len;
    return check;
}

void password_check_free(struct password_check *check)
{
    password_wipe(check->given, check->given_len);
    free(check->given);
    free(check->hash);
    free(check);
}

struct password_checker *password_checker_new(int wake_fd)
{
    struct password_checker *checker = mem_zalloc(sizeof(*checker));
    checker->wake_fd = wake_fd;
    pthread_mutex_init(&checker->lock, NULL);
    pthread_cond_init(&checker->work, NULL);
    return checker;
}

static void check_one(struct password_check *check)
{
    bool whole = strlen(check->given) == check->given_len;
    check->good = whole && password_matches_hash(check->hash, check->given);
}

static void *run(void *arg)
{
    struct password_checker *checker = arg;
    pthread_mutex_lock(&checker->lock);
    while (!checker->stopping) {
        struct password_check *check = queue_take(&checker->todo);
        if (check == NULL) {
            pthread_cond_wait(&checker->work, &checker->lock);
            continue;
        }
        check->queued = false;
        pthread_mutex_unlock(&checker->lock);
        check_one(check);
        pthread_mutex_lock(&checker->lock);
        DL_APPEND(checker->done, check);
        eventfd_write(checker->wake_fd, 1);
    }
    pthread_mutex_unlock(&checker->lock);
    return NULL;
}

static void start(struct password_checker *checker)
{
    int error = pthread_create(&checker->thread, NULL, run, checker);
    assert(error == 0);
    checker->running = true;
}

static void drop_all(struct password_check **queue,
                     void (*drop)(struct password_check *check))
{
    struct password_check *check;
    while ((check = queue_take(queue)) != NULL)
        drop(check);
}

void password_checker_free(struct password_checker **checkerp,
                           void (*drop)(struct password_check *check))
{
    struct password_checker *checker = *checkerp;
    if (checker == NULL)
        return;
    pthread_mutex_lock(&checker->lock);
    checker->stopping = true;
    pthread_cond_signal(&checker->work);
    pthread_mutex_unlock(&checker->lock);
    if (checker->running)
        pthread_join(checker->thread, NULL);
    drop_all(&checker->todo, drop);
    drop_all(&checker->done, drop);
    pthread_mutex_destroy(&checker->lock);
    pthread_cond_destroy(&checker->work);
    free(checker);
    *checkerp = NULL;
}

void password_checker_submit(struct password_checker *checker,
                             struct password_check *check)
{
    pthread_mutex_lock(&checker->lock);
    check->queued = true;
    DL_APPEND(checker->todo, check);
    pthread_cond_signal(&checker->work);
    pthread_mutex_unlock(&checker->lock);
    if (!checker->running)
        start(checker);
}

bool password_checker_withdraw(struct password_checker *checker,
                               struct password_check *check)
{
    pthread_mutex_lock(&checker->lock);
    bool queued = check->queued;
    if (queued)
        DL_DELETE(checker->todo, check);
    check->queued = false;
    pthread_mutex_unlock(&checker->lock);
    return queued;
}

struct password_check *password_checker_done(struct password_checker *checker)
{
    pthread_mutex_lock(&checker->lock);
    struct password_check *check = queue_take(&checker->done);
    pthread_mutex_unlock(&checker->lock);
    return check;
}
