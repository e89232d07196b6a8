/* static: see the header. */
#include "api/static.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "api/accept.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

#define PATH_MAX_LEN 512 /* of a file below the root */

/* What a page may do: load what comes from here, and nothing written into the
 * page itself. Fonts and pictures may stand in a style sheet. */
#define PAGE_POLICY                                               \
    "default-src 'self'; img-src 'self' data:; "                  \
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

struct static_files {
    char *root;
};

/* ---- the folder ---- */

static char *root_beside_program(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return mem_strdup("build/web");
    path[len] = '\0';
    *(strrchr(path, '/') + 1) = '\0';
    struct buf root = {0};
    buf_printf(&root, "%sweb", path);
    char *text = mem_strndup(buf_str(&root));
    buf_fini(&root);
    return text;
}

struct static_files *static_files_new(const char *root)
{
    struct static_files *files = mem_zalloc(sizeof *files);
    files->root = root != NULL && *root != '\0' ? mem_strdup(root)
                                                : root_beside_program();
    return files;
}

void static_files_free(struct static_files **files)
{
    if (*files != NULL)
        free((*files)->root);
    free(*files);
    *files = NULL;
}

/* Opens one step of a path below folder, which it closes. */
static int step_open(int folder, const char *name, int flags)
{
    int fd = -1;
    if (name[0] != '.' && name[0] != '\0')
        fd = openat(folder, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    close(folder);
    return fd;
}

/* Step by step, so that neither a link nor ".." leads out. path is cut up. */
static int file_open(const struct static_files *files, char *path)
{
    int fd = open(files->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *slash;
    while (fd >= 0 && (slash = strchr(path, '/')) != NULL) {
        *slash = '\0';
        fd = step_open(fd, path, O_PATH | O_DIRECTORY);
        path = slash + 1;
    }
    return fd < 0 ? fd : step_open(fd, path, O_NONBLOCK);
}

/* ---- one file ---- */

struct file {
    int fd;
    size_t size;
    char etag[48];
    bool gzip;
};

/* False: there is no such file. */
static bool file_find(const struct static_files *files, struct str path,
                      const char *suffix, struct file *file)
{
    char text[PATH_MAX_LEN + 16];
    snprintf(text, sizeof text, "%.*s%s", STR_ARG(path), suffix);
    file->fd = file_open(files, text);
    struct stat st;
    if (file->fd < 0)
        return false;
    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size > STATIC_FILE_MAX) {
        close(file->fd);
        return false;
    }
    file->size = (size_t)st.st_size;
    int64_t changed_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    snprintf(file->etag, sizeof file->etag, "\"%llx-%zx\"",
             (unsigned long long)changed_ns, file->size);
    file->gzip = *suffix != '\0';
    return true;
}

static bool file_read(const struct file *file, struct buf *out)
{
    size_t end = out->len + file->size;
    buf_reserve(out, file->size + 1);
    while (out->len < end) {
        ssize_t n = read(file->fd, out->data + out->len, end - out->len);
        if (n <= 0)
            return false;
        out->len += (size_t)n;
    }
    return true;
}

/* ---- the reply ---- */

static const char *type_of(struct str path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".yaml", "application/yaml"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".map", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i].ending);
        if (path.len > len &&
            memcmp(path.p + path.len - len, types[i].ending, len) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

static bool is_unchanging(struct str path)
{
    return str_has_prefix(path, str_of("assets/")) ||
           memmem(path.p, path.len, "/assets/", 8) != NULL;
}

static bool client_has(const struct http_request *req, const char *etag)
{
    struct str tags = http_header(req, "if-none-match");
    return tags.len > 0 && (str_is(tags, "*") || memmem(tags.p, tags.len, etag,
                                                        strlen(etag)) != NULL);
}

/* Sensors and the like, which no page here asks for. */
#define PAGE_PERMISSIONS                                      \
    "camera=(), display-capture=(), geolocation=(), hid=(), " \
    "microphone=(), midi=(), payment=(), serial=(), usb=()"

void static_page_headers(struct http_request *req, const char *policy)
{
    http_reply_header(req, "Content-Security-Policy", policy);
    http_reply_header(req, "Referrer-Policy", "no-referrer");
    http_reply_header(req, "Permissions-Policy", PAGE_PERMISSIONS);
}

static void headers_add(struct http_request *req, struct str path,
                        const struct file *file)
{
    http_reply_header(req, "ETag", file->etag);
    http_reply_header(req, "Vary", "Accept-Encoding");
    http_reply_header(req, "Cache-Control",
                      is_unchanging(path)
                          ? "public, max-age=31536000, immutable"
                          : "no-cache");
    if (file->gzip)
        http_reply_header(req, "Content-Encoding", "gzip");
    if (str_has_prefix(str_of(type_of(path)), str_of("text/html")))
        static_page_headers(req, PAGE_POLICY);
}

static void file_reply(struct http_request *req, struct str path,
                       const struct file *file)
{
    struct buf body = {0};
    bool same = client_has(req, file->etag);
    if (!same && !file_read(file, &body)) {
        buf_fini(&body);
        http_reply_problem(req, 500, NULL, "the file could not be read");
        return;
    }
    headers_add(req, path, file);
    http_reply(req, same ? 304 : 200, same ? NULL : type_of(path), &body);
}

void static_text_reply(struct http_request *req, const char *type,
                       struct str text)
{
    char etag[40];
    unsigned long sum = crc32_z(0, (const unsigned char *)text.p, text.len);
    snprintf(etag, sizeof etag, "\"%lx-%zx\"", sum, text.len);
    http_reply_header(req, "ETag", etag);
    http_reply_header(req, "Cache-Control", "no-cache");
    if (client_has(req, etag)) {
        http_reply(req, 304, NULL, NULL);
        return;
    }
    struct buf body = {0};
    buf_append_str(&body, text);
    http_reply(req, 200, type, &body);
}

static struct str with_index(struct http_request *req, struct str path)
{
    if (path.len > 0 && path.p[path.len - 1] != '/')
        return path;
    return str_of(
        arena_printf(http_arena(req), "%.*sindex.html", STR_ARG(path)));
}

void static_reply(struct static_files *files, struct http_request *req,
                  struct str path)
{
    path = with_index(req, path);
    bool sane =
        path.len <= PATH_MAX_LEN && memchr(path.p, '\0', path.len) == NULL;
    bool gzip = accept_quality(http_header(req, "accept-encoding"), "gzip") > 0;
    struct file file;
    if (!sane || !((gzip && file_find(files, path, ".gz", &file)) ||
                   file_find(files, path, "", &file))) {
        http_reply_problem(req, 404, NULL, "there is no such file");
        return;
    }
    file_reply(req, path, &file);
    close(file.fd);
}

bool static_has(const struct static_files *files, struct str path)
{
    struct file file;
    if (path.len > PATH_MAX_LEN || !file_find(files, path, "", &file))
        return false;
    close(file.fd);
    return true;
}

bool static_load(const struct static_files *files, struct str path,
                 struct buf *out)
{
    struct file file;
    if (path.len > PATH_MAX_LEN || !file_find(files, path, "", &file))
        return false;
    bool whole = file_read(&file, out);
    close(file.fd);
    return whole;
}
