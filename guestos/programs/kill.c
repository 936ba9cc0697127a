/* kill.c - ends processes. */
#include <stdlib.h>

#include "guestos/lib/number.h"
#include "guestos/lib/tool.h"
#include "pwk.h"

#define STATUS_KILLED 137 /* 128 + 9, as shells say it */

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return tool_usage("kill PID...");
    for (int i = 1; i < argc; i++) {
        int32_t err = pwk_kill(number_argument(argv[i], "PID", 1, INT32_MAX), STATUS_KILLED);
        errno = -err;
        if (err < 0)
            failed = tool_fail("kill", argv[i]);
    }
    return failed;
}
