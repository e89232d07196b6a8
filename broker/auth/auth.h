/* auth: may this client come in? */
#ifndef NEXUS_BROKER_AUTH_H
#define NEXUS_BROKER_AUTH_H

#include <stdbool.h>

#include "lib/str.h"

/* All NULL: everybody may. A token, or a user with a password. */
struct auth_config {
    const char *user, *pass, *token;
};

bool auth_required(const struct auth_config *config);

/* What CONNECT brought; empty where it brought nothing. Compares in a time
 * that does not depend on where the texts differ. */
bool auth_check(const struct auth_config *config, struct str user,
                struct str pass, struct str token);

#endif
