/* metrics: the broker in numbers, as Prometheus reads them. */
#include "broker/monitor/pages.h"
#include "broker/monitor/usage.h"
#include "broker/server.h"
#include "broker/store/store.h"

enum {
    STAT_CONNECTIONS,
    STAT_WEBSOCKETS,
    STAT_TLS,
    STAT_ACCEPTED,
    STAT_SUBSCRIPTIONS,
    STAT_IN_MSGS,
    STAT_OUT_MSGS,
    STAT_IN_BYTES,
    STAT_OUT_BYTES,
    STAT_SLOW_CONSUMERS,
    STAT_STREAMS,
    STAT_CONSUMERS,
    STAT_STREAM_MESSAGES,
    STAT_STREAM_BYTES,
    STAT_LOST,
    STAT_ACK_PENDING,
    STAT_API_REQUESTS,
    STAT_API_ERRORS,
    STAT_SYNCS,
    STAT_SYNC_BYTES,
    STAT_COUNT
};

struct statistic metrics[STAT_COUNT + 1] = {
    [STAT_CONNECTIONS] = {.name = "nexus_broker_connections",
                          .help = "Clients connected",
                          .type = STAT_GAUGE},
    [STAT_WEBSOCKETS] = {.name = "nexus_broker_websocket_connections",
                         .help = "Clients connected over WebSocket",
                         .type = STAT_GAUGE},
    [STAT_TLS] = {.name = "nexus_broker_tls_connections",
                  .help = "Clients connected over TLS",
                  .type = STAT_GAUGE},
    [STAT_ACCEPTED] = {.name = "nexus_broker_connections_total",
                       .help = "Clients accepted",
                       .type = STAT_COUNTER},
    [STAT_SUBSCRIPTIONS] = {.name = "nexus_broker_subscriptions",
                            .help = "Subscriptions, the broker's own included",
                            .type = STAT_GAUGE},
    [STAT_IN_MSGS] = {.name = "nexus_broker_in_messages_total",
                      .help = "Messages from clients",
                      .type = STAT_COUNTER},
    [STAT_OUT_MSGS] = {.name = "nexus_broker_out_messages_total",
                       .help = "Messages to clients",
                       .type = STAT_COUNTER},
    [STAT_IN_BYTES] = {.name = "nexus_broker_in_bytes_total",
                       .help = "Payload bytes from clients",
                       .type = STAT_COUNTER},
    [STAT_OUT_BYTES] = {.name = "nexus_broker_out_bytes_total",
                        .help = "Payload bytes to clients",
                        .type = STAT_COUNTER},
    [STAT_SLOW_CONSUMERS] = {.name = "nexus_broker_slow_consumers_total",
                             .help = "Clients closed because they read too "
                                     "slowly",
                             .type = STAT_COUNTER},
    [STAT_STREAMS] = {.name = "nexus_broker_streams",
                      .help = "Streams",
                      .type = STAT_GAUGE},
    [STAT_CONSUMERS] = {.name = "nexus_broker_consumers",
                        .help = "Consumers of streams",
                        .type = STAT_GAUGE},
    [STAT_STREAM_MESSAGES] = {.name = "nexus_broker_stream_messages",
                              .help = "Messages in all streams",
                              .type = STAT_GAUGE},
    [STAT_STREAM_BYTES] = {.name = "nexus_broker_stream_bytes",
                           .help = "Bytes in all streams",
                           .type = STAT_GAUGE},
    [STAT_LOST] = {.name = "nexus_broker_stream_messages_lost",
                   .help = "Messages in streams that cannot be read",
                   .type = STAT_GAUGE},
    [STAT_ACK_PENDING] = {.name = "nexus_broker_ack_pending",
                          .help = "Messages delivered and not acknowledged",
                          .type = STAT_GAUGE},
    [STAT_API_REQUESTS] = {.name = "nexus_broker_api_requests_total",
                           .help = "Requests about streams and consumers",
                           .type = STAT_COUNTER},
    [STAT_API_ERRORS] = {.name = "nexus_broker_api_errors_total",
                         .help = "Requests of these that were refused",
                         .type = STAT_COUNTER},
    [STAT_SYNCS] = {.name = "nexus_broker_disk_syncs_total",
                    .help = "Groups of messages synced to disk",
                    .type = STAT_COUNTER},
    [STAT_SYNC_BYTES] = {.name = "nexus_broker_disk_bytes_total",
                         .help = "Bytes written to disk for streams",
                         .type = STAT_COUNTER},
};

static void set(int metric, uint64_t value)
{
    stat_set(&metrics[metric], (int64_t)value);
}

static void refresh_clients(const struct server *server)
{
    struct conn_traffic traffic = server_traffic(server);
    uint64_t websockets = 0, over_tls = 0;
    for (const struct conn *conn = server->conns; conn != NULL;
         conn = conn->next) {
        const struct transport *transport = conn->transport;
        websockets += conn->websocket;
        over_tls += transport != NULL && transport->ops->tls(transport) != NULL;
    }
    set(STAT_CONNECTIONS, server->conn_count);
    set(STAT_WEBSOCKETS, websockets);
    set(STAT_TLS, over_tls);
    set(STAT_ACCEPTED, server->counts.accepted);
    set(STAT_IN_MSGS, traffic.in_msgs);
    set(STAT_OUT_MSGS, traffic.out_msgs);
    set(STAT_IN_BYTES, traffic.in_bytes);
    set(STAT_OUT_BYTES, traffic.out_bytes);
    set(STAT_SLOW_CONSUMERS, server->counts.slow_consumers);
}

static void refresh_subs(const struct server *server)
{
    uint64_t count = 0;
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        struct sublist_stats stats;
        sublist_stats(account->subs, &stats);
        count += stats.subs;
    }
    set(STAT_SUBSCRIPTIONS, count);
}

static void refresh_streams(const struct server *server)
{
    struct usage usage = usage_of_all(server);
    struct syncer_stats disk = {0};
    if (server->syncer != NULL)
        syncer_stats(server->syncer, &disk);
    set(STAT_STREAMS, usage.streams);
    set(STAT_CONSUMERS, usage.consumers);
    set(STAT_STREAM_MESSAGES, usage.messages);
    set(STAT_STREAM_BYTES, usage.bytes);
    set(STAT_LOST, usage.lost);
    set(STAT_ACK_PENDING, usage.ack_pending);
    set(STAT_API_REQUESTS, usage.api_total);
    set(STAT_API_ERRORS, usage.api_errors);
    set(STAT_SYNCS, disk.syncs);
    set(STAT_SYNC_BYTES, disk.bytes);
}

void metrics_refresh(struct server *server, void *unused)
{
    (void)unused;
    refresh_clients(server);
    refresh_subs(server);
    refresh_streams(server);
}
