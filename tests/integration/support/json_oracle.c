/* Texts come in, each with a NUL behind it; for each goes out a 1 where
 * json_validate takes it, else a 0. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"

int main(void)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    while ((len = getdelim(&text, &room, '\0', stdin)) > 0)
        putchar(json_validate(str_make(text, (size_t)len - 1), NULL) == 0
                    ? '1'
                    : '0');
    free(text);
    return 0;
}
