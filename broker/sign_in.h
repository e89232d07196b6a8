/* sign_in: a client's CONNECT: what it asks for, who it is, and what it may do
 * from then on. */
#ifndef NEXUS_BROKER_SIGN_IN_H
#define NEXUS_BROKER_SIGN_IN_H

#include <stdbool.h>

#include "broker/auth/auth.h"
#include "lib/str.h"

struct conn;
struct server;

/* Carries CONNECT out; options is its JSON text. Where a password's hash has to be checked, the
 * connection is held until that is known. */
void sign_in(struct conn *conn, struct str options);

/* By which door it came. */
enum auth_way sign_in_way(const struct conn *conn);

/* An operation came before CONNECT: is it to be carried out? Else the
 * connection has been refused. */
bool sign_in_as_anybody(struct conn *conn);

/* The hashes that have been checked since the last call. */
void sign_in_checked(struct server *server);

/* Nobody waits for checks any more. */
void sign_in_stop(struct server *server);

/* Another configuration is in force: the connection is the same user with what
 * that may do now, or comes to its end. */
void sign_in_again(struct conn *conn, const struct auth_config *was);

/* Nobody waits for the connection's check any more: it is closed, or its time
 * is over. */
void sign_in_end(struct conn *conn);

#endif
