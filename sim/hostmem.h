/* hostmem.h - when the host cannot give the memory that it has promised. */
#ifndef SIM_HOSTMEM_H
#define SIM_HOSTMEM_H

/*
 * Memory of the machine takes memory of the host when it is first touched, and files are mapped
 * rather than read. Where the host has none left by then, or another process has cut such a file
 * short, it sends SIGBUS; guests' faults are SIGSEGV and never this (trap.h).
 *
 * From this call on that ends the process with one line on stderr and this exit status. Once more:
 * with the new status.
 */
void hostmem_watch(int status);

#endif
