/* static: the files of one folder over HTTP: the pages the gateway brings with
 * it.
 *
 * Only plain files below the folder are served: no links, no dot files, nothing
 * by way of "..". A file is looked up when it is asked for, so that a new build
 * shows without a restart; its ETag is made of size and time. Beside a file, a
 * FILE.gz is sent to who takes gzip. What lies in a folder named assets/ never
 * changes under its name, everything else is to be asked for again. */
#ifndef NEXUS_API_STATIC_H
#define NEXUS_API_STATIC_H

#include "lib/http.h"

#define STATIC_FILE_MAX (16 << 20) /* bytes of a file */

struct static_files;

/* The folder need not be there yet. root NULL: "web" beside the program. */
struct static_files *static_files_new(const char *root);
void static_files_free(struct static_files **files);

/* Answers with the file of that path ("graphiql/index.html"; of a folder, its
 * index.html), 304, or 404. */
void static_reply(struct static_files *files, struct http_request *req,
                  struct str path);

/* Answers with a text that is the same until the program ends, or 304. */
void static_text_reply(struct http_request *req, const char *type,
                       struct str text);

/* True: it is there, and may be sent. */
bool static_has(const struct static_files *files, struct str path);

/* Adds what goes with every page: its policy for what it may load, and what it
 * tells others. */
void static_page_headers(struct http_request *req, const char *policy);

/* Appends the file to out. False: there is no such file. */
bool static_load(const struct static_files *files, struct str path,
                 struct buf *out);

#endif
