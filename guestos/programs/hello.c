/* hello.c - says hello, and shows its arguments and its environment. */
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv)
{
    puts("hello, world");
    for (int i = 0; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    for (char **e = environ; e && *e; e++)
        printf("environment: %s\n", *e);
    return 0;
}
