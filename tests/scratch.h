/* scratch.h - a test in an empty folder of its own, which is its current one and goes with it.
 *
 *     TestSuite(rundir, .init = scratch_enter, .fini = scratch_leave);
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_folder[] = "/tmp/pwsim-test-XXXXXX";

static inline void scratch_enter(void)
{
    cr_assert_not_null(mkdtemp(scratch_folder));
    cr_assert_eq(chdir(scratch_folder), 0);
}

static inline void scratch_leave(void)
{
    char command[128];
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", scratch_folder);
    cr_assert_eq(system(command), 0);
}

#endif
