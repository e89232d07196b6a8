/* closed_clients: see closed_clients.h. */
#include "broker/monitor/closed_clients.h"

#include <stdlib.h>

#include "lib/mem.h"

struct closed_clients *closed_clients_new(void)
{
    return mem_zalloc(sizeof(struct closed_clients));
}

void closed_clients_free(struct closed_clients **clients)
{
    if (*clients == NULL)
        return;
    for (uint64_t i = 0; i < closed_clients_kept(*clients); i++)
        free((*clients)->views[i]);
    free(*clients);
    *clients = NULL;
}

void closed_clients_add(struct closed_clients *clients, const struct conn *conn)
{
    struct client_view **at =
        &clients->views[clients->count++ % CLOSED_CLIENTS_MAX];
    if (*at == NULL)
        *at = mem_alloc(sizeof(**at));
    **at = client_view(conn);
}
