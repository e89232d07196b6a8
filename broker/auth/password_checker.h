/* password_checker: compares passwords with hashes on a thread of its own, so
 * that the tens of milliseconds each takes delay nobody but who signs in.
 *
 * The thread begins with the first check. Checks are done in the order they
 * came; one that nobody waits for any more is withdrawn, so that those who
 * come and go do not keep the thread from those who stay. */
#ifndef NEXUS_BROKER_PASSWORD_CHECKER_H
#define NEXUS_BROKER_PASSWORD_CHECKER_H

#include <stdbool.h>

#include "lib/str.h"

struct password_checker;

/* Zeroed but for what the caller sets; see password_check_new. */
struct password_check {
    void *owner; /* the caller's: who waits for it; NULL: nobody any more */
    bool good;
    char *hash, *given; /* owned */
    size_t given_len;
    bool queued; /* not begun yet */
    struct password_check *prev, *next;
};

/* Copies both texts. */
struct password_check *password_check_new(void *owner, const char *hash,
                                          struct str given);
void password_check_free(struct password_check *check);

/* wake_fd, an eventfd, is written when a check is done. */
struct password_checker *password_checker_new(int wake_fd);

/* Waits for the check under way; drop takes those nobody has taken. */
void password_checker_free(struct password_checker **checker,
                           void (*drop)(struct password_check *check));

/* Takes check. */
void password_checker_submit(struct password_checker *checker,
                             struct password_check *check);

/* Hands check back to the caller, unless it has been begun: false, it comes
 * out of password_checker_done. */
bool password_checker_withdraw(struct password_checker *checker,
                               struct password_check *check);

/* The next one that is done, to be freed by the caller; NULL: none is. */
struct password_check *password_checker_done(struct password_checker *checker);

#endif
