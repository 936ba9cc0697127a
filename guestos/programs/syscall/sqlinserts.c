/* sqlinserts.c - runs SQLite's shell of the boot image on inserts that it writes down first. */
/*
 * Each insert is a transaction of its own, with a rollback journal beside the database: what a
 * small program does with SQLite. The region is the shell's whole life, its start included.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guestos/lib/number.h"
#include "op.h"

static void write_statements(const char *path, uint32_t n)
{
    FILE *f = fopen(path, "w");
    op_check(f != NULL, "fopen");
    fprintf(f, "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, number INT);\n");
    for (uint32_t i = 0; i < n; i++)
        fprintf(f, "INSERT INTO t(name, number) VALUES('name of row %u', %u);\n", (unsigned)i,
                (unsigned)(i * 2654435761u >> 8));
    fprintf(f, "SELECT count(*), sum(number) FROM t;\n");
    op_check(fclose(f) == 0, "fclose");
}

int main(int argc, char **argv)
{
    static const char shell[] = "sqlite", *arguments[] = {shell, "/inserts.db", NULL};
    const uint32_t n = number_argument_or(argc, argv, 1, "N", 1000, 1, 1000000);
    struct pwk_status s;
    write_statements("/inserts.sql", n);
    const int in = open("/inserts.sql", O_RDONLY);
    op_check(in >= 0, "open");
    const int32_t fds[] = {in, 1, 2, 3, PWK_FD_END};
    pwk_roi(1);
    const int32_t pid = pwk_spawn(shell, sizeof shell - 1, arguments, fds);
    op_check(pid > 0, "spawn");
    op_check(pwk_wait((uint32_t)pid, &s, 0) == pid && s.how == PWK_EXITED && s.code == 0, "wait");
    for (uint32_t i = 0; i < n; i++)
        pwk_mark(0);
    pwk_roi(0);
    return 0;
}
