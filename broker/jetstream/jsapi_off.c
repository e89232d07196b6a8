/* jsapi_off: see jsapi_off.h. */
#include "broker/jetstream/jsapi_off.h"

#include <ctype.h>

#include "broker/account.h"
#include "broker/jetstream/js_error.h"
#include "broker/route.h"
#include "broker/subject.h"

#define API_PREFIX  "$JS.API."
#define TYPE_PREFIX "io.nats.jetstream.api.v1."

/* JSON in the inbox of one who asks for messages would pass for one. */
static const struct str next = STR("CONSUMER.MSG.NEXT.");

static void append_lower(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_append_byte(out, (char)tolower((unsigned char)s.p[i]));
}

/* STREAM.MSG.GET.x is answered by a stream_msg_get_response. */
static void append_type(struct buf *out, struct str request)
{
    struct str kind, verb, object;
    subject_next(&request, &kind);
    if (!subject_next(&request, &verb)) {
        buf_append_text(out, "account_info_response");
        return;
    }
    append_lower(out, kind);
    if (str_is(verb, "DURABLE"))
        subject_next(&request, &verb);
    buf_append_byte(out, '_');
    append_lower(out, verb);
    if (str_is(verb, "MSG") && subject_next(&request, &object)) {
        buf_append_byte(out, '_');
        append_lower(out, object);
    }
    buf_append_text(out, "_response");
}

static void refuse(struct sub *sub, struct conn *from, const struct msg *msg)
{
    struct js_error error;
    struct buf type = {0}, out = {0};
    struct json_writer w = json_writer(&out);
    size_t prefix = sizeof(API_PREFIX) - 1;
    struct str request = str_make(msg->to.p + prefix, msg->to.len - prefix);
    (void)from;
    if (msg->reply.len == 0 || str_has_prefix(request, next))
        return;
    buf_append_text(&type, TYPE_PREFIX);
    append_type(&type, request);
    js_refuse(&error, 503, 10039, "JetStream not enabled for account");
    json_begin_object(&w);
    json_member_str(&w, "type", buf_str(&type));
    js_error_write(&error, &w);
    json_end_object(&w);
    route_text(sub->arg, msg->reply, str_make(NULL, 0), buf_str(&out));
    buf_fini(&type);
    buf_fini(&out);
}

struct sub *jsapi_off_listen(struct account *account)
{
    struct str none = {0};
    struct sub *sub = sub_new(NULL, str_of(API_PREFIX ">"), none, none);
    sub->handle = refuse;
    sub->arg = account;
    sublist_insert(account->subs, sub);
    return sub;
}
