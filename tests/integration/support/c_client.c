/* Scenarios of the official C client. Prints what it saw, a line each, the
 * same in every run: the test compares it with what it sees elsewhere.
 *
 *     c_client URL [file of the CA's certificate]
 */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000

static natsConnection *nc;
static jsCtx *js;

/* A call that has to succeed. */
static void must(natsStatus s, const char *what)
{
    if (s == NATS_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, natsStatus_GetText(s),
            nats_GetLastError(NULL));
    exit(1);
}
#define MUST(call) must((call), #call)

static void say_status(const char *what, natsStatus s, jsErrCode code)
{
    printf("%s: %s %d\n", what, natsStatus_GetText(s), (int)code);
}

/* How a call ends that may not succeed; code is where it puts its number. */
#define SAY(what, call)                 \
    do {                                \
        code = 0;                       \
        natsStatus status = (call);     \
        say_status(what, status, code); \
    } while (0)

/* Its place in the stream, and how often and with what behind it it came. */
static void say_place(natsMsg *msg)
{
    jsMsgMetaData *meta = NULL;
    if (natsMsg_GetMetaData(&meta, msg) != NATS_OK) {
        printf(" %llu\n", (unsigned long long)natsMsg_GetSequence(msg));
        return;
    }
    printf(" %s %llu %llu %llu. +%llu\n", meta->Stream,
           (unsigned long long)meta->Sequence.Stream,
           (unsigned long long)meta->Sequence.Consumer,
           (unsigned long long)meta->NumDelivered,
           (unsigned long long)meta->NumPending);
    jsMsgMetaData_Destroy(meta);
}

static void say_msg(natsMsg *msg)
{
    const char *value = NULL;
    if (natsMsgHeader_Get(msg, "Key", &value) != NATS_OK)
        value = "-";
    printf("  %s [%.*s] %s", natsMsg_GetSubject(msg),
           natsMsg_GetDataLength(msg), natsMsg_GetData(msg), value);
    say_place(msg);
}

/* Takes count messages of a subscription, and acknowledges them. */
static void say_next(natsSubscription *sub, int count)
{
    for (int i = 0; i < count; i++) {
        natsMsg *msg = NULL;
        MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
        say_msg(msg);
        if (natsMsg_GetReply(msg) != NULL)
            natsMsg_Ack(msg, NULL);
        natsMsg_Destroy(msg);
    }
}

static void publish_and_subscribe(void)
{
    jsErrCode code = 0;
    natsSubscription *sub = NULL, *few = NULL;
    natsMsg *msg = NULL;
    puts("publish and subscribe");
    MUST(natsConnection_SubscribeSync(&sub, nc, "core.*"));
    MUST(natsConnection_SubscribeSync(&few, nc, "core.>"));
    MUST(natsSubscription_AutoUnsubscribe(few, 2));
    MUST(natsMsg_Create(&msg, "core.h", NULL, "headers", 7));
    MUST(natsMsgHeader_Set(msg, "Key", "value"));
    MUST(natsConnection_PublishString(nc, "core.a", "one"));
    MUST(natsConnection_PublishString(nc, "core.b.c", "two"));
    MUST(natsConnection_PublishString(nc, "core.d", ""));
    MUST(natsConnection_PublishMsg(nc, msg));
    natsMsg_Destroy(msg);
    say_next(sub, 3);
    say_next(few, 2);
    SAY("after the last", natsSubscription_NextMsg(&msg, few, 100));
    natsSubscription_Destroy(sub);
    natsSubscription_Destroy(few);
}

static void answer(natsConnection *to, natsSubscription *sub, natsMsg *msg,
                   void *closure)
{
    (void)sub;
    (void)closure;
    natsConnection_Publish(to, natsMsg_GetReply(msg), natsMsg_GetData(msg),
                           natsMsg_GetDataLength(msg));
    natsMsg_Destroy(msg);
}

static void requests(void)
{
    jsErrCode code = 0;
    natsSubscription *sub = NULL;
    natsMsg *reply = NULL;
    puts("requests");
    MUST(natsConnection_QueueSubscribe(&sub, nc, "ask", "q", answer, NULL));
    for (int i = 0; i < 3; i++) {
        MUST(natsConnection_RequestString(&reply, nc, "ask", "what", WAIT_MS));
        printf("  [%s]\n", natsMsg_GetData(reply));
        natsMsg_Destroy(reply);
    }
    reply = NULL;
    SAY("nobody",
        natsConnection_RequestString(&reply, nc, "none", "", WAIT_MS));
    MUST(natsSubscription_Drain(sub));
    MUST(natsSubscription_WaitForDrainCompletion(sub, WAIT_MS));
    natsSubscription_Destroy(sub);
}

static void make_stream(const char *name, const char *subject)
{
    jsStreamConfig config;
    jsErrCode code = 0;
    MUST(jsStreamConfig_Init(&config));
    config.Name = name;
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    SAY("stream", js_AddStream(NULL, js, &config, NULL, &code));
}

static void say_ack(jsPubAck *ack)
{
    printf("  %s %llu %d\n", ack->Stream, (unsigned long long)ack->Sequence,
           ack->Duplicate);
    jsPubAck_Destroy(ack);
}

static void publish_acknowledged(void)
{
    jsPubAck *ack = NULL;
    jsPubOptions options;
    jsErrCode code = 0;
    puts("publish, acknowledged");
    make_stream("C", "c.*");
    MUST(jsPubOptions_Init(&options));
    options.MsgId = "id";
    for (int i = 0; i < 2; i++) {
        MUST(js_Publish(&ack, js, "c.a", "one", 3, &options, &code));
        say_ack(ack);
    }
    MUST(jsPubOptions_Init(&options));
    options.ExpectLastSeq = 9;
    SAY("expected", js_Publish(&ack, js, "c.a", "x", 1, &options, &code));
    for (int i = 0; i < 1000; i++)
        MUST(js_PublishAsync(js, "c.b", &i, sizeof i, NULL));
    MUST(js_PublishAsyncComplete(js, NULL));
    jsStreamInfo *info = NULL;
    MUST(js_GetStreamInfo(&info, js, "C", NULL, &code));
    printf("  %llu messages, %llu bytes\n",
           (unsigned long long)info->State.Msgs,
           (unsigned long long)info->State.Bytes);
    jsStreamInfo_Destroy(info);
    SAY("no stream", js_Publish(&ack, js, "nowhere", "x", 1, NULL, &code));
}

static void fill(const char *subject, int count)
{
    char text[16];
    for (int i = 1; i <= count; i++) {
        int len = snprintf(text, sizeof text, "%d", i);
        MUST(js_Publish(NULL, js, subject, text, len, NULL, NULL));
    }
}

static void pulled(void)
{
    natsSubscription *sub = NULL;
    natsMsgList list = {0};
    jsErrCode code = 0;
    puts("pull");
    make_stream("P", "p.*");
    fill("p.a", 6);
    MUST(js_PullSubscribe(&sub, js, "p.*", "dur", NULL, NULL, &code));
    MUST(natsSubscription_Fetch(&list, sub, 4, WAIT_MS, &code));
    for (int i = 0; i < list.Count; i++) {
        say_msg(list.Msgs[i]);
        MUST(natsMsg_AckSync(list.Msgs[i], NULL, &code));
    }
    natsMsgList_Destroy(&list);
    MUST(natsSubscription_Fetch(&list, sub, 5, 300, &code));
    printf("  %d more\n", list.Count);
    MUST(natsMsg_Nak(list.Msgs[0], NULL));
    natsMsgList_Destroy(&list);
    MUST(natsSubscription_Fetch(&list, sub, 1, WAIT_MS, &code));
    say_msg(list.Msgs[0]);
    natsMsgList_Destroy(&list);
    SAY("nothing", natsSubscription_Fetch(&list, sub, 1, 200, &code));
    natsSubscription_Unsubscribe(sub);
    natsSubscription_Destroy(sub);
}

static void pushed(void)
{
    natsSubscription *sub = NULL;
    jsSubOptions options;
    jsErrCode code = 0;
    puts("push");
    make_stream("S", "s.*");
    fill("s.a", 3);
    MUST(jsSubOptions_Init(&options));
    options.ManualAck = true;
    MUST(js_SubscribeSync(&sub, js, "s.*", NULL, &options, &code));
    say_next(sub, 3);
    natsSubscription_Unsubscribe(sub);
    natsSubscription_Destroy(sub);
    MUST(jsSubOptions_Init(&options));
    options.Queue = "workers";
    MUST(js_SubscribeSync(&sub, js, "s.a", NULL, &options, &code));
    say_next(sub, 3);
    natsSubscription_Unsubscribe(sub);
    natsSubscription_Destroy(sub);
}

static void in_order(void)
{
    natsSubscription *sub = NULL;
    jsSubOptions options;
    jsErrCode code = 0;
    uint64_t next = 1;
    puts("in order");
    make_stream("O", "o.*");
    for (int i = 0; i < 500; i++)
        MUST(js_PublishAsync(js, "o.a", "payload", 7, NULL));
    MUST(js_PublishAsyncComplete(js, NULL));
    MUST(jsSubOptions_Init(&options));
    options.Ordered = true;
    MUST(js_SubscribeSync(&sub, js, "o.a", NULL, &options, &code));
    for (int i = 0; i < 500; i++) {
        natsMsg *msg = NULL;
        MUST(natsSubscription_NextMsg(&msg, sub, WAIT_MS));
        jsMsgMetaData *meta = NULL;
        MUST(natsMsg_GetMetaData(&meta, msg));
        if (meta->Sequence.Stream == next && meta->NumPending == 500 - next)
            next++;
        jsMsgMetaData_Destroy(meta);
        natsMsg_Destroy(msg);
    }
    printf("  up to %llu\n", (unsigned long long)next - 1);
    natsSubscription_Unsubscribe(sub);
    natsSubscription_Destroy(sub);
}

static void say_entry(kvEntry *entry)
{
    printf("  %s [%s] %llu %d\n", kvEntry_Key(entry),
           kvEntry_ValueString(entry),
           (unsigned long long)kvEntry_Revision(entry),
           (int)kvEntry_Operation(entry));
    kvEntry_Destroy(entry);
}

static void say_entries(kvStore *kv)
{
    kvEntryList history = {0};
    kvKeysList keys = {0};
    MUST(kvStore_History(&history, kv, "a", NULL));
    for (int i = 0; i < history.Count; i++) {
        say_entry(history.Entries[i]);
        history.Entries[i] = NULL;
    }
    kvEntryList_Destroy(&history);
    MUST(kvStore_Keys(&keys, kv, NULL));
    for (int i = 0; i < keys.Count; i++)
        printf("  key %s\n", keys.Keys[i]);
    kvKeysList_Destroy(&keys);
}

static void watched(kvStore *kv)
{
    kvWatcher *watcher = NULL;
    kvEntry *entry = NULL;
    MUST(kvStore_WatchAll(&watcher, kv, NULL));
    MUST(kvStore_PutString(NULL, kv, "new", "x"));
    for (int i = 0; i < 4; i++) {
        MUST(kvWatcher_Next(&entry, watcher, WAIT_MS));
        if (entry == NULL)
            puts("  all that was there");
        else
            say_entry(entry);
    }
    kvWatcher_Destroy(watcher);
}

static void key_values(void)
{
    kvStore *kv = NULL;
    kvEntry *entry = NULL;
    kvConfig config;
    jsErrCode code = 0;
    uint64_t revision = 0;
    puts("keys and values");
    MUST(kvConfig_Init(&config));
    config.Bucket = "B";
    config.History = 3;
    MUST(js_CreateKeyValue(&kv, js, &config));
    MUST(kvStore_PutString(&revision, kv, "a", "one"));
    MUST(kvStore_CreateString(&revision, kv, "b", "two"));
    SAY("again", kvStore_CreateString(NULL, kv, "b", "x"));
    MUST(kvStore_UpdateString(&revision, kv, "a", "three", 1));
    SAY("late", kvStore_UpdateString(NULL, kv, "a", "x", 1));
    MUST(kvStore_Get(&entry, kv, "a"));
    say_entry(entry);
    SAY("none", kvStore_Get(&entry, kv, "none"));
    say_entries(kv);
    MUST(kvStore_Delete(kv, "a"));
    SAY("deleted", kvStore_Get(&entry, kv, "a"));
    MUST(kvStore_Purge(kv, "b", NULL));
    watched(kv);
    kvPurgeOptions all;
    MUST(kvPurgeOptions_Init(&all));
    all.DeleteMarkersOlderThan = -1;
    MUST(kvStore_PurgeDeletes(kv, &all));
    SAY("purged", kvStore_Get(&entry, kv, "b"));
    kvStore_Destroy(kv);
    MUST(js_DeleteKeyValue(js, "B"));
}

static void refused(void)
{
    jsErrCode code = 0;
    jsStreamInfo *info = NULL;
    jsConsumerInfo *consumer = NULL;
    natsMsg *msg = NULL;
    puts("refused");
    SAY("stream", js_GetStreamInfo(&info, js, "none", NULL, &code));
    SAY("consumer",
        js_GetConsumerInfo(&consumer, js, "C", "none", NULL, &code));
    SAY("message", js_GetMsg(&msg, js, "C", 99999, NULL, &code));
    MUST(js_GetMsg(&msg, js, "C", 1, NULL, &code));
    say_msg(msg);
    natsMsg_Destroy(msg);
    MUST(js_DeleteMsg(js, "C", 1, NULL, &code));
    SAY("deleted", js_GetMsg(&msg, js, "C", 1, NULL, &code));
    MUST(js_PurgeStream(js, "C", NULL, &code));
    MUST(js_DeleteStream(js, "C", NULL, &code));
}

int main(int argc, char **argv)
{
    natsOptions *options = NULL;
    MUST(natsOptions_Create(&options));
    MUST(natsOptions_SetURL(options, argv[1]));
    if (argc > 2) {
        MUST(natsOptions_SetSecure(options, true));
        MUST(natsOptions_LoadCATrustedCertificates(options, argv[2]));
    }
    MUST(natsConnection_Connect(&nc, options));
    MUST(natsConnection_JetStream(&js, nc, NULL));
    publish_and_subscribe();
    requests();
    publish_acknowledged();
    pulled();
    pushed();
    in_order();
    key_values();
    refused();
    jsCtx_Destroy(js);
    natsConnection_Destroy(nc);
    natsOptions_Destroy(options);
    nats_Close();
    return 0;
}
