/* ending: see ending.h. */
#include "broker/net/ending.h"

#include <stddef.h>
#include <string.h>

#include "lib/ws_frame.h"

static const struct ending endings[] = {
    {"the client hung up", "Client Closed", WS_STATUS_NORMAL},
    {"the client is gone", "Client Closed", WS_STATUS_NORMAL},
    {"the client sent -ERR", "Client Closed", WS_STATUS_NORMAL},
    {"read failed", "Read Error", WS_STATUS_SERVER_ERROR},
    {"write failed", "Write Error", WS_STATUS_SERVER_ERROR},
    {"the server stops", "Server Shutdown", WS_STATUS_GOING_AWAY},
    {"malformed CONNECT", "Parse Error", WS_STATUS_PROTOCOL_ERROR},
    {"malformed arguments", "Parse Error", WS_STATUS_PROTOCOL_ERROR},
    {"Unknown Protocol Operation", "Protocol Violation",
     WS_STATUS_PROTOCOL_ERROR},
    {"invalid client protocol", "Bad Client Protocol Version",
     WS_STATUS_PROTOCOL_ERROR},
    {"no responders requires headers support", "No Responders Requires Headers",
     WS_STATUS_PROTOCOL_ERROR},
    {"maximum control line exceeded", "Maximum Control Line Exceeded",
     WS_STATUS_POLICY_VIOLATION},
    {"Maximum Payload Violation", "Maximum Message Payload Exceeded",
     WS_STATUS_TOO_BIG},
    {"Authorization Violation", "Authentication Failure",
     WS_STATUS_POLICY_VIOLATION},
    {"Authentication Timeout", "Authentication Timeout",
     WS_STATUS_POLICY_VIOLATION},
    {"User Authentication Expired", "Authentication Expired",
     WS_STATUS_POLICY_VIOLATION},
    {"Stale Connection", "Stale Connection", WS_STATUS_GOING_AWAY},
    {"maximum connections exceeded", "Maximum Connections Exceeded",
     WS_STATUS_POLICY_VIOLATION},
    {"maximum account active connections exceeded",
     "Maximum Account Connections Exceeded", WS_STATUS_POLICY_VIOLATION},
    {"slow consumer: too much output pending", "Slow Consumer (Pending Bytes)",
     WS_STATUS_POLICY_VIOLATION},
    {"slow consumer: a write took too long", "Slow Consumer (Write Deadline)",
     WS_STATUS_POLICY_VIOLATION},
    {"TLS Handshake Failure", "TLS Handshake Failure",
     WS_STATUS_PROTOCOL_ERROR},
};

const struct ending *ending_of(const char *said)
{
    for (size_t i = 0; said != NULL && i < sizeof(endings) / sizeof(endings[0]);
         i++) {
        if (strcmp(endings[i].said, said) == 0)
            return &endings[i];
    }
    return NULL;
}
