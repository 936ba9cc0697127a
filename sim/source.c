/* source.c - a config file as read: text with @includes put in, libconfig's tree, where things
 * stand. */
#include "sim/source.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memhier/hostmem.h"
#include "sim/error.h"

struct origin {
    uint32_t file, line;
};

struct source {
    char *text; /* all files, includes in place, ended by a NUL */
    size_t n, cap;
    struct origin *origins; /* of each line of text */
    uint32_t lines, lines_cap;
    char **files; /* names as they are shown */
    uint32_t nfiles;
    config_t tree;
};

/* One file being copied into the text. */
struct scan {
    struct source *s;
    char *text; /* ended by a NUL */
    size_t at;
    uint32_t file, line;
    int depth;
    char *err;
    size_t errlen;
};

static const char wanted[] = "the text of the config";

static int scan_fail(struct scan *sc, const char *what)
{
    return fail(sc->err, sc->errlen, "%s:%u: %s", sc->s->files[sc->file], sc->line, what);
}

/* ---- the text ---- */

static void put(struct scan *sc, char c)
{
    struct source *s = sc->s;
    if (s->n + 1 >= s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4096;
        s->text = hostmem_resize(s->text, s->cap, 1, wanted);
    }
    if (s->n == 0 || s->text[s->n - 1] == '\n') {
        if (s->lines == s->lines_cap) {
            s->lines_cap = s->lines_cap ? s->lines_cap * 2 : 256;
            s->origins = hostmem_resize(s->origins, s->lines_cap, sizeof *s->origins, wanted);
        }
        s->origins[s->lines++] = (struct origin){sc->file, sc->line};
    }
    s->text[s->n++] = c;
    s->text[s->n] = '\0';
}

/* Copy the next character. */
static void take(struct scan *sc)
{
    char c = sc->text[sc->at++];
    put(sc, c);
    sc->line += c == '\n';
}

/* A file's bytes with a NUL behind them, at most SOURCE_MAX_BYTES. */
static char *slurp(const char *path, size_t *n, char *err, size_t errlen)
{
    struct stat st;
    size_t cap = SOURCE_MAX_BYTES + 1;
    char *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail(err, errlen, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))) {
        fail(err, errlen, "%s: not a regular file", path);
        goto out;
    }
    buf = hostmem_resize(NULL, cap + 1, 1, wanted);
    ssize_t got;
    for (*n = 0; *n < cap && (got = read(fd, buf + *n, cap - *n)) != 0;) {
        if (got < 0 && errno != EINTR) {
            fail(err, errlen, "%s: %s", path, strerror(errno));
            goto bad;
        }
        *n += got > 0 ? (size_t)got : 0;
    }
    buf[*n] = '\0';
    if (*n == cap) {
        fail(err, errlen, "%s: a config file of more than %u KiB", path, SOURCE_MAX_BYTES >> 10);
        goto bad;
    }
    goto out;
bad:
    free(buf);
    buf = NULL;
out:
    close(fd);
    return buf;
}

static int expand(struct source *s, const char *path, int depth, char *err, size_t errlen);

/* The included path as seen from the current directory; free it. */
static char *beside(const char *file, const char *path, size_t n)
{
    const char *slash = strrchr(file, '/');
    int folder = *path == '/' || slash == NULL ? 0 : (int)(slash - file + 1);
    return hostmem_format(wanted, "%.*s%.*s", folder, file, (int)n, path);
}

/* At the start of a line: 0 if it is no @include, 1 if it was one and is done, -1 on error. */
static int include(struct scan *sc)
{
    const char *p = sc->text + sc->at;
    p += strspn(p, " \t");
    if (strncmp(p, "@include", 8) != 0) {
        return 0;
    }
    p += 8;
    size_t blanks = strspn(p, " \t");
    if (blanks == 0 || p[blanks] != '"') {
        return scan_fail(sc, "expected @include \"FILE\"");
    }
    p += blanks + 1;
    size_t n = strcspn(p, "\"\n");
    const char *rest = p + n + 1;
    if (n == 0 || p[n] != '"') {
        return scan_fail(sc, "expected @include \"FILE\"");
    }
    rest += strspn(rest, " \t\r");
    if (*rest != '\n' && *rest != '\0' && *rest != '#' && strncmp(rest, "//", 2) != 0) {
        return scan_fail(sc, "only a comment may follow an @include on its line");
    }
    if (sc->depth + 1 >= SOURCE_MAX_DEPTH) {
        return scan_fail(sc, "includes nested too deeply: a circle?");
    }
    if (sc->s->nfiles >= SOURCE_MAX_FILES) {
        return scan_fail(sc, "too many included files");
    }
    char *path = beside(sc->s->files[sc->file], p, n), why[512];
    int bad = expand(sc->s, path, sc->depth + 1, why, sizeof why);
    free(path);
    if (bad == 1) { /* the file itself could not be read */
        return fail(sc->err, sc->errlen, "%s:%u: @include: %s", sc->s->files[sc->file], sc->line,
                    why);
    }
    if (bad != 0) {
        return fail(sc->err, sc->errlen, "%s", why);
    }
    sc->at += strcspn(sc->text + sc->at, "\n");
    if (sc->text[sc->at] == '\n') {
        sc->at++;
        sc->line++;
    }
    return 1;
}

/* ---- tokens in which an @include or a number would mean something else ---- */

/* libconfig takes the line of a list's element from the token behind it: that token, if it ends the
 * element, moves up to it. */
static void pull_separator(struct scan *sc)
{
    size_t blanks = strspn(sc->text + sc->at, " \t\r\n");
    char *next = sc->text + sc->at + blanks;
    if (blanks > 0 && *next != '\0' && strchr(",)]", *next) != NULL) {
        put(sc, *next);
        *next = ' ';
    }
}

static int string(struct scan *sc)
{
    struct scan began = *sc;
    take(sc);
    while (sc->text[sc->at] != '"') {
        if (sc->text[sc->at] == '\0') {
            return scan_fail(&began, "this string has no end");
        }
        if (sc->text[sc->at] == '\\' && sc->text[sc->at + 1] != '\0') {
            take(sc);
        }
        take(sc);
    }
    take(sc);
    pull_separator(sc);
    return 0;
}

static int block_comment(struct scan *sc)
{
    struct scan began = *sc;
    take(sc);
    take(sc);
    while (strncmp(sc->text + sc->at, "*/", 2) != 0) {
        if (sc->text[sc->at] == '\0') {
            return scan_fail(&began, "this comment has no end");
        }
        take(sc);
    }
    take(sc);
    take(sc);
    return 0;
}

/* A number that needs 64 bits gets an L if it has none. */
static int number(struct scan *sc)
{
    const char *p = sc->text + sc->at;
    const char *digits = p + (*p == '-' || *p == '+');
    int hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    errno = 0;
    unsigned long long v = strtoull(digits, &end, hex ? 16 : 10);
    if (!hex && strchr(".eE", *end) != NULL && *end != '\0') {
        end += strspn(end, "0123456789.eE+-");
        v = 0;
    } else if (errno != 0 || v > (unsigned long long)INT64_MAX) {
        return scan_fail(sc, "a number that does not fit 63 bits");
    }
    while (sc->text + sc->at < end) {
        take(sc);
    }
    if (v > INT32_MAX && *end != 'L') {
        put(sc, 'L');
    }
    while (isalnum((unsigned char)sc->text[sc->at])) {
        take(sc); /* L, LL, or a mistake for libconfig to name */
    }
    return 0;
}

static int word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '*' || c == '-';
}

static int token(struct scan *sc)
{
    const char *p = sc->text + sc->at;
    if (*p == '"') {
        return string(sc);
    }
    if (p[0] == '/' && p[1] == '*') {
        return block_comment(sc);
    }
    if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
        while (sc->text[sc->at] != '\0' && sc->text[sc->at] != '\n') {
            take(sc);
        }
        return 0;
    }
    if (isdigit((unsigned char)*p) || ((*p == '-' || *p == '+') && isdigit((unsigned char)p[1]))) {
        return number(sc);
    }
    if (isalpha((unsigned char)*p) || *p == '*') {
        while (word_char(sc->text[sc->at])) {
            take(sc);
        }
        return 0;
    }
    take(sc);
    return 0;
}

static int scan_text(struct scan *sc)
{
    int line_start = 1;
    while (sc->text[sc->at] != '\0') {
        if (sc->s->n > SOURCE_MAX_BYTES) {
            return fail(sc->err, sc->errlen, "%s: with its includes more than %u KiB",
                        sc->s->files[0], SOURCE_MAX_BYTES >> 10);
        }
        if (line_start) {
            int done = include(sc);
            if (done < 0) {
                return -1;
            }
            if (done) {
                continue;
            }
        }
        if (token(sc) != 0) {
            return -1;
        }
        line_start = sc->text[sc->at - 1] == '\n';
    }
    if (sc->s->n > 0 && sc->s->text[sc->s->n - 1] != '\n') {
        put(sc, '\n');
    }
    return 0;
}

/* 0; -1 with a complete message; 1 with one that does not say who asked for the file. */
static int expand(struct source *s, const char *path, int depth, char *err, size_t errlen)
{
    size_t n;
    char *text = slurp(path, &n, err, errlen);
    if (text == NULL) {
        return 1;
    }
    s->files = hostmem_resize(s->files, s->nfiles + 1, sizeof *s->files, wanted);
    s->files[s->nfiles] = hostmem_text(path, wanted);
    struct scan sc = {s, text, 0, s->nfiles++, 1, depth, err, errlen};
    int bad = -1;
    if (strlen(text) != n) {
        for (size_t i = 0; text[i] != '\0'; i++) {
            sc.line += text[i] == '\n';
        }
        scan_fail(&sc, "a zero byte: not a text file");
    } else {
        bad = scan_text(&sc);
    }
    free(text);
    return bad;
}

/* ---- the tree ---- */

#ifdef __SANITIZE_ADDRESS__
/* libconfig 1.5 loses the string that it was reading when it meets a syntax error. Weak: a program
 * with more to suppress says so itself. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
__attribute__((weak)) const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}
__attribute__((weak)) const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* What to do about what the parser says, in words that follow its own. */
static const char *hint(const char *what)
{
    if (strstr(what, "duplicate") != NULL) {
        return " (to change a key of an included file, use the group `override`)";
    }
    if (strcmp(what, "syntax error") == 0) {
        return ": expected a key with its value, `name = value;`, or a group, `name: { ... };`, "
               "here or in front of it";
    }
    return "";
}

/* Line of the whole text, from 1 on. */
static struct origin where(const struct source *s, unsigned line)
{
    if (s->lines == 0) {
        return (struct origin){0, 1};
    }
    line = line < 1 ? 1 : line > s->lines ? s->lines : line;
    return s->origins[line - 1];
}

struct source *source_read(const char *path, char *err, size_t errlen)
{
    struct source *s = hostmem_new(1, sizeof *s, wanted);
    config_init(&s->tree);
    if (expand(s, path, 0, err, errlen) != 0) {
        source_free(s);
        return NULL;
    }
    if (config_read_string(&s->tree, s->text != NULL ? s->text : "") != CONFIG_TRUE) {
        struct origin o = where(s, (unsigned)config_error_line(&s->tree));
        const char *what = config_error_text(&s->tree);
        what = what != NULL ? what : "syntax error";
        fail(err, errlen, "%s:%u: %s%s", s->files[o.file], o.line, what, hint(what));
        source_free(s);
        return NULL;
    }
    return s;
}

void source_free(struct source *s)
{
    if (s == NULL) {
        return;
    }
    config_destroy(&s->tree);
    for (uint32_t i = 0; i < s->nfiles; i++) {
        free(s->files[i]);
    }
    free(s->files);
    free(s->origins);
    free(s->text);
    free(s);
}

const char *source_path(const struct source *s)
{
    return s->files[0];
}

struct config_setting_t *source_root(const struct source *s)
{
    return config_root_setting(&s->tree);
}

char *source_where(const struct source *s, const struct config_setting_t *at)
{
    struct origin o = where(s, config_setting_source_line(at));
    return hostmem_format(wanted, "%s:%u", s->files[o.file], o.line);
}

int source_fail(const struct source *s, const struct config_setting_t *at, char *err, size_t errlen,
                const char *fmt, ...)
{
    char what[1024];
    struct origin o = where(s, config_setting_source_line(at));
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return fail(err, errlen, "%s:%u: %s", s->files[o.file], o.line, what);
}
