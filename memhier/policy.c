/* policy.c - the table of replacement policies. */
#include "memhier/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct policy *const policy_table[] = {
    &policy_lru,    &policy_plru,       &policy_nru,   &policy_fifo,   &policy_random,
    &policy_lfu,    &policy_lip,        &policy_bip,   &policy_dip,    &policy_srrip,
    &policy_brrip,  &policy_drrip,      &policy_ship,  &policy_shippp, &policy_hawkeye,
    &policy_glider, &policy_mockingjay, &policy_mpppb, &policy_opt,    &policy_opt_bypass,
    NULL,
};

const struct policy *policy_find(const char *name)
{
    for (const struct policy *const *p = policy_table; *p; p++)
        if (!strcmp((*p)->name, name))
            return *p;
    return NULL;
}

void *policy_alloc(size_t bytes, char *err, size_t errlen)
{
    const size_t line = 64;
    const size_t whole = (bytes + line - 1) / line * line;
    void *p = whole < bytes ? NULL : aligned_alloc(line, whole);
    if (!p)
        snprintf(err, errlen, "out of memory for the %zu bytes of a replacement policy", bytes);
    else
        memset(p, 0, whole);
    return p;
}
