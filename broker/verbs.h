/* verbs: what each operation of a client does. */
#ifndef NEXUS_BROKER_VERBS_H
#define NEXUS_BROKER_VERBS_H

#include "broker/parser.h"

struct conn;

/* Carries out one operation; the connection may be closed afterwards. */
void verbs_run(struct conn *conn, const struct op *op);

/* Ends the connection as the protocol wants it for input that is wrong. */
void verbs_refuse(struct conn *conn, enum parse_result wrong);

#endif
