/* lua.h - Lua's errors without setjmp: with binaryen's pass "asyncify" a throw returns from every
 * function up to lua_try, which the pass leaves as it is. And what WASI's C library lacks. */
#include <stdio.h>
#include <stdlib.h>
/* clang-format off */
#define IMPORT(field) __attribute__((import_module("asyncify"), import_name(field)))
IMPORT("start_unwind") void start_unwind(void *room);
IMPORT("stop_unwind") void stop_unwind(void);
__attribute__((weak)) struct { char *at, *end, room[1 << 18]; int thrown; } unwound;
__attribute__((weak, noinline)) void lua_throw(void) {
    unwound.at = unwound.room, unwound.end = (char *)&unwound.thrown, unwound.thrown = 1, start_unwind(&unwound);
}
__attribute__((weak, noinline)) void lua_try(void (*f)(void *, void *), void *L, void *ud) {
    f(L, ud);
    if (unwound.thrown) unwound.thrown = 0, stop_unwind();
}
#define LUAI_THROW(L, c)  lua_throw()
#define LUAI_TRY(L, c, a) lua_try((void (*)(void *, void *))f, L, ud);
#define luai_jmpbuf       int
#define LUA_TMPNAMBUFSIZE 32
#define lua_tmpnam(b, e)  (e = 1)
#define tmpfile()         ((FILE *)NULL)
#define system(cmd)       ((cmd) ? -1 : 0)
