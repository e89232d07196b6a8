/* graphiql: the page for browsers, made by web-dashboard/graphiql.
 *
 * Its dialogs write style sheets of their own into the page, and nothing else
 * does: they carry a nonce, new with every reply, which stands in the page in
 * place of {nonce}. */
#include "api/graphql/transport/service_private.h"

#include <assert.h>
#include <sys/random.h>

#define MARK        "{nonce}"
#define NONCE_BYTES 16

#define POLICY                                                 \
    "default-src 'self'; style-src 'self' 'nonce-%s'; "        \
    "img-src 'self' data:; font-src 'self' data:; "            \
    "object-src 'none'; base-uri 'none'; form-action 'none'; " \
    "frame-ancestors 'none'"

static void nonce_make(char out[2 * NONCE_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[NONCE_BYTES];
    ssize_t n = getrandom(bytes, sizeof bytes, 0);
    assert(n == sizeof bytes);
    for (size_t i = 0; i < NONCE_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * NONCE_BYTES] = '\0';
}

/* The text with each mark replaced. */
static void marks_fill(struct str text, const char *nonce, struct buf *out)
{
    const char *at;
    while ((at = memmem(text.p, text.len, MARK, sizeof MARK - 1)) != NULL) {
        size_t len = (size_t)(at - text.p);
        buf_append(out, text.p, len);
        buf_append_text(out, nonce);
        len += sizeof MARK - 1;
        text = str_make(text.p + len, text.len - len);
    }
    buf_append_str(out, text);
}

static void page_send(struct http_request *req, struct str page)
{
    char nonce[2 * NONCE_BYTES + 1];
    struct buf body = {0};
    nonce_make(nonce);
    marks_fill(page, nonce, &body);
    static_page_headers(req, arena_printf(http_arena(req), POLICY, nonce));
    http_reply_header(req, "Cache-Control", "no-store");
    http_reply_header(req, "Vary", "Accept");
    http_reply(req, 200, "text/html; charset=utf-8", &body);
}

void graphql_page_reply(struct graphql_service *service,
                        struct http_request *req)
{
    struct buf page = {0};
    if (static_load(service->files, str_of("graphiql/index.html"), &page))
        page_send(req, buf_str(&page));
    else
        http_reply_problem(req, 404, NULL,
                           "GraphiQL is not there: `make web` builds it");
    buf_fini(&page);
}
