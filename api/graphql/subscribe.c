/* subscribe: the source of a subscription's events (section 6.2.3.1). */
#include "api/graphql/cache.h"
#include "api/graphql/execution.h"

static struct gql_source *refuse(const struct plan_field *field,
                                 struct gql_errors *errors, const char *code,
                                 uint32_t at, struct str message)
{
    struct gql_path path = {.name = field->name};
    gql_error_add_str(errors, code, &at, 1, &path, message);
    return NULL;
}

/* A plan is subscribed to any number of times: nothing of one may stay in it. */
static struct gql_source *start(struct gql_plan *plan,
                                const struct plan_field *field, void *context,
                                gql_event_fn on_event, void *arg,
                                struct gql_errors *errors)
{
    struct arena arena = {0};
    struct plan_selection selection = {plan, field};
    struct gql_call call = {
        .schema = plan->schema,
        .field = field->field,
        .context = context,
        .arena = &arena,
        .arguments = field->arguments,
        .selection = &selection,
    };
    struct errmsg err = {0};
    struct gql_source *source =
        field->field->binding->subscribe(&call, on_event, arg, &err);
    arena_fini(&arena);
    return source != NULL
               ? source
               : refuse(field, errors, GQL_CODE_INTERNAL,
                        field->nodes->selection->at, str_of(err.text));
}

struct gql_source *gql_subscribe(struct gql_plan *plan, void *context,
                                 gql_event_fn on_event, void *arg,
                                 struct gql_errors *errors)
{
    const struct plan_field *field = plan->root->fields;
    errors->source = plan->query->document.source;
    if (plan->root->refusal != NULL) {
        gql_error_add_str(errors, GQL_CODE_INPUT, &plan->root->refusal->at, 1,
                          NULL, plan->root->refusal->message);
        return NULL;
    }
    if (plan->operation->type != GQL_SUBSCRIPTION || plan->root->count == 0 ||
        field->field->binding == NULL ||
        field->field->binding->subscribe == NULL) {
        gql_error_add(errors, GQL_CODE_OPERATION, &plan->operation->set->at, 1,
                      "The operation has no source of events.");
        return NULL;
    }
    if (field->refusal != NULL)
        return refuse(field, errors, GQL_CODE_INPUT, field->refusal->at,
                      field->refusal->message);
    return start(plan, field, context, on_event, arg, errors);
}
