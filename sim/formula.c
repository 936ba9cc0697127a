/* formula.c - ratios of sums of counters, in exact integers. */
#include "sim/formula.h"

#include <assert.h>
#include <string.h>

#include "sim/error.h"

#define MAX_TERMS 256
#define MAX_NAME  128

struct parser {
    const char *at;
    const struct formula_source *from;
    char *err;
    size_t errlen;
    unsigned terms;
};

static void blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t') {
        p->at++;
    }
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.';
}

static int number(struct parser *p, uint64_t *out)
{
    unsigned __int128 v = 0;
    for (; is_digit(*p->at); p->at++) {
        v = v * 10 + (unsigned)(*p->at - '0');
        if (v > UINT64_MAX) {
            return fail(p->err, p->errlen, "number too large in formula");
        }
    }
    *out = (uint64_t)v;
    return 0;
}

static int add(struct parser *p, uint64_t *sum, unsigned __int128 more)
{
    if (more > UINT64_MAX - *sum) {
        return fail(p->err, p->errlen, "a sum passes 2^64");
    }
    *sum += (uint64_t)more;
    return 0;
}

static int add_prefix(struct parser *p, const char *prefix, uint64_t *sum)
{
    size_t n = strlen(prefix), found = 0;
    const char *name;
    for (size_t i = 0; (name = p->from->name(p->from->self, i)) != NULL; i++) {
        uint64_t v = 0;
        if (strncmp(name, prefix, n) == 0) {
            p->from->lookup(p->from->self, name, &v);
            found++;
            if (add(p, sum, v) != 0) {
                return -1;
            }
        }
    }
    return found > 0 ? 0 : fail(p->err, p->errlen, "no counter begins with \"%s\"", prefix);
}

/* The value of a name, or of all names with its prefix. */
static int name_value(struct parser *p, uint64_t *out)
{
    char name[MAX_NAME];
    size_t n = 0;
    while (is_name(*p->at)) {
        if (n + 1 >= sizeof name) {
            return fail(p->err, p->errlen, "name too long in formula");
        }
        name[n++] = *p->at++;
    }
    name[n] = '\0';
    if (n == 0) {
        if (*p->at == '\0') {
            return fail(p->err, p->errlen, "formula ends where a name was expected");
        }
        return fail(p->err, p->errlen, "expected the name of a counter at \"%.20s\"", p->at);
    }
    *out = 0;
    if (*p->at == '*') {
        p->at++;
        return add_prefix(p, name, out);
    }
    if (!p->from->lookup(p->from->self, name, out)) {
        return fail(p->err, p->errlen, "there is no counter \"%s\" (see pwsim list stats)", name);
    }
    return 0;
}

static int term(struct parser *p, uint64_t *sum)
{
    uint64_t factor = 1, v = 0;
    if (++p->terms > MAX_TERMS) {
        return fail(p->err, p->errlen, "more than %d terms in a formula", MAX_TERMS);
    }
    blanks(p);
    if (is_digit(*p->at)) {
        if (number(p, &factor) != 0) {
            return -1;
        }
        blanks(p);
        if (*p->at != '*') {
            return add(p, sum, factor);
        }
        p->at++;
        blanks(p);
    }
    if (name_value(p, &v) != 0) {
        return -1;
    }
    return add(p, sum, (unsigned __int128)factor * v);
}

static int sum_of_terms(struct parser *p, uint64_t *out)
{
    uint64_t plus = 0, minus = 0;
    uint64_t *sum = &plus;
    for (;;) {
        if (term(p, sum) != 0) {
            return -1;
        }
        blanks(p);
        if (*p->at != '+' && *p->at != '-') {
            *out = plus > minus ? plus - minus : 0;
            return 0;
        }
        sum = *p->at++ == '-' ? &minus : &plus;
    }
}

int formula_eval(const char *formula, const struct formula_source *from, struct ratio *out,
                 char *err, size_t errlen)
{
    struct parser p = {formula, from, err, errlen, 0};
    out->den = 1;
    if (sum_of_terms(&p, &out->num) != 0) {
        return -1;
    }
    if (*p.at == '/') {
        p.at++;
        if (sum_of_terms(&p, &out->den) != 0) {
            return -1;
        }
    }
    if (*p.at != '\0') {
        return fail(err, errlen, "expected \"+\", \"-\", one \"/\" or the end at \"%.20s\"", p.at);
    }
    return 0;
}

struct ratio ratio_divide(struct ratio a, struct ratio b)
{
    if (a.den == 0 || b.den == 0 || b.num == 0) {
        return (struct ratio){0, 0};
    }
    unsigned __int128 num = (unsigned __int128)a.num * b.den;
    unsigned __int128 den = (unsigned __int128)a.den * b.num;
    while (num > UINT64_MAX || den > UINT64_MAX) {
        num >>= 1;
        den >>= 1;
    }
    return (struct ratio){(uint64_t)num, den > 0 ? (uint64_t)den : 1};
}

int64_t ratio_fixed(struct ratio r, unsigned decimals)
{
    assert(decimals <= 6);
    if (r.den == 0) {
        return -1;
    }
    unsigned __int128 v = r.num;
    for (unsigned i = 0; i < decimals; i++) {
        v *= 10;
    }
    v = (2 * v + r.den) / (2 * (unsigned __int128)r.den);
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}
