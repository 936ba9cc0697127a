/* policy_load.c - replacement policies from shared objects: loading and checking. */
#include "memhier/policy_load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int policy_is_path(const char *name)
{
    return strchr(name, '/') != NULL;
}

/* NULL, or what is wrong with it. */
static const char *wrong_with(const struct policy *p)
{
    if (!p->name || !p->meaning)
        return "its cache_policy has no name or no meaning";
    if (!p->make || !p->drop || !p->hit || !p->fill || !p->victim || !p->evict)
        return "its cache_policy lacks a function: make, drop, hit, fill, victim and evict are "
               "needed";
    return NULL;
}

const struct policy *policy_load(const char *path, void **handle, char *err, size_t errlen)
{
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        snprintf(err, errlen, "a policy cannot be loaded: %s", dlerror());
        return NULL;
    }
    const struct policy *p = dlsym(*handle, "cache_policy");
    const char *wrong = p ? NULL : "has no symbol cache_policy";
    if (p && p->abi != POLICY_ABI)
        snprintf(err, errlen, "%s: built for interface %u of replacement policies; this is %u",
                 path, p->abi, POLICY_ABI);
    else if (wrong || (wrong = wrong_with(p)))
        snprintf(err, errlen, "%s: %s", path, wrong);
    else
        return p;
    policy_unload(*handle);
    *handle = NULL;
    return NULL;
}

void policy_unload(void *handle)
{
    if (handle)
        (void)dlclose(handle);
}
