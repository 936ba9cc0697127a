/* shell_pty.c - drives `pwsim shell` through a pseudo-terminal: keys in, screen out. */
/*
 *     shell_pty PWSIM
 *
 * Each step sends keys and waits until the screen shows what is expected, behind what was there
 * before. Prints "N passed, N failed"; the screen so far when a step fails.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000
#define SCREEN  (1u << 20)

/* Behind what is expected comes the next prompt, unless `goes_on`. */
static const struct {
    const char *what, *send, *expect;
    int goes_on;
} steps[] = {
    {"a prompt", "", "", 0},
    {"a command", "echo one two\r", "\none two\r\n", 0},
    {"a pipe", "echo a b c | cat | hexdump\r", "|a b c.|", 0},
    {"redirection", "echo first > f; echo second >> f; cat < f\r", "\nfirst\r\nsecond\r\n", 0},
    {"files", "mkdir d; mv f d/g; ls d; hexdump d/g\r", "\ng\r\n00000000  66 69 72", 0},
    {"copies", "cp -r d e; cat e/g; rm -r d e; ls\r", "\nfirst\r\nsecond\r\nsample.txt\r\n", 0},
    {"Backspace and the cursor",
     "echo xbd\x7f\x1b[D\x7f\x1b[C"
     "c\r",
     "\nbc\r\n", 0},
    {"Home, End and words",
     "one two\x17three\x01"
     "echo \x05 four\r",
     "\none three four\r\n", 0},
    {"history", "\x1b[A\r", "\none three four\r\n", 0},
    {"history, further up", "\x10\x10\x10\x10\x10\r", "\nfirst\r\nsecond\r\n", 0},
    {"Ctrl-C drops the line", "nonsense\x03", "^C\r\n", 0},
    {"a program that is not there", "nonsense\r", "sh: nonsense: not found", 0},
    {"its status", "echo $?\r", "\n127\r\n", 0},
    {"and, or", "rm nonesuch && echo no || echo yes\r", "\nyes\r\n", 0},
    {"quotes", "echo 'a  b' \"$?\" \\| # c\r", "\na  b 0 |\r\n", 0},
    {"a background job", "sleep 1000000000 &\r", "[1] ", 0},
    {"jobs", "jobs\r", "  sleep\r\n", 0},
    {"ps shows it", "ps\r", " sleep\r\n", 0},
    {"free and df", "free; df\r", "could take", 0},
    {"top", "top 1\r", "CPU %", 0},
    {"time", "time sleep 1500\r", "real  1.5", 0},
    {"a trap ends the program, not the shell", "trapdemo divide\r", "divide by zero", 0},
    {"its status", "echo $?\r", "\n126\r\n", 0},
    {"input in lines", "cat\r", "cat\r\n", 1},
    {"echo by the terminal", "typed\r", "typed\r\ntyped\r\n", 1},
    {"the end of it", "\x04", "", 0},
    {"a program that runs for ever", "fib 45\r", "fib 45\r\n", 1},
    {"Ctrl-C ends it", "\x03", "", 0},
    {"its status", "echo $?\r", "\n130\r\n", 0},
    {"syntax", "| x\r", "a command is missing", 0},
    {"exit", "exit 3\r", "", 1},
};
#define STEPS (sizeof steps / sizeof steps[0])

static char screen[SCREEN];
static size_t shown, seen; /* bytes on the screen; of these, matched already */

/* Read until `text` stands behind what was matched; 0, or -1 after too long. */
static int expect(int fd, const char *text)
{
    for (;;) {
        const char *hit = strstr(screen + seen, text);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (hit) {
            seen = (size_t)(hit - screen) + strlen(text);
            return 0;
        }
        if (poll(&p, 1, WAIT_MS) <= 0 || shown == SCREEN - 1)
            return -1;
        const ssize_t n = read(fd, screen + shown, SCREEN - 1 - shown);
        if (n <= 0)
            return -1;
        shown += (size_t)n;
    }
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    int fd, status = 0;
    if (argc != 2)
        return 2;
    const pid_t pid = forkpty(&fd, NULL, NULL, NULL);
    if (pid < 0)
        return 2;
    if (pid == 0) {
        execl(argv[1], argv[1], "shell", (char *)NULL);
        _exit(127);
    }
    for (size_t i = 0; i < STEPS && !failed; i++) {
        const size_t n = strlen(steps[i].send);
        if (write(fd, steps[i].send, n) == (ssize_t)n && expect(fd, steps[i].expect) == 0 &&
            (steps[i].goes_on || expect(fd, "pwsim> ") == 0)) {
            passed++;
            continue;
        }
        failed++;
        printf("FAIL shell: %s: \"%s\" did not come\n%s\n", steps[i].what, steps[i].expect,
               screen + (shown > 2000 ? shown - 2000 : 0));
        kill(pid, SIGKILL);
    }
    while (!failed && read(fd, screen, sizeof screen) > 0)
        ;
    waitpid(pid, &status, 0);
    if (!failed && !(WIFEXITED(status) && WEXITSTATUS(status) == 3)) {
        failed++;
        printf("FAIL shell: exit status 3 was expected, got %d\n", status);
    } else if (!failed) {
        passed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
