/* pull: see pull.h. */
#include "broker/jetstream/pull.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/mem.h"

static int read_number(struct json root, const char *name, int64_t *out)
{
    struct json value = json_get(root, name);
    if (json_type(value) == JSON_NONE || json_type(value) == JSON_NULL)
        return 0;
    return json_i64(value, out) == 0 && *out >= 0 ? 0 : -1;
}

static int read_word(struct json root, const char *name, struct arena *arena,
                     struct str *out)
{
    struct json value = json_get(root, name);
    if (json_type(value) == JSON_NONE || json_type(value) == JSON_NULL)
        return 0;
    return json_string(value, arena, out) == 0 ? 0 : -1;
}

/* The members that go with a group; most requests have none. */
static int read_group(struct pull_terms *terms, struct json root,
                      struct arena *arena, struct errmsg *why)
{
    if (read_word(root, "group", arena, &terms->group) != 0)
        return errmsg_set(why, -1, "group is not a text");
    if (terms->group.len == 0)
        return 0;
    if (read_word(root, "id", arena, &terms->id) != 0)
        return errmsg_set(why, -1, "id is not a text");
    if (read_number(root, "min_pending", &terms->min_pending) != 0 ||
        read_number(root, "min_ack_pending", &terms->min_ack_pending) != 0)
        return errmsg_set(why, -1,
                          "min_pending and min_ack_pending are whole numbers, "
                          "not negative");
    if (read_number(root, "priority", &terms->priority) != 0 ||
        terms->priority > PULL_PRIORITY_MAX)
        return errmsg_set(why, -1, "priority is a whole number from 0 to %d",
                          PULL_PRIORITY_MAX);
    return 0;
}

static int read_json(struct pull_terms *terms, struct str body,
                     struct arena *arena, struct errmsg *why)
{
    struct json_doc doc;
    if (json_parse(&doc, body, arena, why) != 0)
        return -1;
    struct json root = json_root(&doc);
    if (json_type(root) != JSON_OBJECT)
        return errmsg_set(why, -1, "a request is a JSON object");
    struct json wanted = json_get(root, "batch");
    int64_t batch = 1;
    if (json_type(wanted) != JSON_NONE && json_i64(wanted, &batch) != 0)
        return errmsg_set(why, -1, "batch is not a whole number");
    json_bool(json_get(root, "no_wait"), &terms->no_wait);
    if (read_number(root, "max_bytes", &terms->bytes) != 0 ||
        read_number(root, "expires", &terms->expires_ns) != 0 ||
        read_number(root, "idle_heartbeat", &terms->heartbeat_ns) != 0)
        return errmsg_set(why, -1,
                          "max_bytes, expires and idle_heartbeat are whole "
                          "numbers, not negative");
    terms->batch = batch;
    return read_group(terms, root, arena, why);
}

int pull_terms_read(struct pull_terms *terms, struct str body,
                    struct arena *arena, struct errmsg *why)
{
    *terms = (struct pull_terms){.batch = 1};
    body = str_trim(body);
    int result = 0;
    if (body.len > 0 && body.p[0] == '{')
        result = read_json(terms, body, arena, why);
    else if (body.len > 0 && str_to_i64(body, &terms->batch) != 0)
        result = errmsg_set(why, -1, "neither a number nor a JSON object");
    if (terms->batch < 1)
        terms->batch = 1;
    return result;
}

static void link_last(struct pulls *pulls, struct pull *pull)
{
    pull->next = NULL;
    pull->prev = pulls->last;
    if (pulls->last != NULL)
        pulls->last->next = pull;
    else
        pulls->first = pull;
    pulls->last = pull;
}

static void unlink_from(struct pulls *pulls, struct pull *pull)
{
    if (pull->prev != NULL)
        pull->prev->next = pull->next;
    else
        pulls->first = pull->next;
    if (pull->next != NULL)
        pull->next->prev = pull->prev;
    else
        pulls->last = pull->prev;
}

struct pull *pull_add(struct pulls *pulls, struct str inbox,
                      const struct pull_terms *terms)
{
    struct pull *pull = mem_zalloc(sizeof(*pull) + inbox.len);
    char *text = (char *)(pull + 1);
    memcpy(text, inbox.p, inbox.len);
    pull->inbox = str_make(text, inbox.len);
    pull->left = *terms;
    pull->left.group = pull->left.id = str_make(NULL, 0);
    link_last(pulls, pull);
    pulls->count++;
    pulls->impatient += terms->no_wait;
    return pull;
}

void pull_remove(struct pulls *pulls, struct pull *pull)
{
    unlink_from(pulls, pull);
    pulls->count--;
    pulls->held -= pull->held;
    pulls->impatient -= pull->left.no_wait;
    free(pull);
}

void pull_rotate(struct pulls *pulls, struct pull *pull)
{
    if (pull == pulls->last)
        return;
    unlink_from(pulls, pull);
    link_last(pulls, pull);
}

struct pull *pull_next(const struct pulls *pulls)
{
    struct pull *pull = pulls->first;
    if (pulls->held == 0)
        return pull;
    while (pull != NULL && pull->held)
        pull = pull->next;
    return pull;
}
