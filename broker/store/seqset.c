#include "broker/store/seqset.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define PAGE_WORDS (SEQSET_PAGE_SEQS / 64)

static uint64_t key_of(uint64_t seq)
{
    return seq >> SEQSET_PAGE_BITS;
}

static uint32_t place_of(uint64_t seq)
{
    return (uint32_t)(seq & (SEQSET_PAGE_SEQS - 1));
}

static uint64_t page_first(const struct seqset_page *page)
{
    return page->key << SEQSET_PAGE_BITS;
}

static uint64_t page_end(const struct seqset_page *page)
{
    return (page->key + page->span) << SEQSET_PAGE_BITS;
}

void seqset_fini(struct seqset *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->pages[i].bits);
    free(set->pages);
    *set = (struct seqset){.count = 0};
}

/* The first page that ends behind key. */
static size_t lower(const struct seqset *set, uint64_t key)
{
    size_t low = 0, high = set->count;
    /* What is asked for is mostly at the end. */
    if (high > 0 && set->pages[high - 1].key <= key)
        low = high - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->pages[middle].key + set->pages[middle].span <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct seqset_page *page_of(const struct seqset *set, uint64_t seq)
{
    size_t i = lower(set, key_of(seq));
    if (i == set->count || set->pages[i].key > key_of(seq))
        return NULL;
    return &set->pages[i];
}

static bool has_place(const struct seqset_page *page, uint32_t place)
{
    return page->bits == NULL || (page->bits[place / 64] >> place % 64 & 1);
}

bool seqset_has(const struct seqset *set, uint64_t seq)
{
    const struct seqset_page *page = page_of(set, seq);
    return page != NULL && has_place(page, place_of(seq));
}

/* ---- growing ---- */

static void insert(struct seqset *set, size_t at, struct seqset_page page)
{
    if (set->count == set->max) {
        set->max = set->max * 2 + 8;
        set->pages = mem_grow(set->pages, set->max, sizeof *set->pages);
    }
    memmove(set->pages + at + 1, set->pages + at,
            (set->count - at) * sizeof *set->pages);
    set->pages[at] = page;
    set->count++;
}

static void erase(struct seqset *set, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        free(set->pages[i].bits);
    set->count -= n;
    memmove(set->pages + at, set->pages + at + n,
            (set->count - at) * sizeof *set->pages);
}

/* Joins page `at` with the one behind it when both are full. */
static void join(struct seqset *set, size_t at)
{
    if (at + 1 >= set->count)
        return;
    struct seqset_page *a = &set->pages[at], *b = a + 1;
    if (a->bits != NULL || b->bits != NULL || a->key + a->span != b->key)
        return;
    a->span += b->span;
    erase(set, at + 1, 1);
}

static void become_full(struct seqset *set, size_t at)
{
    free(set->pages[at].bits);
    set->pages[at].bits = NULL;
    join(set, at);
    if (at > 0)
        join(set, at - 1);
}

bool seqset_add(struct seqset *set, uint64_t seq)
{
    uint64_t key = key_of(seq);
    size_t at = lower(set, key);
    if (at == set->count || set->pages[at].key > key)
        insert(set, at,
               (struct seqset_page){
                   .key = key,
                   .span = 1,
                   .bits = mem_zalloc(PAGE_WORDS * sizeof(uint64_t))});
    struct seqset_page *page = &set->pages[at];
    uint32_t place = place_of(seq);
    if (has_place(page, place))
        return false;
    page->bits[place / 64] |= UINT64_C(1) << place % 64;
    if (++page->filled == SEQSET_PAGE_SEQS)
        become_full(set, at);
    return true;
}

/* Puts one full page in the place of the keys from to through. */
static void add_pages(struct seqset *set, uint64_t from, uint64_t through)
{
    size_t at = lower(set, from), end = lower(set, through + 1);
    struct seqset_page full = {.key = from, .span = through - from + 1};
    if (at < set->count && set->pages[at].key < from) {
        full.span += from - set->pages[at].key;
        full.key = set->pages[at].key; /* a full one reaches in */
    }
    if (end < set->count && set->pages[end].key <= through) {
        full.span += set->pages[end].key + set->pages[end].span - through - 1;
        end++;
    }
    erase(set, at, end - at);
    insert(set, at, full);
    become_full(set, at);
}

void seqset_add_range(struct seqset *set, uint64_t from, uint64_t through)
{
    while (from <= through && place_of(from) != 0)
        seqset_add(set, from++);
    while (through >= from && place_of(through) != SEQSET_PAGE_SEQS - 1)
        seqset_add(set, through--);
    if (from <= through)
        add_pages(set, key_of(from), key_of(through));
}

/* ---- looking ---- */

uint64_t seqset_next_absent(const struct seqset *set, uint64_t seq)
{
    for (const struct seqset_page *page; (page = page_of(set, seq)) != NULL &&
                                         has_place(page, place_of(seq));) {
        if (page->bits == NULL) {
            seq = page_end(page);
            continue;
        }
        uint64_t open = ~page->bits[place_of(seq) / 64] >> seq % 64;
        seq =
            open != 0 ? seq + (uint64_t)__builtin_ctzll(open) : (seq | 63) + 1;
    }
    return seq;
}

uint64_t seqset_prev_absent(const struct seqset *set, uint64_t seq)
{
    const struct seqset_page *page;
    while (seq > 0 && (page = page_of(set, seq)) != NULL &&
           has_place(page, place_of(seq))) {
        if (page->bits == NULL) {
            uint64_t first = page_first(page);
            seq = first > 0 ? first - 1 : 0;
            continue;
        }
        uint64_t open = ~page->bits[place_of(seq) / 64] << (63 - seq % 64);
        uint64_t start = seq & ~UINT64_C(63);
        if (open != 0)
            seq -= (uint64_t)__builtin_clzll(open);
        else
            seq = start > 0 ? start - 1 : 0;
    }
    return seq;
}

static uint64_t page_members(const struct seqset_page *page, uint64_t from,
                             uint64_t through)
{
    uint64_t sum = 0;
    if (page->bits == NULL)
        return through - from + 1;
    for (uint64_t at = from & ~UINT64_C(63); at <= through; at += 64) {
        uint64_t word = page->bits[place_of(at) / 64];
        if (at < from)
            word &= ~UINT64_C(0) << (from - at);
        if (through - at < 63)
            word &= (UINT64_C(2) << (through - at)) - 1;
        sum += (uint64_t)__builtin_popcountll(word);
    }
    return sum;
}

uint64_t seqset_members(const struct seqset *set, uint64_t from,
                        uint64_t through)
{
    uint64_t sum = 0;
    for (size_t i = lower(set, key_of(from));
         i < set->count && page_first(&set->pages[i]) <= through; i++) {
        const struct seqset_page *page = &set->pages[i];
        uint64_t first = page_first(page), last = page_end(page) - 1;
        sum += page_members(page, first > from ? first : from,
                            last < through ? last : through);
    }
    return sum;
}

/* The first member in the page at or behind seq; 0: none (no sequence is 0). */
static uint64_t first_in(const struct seqset_page *page, uint64_t seq)
{
    if (seq < page_first(page))
        seq = page_first(page);
    if (page->bits == NULL)
        return seq;
    while (seq < page_end(page)) {
        uint64_t word = page->bits[place_of(seq) / 64] >> seq % 64;
        if (word != 0)
            return seq + (uint64_t)__builtin_ctzll(word);
        seq = (seq | 63) + 1;
    }
    return 0;
}

bool seqset_next_run(const struct seqset *set, uint64_t seq,
                     struct store_range *run)
{
    for (size_t i = lower(set, key_of(seq)); i < set->count; i++) {
        uint64_t first = first_in(&set->pages[i], seq);
        if (first == 0)
            continue;
        run->first_seq = first;
        run->last_seq = seqset_next_absent(set, first) - 1;
        return true;
    }
    return false;
}

void seqset_drop_below(struct seqset *set, uint64_t seq)
{
    size_t n = lower(set, key_of(seq));
    if (n > 0)
        erase(set, 0, n);
    if (set->count > 0 && set->pages[0].key < key_of(seq)) {
        set->pages[0].span -= key_of(seq) - set->pages[0].key;
        set->pages[0].key = key_of(seq);
    }
}
