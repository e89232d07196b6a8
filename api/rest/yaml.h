/* yaml: a JSON document as YAML 1.2, laid out in blocks. */
#ifndef NEXUS_API_REST_YAML_H
#define NEXUS_API_REST_YAML_H

#include "lib/json.h"

void yaml_append(struct buf *out, struct json value);

#endif
