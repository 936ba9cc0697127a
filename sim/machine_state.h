/* machine_state.h - the fields of a machine, for the files that work on them: machine.c builds it,
 * hart.c runs its harts, hostcall.c serves the kernel's calls of module "machine". */
#ifndef SIM_MACHINE_STATE_H
#define SIM_MACHINE_STATE_H

#include "cpu/core.h"
#include "guestos/include/machine.h"
#include "sim/holdup.h"
#include "sim/machine.h"
#include "sim/memside.h"
#include "sim/nvfile.h"
#include "sim/pmcheck.h"
#include "sim/power.h"
#include "sim/suspend.h"
#include "wasmcore/engine.h"

#define NO_THREAD UINT32_MAX

/* A guest thread as the kernel knows it: its handle is the place in machine.threads. */
struct guest_thread {
    struct thread *thread; /* NULL: the place is free */
    uint32_t args[2];      /* of that, when it is a thread of WASI */
    struct func *next;     /* to be called when the present function is done: after `start` */
    uint32_t instance;     /* handle of the program's instance */
    uint32_t cookie;       /* the kernel's own */
    uint32_t kernel_sp;    /* its kernel stack pointer while another thread runs */
    uint32_t frames;       /* first DRAM frame of its stack */
    int32_t value;         /* last given to yield or thread_exit */
    uint8_t over;          /* has ended or trapped: cannot be resumed */
    uint8_t boots;         /* the boot thread of a hart */
    uint8_t busy;          /* it is the current thread of a hart */
};

/* Frames under a module's code. */
struct code_place {
    uint32_t first, frames; /* FRAME_NONE, 0: there was no room */
};

/* A module that the kernel loaded from its memory. */
struct kept_module {
    char *name;
    uint8_t *bytes;
    size_t n;
    int module;
};

/* The memory of instance `to` is the one of instance `from`. */
struct lent_memory {
    uint32_t from, to;
};

/* Translations of pages that another hart has unmapped. */
struct shootdown {
    ps_t at; /* when the interrupt is there */
    uint32_t space, page, n;
};

/* A hart: a core, and the guest thread whose turn it is there. hart.c says how they take turns. */
struct hart {
    struct core *core;  /* NULL: functional */
    struct log log;     /* of what has been executed; timed up to word `eaten` */
    uint32_t eaten;     /* on the only hart: up to where it stopped for a point, else 0 */
    uint32_t boot;      /* place of its boot thread, the only one that may resume others here */
    uint32_t current;   /* place of the thread that runs */
    uint32_t kernel_sp; /* the kernel's stack pointer while another hart is at work */
    uint64_t counted;   /* of the current thread's count, so much is in `executed` */
    uint64_t executed;  /* operators, by this process, for the stats registry */
    uint64_t stall_ps;  /* functional model: time spent waiting */
    uint64_t cycles;    /* for the stats registry, kept at each sample and at the end */
    ps_t alarm;         /* idle: when it goes on by itself; HART_FOR_EVER: when it is woken */
    ps_t interrupt;     /* when the interrupt that another hart has sent is there; HART_FOR_EVER */
    uint64_t look;      /* value of `executed` at which code on private memory looks for it */
    struct shootdown shootdown; /* n 0: none */
    ps_t slice_end;             /* when the thread that was resumed is to give up; HART_FOR_EVER */
    uint64_t slice_look;        /* value of `executed` at which to see whether it is that late */
    uint8_t idle;
    uint8_t woken;        /* while it was not idle: the next time that it would be, it goes on */
    uint8_t stopped, why; /* the engine has returned `why` (enum run_reason), not served yet */
    uint8_t marked;       /* it stopped at the mark of the machine's point */
};
#define HART_FOR_EVER UINT64_MAX

struct machine {
    const struct config *cfg;
    struct config *own_cfg; /* the same, when it is to be freed with the machine */
    struct machine_ports ports;
    ps_t period;

    struct physmem *pm;
    struct store *store;
    struct wasm_limits limits; /* the store's */
    struct memside mem;
    struct nvfile *nvfile;      /* NULL: the NVDIMM began with zeros */
    const struct core_ops *ops; /* NULL: functional */
    struct hart *harts;
    uint32_t nharts;
    struct hart *hart; /* at work: the one that host calls come from */
    struct stats *stats;
    struct series *series;   /* NULL: nobody samples */
    int sampled;             /* an epoch ended in this step */
    struct pmfollow *follow; /* NULL: nobody follows persistent memory; else all runs are logged */

    struct instance *kernel;
    int kernel_module; /* its number in the store */
    struct gcell *kernel_sp;
    struct func *calls[MACHINE_CALL_COUNT];
    struct code_place *code; /* by module */
    uint32_t ncode;
    struct guest_thread *threads;
    uint32_t nthreads;
    struct kept_module *kept;
    struct lent_memory *lent;
    uint32_t nkept, nlent;

    uint64_t instructions; /* executed so far, all threads, also before a checkpoint */
    uint64_t executed;     /* by this process, for the stats registry */
    ps_t origin_ps;        /* time that had passed when this process began, after a checkpoint */
    struct machine_point stop;
    uint8_t reached, at_point; /* the point is behind; and the hart is where it can stop */
    uint64_t next_epoch;       /* cycle */
    uint64_t lap_end;          /* functional model: end of the run under way, 0: none is */
    uint64_t random;           /* state of the entropy device */
    uint64_t written[2];       /* bytes, to the console\'s output and its error stream */
    uint64_t input_read;       /* bytes, from its input */
    struct series_past *past;  /* of the part before a full checkpoint; NULL: none */
    enum machine_state state;
    struct power_cut cut; /* when the power is to fail */
    ps_t cut_ps;          /* CUT_NONE and the others: not known yet when HART_FOR_EVER */
    ps_t failed_ps;       /* power.restore: when the suspending began */
    struct suspend_counters suspend;
    struct holdup_counters holdup;
    uint64_t fences; /* so far */
    uint8_t holds;   /* before a call of the kernel's: it waits for machine_release */
    int exit_code;
    int finished;
};

/* Is the host call that the current thread has stopped at one that maps NVDIMM frames? */
int hostcall_maps_nvdimm(const struct machine *m);
/* Serve the host call that the current thread has stopped at. */
void hostcall_serve(struct machine *m);
/* The current thread has returned from its function, or trapped. */
void hostcall_thread_done(struct machine *m);
void hostcall_thread_trapped(struct machine *m);
/* Bind the "machine" imports of the kernel. */
int hostcall_make(struct machine *m); /* 0, or -1: no memory */
/* All imports of a module, bound: the kernel's to the machine, a program's to the kernel's exports.
 * A memory is bound to `memory` (NULL: none may be imported). An array for instance_new, the caller
 * frees; NULL with a message when something is not offered.
 */
struct external *hostcall_link(struct machine *m, int module, int privileged,
                               const struct external *memory, char *err, size_t errlen);
/* A new guest thread that will run f, with two i32 if it has parameters, in the given instance: its
 * handle, or -1: not enough DRAM. What the host lacks must not become the guest's shortage: then
 * the process ends (memhier/hostmem.h), here and below. */
int32_t machine_thread_new(struct machine *m, struct instance *in, struct func *f,
                           const uint32_t args[2], uint32_t kernel_stack, uint32_t cookie);
/* The thread that was resumed may run until then. */
void hart_slice(struct machine *m, ps_t end);
/* Back to the boot thread: the time of the thread that runs is over. */
void hostthread_preempt(struct machine *m);
/* Keep the bytes of a module that came from memory; note that an instance lends its memory. 0, or
 * -1: no memory. Forget all of that. */
int hostmodule_keep(struct machine *m, const char *name, const uint8_t *bytes, size_t n,
                    int module);
int hostmodule_lend(struct machine *m, uint32_t from, uint32_t to);
void hostmodule_drop(struct machine *m);
void machine_thread_drop(struct machine *m, uint32_t handle);
/* Put frames of DRAM under a module's code, modules in their order: 0, or -1: not enough. */
int machine_place_code(struct machine *m, int module);
/* The next module's code lies there. */
void machine_add_code(struct machine *m, struct code_place p);
/* Frames of a thread's stack. */
uint32_t machine_stack_frames(const struct machine *m);
/* Give the log of the hart at work to its core and empty it. */
void machine_consume(struct machine *m);
/* Only give it what it has not had. Nothing that is simulated or sampled depends on where that is
 * done, nor what follows in the log. */
void machine_time_log(struct machine *m);
/* Turns of harts, until about `until` operators have been executed or there is a reason to stop. */
void harts_run(struct machine *m, uint64_t until);
/* Room for harts and their logs; cores come later. 0, or -1 with a message. */
int harts_make(struct machine *m, char *err, size_t errlen);
void harts_drop(struct machine *m);
ps_t hart_now(const struct machine *m, const struct hart *h);
/* From now on it is the hart at work. */
void hart_put_to_work(struct machine *m, struct hart *h);
/* Of a checkpoint: what harts do, and when; then, behind a reader's own time, make that times of
 * this machine (checkpoint_harts.c). */
void checkpoint_harts(struct machine *m, struct archive *a, int full);
void checkpoint_harts_go_on(struct machine *m);
/* A hart that has no thread yet begins with this boot thread, now. */
void hart_start(struct machine *m, struct hart *h, uint32_t boot);
/* Let hart `id` go on if it is idle, or not become so the next time. By the hart at work. */
void hart_wake(struct machine *m, uint32_t id);
/* Have hart `id` come back to its boot thread, if it is not idle; else as hart_wake. */
void hart_interrupt(struct machine *m, uint32_t id);
/* An idle hart goes on: the time until its alarm has passed. */
void hart_stop_idling(struct machine *m, struct hart *h);
/* Has it translations to drop by now? It does. */
int hart_must_drop(const struct machine *m, const struct hart *h);
void hart_drop_pages(struct machine *m, struct hart *h);
/* n pages of a memory are not what they were: harts that run in it drop their translations, and the
 * hart at work waits until they have. */
void hart_shootdown(struct machine *m, const struct space *s, uint32_t page, uint32_t n);
/* The hart at work waits for `ns` (negative: for ever) or until it is woken. 0, or 1: it does not
 * wait, since nothing could wake it. */
int hart_idle(struct machine *m, int64_t ns);
/* The end of a run: everything that is logged is timed, and all harts are at the same time. */
void harts_finish(struct machine *m);
/* Append to the log of the hart at work: the machine's own words. */
void machine_event(struct machine *m, enum log_event code, uint64_t arg);
/* Time of the hart at work, since this process began, and since power-on, as the guest sees it. */
ps_t machine_now(const struct machine *m);
ps_t machine_guest_time(const struct machine *m);
/* What machine_new does, in three steps, for who has a checkpoint to read between them: memory and
 * an empty store; the kernel; what executes and counts. 0, or -1 with a message. */
struct machine *machine_frame(const struct config *cfg, const struct machine_ports *ports,
                              char *err, size_t errlen);
int machine_find_kernel(struct machine *m, char *err, size_t errlen);
int machine_ready(struct machine *m, char *err, size_t errlen);
/* What a full checkpoint has besides an architectural one (checkpoint_full.c). */
void checkpoint_full(struct machine *m, struct archive *a);
/* Say on the log what trapped where. whose NULL: the module that the thread began in. */
void machine_report_trap(struct machine *m, const struct guest_thread *g, const char *whose);

#endif
