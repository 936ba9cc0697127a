/* machine.h - the ABI between the kernel and the machine: what the simulator provides to ring 0. */
#ifndef GUESTOS_MACHINE_H
#define GUESTOS_MACHINE_H

#include <stdint.h>

/*
 * Included by the kernel (wasm32) and by the simulator. Every row is a function that the kernel
 * imports from module "machine"; arguments are i32 (i) or i64 (l), the result is i32, i64 or none
 * (v). Pointers are offsets in the kernel's own memory unless they are called u… (in the memory of
 * the instance named by the argument before). Negative results are -errno with WASI's numbers.
 *
 *   MACHINE_CALL(id, result, params, text)
 */
/* clang-format off: one row a line */
#define MACHINE_CALLS(X)                                                                           \
    X(param, i, "iiii",                                                                            \
      "copy the value of a boot parameter: name, len, buf, cap -> length or -ENOENT")              \
    X(section_count, i, "", "number of sections of the boot image")                                \
    X(section_name, i, "iii", "n, buf, cap -> length of its name")                                 \
    X(section_size, l, "i", "n -> bytes")                                                          \
    X(section_read, i, "ilii",                                                                     \
      "n, offset, buf, len -> bytes read (device DMA into kernel memory)")                         \
    X(module_load, i, "i", "section n holds a wasm module -> module handle or -ENOEXEC")           \
    X(module_load_bytes, i, "iiii",                                                                \
      "name, len, address, bytes of a wasm module in kernel memory -> module handle, -ENOEXEC or " \
      "-ENOMEM; the same name and bytes give the same handle")                                     \
    X(instance_new, i, "iii",                                                                      \
      "module, most pages of memory, 0 or an instance of the same module -> instance handle; "     \
      "functions are bound to kernel exports \"module.field\", an imported memory to that of the " \
      "instance or to a new one")                                                                  \
    X(instance_drop, i, "i", "free it")                                                            \
    X(thread_new, i, "iiiii",                                                                      \
      "instance, export name, len, kernel stack top, cookie -> thread handle")                     \
    X(thread_new_with, i, "iiiiiii",                                                               \
      "as thread_new, of a function with two i32 parameters, which come last")                     \
    X(thread_stack, i, "ii",                                                                       \
      "of a thread that was not resumed yet: most bytes of its stack -> 0 or -EINVAL")             \
    X(thread_drop, i, "i", "free it")                                                              \
    X(resume, i, "il",                                                                             \
      "run a thread on this hart until it gives up, or for about so many nanoseconds of which "    \
      "the "                                                                                       \
      "last must be in user code; 0: no limit. enum machine_why")                                  \
    X(yield, v, "i",                                                                               \
      "from a kernel call of a user thread: back to resume with MACHINE_YIELDED, value kept for "  \
      "thread_value")                                                                              \
    X(thread_exit, v, "i", "as yield, with MACHINE_EXITED; the thread ends")                       \
    X(thread_value, i, "i", "what it gave to yield or thread_exit")                                \
    X(slice, v, "l", "the running thread may go on for so many nanoseconds, as in resume")         \
    X(wait_info, i, "ii",                                                                          \
      "after MACHINE_WAITS and MACHINE_NOTIFIES: thread, where to put a struct machine_wait -> "   \
      "0, "                                                                                        \
      "or 1: it waits for a value that is not there any more")                                     \
    X(wait_done, i, "ii", "thread, result of its wait or notify")                                  \
    X(wait_fail, i, "i", "its wait traps: deadlock")                                               \
    X(cookie, i, "", "cookie of the running thread, 0 in the boot thread")                         \
    X(caller, i, "", "instance handle of the running user thread, 0 in the boot thread")           \
    X(copy_in, i, "iiii",                                                                          \
      "instance, usrc, dst, len -> 0 or -EFAULT; micro-ops through the caches")                    \
    X(copy_out, i, "iiii", "instance, udst, src, len -> 0 or -EFAULT")                             \
    X(map, i, "iiii",                                                                              \
      "instance (0: kernel), tier, first frame, frames -> linear address or -ENOMEM; grows the "   \
      "memory")                                                                                    \
    X(unmap, i, "iii", "instance (0: kernel), uaddr, bytes -> 0 or -EINVAL")                       \
    X(frames_alloc, i, "i", "n contiguous zeroed DRAM frames -> first or -ENOMEM")                 \
    X(frames_free, i, "ii", "first, n")                                                            \
    X(memory_bytes, l, "i", "size of an instance's memory")                                        \
    X(dram_frames, i, "i", "0: size of DRAM in frames, 1: how many are free")                      \
    X(nvdimm_frames, i, "", "size of the NVDIMM in frames")                                        \
    X(tier_samples, i, "iiii",                                                                     \
      "instance, first page, pages (64 at most), where to put a u32 for each: how often hardware " \
      "saw a request of it beyond the caches since this was asked last -> 0 or -EINVAL")           \
    X(tier_access, l, "l",                                                                         \
      "the page of this number, any that the kernel gives it, is used: -1, or the number of the "  \
      "page that has to leave DRAM for it, by the page policy of the machine")                     \
    X(tier_move, i, "iiii",                                                                        \
      "instance, page, tier, NVDIMM frame (for that tier): copies the page through the caches "    \
      "into the frame, or into one of DRAM, maps it there, and takes translations back; the DRAM " \
      "frame that it had is free -> 0, -EINVAL or -ENOMEM")                                        \
    X(console_write, i, "iii", "stream (1 out, 2 err), buf, len -> bytes")                         \
    X(console_read, i, "ii", "buf, cap -> bytes, 0 at the end of input")                           \
    X(console_poll, i, "i",                                                                        \
      "enum machine_console bits; waits for one of the first two so many milliseconds of the "     \
      "host's time, negative: as long as it takes. An interrupt is told once")                     \
    X(console_mode, v, "i", "of a terminal: 0 lines with echo, 1 each key as it is pressed")       \
    X(export_entry, i, "iii",                                                                      \
      "path, len, kind (WASI's file type): an entry of the tree that goes back to the host")       \
    X(export_bytes, i, "ii", "buf, len: bytes of the entry begun last")                            \
    X(clock, l, "i",                                                                               \
      "0: nanoseconds since power-on; 1: the same plus the wall-clock base of the config")         \
    X(entropy, v, "ii", "buf, len: seeded pseudo-random bytes")                                    \
    X(sleep, v, "l", "nanoseconds during which this hart idles; may end early")                    \
    X(hart, i, "", "number of this hart, from 0")                                                  \
    X(harts, i, "", "how many there are")                                                          \
    X(hart_start, i, "ii",                                                                         \
      "hart, kernel stack top: it runs the export boot_hart (() -> ()) from now on -> 0, -EINVAL " \
      "or -ENOMEM")                                                                                \
    X(idle, i, "l",                                                                                \
      "this hart waits until it is woken or so many nanoseconds have passed (negative: no limit) " \
      "-> 0; at once 1: nothing could wake it")                                                    \
    X(wake, i, "i",                                                                                \
      "let a hart go on that is idle; one that is not will not wait the next time -> 0 or "        \
      "-EINVAL")                                                                                   \
    X(interrupt, i, "i",                                                                           \
      "a hart that runs a thread comes back to its boot thread with MACHINE_PREEMPTED, as soon "   \
      "as "                                                                                        \
      "that is in user code; one that is idle goes on -> 0 or -EINVAL")                            \
    X(trap_report, v, "i", "print a trapped thread's report on the machine's log")                 \
    X(halt, v, "i", "power off in good order with this exit code")

/* clang-format on */

enum machine_call {
#define X(id, result, params, text) MACHINE_##id,
    MACHINE_CALLS(X)
#undef X
        MACHINE_CALL_COUNT
};

/* Exit codes of halt that are not a program's own (those are 0 to 2^31-1, as proc_exit gave them,
 * with the top bit cleared). */
enum machine_halt {
    MACHINE_HALT_TRAPPED = -1, /* the program trapped; trap_report has been called */
    MACHINE_HALT_REFUSED = -2  /* the kernel could not start it: bad image or parameter; the reason
                                  is on the console, stream 2 */
};

enum machine_why {
    MACHINE_EXITED,
    MACHINE_YIELDED,
    MACHINE_TRAPPED,
    MACHINE_PREEMPTED, /* its time is over */
    MACHINE_WAITS,   /* in memory.atomic.wait: to be resumed after wait_done or wait_fail. The value
                        was the one expected; wait_info says whether it still is */
    MACHINE_NOTIFIES /* in memory.atomic.notify: to be resumed after wait_done */
};

/* What a thread waits for, or notifies. */
struct machine_wait {
    uint64_t addr;
    int64_t timeout_ns; /* negative: none */
    uint32_t space;     /* the memory: threads that share it see the same number */
    uint32_t count;     /* of threads to wake */
};

/* Without MACHINE_CONSOLE_TERMINAL the input is there at once, for whoever asks: a read waits for
 * the host, and no time passes for the guest. */
enum machine_console {
    MACHINE_CONSOLE_READABLE = 1,
    MACHINE_CONSOLE_INTERRUPT = 2,
    MACHINE_CONSOLE_TERMINAL = 4
};

enum machine_tier { MACHINE_DRAM, MACHINE_NVDIMM };

/* Section names of the boot image. The kernel is ".kernel"; ".prog/NAME" is a program; ".file/PATH"
 * a file that programs see as /PATH. */
#define SECTION_KERNEL  ".kernel"
#define SECTION_PROGRAM ".prog/"
#define SECTION_FILE    ".file/"
#define SECTION_DIR     ".dir/"  /* a directory, which may be empty */
#define SECTION_LINK    ".link/" /* a symbolic link: its target */

/* Boot parameters, as text without a final NUL; param returns the whole length even when it is more
 * than cap (cap 0 asks for the length). In argv and env each entry ends with a NUL; argv[0] is in
 * argv (none at all: the kernel takes the program's name). */
#define PARAM_PROGRAM       "program" /* name of the program to run */
#define PARAM_ARGV          "argv"
#define PARAM_ENV           "env"
#define PARAM_DATA_TIER     "data_tier" /* "dram" or "nvdimm": where files and named objects live */
#define PARAM_STACK_TOP     "kernel_stack_bytes" /* decimal, 8192 to 983040 */
#define PARAM_PROGRAM_PAGES "program_pages"      /* decimal; optional, 16384 */
#define PARAM_HANDLES       "handles"            /* most descriptors of a process; optional */
#define PARAM_THREADS       "threads"            /* most threads of a process; optional */
#define PARAM_STACK         "stack" /* most bytes of a thread's stack, decimal; optional */
#define PARAM_TERMINALS                                                                            \
    "terminals" /* console streams that are a terminal: bits 1 << n; optional, 7 */
#define PARAM_SLICE_NS       "slice_ns"       /* time slice; optional */
#define PARAM_TIER_PERIOD    "tier_period"    /* ns; none: nothing is migrated (kernel/tier.h) */
#define PARAM_TIER_DRAM      "tier_dram"      /* frames for pages of programs */
#define PARAM_TIER_THRESHOLD "tier_threshold" /* samples in a period, from which a page is hot */
#define PARAM_TIER_LIMIT     "tier_limit" /* most pages that become DRAM's in a period, 1 to 256 */
#define PARAM_PREOPENS                                                                             \
    "preopens"                /* directories that the program gets, each with a                    \
                                 NUL; none: "/" */
#define PARAM_EXPORT "export" /* paths whose trees go back to the host at halt */

/* map and unmap never free frames: what frames_alloc gave stays taken until frames_free, whatever
 * becomes of the instances in which it was mapped. A thread that returns from the function that it
 * began with has exited with value 0. */

/* The kernel module exports `boot` (() -> ()), `__stack_pointer` (mutable i32 global; each thread
 * has its own value, switched by the machine at resume and yield), its memory, and one function
 * "module.field" for each import of user programs that it serves. */

#endif
