#include "broker/store/store_filter.h"

#include "broker/subject.h"

bool store_filter_selects(const struct store_filter *filter, struct str subject)
{
    if (filter == NULL || filter->count == 0)
        return true;
    for (unsigned i = 0; i < filter->count; i++)
        if (subject_matches(filter->patterns[i], subject))
            return true;
    return false;
}
