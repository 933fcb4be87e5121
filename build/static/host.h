/* What the systems do differently; linux.c and darwin.c each answer all of it. */
#ifndef REAGENT_HOST_H
#define REAGENT_HOST_H

#include <stddef.h>
#include <sys/types.h>

/* The file that runs, as an absolute path without links where the system can tell; never NULL. */
const char *host_own_path(void);

/* The C library, before anything uses it: nothing of the host's may be loaded, little kept. */
void host_prepare(void);

/* Ends this process at once when that one ends, which is our parent. Where it is not, any more or at
 * all, nothing is tied: the application looks, too. -1 where the system does not do that.
 */
int host_end_with(pid_t parent);

/* Gives free heap and clean code pages back; bytes of address space that were offered. */
size_t host_trim(void);

/* Whether the kernel was told the time by somebody who knows; -1 where it does not say. */
int host_clock_synchronised(void);

#endif
