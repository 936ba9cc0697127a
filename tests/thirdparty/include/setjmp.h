/* setjmp.h - that it is included, and nothing more: see lua.h. */
