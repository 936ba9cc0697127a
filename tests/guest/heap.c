/* heap.c - a program that maps an object before it has ever allocated: malloc keeps off it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pwk.h"

#define BYTES (4 * PWK_PAGE)

int main(void)
{
    static const char name[] = "heap.object";
    struct checks c = {0};
    const int32_t fd = pwk_pmem_open(name, sizeof name - 1, BYTES);
    const int32_t at = pwk_map_pages(fd, 0, BYTES,
                                     PWK_MAP_SHARED); /* not pwk_map, which allocates */
    const uint8_t *object = memset(pwk_pointer(at), 1, BYTES);
    uint32_t changed = 0;
    CHECK(&c, !pwk_failed(at));
    for (uint32_t i = 0; i < 30; i++) {
        char *p = malloc(30000);
        CHECK(&c, p != NULL);
        memset(p, 7, 30000);
    }
    for (uint32_t i = 0; i < BYTES; i++)
        changed += object[i] != 1;
    CHECK_EQ(&c, changed, 0);
    CHECK_EQ(&c, pwk_unmap(at + BYTES, PWK_PAGE), -28); /* what lies behind it is nobody's */
    return check_end(&c);
}
