/* hostcall.h - what the files that serve the kernel's calls share: one function for each row of
 * MACHINE_CALLS, and how they look up what the kernel names. */
#ifndef SIM_HOSTCALL_H
#define SIM_HOSTCALL_H

#include "sim/machine_state.h"

/* WASI's numbers. */
enum { E_FAULT = 21, E_INVAL = 28, E_IO = 29, E_NOENT = 44, E_NOEXEC = 45, E_NOMEM = 48 };

/* Gets the argument slots, returns the result. */
typedef int64_t hostcall(struct machine *m, const uint64_t *a);
#define X(id, result, params, text) hostcall hostcall_##id;
MACHINE_CALLS(X)
#undef X

/* hostthread.c: the thread that runs is in an instruction that the kernel must help with; back to
 * the boot thread. */
void hostthread_hand_over(struct machine *m, enum machine_why why);

/* Copy a frame, both by their physical addresses, as copy_in and copy_out do: timed, followed. */
void hostcall_copy_frame(struct machine *m, uint64_t to, uint64_t from);

/* The kernel's bytes [addr, addr + n) on the host, or NULL. */
static inline uint8_t *kernel_bytes(const struct machine *m, uint64_t addr, uint64_t n)
{
    struct space *s = instance_space(m->kernel);
    if (!space_holds(s, (uint32_t)addr, n))
        return NULL;
    space_touch(s, (uint32_t)addr, n);
    return s->base + (uint32_t)addr;
}

static inline struct guest_thread *guest(struct machine *m, uint64_t handle)
{
    if (handle >= m->nthreads || !m->threads[handle].thread)
        return NULL;
    return &m->threads[handle];
}

/* The space of an instance handle; 0 is the kernel. NULL: there is none. */
static inline struct space *space_of(const struct machine *m, uint64_t handle)
{
    struct instance *in = store_instance(m->store, (uint32_t)handle);
    return in ? instance_space(in) : NULL;
}

/* A section of the boot image, or NULL. */
static inline const struct image_section *section(const struct machine *m, uint64_t n)
{
    n = (uint32_t)n;
    return n < image_count(m->ports.image) ? image_section(m->ports.image, n) : NULL;
}

#endif
