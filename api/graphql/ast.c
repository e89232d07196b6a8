#include "api/graphql/ast.h"

const struct gql_fragment *gql_document_fragment(const struct gql_document *doc,
                                                 struct str name)
{
    for (const struct gql_definition *d = doc->first; d != NULL; d = d->next)
        if (d->kind == GQL_DEF_FRAGMENT && str_eq(d->fragment.name, name))
            return &d->fragment;
    return NULL;
}
