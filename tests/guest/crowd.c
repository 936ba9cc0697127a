/* crowd.c - many processes live at once: each waits at a pipe until all are there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "pwk.h"

static struct checks c;

/* Says that it is there, waits until the writer of its input is gone, and ends with its number. */
static int one(int number)
{
    char b = 'x';
    if (write(1, &b, 1) != 1 || read(0, &b, 1) != 0)
        return 255;
    return number % 200;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return one(atoi(argv[2]));
    int n = argc > 1 ? atoi(argv[1]) : 50, wrong = 0;
    int32_t hold[2], there[2];
    struct pwk_system s;
    CHECK_EQ(&c, pwk_pipe(hold), 0);
    CHECK_EQ(&c, pwk_pipe(there), 0);
    for (int i = 0; i < n; i++) {
        char number[16];
        const char *av[] = {argv[0], "-", number, NULL};
        snprintf(number, sizeof number, "%d", i);
        wrong += pwk_spawn(argv[0], (uint32_t)strlen(argv[0]), av,
                           (int32_t[]){hold[0], there[1], 2, PWK_FD_END}) < 0;
    }
    CHECK_EQ(&c, wrong, 0);
    close(there[1]);
    for (int i = 0; i < n && !wrong; i++) {
        char b;
        wrong += read(there[0], &b, 1) != 1;
    }
    CHECK_EQ(&c, wrong, 0);
    CHECK_EQ(&c, pwk_system(&s), 0);
    CHECK_EQ(&c, s.processes, n + 1);
    close(hold[1]);
    for (int i = 0; i < n; i++) {
        struct pwk_status st;
        wrong += pwk_wait(0, &st, 0) < 0 || st.how != PWK_EXITED || st.code == 255;
    }
    CHECK_EQ(&c, wrong, 0);
    CHECK_EQ(&c, pwk_wait(0, NULL, 0), -10 - 2); /* ECHILD */
    return check_end(&c);
}
