/* flags: the broker's command line and BROKER_… variables, and how they and the
 * configuration file make one set of options.
 *
 * A flag wins over a variable, a variable over the file, the file over the
 * default. */
#ifndef NEXUS_BROKER_FLAGS_H
#define NEXUS_BROKER_FLAGS_H

#include "broker/config/options.h"
#include "lib/opts.h"

/* For service_init. */
extern const struct opt flags[];

/* Everything, read anew: NULL with *err. The caller frees it. Not twice at a
 * time. */
struct options *flags_load(struct errmsg *err);
void flags_free(struct options **options);

/* --signal's text, NULL when it was not given. */
const char *flags_signal(void);

#endif
