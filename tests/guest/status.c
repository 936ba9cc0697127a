/* status.c - ends with the number that it is given: status return|exit|_Exit|abort NUMBER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void at_end(void)
{
    puts("at exit");
}

int main(int argc, char **argv)
{
    int code = argc > 2 ? atoi(argv[2]) : 0;
    atexit(at_end);
    puts("running");
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "exit") == 0)
        exit(code);
    if (argc > 1 && strcmp(argv[1], "_Exit") == 0)
        _Exit(code);
    if (argc > 1 && strcmp(argv[1], "abort") == 0)
        abort();
    return code;
}
