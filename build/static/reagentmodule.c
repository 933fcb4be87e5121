/* _reagent: the payload of this executable, as the importer and reagent._resources ask for it,
 * trim(), which gives memory back once the start is over, and clock_synchronised().
 */
#include "host.h"
#include "payload.h"

#include <marshal.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

static const struct entry *find(PyObject *name, const struct entry *table, size_t count)
{
    const char *wanted = PyUnicode_AsUTF8(name);
    if (wanted == NULL)
        return NULL;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(wanted, table[middle].name);
        if (order == 0)
            return &table[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* NULL with an exception set; *owned is to be freed when the bytes had to be inflated. */
static const unsigned char *open_entry(const struct entry *entry, size_t *size, unsigned char **owned)
{
    *owned = NULL;
    if (entry->inflated == 0) {
        *size = entry->size;
        return payload + entry->offset;
    }
    uLongf length = entry->inflated;
    *owned = PyMem_RawMalloc(length);
    if (*owned == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (uncompress(*owned, &length, payload + entry->offset, entry->size) != Z_OK ||
        length != entry->inflated) {
        PyMem_RawFree(*owned);
        PyErr_Format(PyExc_ImportError, "%s is damaged in this executable", entry->name);
        return NULL;
    }
    *size = length;
    return *owned;
}

PyDoc_STRVAR(locate_doc, "locate(module) -> True for a package, False for a module, None if absent");
static PyObject *locate(PyObject *self, PyObject *name)
{
    const struct entry *entry = find(name, payload_modules, payload_module_count);
    if (entry == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    return PyBool_FromLong(entry->package);
}

PyDoc_STRVAR(code_doc, "code(module) -> its code object; ImportError if absent");
static PyObject *code(PyObject *self, PyObject *name)
{
    const struct entry *entry = find(name, payload_modules, payload_module_count);
    if (entry == NULL) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ImportError, "no module %R in this executable", name);
        return NULL;
    }
    size_t size;
    unsigned char *owned;
    const unsigned char *bytes = open_entry(entry, &size, &owned);
    if (bytes == NULL)
        return NULL;
    PyObject *result = PyMarshal_ReadObjectFromString((const char *)bytes, (Py_ssize_t)size);
    PyMem_RawFree(owned);
    return result;
}

PyDoc_STRVAR(resource_doc, "resource(name) -> its bytes; KeyError if absent");
static PyObject *resource(PyObject *self, PyObject *name)
{
    const struct entry *entry = find(name, payload_resources, payload_resource_count);
    if (entry == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetObject(PyExc_KeyError, name);
        return NULL;
    }
    size_t size;
    unsigned char *owned;
    const unsigned char *bytes = open_entry(entry, &size, &owned);
    if (bytes == NULL)
        return NULL;
    PyObject *result = PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size);
    PyMem_RawFree(owned);
    return result;
}

PyDoc_STRVAR(generated_doc,
             "generated(text) -> what a start makes of it, made at build time; None for other texts");
static PyObject *generated(PyObject *self, PyObject *text)
{
    const struct entry *entry = find(text, payload_generated, payload_generated_count);
    if (entry == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    return PyMarshal_ReadObjectFromString((const char *)payload + entry->offset, entry->size);
}

static PyObject *names(const struct entry *table, size_t count)
{
    PyObject *result = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; result && i < count; i++) {
        PyObject *name = PyUnicode_FromString(table[i].name);
        if (name == NULL)
            Py_CLEAR(result);
        else
            PyTuple_SET_ITEM(result, (Py_ssize_t)i, name);
    }
    return result;
}

PyDoc_STRVAR(resource_names_doc, "resource_names() -> every resource's name, sorted");
static PyObject *resource_names(PyObject *self, PyObject *unused)
{
    return names(payload_resources, payload_resource_count);
}

PyDoc_STRVAR(module_names_doc, "module_names() -> every module's name, sorted");
static PyObject *module_names(PyObject *self, PyObject *unused)
{
    return names(payload_modules, payload_module_count);
}

PyDoc_STRVAR(trim_doc, "trim() -> bytes of address space offered back: free heap and clean code pages");
static PyObject *trim(PyObject *self, PyObject *unused)
{
    return PyLong_FromSize_t(host_trim());
}

PyDoc_STRVAR(clock_synchronised_doc,
             "clock_synchronised() -> whether the kernel was told the time; None if it does not say");
static PyObject *clock_synchronised(PyObject *self, PyObject *unused)
{
    int synchronised = host_clock_synchronised();
    if (synchronised < 0)
        Py_RETURN_NONE;
    return PyBool_FromLong(synchronised);
}

static PyMethodDef methods[] = {
    {"locate", locate, METH_O, locate_doc},
    {"code", code, METH_O, code_doc},
    {"resource", resource, METH_O, resource_doc},
    {"generated", generated, METH_O, generated_doc},
    {"resource_names", resource_names, METH_NOARGS, resource_names_doc},
    {"module_names", module_names, METH_NOARGS, module_names_doc},
    {"trim", trim, METH_NOARGS, trim_doc},
    {"clock_synchronised", clock_synchronised, METH_NOARGS, clock_synchronised_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_reagent", "What this executable carries.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__reagent(void)
{
    return PyModuleDef_Init(&definition);
}
