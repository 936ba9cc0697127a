/* power.h - power cuts: when the power goes, and what runs when it is back. */
#ifndef SIM_POWER_H
#define SIM_POWER_H

#include "sim/config.h"
#include "sim/image.h"

/* Millionths as text: "769.611" for 769611000 ps, in us. Returns buf. */
#define POWER_TEXT 32
const char *power_micro(uint64_t millionths, char buf[POWER_TEXT]);

/* When the power goes: power.fail_at. */
enum cut_kind { CUT_NONE, CUT_CYCLES, CUT_INSTRUCTIONS, CUT_FENCE, CUT_MARK };
struct power_cut {
    enum cut_kind kind;
    uint64_t n;
};
/* "cycles=N", "instructions=N", "fence=N" (the N-th, from 1) or "mark=N" (the first pwk.mark(N));
 * "": CUT_NONE. 0, or -1 with a message. */
int power_cut_parse(const char *text, struct power_cut *out, char *err, size_t errlen);

/* "NAME ARG ARG" becomes program.name and program.args. 0, or -1 with a message. */
int power_set_program(struct config *cfg, const char *text, char *err, size_t errlen);

/*
 * Boot again from the file `nvdimm`, once for each program of power.recovery, each with what the
 * one before left durable; the file is not changed. A line for each on `log`. 0: all ended with
 * exit code 0; 1: one did not; -1 with a message.
 */
int power_recover(const struct config *cfg, const struct image *image, const char *nvdimm,
                  FILE *const console[2], FILE *log, char *err, size_t errlen);

#endif
