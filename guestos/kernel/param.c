/* param.c - boot parameters. */
#include "param.h"
#include "console.h"
#include "heap.h"
#include "kstring.h"
#include "machine_import.h"

int32_t param_get(const char *name, char **value)
{
    uint32_t name_len = (uint32_t)strlen(name);
    int32_t len = machine_param(name, name_len, NULL, 0);
    if (len < 0)
        return len;
    if ((uint32_t)len > PARAM_MAX) {
        struct line l = line_new();
        line_text(&l, "boot parameter too long: ");
        line_text(&l, name);
        kernel_refuse(&l);
    }
    *value = kalloc_boot((uint32_t)len + 1);
    machine_param(name, name_len, *value, (uint32_t)len);
    return len;
}

static int parse_number(const char *text, int32_t len, uint32_t *out)
{
    uint64_t n = 0;
    if (len < 1 || len > 10)
        return -1;
    for (int32_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    if (n > UINT32_MAX)
        return -1;
    *out = (uint32_t)n;
    return 0;
}

uint32_t param_number(const char *name, uint32_t fallback, uint32_t low, uint32_t high)
{
    char *text;
    uint32_t n;
    struct line l;
    int32_t len = param_get(name, &text);
    if (len < 0)
        return fallback;
    if (parse_number(text, len, &n) == 0 && n >= low && n <= high) {
        kfree(text);
        return n;
    }
    l = line_new();
    line_text(&l, "boot parameter ");
    line_text(&l, name);
    line_text(&l, " is ");
    line_name(&l, text, (uint32_t)len);
    line_text(&l, ", expected a number from ");
    line_number(&l, low);
    line_text(&l, " to ");
    line_number(&l, high);
    kernel_refuse(&l);
}

int param_is(const char *name, const char *value)
{
    char *text;
    uint32_t want = (uint32_t)strlen(value);
    int32_t len = param_get(name, &text);
    int same;
    if (len < 0)
        return 0;
    same = (uint32_t)len == want && memcmp(text, value, want) == 0;
    kfree(text);
    return same;
}
