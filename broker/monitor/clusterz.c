/* clusterz: routes, gateways and leaf nodes, of which a broker on one machine
 * has none; tools ask for them all the same. */
#include "broker/monitor/pages.h"

static void empty_array(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_array(w);
    json_end_array(w);
}

static void empty_object(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_object(w);
    json_end_object(w);
}

void page_routez(struct server *server, struct page *page)
{
    page_begin(server, page);
    json_member_i64(&page->w, "num_routes", 0);
    empty_array(&page->w, "routes");
    json_end_object(&page->w);
}

void page_gatewayz(struct server *server, struct page *page)
{
    page_begin(server, page);
    empty_object(&page->w, "outbound_gateways");
    empty_object(&page->w, "inbound_gateways");
    json_end_object(&page->w);
}

void page_leafz(struct server *server, struct page *page)
{
    page_begin(server, page);
    json_member_i64(&page->w, "leafnodes", 0);
    empty_array(&page->w, "leafs");
    json_end_object(&page->w);
}
