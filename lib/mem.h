/* mem: heap allocation that cannot fail.
 *
 * When the machine is out of memory there is nothing sensible left to do, so
 * these end the program with one line instead of returning NULL. What outside
 * input can make large is bounded by a named limit before it comes here. */
#ifndef NEXUS_MEM_H
#define NEXUS_MEM_H

#include <stddef.h>

#include "lib/str.h"

/* From now on pieces of a megabyte and more go back to the system when they are
 * freed, always: what one large request needed is not kept. */
void mem_return_large(void);

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *p, size_t size);

/* Room for count elements of size bytes; the product is checked. */
void *mem_grow(void *p, size_t count, size_t size);

char *mem_strdup(const char *text);

/* NUL-terminated copy of s; the caller owns it. */
char *mem_strndup(struct str s);

#endif
