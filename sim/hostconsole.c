/* hostconsole.c - the kernel's calls about the console, and trees of files that go back to the
 * host.
 */
#include "sim/hostcall.h"

#include <string.h>
#include <unistd.h>

#include "sim/hosttree.h"
#include "sim/terminal.h"

int64_t hostcall_console_write(struct machine *m, const uint64_t *a)
{
    const uint8_t *p = kernel_bytes(m, a[1], (uint32_t)a[2]);
    FILE *to = m->ports.console[(uint32_t)a[0] == 2];
    if (!p)
        return -E_FAULT;
    m->written[(uint32_t)a[0] == 2] += (uint32_t)a[2];
    if (to)
        fwrite(p, 1, (uint32_t)a[2], to);
    if (m->ports.transcript)
        fwrite(p, 1, (uint32_t)a[2], m->ports.transcript);
    return (uint32_t)a[2];
}

int64_t hostcall_console_read(struct machine *m, const uint64_t *a)
{
    uint8_t *p = kernel_bytes(m, a[0], (uint32_t)a[1]);
    if (!p)
        return -E_FAULT;
    /* What is there already, as a terminal gives it: not until the buffer is full. */
    const ssize_t n = m->ports.input >= 0 ? read(m->ports.input, p, (uint32_t)a[1]) : 0;
    m->input_read += n > 0 ? (uint64_t)n : 0;
    return n < 0 ? -E_IO : n;
}

int64_t hostcall_console_poll(struct machine *m, const uint64_t *a)
{
    if (m->ports.terminal)
        return terminal_poll(m->ports.terminal, (int32_t)a[0]) | MACHINE_CONSOLE_TERMINAL;
    return MACHINE_CONSOLE_READABLE;
}

int64_t hostcall_console_mode(struct machine *m, const uint64_t *a)
{
    if (m->ports.terminal)
        terminal_mode(m->ports.terminal, (uint32_t)a[0] == 1);
    return 0;
}

/* ---- trees for the host ---- */

int64_t hostcall_export_entry(struct machine *m, const uint64_t *a)
{
    const uint8_t *path = kernel_bytes(m, a[0], (uint32_t)a[1]);
    if (!path)
        return -E_FAULT;
    if (!m->ports.tree)
        return -E_INVAL;
    return hosttree_entry(m->ports.tree, (const char *)path, (uint32_t)a[1], (uint32_t)a[2])
               ? -E_NOMEM
               : 0;
}

int64_t hostcall_export_bytes(struct machine *m, const uint64_t *a)
{
    const uint8_t *bytes = kernel_bytes(m, a[0], (uint32_t)a[1]);
    if (!bytes)
        return -E_FAULT;
    if (!m->ports.tree)
        return -E_INVAL;
    return hosttree_bytes(m->ports.tree, bytes, (uint32_t)a[1]) ? -E_NOMEM : 0;
}
