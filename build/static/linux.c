/* The host is Linux with a static glibc. */
#define _GNU_SOURCE
#include "host.h"

#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <nss.h>
#include <signal.h>
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

/* Only look-ups that are linked in: the host's nsswitch.conf may name modules of another libc. */
static void configure_lookups(void)
{
    static const char *const files_only[] = {
        "aliases", "ethers",    "group",    "gshadow",   "initgroups", "netgroup", "networks",
        "passwd",  "protocols", "publickey", "rpc",      "services",   "shadow",
    };
    __nss_configure_lookup("hosts", "files dns");
    for (size_t i = 0; i < sizeof files_only / sizeof *files_only; i++)
        __nss_configure_lookup(files_only[i], "files");
}

void host_prepare(void)
{
    configure_lookups();
    mallopt(M_ARENA_MAX, 2); /* an arena a thread costs megabytes after a burst */
}

void host_end_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
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
