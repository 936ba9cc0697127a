/* clocks.c - clocks, sleeping and polling. */
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sched.h>

#include "check.h"
#include "rawwasi.h"

struct subscription {
    uint64_t userdata;
    uint64_t tag; /* one byte and padding */
    uint32_t id;  /* of a clock, or a descriptor */
    uint32_t pad;
    uint64_t timeout, precision;
    uint64_t flags; /* two bytes and padding */
};

struct event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    uint64_t nbytes;
    uint64_t flags;
};

static struct checks c;

static int64_t now(clockid_t clock)
{
    struct timespec t;
    CHECK_EQ(&c, clock_gettime(clock, &t), 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void clocks(void)
{
    struct timespec t;
    int64_t a = now(CLOCK_MONOTONIC), b = now(CLOCK_MONOTONIC);
    CHECK(&c, a <= b);
    CHECK(&c, now(CLOCK_REALTIME) >= b); /* it is later than 1970 */
    CHECK_EQ(&c, clock_getres(CLOCK_MONOTONIC, &t), 0);
    CHECK(&c, t.tv_sec == 0 && t.tv_nsec == 1);
}

/* Simulated time passes exactly as asked while asleep, and it is not time on the hart. */
static void sleeping(void)
{
    struct timespec t = {.tv_sec = 2, .tv_nsec = 500000000};
    int64_t a = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), slept, used;
    CHECK_EQ(&c, nanosleep(&t, NULL), 0);
    slept = now(CLOCK_MONOTONIC) - a;
    used = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    CHECK(&c, slept >= 2500000000 && slept < 2600000000);
    CHECK(&c, used >= 0 && used < 100000000);
    CHECK(&c, now(CLOCK_THREAD_CPUTIME_ID) >= used);
    CHECK_EQ(&c, usleep(1000), 0);
    CHECK_EQ(&c, sched_yield(), 0);
}

static uint32_t poll_raw(struct subscription *s, struct event *e, uint32_t n, uint32_t want)
{
    uint32_t got = 77;
    memset(e, 0xee, sizeof *e * n);
    CHECK_EQ(&c, raw_poll_oneoff(ADDR(s), ADDR(e), n, ADDR(&got)), want);
    return got;
}

static void polling(void)
{
    struct subscription s[3] = {{.userdata = 11, .id = 1, .timeout = 5000000},
                                {.userdata = 22, .id = 1, .timeout = 3000000},
                                {.userdata = 33, .id = 0, .timeout = 3000000}};
    struct event e[3];
    int64_t a = now(CLOCK_MONOTONIC);
    CHECK_EQ(&c, poll_raw(s, e, 3, 0), 2); /* the two earlier ones */
    CHECK(&c, e[0].userdata == 22 && e[0].error == 0 && e[0].type == 0);
    CHECK(&c, e[1].userdata == 33 && e[1].error == 0 && e[1].type == 0);
    a = now(CLOCK_MONOTONIC) - a;
    CHECK(&c, a >= 3000000 && a < 4000000);

    s[0].flags = 1; /* absolute, and long past */
    s[0].timeout = 1;
    CHECK_EQ(&c, poll_raw(s, e, 3, 0), 1);
    CHECK(&c, e[0].userdata == 11 && e[0].error == 0);

    s[0].timeout = (uint64_t)now(CLOCK_MONOTONIC) + 1000000;
    CHECK_EQ(&c, poll_raw(s, e, 1, 0), 1);
    CHECK(&c, (uint64_t)now(CLOCK_MONOTONIC) >= s[0].timeout);

    s[1].tag = 2; /* standard output can be written at once */
    s[1].id = 1;
    s[2].tag = 1;
    s[2].id = 99;
    CHECK_EQ(&c, poll_raw(s + 1, e, 2, 0), 2);
    CHECK(&c, e[0].userdata == 22 && e[0].error == 0 && e[0].type == 2);
    CHECK(&c, e[1].userdata == 33 && e[1].error == W_BADF && e[1].type == 1);

    s[0] = (struct subscription){.id = 9};
    CHECK_EQ(&c, poll_raw(s, e, 1, 0), 1);
    CHECK_EQ(&c, e[0].error, W_INVAL);
    s[0] = (struct subscription){.id = 1, .timeout = UINT64_MAX};
    CHECK_EQ(&c, poll_raw(s, e, 1, 0), 1);
    CHECK_EQ(&c, e[0].error, W_OVERFLOW);
    s[0].tag = 3;
    poll_raw(s, e, 1, W_INVAL);
}

int main(void)
{
    clocks();
    sleeping();
    polling();
    return check_end(&c);
}
