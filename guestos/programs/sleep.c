/* sleep.c - waits so many milliseconds of simulated time. */
#include <time.h>

#include "guestos/lib/number.h"
#include "guestos/lib/tool.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        return tool_usage("sleep MILLISECONDS");
    const uint32_t ms = number_argument(argv[1], "MILLISECONDS", 0, UINT32_MAX);
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return nanosleep(&t, NULL) ? tool_fail("sleep", argv[1]) : 0;
}
