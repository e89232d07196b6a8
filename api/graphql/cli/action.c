/* action: what can be asked for. */
#include "api/graphql/cli/cli.h"

static const struct cli_action actions[] = {
    {"parse", false, cli_parse},
    {"schema", false, cli_schema},
    {"validate", true, cli_validate},
    {"execute", true, cli_execute},
};

const struct cli_action *cli_action(struct str name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (str_is(name, actions[i].name))
            return &actions[i];
    return NULL;
}
