/* subject_list: see subject_list.h. */
#include "broker/jetstream/subject_list.h"

#include <stdint.h>

/* Each stands behind its length. */
void subject_list_add(struct buf *list, struct str subject)
{
    uint32_t len = (uint32_t)subject.len;
    buf_append(list, &len, sizeof(len));
    buf_append_str(list, subject);
}

bool subject_list_next(const struct buf *list, size_t *at, struct str *subject)
{
    uint32_t len;
    if (*at == list->len)
        return false;
    memcpy(&len, list->data + *at, sizeof(len));
    *subject = str_make(list->data + *at + sizeof(len), len);
    *at += sizeof(len) + len;
    return true;
}
