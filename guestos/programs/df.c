/* df.c - memory that files have, in KiB. */
#include <stdio.h>

#include "pwk.h"

int main(void)
{
    struct pwk_system s;
    pwk_system(&s);
    const uint64_t room = s.files_tier ? s.nvdimm : s.dram_free;
    printf("%-8s %-6s %12s %12s %12s\n", "files", "in", "taken", "used", "could take");
    printf("%-8s %-6s %12llu %12llu %12llu\n", "/", s.files_tier ? "NVDIMM" : "DRAM",
           (unsigned long long)s.files / 1024, (unsigned long long)(s.files - s.files_free) / 1024,
           (unsigned long long)room / 1024);
    return 0;
}
