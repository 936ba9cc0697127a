/* sh.c - the shell: pipes, redirection, background jobs; reads a terminal, a script, or -c TEXT. */
/*
 * Programs are those of the boot image, by name, or files, by a path with a slash. There is no
 * working directory: WASI has none, so paths begin at the root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guestos/lib/lineedit.h"
#include "guestos/lib/shparse.h"
#include "pwk.h"

#define JOBS 32

enum { STATUS_TRAPPED = 126, STATUS_NOT_FOUND = 127 };

struct job {
    int32_t pids[SH_COMMANDS];
    int n; /* processes; 0: the place is free */
    int left;
    char name[64];
};

struct shell {
    int terminal;
    int status;  /* of the last command */
    int leaving; /* `exit` was said */
    int first_directory;
    struct job jobs[JOBS];
    struct sh_pipeline pipeline;
    struct lineedit edit;
};

static int status_of(const struct pwk_status *s)
{
    return s->how == PWK_TRAPPED ? STATUS_TRAPPED : s->code & 0xff;
}

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "sh: %s: %s\n", what, why);
}

/* ---- jobs ---- */

static void job_over(struct shell *sh, int32_t pid)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *j = &sh->jobs[i];
        for (int k = 0; k < j->n; k++) {
            if (j->pids[k] != pid)
                continue;
            j->pids[k] = 0;
            if (--j->left)
                return;
            if (sh->terminal)
                printf("[%d] done  %s\n", i + 1, j->name);
            j->n = 0;
            return;
        }
    }
}

/* Background processes that have ended meanwhile. */
static void jobs_collect(struct shell *sh)
{
    struct pwk_status s;
    int32_t pid;
    while ((pid = pwk_wait(0, &s, PWK_WAIT_NOT)) > 0)
        job_over(sh, pid);
}

static void job_add(struct shell *sh, const int32_t *pids, int n, const char *name)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *j = &sh->jobs[i];
        if (j->n)
            continue;
        memcpy(j->pids, pids, (size_t)n * sizeof *pids);
        j->n = j->left = n;
        snprintf(j->name, sizeof j->name, "%s", name);
        if (sh->terminal)
            printf("[%d] %d\n", i + 1, pids[n - 1]);
        return;
    }
    complain(name, "too many jobs to keep track of");
}

/* ---- builtins ---- */

static int do_jobs(struct shell *sh)
{
    jobs_collect(sh);
    for (int i = 0; i < JOBS; i++)
        if (sh->jobs[i].n)
            printf("[%d] %d  %s\n", i + 1, sh->jobs[i].pids[sh->jobs[i].n - 1], sh->jobs[i].name);
    return 0;
}

static int do_wait(struct shell *sh)
{
    struct pwk_status s;
    int32_t pid;
    int status = 0;
    while ((pid = pwk_wait(0, &s, 0)) > 0) {
        job_over(sh, pid);
        status = status_of(&s);
    }
    return status;
}

static int do_help(void)
{
    puts(
        "commands: cat cp df echo free hexdump kill ls mkdir mv ps rm sleep time top, and\n"
        "          hello wordcount kvlog benchcore sieve fib sha256 matmul pmemtest trapdemo\n"
        "a path with a slash runs a WASI program from a file\n"
        "builtin:  exit [STATUS], jobs, wait, help\n"
        "syntax:   a | b   < in > out >> out 2> err   a & b   a && b || c   'x' \"$?\" \\x  # ...");
    return 0;
}

/* 1: it was one, and has been done. */
static int builtin(struct shell *sh, const struct sh_command *c)
{
    const char *name = c->argv[0];
    if (strcmp(name, "exit") == 0) {
        sh->leaving = 1;
        if (c->argc > 1)
            sh->status = atoi(c->argv[1]) & 0xff;
    } else if (strcmp(name, "jobs") == 0) {
        sh->status = do_jobs(sh);
    } else if (strcmp(name, "wait") == 0) {
        sh->status = do_wait(sh);
    } else if (strcmp(name, "help") == 0) {
        sh->status = do_help();
    } else {
        return 0;
    }
    return 1;
}

/* ---- running ---- */

/* The descriptors of one command: those that were opened for it are closed once it runs. */
struct plumbing {
    int fds[3];
    int opened[3];
};

static int open_for(struct plumbing *pl, int which, const char *path, int flags)
{
    if (!path)
        return 0;
    int fd = open(path, flags, 0666);
    if (fd < 0) {
        complain(path, strerror(errno));
        return -1;
    }
    if (pl->opened[which])
        close(pl->fds[which]);
    pl->fds[which] = fd;
    pl->opened[which] = 1;
    return 0;
}

static int redirect(struct plumbing *pl, const struct sh_command *c)
{
    const int how = O_WRONLY | O_CREAT | (c->append ? O_APPEND : O_TRUNC);
    return open_for(pl, 0, c->in, O_RDONLY) || open_for(pl, 1, c->out, how) ||
           open_for(pl, 2, c->err, O_WRONLY | O_CREAT | O_TRUNC);
}

static void unplumb(struct plumbing *pl)
{
    for (int i = 0; i < 3; i++)
        if (pl->opened[i])
            close(pl->fds[i]);
}

static int32_t start(const struct shell *sh, const struct sh_command *c, const struct plumbing *pl)
{
    const int32_t fds[] = {pl->fds[0],          pl->fds[1],     pl->fds[2],
                           sh->first_directory, PWK_FD_CONTROL, PWK_FD_END};
    const char *name = c->argv[0];
    int32_t pid = pwk_spawn(name, (uint32_t)strlen(name), (const char *const *)c->argv, fds);
    if (pid == -ENOENT)
        complain(name, "not found");
    else if (pid < 0)
        complain(name, strerror(-pid));
    return pid;
}

/* An input that is at its end at once, for what runs in the background. */
static int empty_input(void)
{
    int32_t fds[2];
    if (pwk_pipe(fds) < 0)
        return -1;
    close(fds[1]);
    return fds[0];
}

/* Start all commands of a pipeline: how many run. */
static int start_all(struct shell *sh, const struct sh_pipeline *p, int32_t *pids)
{
    int n = 0, in = 0, in_opened = 0;
    if (p->join == SH_BACKGROUND && (in = empty_input()) >= 0)
        in_opened = 1;
    for (int i = 0; i < p->n; i++) {
        struct plumbing pl = {{in, 1, 2}, {in_opened, 0, 0}};
        int32_t pipe[2], pid = -1;
        in_opened = 0;
        if (i + 1 < p->n && pwk_pipe(pipe) == 0) {
            pl.fds[1] = pipe[1];
            pl.opened[1] = 1;
            in = pipe[0];
            in_opened = 1;
        }
        if (redirect(&pl, &p->commands[i]) == 0)
            pid = start(sh, &p->commands[i], &pl);
        unplumb(&pl);
        if (pid > 0)
            pids[n++] = pid;
        sh->status = pid > 0 ? 0 : pid == -ENOENT ? STATUS_NOT_FOUND : STATUS_TRAPPED;
    }
    if (in_opened)
        close(in);
    return n;
}

static void wait_all(struct shell *sh, const int32_t *pids, int n)
{
    struct pwk_status s;
    const int failed = sh->status; /* the last one did not even start */
    for (int i = 0; i < n; i++)
        pwk_console(PWK_CONSOLE_FOREGROUND, (uint32_t)pids[i]);
    for (int i = 0; i < n; i++) {
        if (pwk_wait((uint32_t)pids[i], &s, 0) < 0)
            continue;
        sh->status = failed ? failed : status_of(&s);
    }
    pwk_console(PWK_CONSOLE_FOREGROUND, 0);
}

static void run_pipeline(struct shell *sh, const struct sh_pipeline *p)
{
    int32_t pids[SH_COMMANDS];
    int n;
    fflush(stdout);
    if (p->n == 1 && builtin(sh, &p->commands[0]))
        return;
    n = start_all(sh, p, pids);
    if (p->join != SH_BACKGROUND)
        wait_all(sh, pids, n);
    else if (n)
        job_add(sh, pids, n, p->commands[0].argv[0]);
}

static void run_text(struct shell *sh, const char *text)
{
    struct sh_pipeline *p = &sh->pipeline;
    const char *wrong;
    enum sh_join before = SH_THEN;
    int more = 1;
    while (more > 0 && !sh->leaving) {
        more = sh_parse(&text, sh->status, p, &wrong);
        if (more < 0) {
            complain("syntax", wrong);
            sh->status = 2;
        }
        if (more > 0 && p->n && !(before == SH_AND && sh->status) &&
            !(before == SH_OR && !sh->status))
            run_pipeline(sh, p);
        before = p->join;
    }
}

/* ---- input ---- */

/* A line of a script, byte by byte: what follows belongs to the commands. */
static int script_line(char *line, size_t most)
{
    size_t n = 0;
    char b;
    ssize_t got;
    while ((got = read(0, &b, 1)) == 1 && b != '\n')
        if (n < most - 1)
            line[n++] = b;
    line[n] = 0;
    return got == 1 || n > 0;
}

static void interact(struct shell *sh)
{
    while (!sh->leaving) {
        jobs_collect(sh);
        fflush(stdout);
        pwk_console(PWK_CONSOLE_RAW, 0);
        enum lineedit_end end = lineedit_read(&sh->edit, "pwsim> ");
        pwk_console(PWK_CONSOLE_LINES, 0);
        if (end == LINE_END)
            return;
        if (end == LINE_READY)
            run_text(sh, sh->edit.line);
    }
}

int main(int argc, char **argv)
{
    static struct shell sh;
    sh.first_directory = 3;
    if (argc == 3 && strcmp(argv[1], "-c") == 0) {
        run_text(&sh, argv[2]);
    } else if (argc > 1) {
        fputs("usage: sh [-c COMMANDS]\n", stderr);
        return 2;
    } else if (pwk_console(PWK_CONSOLE_LINES, 0) > 0) {
        sh.terminal = 1;
        interact(&sh);
    } else {
        static char line[LINE_MOST];
        while (!sh.leaving && script_line(line, sizeof line))
            run_text(&sh, line);
    }
    fflush(stdout);
    return sh.status;
}
