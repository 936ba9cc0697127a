/* cmd.h - the commands of pwsim, and what their command lines have in common. */
#ifndef SIM_CMD_H
#define SIM_CMD_H

#include <stddef.h>

#include "sim/config.h"
#include "sim/image.h"

enum exit_status {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,       /* a comparison or test failed, a guest trapped */
    EXIT_BAD_INPUT = 2,    /* bad usage or input, or the host has no memory */
    EXIT_EXEC_INPUT = 125, /* the same from `pwsim exec`, whose other codes are the program's */
    EXIT_EXEC_TRAP = 126,
    EXIT_EXEC_FUEL = 124 /* --fuel is used up */
};

/* Each gets argv with its own name first and returns an exit status. */
int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_shell(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
/* Of a file that callcosts_is: 0, or -1 with a message. */
int cmd_calibrate_calls(const char *path, const struct config *cfg, int json, char *err,
                        size_t errlen);
int cmd_trace(int argc, char **argv);
int cmd_regress(int argc, char **argv);
int cmd_replacement(int argc, char **argv);
int cmd_view(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_crash(int argc, char **argv);
int cmd_image(int argc, char **argv);

/* First of all in main: descriptors 0 to 2 are open (what the caller has closed fails, instead of
 * some other file being read or written in its place); a file-size limit is an error of writing; a
 * host without memory ends with EXIT_BAD_INPUT. */
void cmd_begin(void);
/* "pwsim: …" on stderr, control characters as '?'; returns EXIT_BAD_INPUT. */
int cmd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The status of a process whose command ended so: `unwritten`, with a message, if its output could
 * not be written. */
int cmd_end(int status, int unwritten);

/* A folder of the host as sections .dir/PATH, .file/PATH and .link/PATH, in order of names; links
 * are not followed, other kinds left out. at: where the guest sees it ("" is the root). 0, or -1
 * with a message. */
int hostdir_add(struct image *image, const char *folder, const char *at, char *err, size_t errlen);

#endif
