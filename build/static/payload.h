/* What assemble.py writes into payload.c and payload.bin for the launcher and the _reagent module. */
#ifndef REAGENT_PAYLOAD_H
#define REAGENT_PAYLOAD_H

#include <Python.h>
#include <stdint.h>

struct entry {
    const char *name;
    uint32_t offset;  /* into payload */
    uint32_t size;    /* as it lies there */
    uint32_t inflated; /* 0: stored; else the size once inflated */
    uint32_t package; /* modules: 1 for a package */
};

extern const unsigned char payload[];

/* Each sorted by name in byte order. */
extern const struct entry payload_modules[];
extern const size_t payload_module_count;
extern const struct entry payload_resources[];
extern const size_t payload_resource_count;
extern const struct entry payload_generated[];
extern const size_t payload_generated_count;

/* What the interpreter needs before our own importer runs. */
extern const struct _frozen payload_bootstrap[];

/* Run once the importer is in place. */
extern const wchar_t payload_command[];

extern struct _inittab payload_inittab[];

#endif
