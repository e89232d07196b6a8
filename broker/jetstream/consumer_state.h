/* consumer_state: where a durable consumer stands, on disk.
 *
 * One file, all numbers little-endian, version 1:
 *
 *      0   8  magic "NEXCONS1"
 *      8   4  CRC32C of everything behind it
 *     12   4  entries
 *     16   8  deliveries so far
 *     24   8  next stream sequence
 *     32   8  floor: delivery
 *     40   8  floor: stream sequence
 *     48      entries of 32 bytes, ascending: stream sequence 8, delivery 8,
 *             deadline 8 (wall clock, ns; 0: now), deliveries 4, zero 4
 *
 * The file is replaced whole. One that fails its checksum is not used: the
 * consumer begins again where its configuration says. To change the format,
 * change the magic's last digit and keep reading the old one. */
#ifndef NEXUS_BROKER_CONSUMER_STATE_H
#define NEXUS_BROKER_CONSUMER_STATE_H

#include "broker/jetstream/consumer.h"
#include "lib/errmsg.h"

/* Appends the file's bytes. */
void consumer_state_encode(const struct consumer *consumer, struct buf *out);

/* 0, or -EBADMSG and the consumer is as before. */
int consumer_state_decode(struct consumer *consumer, struct str bytes);

#endif
