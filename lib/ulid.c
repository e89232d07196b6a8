#include "lib/ulid.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"

/* One thread's last identifier, to count on from. */
static _Thread_local struct {
    int64_t ms;
    uint16_t high; /* the random 80 bits */
    uint64_t low;
} last;

#define RANDOM_BYTES (sizeof last.low + sizeof last.high)
#define STORE_BYTES  (25 * RANDOM_BYTES) /* up to 256 come in one piece */

/* Random bytes, fetched for many identifiers at a time. */
static _Thread_local struct {
    unsigned char bytes[STORE_BYTES];
    size_t left;
} store;

static void store_fill(void)
{
    if (getrandom(store.bytes, STORE_BYTES, 0) != (ssize_t)STORE_BYTES) {
        /* Cannot happen for so few bytes once the kernel is up; the clock
         * keeps identifiers apart all the same. */
        int64_t now = clock_mono_ns();
        memcpy(store.bytes, &now, sizeof now);
    }
    store.left = STORE_BYTES;
}

static void refill(void)
{
    if (store.left == 0)
        store_fill();
    store.left -= RANDOM_BYTES;
    const unsigned char *random = store.bytes + store.left;
    memcpy(&last.low, random, sizeof last.low);
    memcpy(&last.high, random + sizeof last.low, sizeof last.high);
}

void ulid_make(char out[ULID_LEN + 1])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t ms = clock_wall_ns() / NS_PER_MS;
    if (ms > last.ms) {
        last.ms = ms;
        refill();
    } else if (++last.low == 0) {
        last.high++;
    }
    unsigned __int128 value = (unsigned __int128)last.ms << 80 |
                              (unsigned __int128)last.high << 64 | last.low;
    for (int i = ULID_LEN - 1; i >= 0; i--) {
        out[i] = digits[(unsigned)value & 31];
        value >>= 5;
    }
    out[ULID_LEN] = '\0';
}
