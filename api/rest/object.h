/* object: what an element of an answer looks like, for the documents. The
 * function that writes such an element stands beside its table. */
#ifndef NEXUS_API_REST_OBJECT_H
#define NEXUS_API_REST_OBJECT_H

#include <stdbool.h>

enum field_type {
    FIELD_TEXT,
    FIELD_STATUS, /* of a GPU: fleet_status_names */
    FIELD_COUNT,
    FIELD_TIME,    /* RFC 3339 */
    FIELD_OBJECT,  /* described by .object */
    FIELD_NUMBERS, /* numbers by names that are not known beforehand */
};

struct api_field {
    const char *name; /* NULL ends a table */
    enum field_type type;
    bool nullable;
    bool optional; /* left out at times */
    const struct api_object *object;
    const char *help;
    const char *example; /* FIELD_TEXT */
};

struct api_object {
    const char *name; /* of its schema: "Gpu" */
    const char *help;
    const struct api_field *fields;
    bool metrics; /* behind the fields, each metric of the catalogue: a number,
                     or null */
};

#define FIELDS_END   \
    {                \
        .name = NULL \
    }

#endif
