#include "agents/collector/collector.h"

struct settings settings;
const char *conninfo;

static const double batch_buckets[] = {.001, .0025, .005, .01, .025, .05, .1,
                                       .25,  .5,    1,    2.5, 5,    0};

struct statistic collector_stats[STAT_COUNT + 1] = {
    [STAT_MESSAGES] = {"nexus_collector_messages_total",
                       "Messages acknowledged after their commit.",
                       STAT_COUNTER},
    [STAT_ROWS] = {"nexus_collector_rows_total",
                   "Rows written (merged ones count, too).", STAT_COUNTER},
    [STAT_VALUES] = {"nexus_collector_values_total", "Values written.",
                     STAT_COUNTER},
    [STAT_BATCHES_COPIED] = {"nexus_collector_batches_total",
                             "Transactions, by how they were written.",
                             STAT_COUNTER, "how=\"copied\""},
    [STAT_BATCHES_MERGED] = {"nexus_collector_batches_total",
                             "Transactions, by how they were written.",
                             STAT_COUNTER, "how=\"merged\""},
    [STAT_WRITE_RETRIES] = {"nexus_collector_write_retries_total",
                            "Batches that had to be written again.",
                            STAT_COUNTER},
    [STAT_DEADLETTERS] = {"nexus_collector_deadletters_total",
                          "Messages moved to the dead letters.", STAT_COUNTER},
    [STAT_LAST_COMMIT] = {"nexus_collector_last_commit_timestamp_seconds",
                          "When a batch was last written, in Unix time; 0: "
                          "none was.",
                          STAT_GAUGE},
    [STAT_GPUS] = {"nexus_collector_gpus", "GPUs heard of since the start.",
                   STAT_GAUGE},
    [STAT_PENDING] = {"nexus_collector_pending_messages",
                      "Messages of the stream not delivered to a collector "
                      "yet.",
                      STAT_GAUGE},
    [STAT_ACK_PENDING] = {"nexus_collector_ack_pending_messages",
                          "Messages delivered and not acknowledged.",
                          STAT_GAUGE},
    [STAT_REDELIVERED] = {"nexus_collector_redelivered_messages",
                          "Messages in delivery for at least the second time.",
                          STAT_GAUGE},
    [STAT_STREAM_BYTES] = {"nexus_collector_stream_bytes",
                           "Bytes the stream holds.", STAT_GAUGE},
    [STAT_BATCH_SECONDS] = {"nexus_collector_batch_seconds",
                            "Time from a batch's arrival to its "
                            "acknowledgement.",
                            STAT_HISTOGRAM, .buckets = batch_buckets},
};
