/* guest.c - drives a kernel in the simulator: `KERNEL SIZE ROUNDS`; what is timed is the region of
 * interest. */
#include <stdio.h>

#include "guestos/include/pwk.h"
#include "guestos/lib/number.h"
#include "tests/validate/kernel.h"
#include "tests/validate/pieces.h"

int main(int argc, char **argv)
{
    const uint32_t size = number_argument_or(argc, argv, 1, "SIZE", 1, 0, UINT32_MAX);
    const uint32_t rounds = number_argument_or(argc, argv, 2, "ROUNDS", 1, 1, UINT32_MAX);
    uint32_t sum = 0;
    prepare(size);
    (void)run(1);
    pwk_roi(1);
    for (uint32_t i = 0; i < KERNEL_PIECES; i++)
        if (kernel_piece(rounds, i))
            sum = kernel_sum(sum, run(kernel_piece(rounds, i)));
    pwk_roi(0);
    printf("sum %08x\n", (unsigned)sum);
    return 0;
}
