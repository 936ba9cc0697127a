/* program.h - included before a guest program whose functions a kernel uses: its main is dropped.
 */
#ifndef TESTS_VALIDATE_PROGRAM_H
#define TESTS_VALIDATE_PROGRAM_H

/* Not main, and nobody calls it: the compiler leaves it out, with all that it would need. */
__attribute__((unused)) static int program_main(int argc, char **argv);
#define main program_main

#endif
