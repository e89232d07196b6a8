/* Types and values as messages name them. */
#include "api/graphql/validate_private.h"

#include "api/graphql/scalar.h"
#include "lib/buf.h"

static const char *keep(struct validation *v, struct buf *text)
{
    const char *kept = arena_text(&v->arena, buf_str(text));
    buf_fini(text);
    return kept;
}

const char *validation_type_text(struct validation *v,
                                 const struct gql_type_ref *type)
{
    struct buf text = {0};
    gql_type_ref_append(type, &text);
    return keep(v, &text);
}

static void append_node(struct buf *out, const struct gql_type_node *node)
{
    if (node->wrap == GQL_NAMED) {
        buf_append_str(out, node->name);
        return;
    }
    if (node->wrap == GQL_LIST_OF)
        buf_append_byte(out, '[');
    append_node(out, node->of);
    buf_append_byte(out, node->wrap == GQL_LIST_OF ? ']' : '!');
}

const char *validation_node_text(struct validation *v,
                                 const struct gql_type_node *type)
{
    struct buf text = {0};
    append_node(&text, type);
    return keep(v, &text);
}

const char *validation_value_text(struct validation *v,
                                  const struct gql_value *value)
{
    struct buf text = {0};
    gql_value_append(value, &text);
    return keep(v, &text);
}

void validation_place(struct validation_places *places, struct arena *arena,
                      uint32_t at)
{
    if (places->count == places->cap) {
        uint32_t cap = places->cap == 0 ? 4 : places->cap * 2;
        uint32_t *list = arena_alloc(arena, cap * sizeof *list);
        if (places->count > 0)
            memcpy(list, places->list, places->count * sizeof *list);
        places->list = list;
        places->cap = cap;
    }
    places->list[places->count++] = at;
}
