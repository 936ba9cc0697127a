/* setjmp.h - that it is included, and nothing more: see glue.h. */
typedef int jmp_buf[1];
