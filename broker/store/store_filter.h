/* store_filter: which subjects a filter selects. */
#ifndef NEXUS_BROKER_STORE_FILTER_H
#define NEXUS_BROKER_STORE_FILTER_H

#include "broker/store/store.h"

bool store_filter_selects(const struct store_filter *filter,
                          struct str subject);

#endif
