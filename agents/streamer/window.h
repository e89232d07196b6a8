/* window: gathers what rows say into samples.
 *
 * A long file names one metric a row, ordered by metric: the rows of one GPU
 * and one source time stand hundreds of lines apart. The window keeps samples
 * open until they can be expected to be whole. It is bounded twice:
 *
 *   times    source times that are open together. When a further one comes,
 *            the samples of the time that was fed longest ago leave.
 *   samples  open samples. When another is needed, they leave the same way.
 *
 * A row that comes after its sample left begins a further sample of the same
 * GPU and time. The collector merges the two, so the bounds cost messages and
 * never values.
 *
 *     struct group (a source time)   struct group          …  longest fed first
 *        └ slot ─ slot ─ slot           └ slot ─ slot         in order of rows
 *
 * A slot is found by (GPU, time) in one hash step; nothing is allocated for a
 * row once the fleet is known. */
#ifndef NEXUS_STREAMER_WINDOW_H
#define NEXUS_STREAMER_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "agents/streamer/layout.h"
#include "lib/sample.h"

#define WINDOW_TIMES_MAX   1024
#define WINDOW_SAMPLES_MAX 4194304

/* Names kept before the window empties itself and forgets them. */
#define WINDOW_NAME_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Takes a sample that leaves; it borrows from the window and is gone with the
 * call, which may change it. 0, or a negative errno that ends the gathering. */
typedef int (*window_emit)(void *arg, struct sample *sample);

struct window;

/* times and samples are bounded by the limits above. Borrows cluster. */
struct window *window_new(struct str cluster, int times, size_t samples,
                          window_emit emit, void *arg);
void window_free(struct window **window);

/* Adds a row's values; a reading without any adds nothing. 0, or what emit
 * returned when it was not. */
int window_add(struct window *window, const struct reading *reading);

/* Lets every sample leave, longest fed first: the end of a pass. */
int window_drain(struct window *window);

/* Forgets every open sample. */
void window_clear(struct window *window);

size_t window_open(const struct window *window); /* samples */

#endif
