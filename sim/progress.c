/* progress.c - a heartbeat on stderr while a simulation runs. */
#include "sim/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sim/quantity.h"

#define SECOND   UINT64_C(1000000000)
#define INTERVAL (SECOND / 4)

static uint64_t host_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void progress_begin(struct progress *p, enum progress_mode mode, const char *label)
{
    *p = (struct progress){.label = label};
    p->active = mode == PROGRESS_ON || (mode == PROGRESS_AUTO && isatty(STDERR_FILENO) == 1);
    if (p->active) {
        p->began_ns = p->shown_ns = host_ns();
    }
}

/* Percent and time left of a known amount of work. */
static void show_rest(uint64_t elapsed, uint64_t done, uint64_t total)
{
    done = done < total ? done : total;
    unsigned __int128 permille = (unsigned __int128)done * 1000 / total;
    fprintf(stderr, "  %3u.%u %%", (unsigned)permille / 10, (unsigned)permille % 10);
    if (done > 0) {
        uint64_t left = (uint64_t)((unsigned __int128)elapsed * (total - done) / done / SECOND);
        fprintf(stderr, "  %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
    }
}

void progress_update(struct progress *p, uint64_t instructions, uint64_t done, uint64_t total)
{
    if (!p->active) {
        return;
    }
    uint64_t now = host_ns();
    if (now - p->shown_ns < INTERVAL) {
        return;
    }
    p->shown_ns = now;
    p->visible = 1;
    uint64_t elapsed = now - p->began_ns;
    uint64_t tenths = (uint64_t)((unsigned __int128)instructions * 10000 / elapsed);
    char count[QUANTITY_TEXT];
    fprintf(stderr, "\r\033[K%s  %s instructions  %" PRIu64 ".%" PRIu64 " MIPS", p->label,
            quantity_group(instructions, count), tenths / 10, tenths % 10);
    if (total > 0) {
        show_rest(elapsed, done, total);
    }
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->active = p->visible = 0;
}
