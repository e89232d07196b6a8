/* store_scan: the searches of store.h by reading message after message. */
#ifndef NEXUS_BROKER_STORE_SCAN_H
#define NEXUS_BROKER_STORE_SCAN_H

#include "broker/store/store.h"

/* As the operations of the same names. peek reads as store->ops->read, and
 * messages that are not durable yet, too. */
typedef int store_peek(struct store *store, uint64_t seq,
                       struct store_msg *msg);

bool store_filter_selects(const struct store_filter *filter,
                          struct str subject);

int store_scan_next(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg);
int store_scan_last(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg);
uint64_t store_scan_count(struct store *store,
                          const struct store_filter *filter, uint64_t seq);
bool store_scan_subject(struct store *store, store_peek *peek,
                        struct str subject, struct store_subject *out);
void store_scan_subjects(struct store *store, store_peek *peek,
                         const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg);
uint64_t store_scan_subject_count(struct store *store, store_peek *peek);
size_t store_scan_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg);

#endif
