/* cmd_trace.h - the parts of `pwsim trace`; each gets argv with its own name first. */
#ifndef SIM_CMD_TRACE_H
#define SIM_CMD_TRACE_H

#include <stddef.h>
#include <stdint.h>

int cmd_trace_import(int argc, char **argv);
int cmd_trace_export(int argc, char **argv);
int cmd_trace_generate(int argc, char **argv);

/* Before a trace is written to OUT, by a rename: may it be? 0, or -1 and a message. Half a trace
 * goes if the process is stopped. */
int trace_output(const char *out, char *err, size_t errlen);

/* A count given to an option; *n stays as it is without a text. 0, or -1 and a message. */
int count_parse(const char *option, const char *text, uint64_t *n, char *err, size_t errlen);

#endif
