/* mailbox: see mailbox.h. */
#include "broker/mailbox.h"

#define MSG_TEXTS 5

/* Lengths of the texts that follow. */
struct record {
    size_t lens[MSG_TEXTS];
};

void mailbox_fini(struct mailbox *mailbox)
{
    buf_fini(&mailbox->bytes);
    mailbox->start = 0;
}

bool mailbox_put(struct mailbox *mailbox, const struct msg *msg)
{
    const struct str texts[MSG_TEXTS] = {msg->to, msg->subject, msg->reply,
                                         msg->headers, msg->payload};
    struct record record;
    if (mailbox->bytes.len >= MAILBOX_BYTES_MAX)
        return false;
    for (int i = 0; i < MSG_TEXTS; i++)
        record.lens[i] = texts[i].len;
    buf_append(&mailbox->bytes, &record, sizeof(record));
    for (int i = 0; i < MSG_TEXTS; i++)
        buf_append_str(&mailbox->bytes, texts[i]);
    return true;
}

bool mailbox_take(struct mailbox *mailbox, struct msg *msg)
{
    struct str *const texts[MSG_TEXTS] = {&msg->to, &msg->subject, &msg->reply,
                                          &msg->headers, &msg->payload};
    struct record record;
    if (mailbox_empty(mailbox))
        return false;
    const char *at = mailbox->bytes.data + mailbox->start;
    memcpy(&record, at, sizeof(record));
    at += sizeof(record);
    for (int i = 0; i < MSG_TEXTS; i++) {
        *texts[i] = str_make(at, record.lens[i]);
        at += record.lens[i];
    }
    mailbox->start = (size_t)(at - mailbox->bytes.data);
    return true;
}
