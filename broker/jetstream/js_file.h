/* js_file: the small files of streams and consumers, written whole. */
#ifndef NEXUS_BROKER_JS_FILE_H
#define NEXUS_BROKER_JS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/errmsg.h"

/* Puts bytes in place of the file: a reader finds the old or the new ones,
 * never a mixture. sync: on disk, with its name, when this returns. 0 or a
 * negative errno with *err. */
int js_file_write(const char *path, struct str bytes, bool sync,
                  struct errmsg *err);

/* Removes the file, on disk, when this returns 0; also when there is none. */
int js_file_remove(const char *path);

/* Appends the file's bytes, at most max. 0; -ENOENT, -EFBIG … with *err. */
int js_file_read(const char *path, size_t max, struct buf *out,
                 struct errmsg *err);

/* The folder has its new name, on disk, when this returns 0. */
int js_folder_rename(const char *from, const char *to, struct errmsg *err);

/* Removes a folder and everything in it. */
void js_folder_remove(const char *path);

#endif
