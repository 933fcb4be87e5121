/* The host is darwin: libSystem is the one library, and the system's own. Built, not run. */
#include "host.h"

#include <limits.h>
#include <mach-o/dyld.h>
#include <malloc/malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/event.h>
#include <unistd.h>

const char *host_own_path(void)
{
    static char path[PATH_MAX];
    char started_as[PATH_MAX];
    uint32_t size = sizeof started_as;
    if (_NSGetExecutablePath(started_as, &size) != 0 || realpath(started_as, path) == NULL)
        return "";
    return path;
}

void host_prepare(void)
{
}

static void *watch(void *queue)
{
    struct kevent seen;
    while (kevent((int)(intptr_t)queue, NULL, 0, &seen, 1, NULL) < 1)
        ;
    _exit(1);
}

/* Nothing here ends a child with its parent; a thread waits for the end of the parent instead. */
int host_end_with(pid_t parent)
{
    struct kevent wanted;
    pthread_t thread;
    if (getppid() != parent)
        return 0;
    int queue = kqueue();
    EV_SET(&wanted, parent, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, NULL);
    if (queue < 0 || kevent(queue, &wanted, 1, NULL, 0, NULL) != 0)
        return getppid() == parent ? -1 : 0; /* it may have ended just now */
    return pthread_create(&thread, NULL, watch, (void *)(intptr_t)queue) == 0 ? 0 : -1;
}

size_t host_trim(void)
{
    return malloc_zone_pressure_relief(NULL, 0);
}

/* Darwin says it with the same call, to root alone in some releases: not asked. */
int host_clock_synchronised(void)
{
    return -1;
}
