/* cmd.c - how commands speak and end. */
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "memhier/hostmem.h"
#include "sim/cmd.h"

/* The other way round than it would be used, except for errors, which have nowhere to go. */
static void open_standard(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", modes[fd]); /* the lowest that is free: fd */
}

void cmd_begin(void)
{
    open_standard();
    signal(SIGXFSZ, SIG_IGN);
    hostmem_watch(EXIT_BAD_INPUT);
}

int cmd_complain(const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?'; /* what a file is quoted with must not speak to the terminal */
    fflush(stdout);
    fprintf(stderr, "pwsim: %s\n", text);
    return EXIT_BAD_INPUT;
}

int cmd_end(int status, int unwritten)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cmd_complain("standard output: cannot be written");
    return unwritten;
}
