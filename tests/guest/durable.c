/* durable.c - writes one word in each way that a store can and cannot become durable. */
#include <stdio.h>
#include <string.h>

#include "pmem.h"
#include "pwk.h"

/*
 * Each word is on a line of its own and begins with "DUR-". What the NVDIMM file holds after the
 * halt tells which were durable; tests/cli.sh knows which must be. A store after its line's flush
 * and before the fence has its line in the cache only: the older word is what is left.
 */
static void put(char *line, const char *word)
{
    memcpy(line, word, 8);
}

int main(void)
{
    uint64_t word;
    int32_t fd = pwk_pmem_open("durable", 7, 4096);
    int32_t at = pwk_map(fd, 0, PWK_PAGE, PWK_MAP_SHARED);
    if (fd < 0 || pwk_failed(at)) {
        puts("no object");
        return 1;
    }
    char *p = pwk_pointer(at);
    put(p, "DUR-none");
    put(p + 256, "DUR-clwb");
    pmem_clwb(p + 256);
    pmem_sfence();
    put(p + 512, "DUR-fopt");
    pmem_clflushopt(p + 512);
    pmem_sfence();
    put(p + 768, "DUR-flsh");
    pmem_clflush(p + 768);
    pmem_sfence();
    memcpy(&word, "DUR-ntst", 8);
    pmem_ntstore64(p + 1024, word);
    pmem_sfence();
    put(p + 1280, "DUR-old.");
    pmem_clwb(p + 1280);
    pmem_sfence();
    put(p + 1280, "DUR-new.");
    printf("%.8s\n", p + 1280);
    return 0;
}
