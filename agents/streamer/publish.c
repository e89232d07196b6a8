#include "agents/streamer/publish.h"

void publish_fini(struct publish *p)
{
    buf_fini(&p->subject);
    buf_fini(&p->payload);
}

int publish_sample(void *arg, const struct sample *sample)
{
    struct publish *p = arg;
    buf_reset(&p->subject);
    sample_append_subject(sample, &p->subject);
    buf_reset(&p->payload);
    sample_encode(sample, &p->payload);
    return bus_publish(p->publisher, buf_text(&p->subject),
                       buf_str(&p->payload), SAMPLE_SCHEMA);
}
