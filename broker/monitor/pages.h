/* pages: what the monitor can show, one file a page or two. */
#ifndef NEXUS_BROKER_PAGES_H
#define NEXUS_BROKER_PAGES_H

#include "broker/monitor/page.h"
#include "lib/stats.h"

/* varz.c: the broker */
void page_varz(struct server *server, struct page *page);

/* connz.c: its connections */
void page_connz(struct server *server, struct page *page);

/* subsz.c: its subscriptions; the figures of some, as a page's members */
struct sublist_stats;
void page_subsz(struct server *server, struct page *page);
void subsz_write(const struct sublist_stats *stats, struct json_writer *w);

/* jsz.c: its streams and consumers; "config" of /varz, too */
void page_jsz(struct server *server, struct page *page);
void jsz_write_config(const struct server *server, struct json_writer *w);

/* accountz.c: its accounts, and the traffic of each */
void page_accountz(struct server *server, struct page *page);
void page_accstatz(struct server *server, struct page *page);

/* clusterz.c: what one machine has none of */
void page_routez(struct server *server, struct page *page);
void page_gatewayz(struct server *server, struct page *page);
void page_leafz(struct server *server, struct page *page);

/* healthz.c: does it do its work? */
void page_healthz(struct server *server, struct page *page);

/* Why it does not; "" in *why where it does. On the loop. */
void health_look(const struct server *server, struct errmsg *why);

/* metrics.c: all of it in numbers, for Prometheus */
extern struct statistic metrics[];

/* Brings them up to date; on the loop. */
void metrics_refresh(struct server *server, void *unused);

#endif
