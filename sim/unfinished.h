/* unfinished.h - files and folders that are removed if the process is stopped before they are
 * whole. */
#ifndef SIM_UNFINISHED_H
#define SIM_UNFINISHED_H

/*
 * What is written beside its place and renamed when it is whole (run directories, checkpoints,
 * traces, images) would stay behind as litter where Ctrl-C, a signal of a batch system, a closed
 * pipe or a host without memory ends the process. Children of a fork remove nothing.
 */

/* From now on SIGINT, SIGTERM, SIGHUP, SIGPIPE and SIGXCPU remove what is unfinished and end the
 * process as they would have, where they are not ignored; hostmem_stop does, too. Once a process.
 */
void unfinished_watch(void);

/* PATH followed by suffix: a file, or a folder of files only; it may not exist yet. Returns a
 * handle; -1 where there are too many, or the name is too long: then it is not looked after. */
int unfinished_add(const char *path, const char *suffix);
/* It is whole, or has been removed. handle -1 is fine. */
void unfinished_done(int handle);

#endif
