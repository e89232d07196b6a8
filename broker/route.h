/* route: a message's way to those who want it. */
#ifndef NEXUS_BROKER_ROUTE_H
#define NEXUS_BROKER_ROUTE_H

#include <stdint.h>

#include "broker/msg.h"

struct account;
struct conn;
struct sub;
struct sub_result;

/* Hands msg to every subscription of the account that wants msg->to. from is the publishing
 * connection, or NULL. Returns how many got it, the broker's own streams and
 * API included. */
uint32_t route(struct account *account, struct conn *from,
               const struct msg *msg);

/* The same for what the broker sends itself: clients get it at once, its own
 * listeners when the streams' turn begins (see mailbox.h), so that nothing of
 * the caller's is touched meanwhile. */
uint32_t route_own(struct account *account, const struct msg *msg);

/* Hands over what has come into the mailbox before this call. */
void route_mailbox(struct account *account);

/* The broker's own reply or advisory, by route_own. */
uint32_t route_text(struct account *account, struct str to, struct str reply,
                    struct str payload);

/* A message of nothing but a status: "NATS/1.0 404 No Messages\r\n\r\n". */
uint32_t route_status(struct account *account, struct str to,
                      struct str headers);

/* Tells the publisher of a request that nobody listens (503), if it listens to
 * the reply itself. */
void route_no_responders(struct conn *from, struct str reply);

#endif
