/* replay: a CSV file, read once or over and over, its samples handed on.
 *
 *     csv ─▶ layout ─▶ window ─▶ stamps ─▶ pace ─▶ publish
 *     row    reading   sample    its time
 *
 * A bad row is counted, logged (the first few of a pass), written to the dead
 * letter file, and left behind. A file that is played again unchanged is not
 * logged or dead-lettered twice. */
#ifndef NEXUS_STREAMER_REPLAY_H
#define NEXUS_STREAMER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/sample.h"

/* Bad rows of one pass that are logged one by one. */
#define REPLAY_BAD_ROWS_LOGGED 10

/* In loop mode: until the file is tried again that could not be read, or had
 * nothing in it. */
#define REPLAY_RETRY_NS (5 * NS_PER_S)

struct replay_config {
    const char *path;
    const char *cluster;
    const char *deadletter_path;
    int64_t batch;       /* samples published … */
    int64_t interval_ns; /* … in this time; 0: as fast as it goes */
    int64_t gather_times, gather_samples; /* see window.h */
    bool loop;
    bool source_times; /* keep the file's times: see stamps.h */
};

/* Takes a sample, which is gone with the call. 0; -ECANCELED when the service
 * stops; another negative errno ends the replay. */
typedef int (*replay_publish)(void *arg, const struct sample *sample);

struct replay;

/* Borrows the config's texts. */
struct replay *replay_new(const struct replay_config *config,
                          replay_publish publish, void *arg);
void replay_free(struct replay **replay);

/* Whether the file can be read and its columns are known. 0; -EINVAL when the
 * header line is not what it has to be; another negative errno when the file
 * cannot be read; *err names file and reason. */
int replay_check(const struct replay *replay, struct errmsg *err);

/* Plays the file: once, or with loop until the service stops. 0 at the end;
 * -ECANCELED when stopped; another negative errno with *err. */
int replay_run(struct replay *replay, struct errmsg *err);

#endif
