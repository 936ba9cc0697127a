/* free.c - memory of the machine, in KiB. */
#include <stdio.h>

#include "pwk.h"

int main(void)
{
    struct pwk_system s;
    pwk_system(&s);
    printf("%-8s %12s %12s %12s\n", "", "total", "used", "free");
    printf("%-8s %12llu %12llu %12llu\n", "DRAM", (unsigned long long)s.dram / 1024,
           (unsigned long long)(s.dram - s.dram_free) / 1024,
           (unsigned long long)s.dram_free / 1024);
    printf("%-8s %12llu\n", "NVDIMM", (unsigned long long)s.nvdimm / 1024);
    return 0;
}
