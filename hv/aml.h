/* SPDX-License-Identifier: MIT
 *
 * Writes ACPI Machine Language: the few constructs that describe devices.
 *
 * ACPI Specification 6.5, "20.2 AML Grammar Definition" and "6.4 Resource Data
 * Types for ACPI". Objects with a length are opened and closed; their length
 * is put in at the close. The buffer is large enough for all that the caller
 * ever writes (CHECK).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct aml {
    uint8_t *bytes;
    size_t size;
    size_t used;
};

/* Where an open object's length goes. */
typedef struct { size_t at; } aml_open_t;

/* Names have four characters, shorter ones end in '_': "_SB_". */
aml_open_t aml_open_scope(struct aml *aml, const char *name);
aml_open_t aml_open_device(struct aml *aml, const char *name);
aml_open_t aml_open_package(struct aml *aml, const char *name, uint8_t elements);
aml_open_t aml_open_element(struct aml *aml, uint8_t elements); /* a package in a package */
void aml_close(struct aml *aml, aml_open_t open);

/* Name (name, value) */
void aml_name_integer(struct aml *aml, const char *name, uint32_t value);
void aml_name_eisa_id(struct aml *aml, const char *name, const char *id);
void aml_name_string(struct aml *aml, const char *name, const char *text);

void aml_integer(struct aml *aml, uint32_t value);

/* Name (_CRS, ResourceTemplate () {...}): open, resources, close. */
struct aml_resources { aml_open_t buffer; size_t size_at; };
struct aml_resources aml_open_resources(struct aml *aml);
void aml_close_resources(struct aml *aml, struct aml_resources open);

/* What a device takes: ports; an edge-triggered interrupt line. */
void aml_io(struct aml *aml, uint16_t port, uint8_t ports);
void aml_irq_edge(struct aml *aml, uint8_t irq);

/* What a bridge passes on, first to last: bus numbers; ports; addresses. */
void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_io_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_memory_window(struct aml *aml, uint64_t first, uint64_t last);
