/* service: what every program does around its one job.
 *
 * Parses options, sets up logging, ignores SIGPIPE, and turns SIGINT and
 * SIGTERM into a request to stop that a loop can poll or wait for. */
#ifndef NEXUS_SERVICE_H
#define NEXUS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"
#include "lib/opts.h"

#define NEXUS_VERSION "0.1.0"

/* Adds LOG_LEVEL, LOG_FORMAT, --check and --version to the program's own
 * options. Returns when the program should go on; prints help, the version or
 * the refusal and exits (0, 0 or 2) when not. Call before any thread is
 * started. */
void service_init(const char *program, const char *summary,
                  const struct opt *options, int argc, char **argv);

/* For a program that has a configuration file, too: every setting back to its
 * default; then what environment and flags say, over what the file said. The
 * second returns 0, or -EINVAL with *err. */
void service_reset(void);
int service_override(struct errmsg *err);

/* --check was given: service_checked will end the program. */
bool service_checking(void);

/* The level that flags and environment ask for. */
enum log_level service_log_level(void);

/* Ends the program, with 0, where --check asked to look at the settings and no
 * more. Call when all of them have been looked at, before anything is opened. */
void service_checked(void);

/* Ends a program whose settings will not do: one line that says why, exit 2. */
_Noreturn void service_refuse(const char *program, const struct errmsg *err);

/* True once SIGINT, SIGTERM or service_stop asked for the end. */
bool service_stopping(void);

/* Becomes readable when the stop is asked for, and stays so. */
int service_stop_fd(void);

/* Asks for the end from inside, e.g. when the work is done. */
void service_stop(void);

/* Waits for the stop, at most timeout_ns (negative: for ever). True: stop. */
bool service_wait_stop(int64_t timeout_ns);

#endif
