/* region.c - runs a program of the boot image as one region of interest: `region N PROGRAM ARG...`.
 */
/*
 * For programs that mark nothing themselves. Their start and end are in the region; N is what they
 * are taken for, in operations.
 */
#include <string.h>

#include "guestos/lib/number.h"
#include "op.h"

int main(int argc, char **argv)
{
    const uint32_t n = number_argument_or(argc, argv, 1, "N", 1, 1, UINT32_MAX);
    struct pwk_status s = {0};
    if (argc < 3)
        return fputs("usage: region N PROGRAM ARG...\n", stderr), 2;
    pwk_roi(1);
    const int32_t pid = pwk_spawn(argv[2], (uint32_t)strlen(argv[2]),
                                  (const char *const *)(argv + 2), NULL);
    op_check(pid > 0, "spawn");
    op_check(pwk_wait((uint32_t)pid, &s, 0) == pid, "wait");
    for (uint32_t i = 0; i < n; i++)
        pwk_mark(0);
    pwk_roi(0);
    return s.how == PWK_EXITED ? s.code : 1;
}
