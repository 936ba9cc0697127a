/* progress.h - a heartbeat on stderr while a simulation runs. */
#ifndef SIM_PROGRESS_H
#define SIM_PROGRESS_H

#include <stdint.h>

/*
 * One line, rewritten at most four times a second, cleared at the end: percent (where the end is
 * known), instructions so far, simulated million instructions per host second, time left. Nothing
 * is written unless stderr is a terminal or the heartbeat is forced. Host time never leaves this
 * line.
 */
enum progress_mode { PROGRESS_AUTO, PROGRESS_ON, PROGRESS_OFF };

struct progress {
    const char *label; /* borrowed */
    uint64_t began_ns, shown_ns;
    uint8_t active, visible;
};

void progress_begin(struct progress *p, enum progress_mode mode, const char *label);
/* Cheap enough to call every millisecond or so. total 0: the end is not known; else done of total.
 */
void progress_update(struct progress *p, uint64_t instructions, uint64_t done, uint64_t total);
void progress_end(struct progress *p);

#endif
