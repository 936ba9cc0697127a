/* ps.c - lists the processes that it may see; CPU time in seconds. */
#include "guestos/lib/psline.h"

int main(void)
{
    struct pwk_process p = {0};
    ps_head("CPU s");
    while (pwk_process(p.pid + 1, &p) > 0)
        ps_line(&p, p.cpu_ns / 1000000);
    return 0;
}
