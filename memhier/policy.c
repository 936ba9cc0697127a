/* policy.c - the table of replacement policies. */
#include "memhier/policy.h"

#include <string.h>

const struct policy *const policy_table[] = {
    &policy_lru,
    NULL,
};

const struct policy *policy_find(const char *name)
{
    for (const struct policy *const *p = policy_table; *p; p++)
        if (!strcmp((*p)->name, name))
            return *p;
    return NULL;
}
