/* OpenSSL would read the host's openssl.cnf, and with it the names of providers built for another
 * library. Both modules that wake it up go through here.
 */
#include <Python.h>
#include <openssl/crypto.h>

#define WITHOUT_HOST_CONFIGURATION(module)                            \
    PyObject *PyInit_##module(void);                                  \
    PyObject *reagent_init_##module(void);                            \
    PyObject *reagent_init_##module(void)                             \
    {                                                                 \
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);       \
        return PyInit_##module();                                     \
    }

WITHOUT_HOST_CONFIGURATION(_hashlib)
WITHOUT_HOST_CONFIGURATION(_ssl)
