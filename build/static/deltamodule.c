/* _delta: a new version out of an old one and what differs, as `zstd --patch-from` writes it. */
#include <Python.h>
#include <zstd.h>

PyDoc_STRVAR(unpack_doc,
             "unpack(base, delta, most) -> the new content; ValueError if it cannot be had or is larger");
static PyObject *unpack(PyObject *self, PyObject *arguments)
{
    Py_buffer base, delta;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(arguments, "y*y*n", &base, &delta, &most))
        return NULL;
    PyObject *made = NULL;
    const char *trouble = NULL;
    unsigned long long size = ZSTD_getFrameContentSize(delta.buf, (size_t)delta.len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR)
        trouble = "it is no delta";
    else if (size > (unsigned long long)most)
        trouble = "what it makes is too large";
    else if ((made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size)) != NULL) {
        size_t got = (size_t)-1;
        ZSTD_DCtx *context = ZSTD_createDCtx();
        if (context == NULL)
            trouble = "there is no memory for it";
        else {
            Py_BEGIN_ALLOW_THREADS;
            /* All of it at one stroke: a stream would need a window as large as the whole. */
            got = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
            if (!ZSTD_isError(got))
                got = ZSTD_DCtx_refPrefix(context, base.buf, (size_t)base.len);
            if (!ZSTD_isError(got))
                got = ZSTD_decompressDCtx(context, PyBytes_AS_STRING(made), (size_t)size, delta.buf,
                                          (size_t)delta.len);
            ZSTD_freeDCtx(context);
            Py_END_ALLOW_THREADS;
            if (ZSTD_isError(got))
                trouble = ZSTD_getErrorName(got);
            else if (got != size)
                trouble = "it ends early";
        }
    }
    PyBuffer_Release(&base);
    PyBuffer_Release(&delta);
    if (trouble != NULL) {
        Py_CLEAR(made);
        PyErr_SetString(PyExc_ValueError, trouble);
    }
    return made;
}

static PyMethodDef methods[] = {
    {"unpack", unpack, METH_VARARGS, unpack_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_delta", "Versions out of versions.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__delta(void);
PyMODINIT_FUNC PyInit__delta(void)
{
    return PyModuleDef_Init(&definition);
}
