/* The host is Linux with a static glibc. */
#define _GNU_SOURCE
#include "host.h"

#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <nss.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <unistd.h>

/* /proc may be missing in a container or early at boot; the kernel's own word for us is the second best. */
const char *host_own_path(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        return path;
    }
    const char *started_as = (const char *)getauxval(AT_EXECFN);
    if (started_as && realpath(started_as, path))
        return path;
    return started_as ? started_as : "";
}

/* Who is asked for names, whatever the host's nsswitch.conf says: it may name modules of another
 * libc, and is never opened. These take the place of glibc's nss_database.o: a glibc that wants more
 * of it stops the link. "dns" knows hosts and networks only, and is passed over for all else.
 */
struct nss_action;
struct nss_action *__nss_action_parse(const char *line);
static struct nss_action *sources;

#define INSTEAD_OF_GLIBC(type, name, ...) \
    type name(__VA_ARGS__);               \
    type name(__VA_ARGS__)

INSTEAD_OF_GLIBC(bool, __nss_database_get, int database, struct nss_action **answer)
{
    (void)database;
    *answer = sources;
    return sources != NULL;
}

INSTEAD_OF_GLIBC(void, __nss_database_fork_prepare_parent, void *state) { (void)state; }
INSTEAD_OF_GLIBC(void, __nss_database_fork_subprocess, void *state) { (void)state; }

void host_prepare(void)
{
    sources = __nss_action_parse("files dns");
    mallopt(M_ARENA_MAX, 2); /* an arena a thread costs megabytes after a burst */
}

/* Asked for first: a parent that ends before that is none of ours any more when we look. */
int host_end_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return -1;
    return getppid() == parent ? 0 : prctl(PR_SET_PDEATHSIG, 0);
}

/* Clean file pages only: the kernel could take them at any time and reads them back on demand. */
static int drop_read_only(struct dl_phdr_info *info, size_t size, void *dropped)
{
    (void)size;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        uintptr_t start = (info->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (info->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);
        if (start < end && madvise((void *)start, end - start, MADV_DONTNEED) == 0)
            *(size_t *)dropped += end - start;
    }
    return 1; /* the first object is the executable, and there is no other */
}

size_t host_trim(void)
{
    size_t dropped = 0;
    malloc_trim(0);
    dl_iterate_phdr(drop_read_only, &dropped);
    return dropped;
}

int host_clock_synchronised(void)
{
    struct timex asked = {0};
    if (adjtimex(&asked) < 0)
        return -1;
    return !(asked.status & STA_UNSYNC);
}
