/* jsapi_off: what an account without streams answers on $JS.API.>, where other
 * accounts have some: that it has none, so that clients need not wait. */
#ifndef NEXUS_BROKER_JSAPI_OFF_H
#define NEXUS_BROKER_JSAPI_OFF_H

struct account;
struct sub;

/* The subscription; sublist_remove ends it. */
struct sub *jsapi_off_listen(struct account *account);

#endif
