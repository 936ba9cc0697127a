/* test_profile.c - call stacks with cycles, folded into text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/profile.h"

static char *names[] = {"k`boot", "app`main", "app`f", "app`op<int; 3>\n", "", "app`f"};
#define NAMES 6

static void expect(struct profile *p, uint64_t cycle, const char *want)
{
    char *text = profile_folded(p, cycle, names, NAMES);
    cr_assert_str_eq(text, want);
    free(text);
}

Test(profile, calls_returns_threads)
{
    struct profile *p = profile_new();
    profile_start(p, 0, 10); /* boot from 10 */
    profile_call(p, 1, 15);  /* boot;main */
    profile_call(p, 2, 17);  /* boot;main;f */
    profile_return(p, 1, 27);
    profile_call(p, 2, 30);
    profile_return(p, 1, 31);
    profile_return(p, 0, 40);
    expect(p, 41,
           "(none) 10\n"
           "k`boot 6\n"
           "k`boot;app`main 14\n"
           "k`boot;app`main;app`f 11\n");
    /* another thread has a stack of its own, and the first finds its own again */
    profile_call(p, 1, 41);
    profile_thread(p, 7, 50);
    profile_start(p, 3, 50);
    profile_thread(p, 0, 52);
    profile_call(p, 4, 53);
    expect(p, 100,
           "(none) 10\n"
           "app`op<int__3>_ 2\n"
           "k`boot 6\n"
           "k`boot;app`main 24\n"
           "k`boot;app`main;_ 47\n"
           "k`boot;app`main;app`f 11\n");
    profile_free(p);
}

Test(profile, stacks_of_the_same_text_are_one_line_and_unknown_functions_are_named)
{
    struct profile *p = profile_new();
    profile_start(p, 1, 0);
    profile_call(p, 2, 0);
    profile_return(p, 1, 5);
    profile_call(p, 5, 5); /* another function called app`f */
    profile_return(p, 1, 8);
    profile_call(p, 99, 8);
    expect(p, 9, "app`main;? 1\napp`main;app`f 8\n");
    profile_free(p);
}

Test(profile, a_return_that_does_not_fit_begins_a_stack)
{
    struct profile *p = profile_new();
    profile_start(p, 0, 0);
    profile_call(p, 1, 1);
    profile_return(p, 2, 3); /* its caller was boot */
    profile_return(p, 1, 4); /* below the outermost */
    expect(p, 9, "app`f 1\napp`main 5\nk`boot 1\nk`boot;app`main 2\n");
    profile_free(p);
}

Test(profile, a_tail_call_takes_the_place_of_its_caller)
{
    struct profile *p = profile_new();
    profile_start(p, 0, 0);
    profile_call(p, 1, 1);
    profile_tail(p, 2, 3);
    profile_return(p, 0, 7);
    profile_tail(p, 1, 9); /* of the outermost */
    expect(p, 12, "app`main 3\nk`boot 3\nk`boot;app`f 4\nk`boot;app`main 2\n");
    profile_free(p);
}

Test(profile, recursion_is_folded_and_unfolds_again)
{
    struct profile *p = profile_new();
    uint64_t now = 0;
    profile_start(p, 0, now);
    for (int i = 0; i < 100000; i++)
        profile_call(p, 2, ++now);
    for (int i = 0; i < 99999; i++)
        profile_return(p, 2, ++now);
    profile_return(p, 0, ++now);
    char *text = profile_folded(p, now + 3, names, NAMES);
    uint64_t total = 0, deepest = 0;
    size_t lines = 0;
    for (char *at = text; *at; at = strchr(at, '\n') + 1, lines++) {
        const uint64_t n = strtoull(strchr(at, ' '), NULL, 10);
        total += n;
        deepest = n > deepest ? n : deepest;
    }
    cr_expect_eq(lines, PROFILE_DEPTH);
    cr_expect_eq(total, now + 3, "every cycle is in one line");
    /* 127 frames of f have nodes; each but the last has one cycle down and one up */
    cr_expect_eq(deepest, 200000 - 2 * 126 - 1);
    cr_expect_eq(strncmp(text, "k`boot 4\n", 9), 0, "one cycle down, three at the end: %.20s",
                 text);
    free(text);
    profile_free(p);
}

Test(profile, the_tree_is_bounded)
{
    struct profile *p = profile_new();
    uint64_t now = 0;
    profile_start(p, 0, now);
    for (uint32_t f = 1; f < 3 * PROFILE_NODES; f++) {
        profile_call(p, f, ++now);
        profile_call(p, f + 1, ++now);
        profile_return(p, f, ++now);
        profile_return(p, 0, ++now);
    }
    char *text = profile_folded(p, now, names, NAMES);
    uint64_t total = 0;
    for (char *at = text; *at; at = strchr(at, '\n') + 1)
        total += strtoull(strchr(at, ' '), NULL, 10);
    cr_expect_eq(total, now);
    free(text);
    profile_thread(p, UINT32_MAX, now); /* any number is accepted */
    profile_thread(p, PROFILE_THREADS, now);
    profile_free(p);
}
