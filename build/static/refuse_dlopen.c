/* No foreign code is ever loaded into this process.
 *
 * A static glibc would load the host's name service and character set plug-ins, built against
 * another libc: an nsswitch.conf that names systemd's modules then kills the process at a look-up.
 * With the whole family defined here, glibc's own loader (_dl_open) is not even linked; the build
 * checks that with nm (build/static/assemble.py).
 */
#define _GNU_SOURCE
#include <stddef.h>

#define REFUSE(type, name, parameters, answer) \
    type name parameters;                      \
    type name parameters { return answer; }

static char refusal[] = "this executable loads no shared objects";

REFUSE(void *, dlopen, (const char *file, int mode), NULL)
REFUSE(void *, dlmopen, (long space, const char *file, int mode), NULL)
REFUSE(void *, dlsym, (void *handle, const char *name), NULL)
REFUSE(void *, dlvsym, (void *handle, const char *name, const char *version), NULL)
REFUSE(int, dlclose, (void *handle), -1)
REFUSE(char *, dlerror, (void), refusal)
REFUSE(int, dladdr, (const void *address, void *info), 0)
REFUSE(int, dladdr1, (const void *address, void *info, void **extra, int flags), 0)
REFUSE(int, dlinfo, (void *handle, int request, void *info), -1)

/* The same under the names that glibc uses inside. */
REFUSE(void *, __libc_dlopen_mode, (const char *file, int mode), NULL)
REFUSE(void *, __libc_dlsym, (void *handle, const char *name), NULL)
REFUSE(void *, __libc_dlvsym, (void *handle, const char *name, const char *version), NULL)
REFUSE(int, __libc_dlclose, (void *handle), -1)
