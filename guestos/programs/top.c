/* top.c - what the processes did, second by second of simulated time. */
#include <stdlib.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "guestos/lib/psline.h"

#define MOST 256

struct sample {
    struct pwk_process p;
    uint64_t used_ns; /* since the sample before */
};

static int by_use(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->used_ns != y->used_ns)
        return x->used_ns < y->used_ns ? 1 : -1;
    return (x->p.pid > y->p.pid) - (x->p.pid < y->p.pid);
}

/* All processes now, with what they used since `before`: how many. */
static int take(struct sample *now, const struct sample *before, int had)
{
    int n = 0;
    for (uint32_t pid = 1; n < MOST && pwk_process(pid, &now[n].p) > 0; n++) {
        uint64_t old = 0;
        pid = now[n].p.pid + 1;
        for (int i = 0; i < had; i++)
            if (before[i].p.pid == now[n].p.pid)
                old = before[i].p.cpu_ns;
        now[n].used_ns = now[n].p.cpu_ns - old;
    }
    return n;
}

static void show(struct sample *v, int n, uint64_t ns)
{
    struct pwk_system s;
    struct sample sorted[MOST];
    pwk_system(&s);
    for (int i = 0; i < n; i++)
        sorted[i] = v[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_use);
    printf("up %llu.%03llu s, %u processes, %llu switches, DRAM %llu of %llu MiB free\n",
           (unsigned long long)(s.uptime_ns / 1000000000),
           (unsigned long long)(s.uptime_ns / 1000000 % 1000), s.processes,
           (unsigned long long)s.switches, (unsigned long long)(s.dram_free >> 20),
           (unsigned long long)(s.dram >> 20));
    ps_head("CPU %");
    for (int i = 0; i < n; i++)
        ps_line(&sorted[i].p, ns ? sorted[i].used_ns * 100000 / ns : 0);
}

int main(int argc, char **argv)
{
    static struct sample v[2][MOST];
    const uint32_t rounds = number_argument_or(argc, argv, 1, "ROUNDS", 2, 1, 1000000);
    int n = take(v[0], NULL, 0);
    struct pwk_system before, now;
    for (uint32_t i = 1; i <= rounds; i++) {
        pwk_system(&before);
        sleep(1);
        int had = n;
        n = take(v[i % 2], v[(i + 1) % 2], had);
        pwk_system(&now);
        show(v[i % 2], n, now.uptime_ns - before.uptime_ns);
    }
    return 0;
}
