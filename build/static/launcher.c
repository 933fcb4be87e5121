/* One process, one file: configures libc and CPython so that nothing of the host's is read or loaded
 * on the way in, then runs the application in the payload.
 *
 * Measured facts behind each line: docs/decisions/0002-how-each-target-is-frozen.md.
 */
#include "host.h"
#include "payload.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Takes the place of CPython's getpath.c, which looks for pyvenv.cfg, ._pth files and folders around
 * the executable: whatever lies beside it must change nothing. initialize() sets every path there is.
 */
PyStatus _PyConfig_InitPathConfig(PyConfig *config, int compute);
PyStatus _PyConfig_InitPathConfig(PyConfig *config, int compute)
{
    (void)config, (void)compute;
    return PyStatus_Ok();
}

static void refuse(PyStatus status)
{
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

static void preinitialize(void)
{
    PyPreConfig config;
    PyPreConfig_InitIsolatedConfig(&config);
    config.utf8_mode = 1;
    config.configure_locale = 0; /* setlocale(LC_ALL, "") would ask for gconv modules */
    config.coerce_c_locale = 0;
    refuse(Py_PreInitialize(&config));
}

static void initialize(int argc, char **argv)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    config.write_bytecode = 0;
    config.optimization_level = 2;
    config.code_debug_ranges = 0;
    config.pathconfig_warnings = 0;
    config.install_signal_handlers = 0; /* see configure_signals */
    config.parse_argv = 0;              /* argv is the application's, argv[0] as it was typed */
    config.module_search_paths_set = 1; /* empty: no path is searched, no file is a module */
    refuse(PyConfig_SetBytesArgv(&config, argc, argv));
    refuse(PyConfig_SetBytesString(&config, &config.executable, host_own_path()));
    refuse(PyConfig_SetString(&config, &config.base_executable, config.executable));
    refuse(PyConfig_SetString(&config, &config.program_name, config.executable));
    wchar_t **nowhere[] = {&config.home,   &config.prefix,      &config.exec_prefix,
                           &config.base_prefix, &config.base_exec_prefix, &config.stdlib_dir};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        refuse(PyConfig_SetString(&config, nowhere[i], L""));
    refuse(PyConfig_SetString(&config, &config.platlibdir, L"lib"));
    refuse(PyConfig_SetString(&config, &config.run_command, payload_command));
    refuse(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
}

static void complain(const char *text)
{
    if (write(2, text, strlen(text)) < 0)
        return; /* nobody listens */
}

/* A version on trial ends with the version that tries it: two agents must never run. The variable
 * says "parent's process id:descriptor of a pipe"; whether that is our parent still, the application
 * looks before it is an agent. What names no pipe was left in the environment by somebody, a unit's
 * for example: it means nothing, to `-version` least of all.
 */
static void end_with_parent(void)
{
    struct stat found;
    char *rest;
    const char *trial = getenv("REAGENT_TRIAL");
    if (trial == NULL || *trial == 0)
        return;
    long parent = strtol(trial, &rest, 10);
    long pipe = *rest == ':' ? strtol(rest + 1, &rest, 10) : -1;
    if (*rest != 0 || pipe <= 2 || pipe > INT_MAX || fstat((int)pipe, &found) != 0 ||
        !S_ISFIFO(found.st_mode)) {
        complain("reagent: REAGENT_TRIAL is set, and nobody tries this version: it is ignored\n");
        unsetenv("REAGENT_TRIAL");
    } else if (host_end_with((pid_t)parent) != 0) {
        complain("reagent: nothing here ends a version on trial with the one that tries it\n");
        _exit(1);
    }
}

static void leave(int number)
{
    (void)number;
    _exit(0);
}

/* Until the application listens to signals itself, a stop is an orderly end: nothing is open yet.
 * CPython's own handler raises KeyboardInterrupt, here in the middle of an import: a traceback, or
 * "Fatal Python error". The two that are ignored are ignored by CPython where it installs handlers.
 */
static void configure_signals(void)
{
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* Who starts us may have closed them. Then the first files to be opened would get their numbers, and
 * what is printed would end in a database. Without /dev/null, pipes whose other end is closed: there
 * is nothing to read, and writing is refused.
 */
static void hold_standard_descriptors(void)
{
    for (int number = 0; number <= 2; number++) {
        if (fcntl(number, F_GETFD) >= 0)
            continue;
        int ends[2];
        if (open("/dev/null", O_RDWR) >= 0 || pipe(ends) != 0)
            continue; /* the lowest number that is free is this one */
        int kept = ends[number != 0];
        if (kept != number) {
            dup2(kept, number);
            close(kept);
        } else {
            close(ends[1]);
        }
    }
}

/* As process 1 of a container we would inherit what others leave behind, and the kernel would keep
 * signals from us. So the first of us stays behind as that process: it hands every signal on, buries
 * the dead, and ends as the agent ends. Where it cannot be, the agent is process 1 itself.
 */
static void leave_init_behind(void)
{
    sigset_t all, before;
    if (getpid() != 1)
        return;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t agent = fork();
    if (agent <= 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return;
    }
    for (;;) {
        int number, status;
        pid_t gone;
        if (sigwait(&all, &number) != 0)
            continue;
        if (number != SIGCHLD)
            kill(agent, number);
        while ((gone = waitpid(-1, &status, WNOHANG)) > 0)
            if (gone == agent)
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

int main(int argc, char **argv)
{
    leave_init_behind();
    hold_standard_descriptors();
    configure_signals();
    end_with_parent();
    host_prepare();
    PyImport_Inittab = payload_inittab;
    PyImport_FrozenModules = payload_bootstrap;
    preinitialize();
    initialize(argc, argv);
    PyObject *importer = PyImport_ImportModule("_reagent_importer");
    if (importer == NULL) {
        PyErr_Print();
        return 1;
    }
    Py_DECREF(importer);
    return Py_RunMain();
}
