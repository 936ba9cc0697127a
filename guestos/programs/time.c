/* time.c - runs a program and says how long it took, in simulated time. */
#include "guestos/lib/tool.h"
#include "pwk.h"

static void show(const char *name, uint64_t ns)
{
    fprintf(stderr, "%-5s %llu.%09llu s\n", name, (unsigned long long)(ns / 1000000000),
            (unsigned long long)(ns % 1000000000));
}

int main(int argc, char **argv)
{
    struct pwk_status s;
    if (argc < 2)
        return tool_usage("time PROGRAM [ARGUMENT]...");
    const char *name = argv[1];
    int32_t pid = pwk_spawn(name, (uint32_t)strlen(name), (const char *const *)argv + 1, NULL);
    if (pid < 0) {
        errno = -pid;
        return 126 + tool_fail("time", name);
    }
    pwk_wait((uint32_t)pid, &s, 0);
    show("real", s.real_ns);
    show("cpu", s.cpu_ns);
    return s.how == PWK_TRAPPED ? 126 : s.code;
}
