/* SPDX-License-Identifier: MIT
 *
 * See aml.h. All lengths take two bytes, which AML allows whatever they are.
 */
#include "hv/aml.h"

#include "hv/check.h"
#include "hv/text.h"

/* ACPI Specification 6.5, "20.3 AML Byte Stream Byte Values" */
enum {
    AML_NAME_OP = 0x08,
    AML_BYTE_PREFIX = 0x0A,
    AML_WORD_PREFIX = 0x0B,
    AML_DWORD_PREFIX = 0x0C,
    AML_STRING_PREFIX = 0x0D,
    AML_SCOPE_OP = 0x10,
    AML_BUFFER_OP = 0x11,
    AML_PACKAGE_OP = 0x12,
    AML_EXT_OP_PREFIX = 0x5B,
    AML_EXT_DEVICE_OP = 0x82,
};

/* ACPI Specification 6.5, "6.4.2 Small Resource Data Type" and "6.4.3 Large
 * Resource Data Type": tags, with the length where it is part of them */
enum {
    RESOURCE_IRQ = 0x22,
    RESOURCE_IO = 0x47,
    RESOURCE_END = 0x79,
    RESOURCE_WORD_ADDRESS_SPACE = 0x88,
    RESOURCE_QWORD_ADDRESS_SPACE = 0x8A,
};

/* "6.4.3.5.3 Word Address Space Descriptor" and "6.4.3.5.1 QWord Address Space
 * Descriptor" */
enum {
    ADDRESS_SPACE_MEMORY = 0,
    ADDRESS_SPACE_IO = 1,
    ADDRESS_SPACE_BUS = 2,
    ADDRESS_SPACE_PRODUCER_FIXED = 0x0C, /* minimum and maximum are fixed */
    ADDRESS_SPACE_IO_ENTIRE_RANGE = 0x03,
    ADDRESS_SPACE_MEMORY_WRITABLE = 0x01, /* and not cacheable */
};

/* ---- Bytes ---- */

static void put_8(struct aml *aml, uint8_t value)
{
    CHECK(aml->used < aml->size);
    aml->bytes[aml->used++] = value;
}

static void put_16(struct aml *aml, uint16_t value)
{
    put_8(aml, (uint8_t)value);
    put_8(aml, (uint8_t)(value >> 8));
}

static void put_32(struct aml *aml, uint32_t value)
{
    put_16(aml, (uint16_t)value);
    put_16(aml, (uint16_t)(value >> 16));
}

static void put_text(struct aml *aml, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put_8(aml, (uint8_t)text[i]);
}

static void put_name(struct aml *aml, const char *name)
{
    CHECK(strlen(name) == 4);
    put_text(aml, name, 4);
}

/* ---- Objects with a length ---- */

/* "20.2.4 Package Length Encoding": counts itself; the first byte says that
 * one more follows and has the low four bits. */
static aml_open_t open_length(struct aml *aml)
{
    aml_open_t open = { aml->used };
    put_16(aml, 0);
    return open;
}

void aml_close(struct aml *aml, aml_open_t open)
{
    size_t length = aml->used - open.at;

    CHECK(length < 1u << 12);
    aml->bytes[open.at] = (uint8_t)(1u << 6 | (length & 0xF));
    aml->bytes[open.at + 1] = (uint8_t)(length >> 4);
}

aml_open_t aml_open_scope(struct aml *aml, const char *name)
{
    put_8(aml, AML_SCOPE_OP);
    aml_open_t open = open_length(aml);
    put_name(aml, name);
    return open;
}

aml_open_t aml_open_device(struct aml *aml, const char *name)
{
    put_8(aml, AML_EXT_OP_PREFIX);
    put_8(aml, AML_EXT_DEVICE_OP);
    aml_open_t open = open_length(aml);
    put_name(aml, name);
    return open;
}

aml_open_t aml_open_package(struct aml *aml, const char *name, uint8_t elements)
{
    put_8(aml, AML_NAME_OP);
    put_name(aml, name);
    put_8(aml, AML_PACKAGE_OP);
    aml_open_t open = open_length(aml);
    put_8(aml, elements);
    return open;
}

aml_open_t aml_open_element(struct aml *aml, uint8_t elements)
{
    put_8(aml, AML_PACKAGE_OP);
    aml_open_t open = open_length(aml);
    put_8(aml, elements);
    return open;
}

/* ---- Values ---- */

void aml_integer(struct aml *aml, uint32_t value)
{
    if (value <= 1) {
        put_8(aml, (uint8_t)value); /* ZeroOp, OneOp */
    } else if (value <= UINT8_MAX) {
        put_8(aml, AML_BYTE_PREFIX);
        put_8(aml, (uint8_t)value);
    } else {
        put_8(aml, AML_DWORD_PREFIX);
        put_32(aml, value);
    }
}

void aml_name_integer(struct aml *aml, const char *name, uint32_t value)
{
    put_8(aml, AML_NAME_OP);
    put_name(aml, name);
    aml_integer(aml, value);
}

static uint32_t hex_digit(char digit)
{
    return (uint32_t)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

/* ACPI Specification 6.5, "19.3.4 ASL Macros", EISAID: three letters of five
 * bits and four hexadecimal digits, as a big-endian number. */
static uint32_t eisa_id(const char *id)
{
    CHECK(strlen(id) == 7);
    uint32_t letters = (uint32_t)(id[0] - '@') << 10 | (uint32_t)(id[1] - '@') << 5 |
                       (uint32_t)(id[2] - '@');
    uint32_t digits = hex_digit(id[3]) << 12 | hex_digit(id[4]) << 8 | hex_digit(id[5]) << 4 |
                      hex_digit(id[6]);
    return __builtin_bswap32(letters << 16 | digits);
}

void aml_name_eisa_id(struct aml *aml, const char *name, const char *id)
{
    aml_name_integer(aml, name, eisa_id(id));
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
    put_8(aml, AML_NAME_OP);
    put_name(aml, name);
    put_8(aml, AML_STRING_PREFIX);
    put_text(aml, text, strlen(text) + 1);
}

/* ---- Resources ---- */

struct aml_resources aml_open_resources(struct aml *aml)
{
    struct aml_resources open;

    put_8(aml, AML_NAME_OP);
    put_name(aml, "_CRS");
    put_8(aml, AML_BUFFER_OP);
    open.buffer = open_length(aml);
    put_8(aml, AML_WORD_PREFIX);
    open.size_at = aml->used;
    put_16(aml, 0);
    return open;
}

void aml_close_resources(struct aml *aml, struct aml_resources open)
{
    put_8(aml, RESOURCE_END);
    put_8(aml, 0); /* checksum: 0 stands for a right one */

    size_t size = aml->used - (open.size_at + 2);
    aml->bytes[open.size_at] = (uint8_t)size;
    aml->bytes[open.size_at + 1] = (uint8_t)(size >> 8);
    aml_close(aml, open.buffer);
}

void aml_io(struct aml *aml, uint16_t port, uint8_t ports)
{
    put_8(aml, RESOURCE_IO);
    put_8(aml, 1); /* all 16 address bits are decoded */
    put_16(aml, port);
    put_16(aml, port);
    put_8(aml, 1); /* alignment */
    put_8(aml, ports);
}

void aml_irq_edge(struct aml *aml, uint8_t irq)
{
    CHECK(irq < 16);
    put_8(aml, RESOURCE_IRQ);
    put_16(aml, (uint16_t)(1u << irq));
}

static void put_window(struct aml *aml, uint8_t space, uint8_t space_flags, uint16_t first,
                       uint16_t last)
{
    put_8(aml, RESOURCE_WORD_ADDRESS_SPACE);
    put_16(aml, 13); /* bytes from here on */
    put_8(aml, space);
    put_8(aml, ADDRESS_SPACE_PRODUCER_FIXED);
    put_8(aml, space_flags);
    put_16(aml, 0); /* granularity */
    put_16(aml, first);
    put_16(aml, last);
    put_16(aml, 0); /* translation */
    put_16(aml, (uint16_t)(last - first + 1));
}

void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last)
{
    put_window(aml, ADDRESS_SPACE_BUS, 0, first, last);
}

void aml_io_window(struct aml *aml, uint16_t first, uint16_t last)
{
    put_window(aml, ADDRESS_SPACE_IO, ADDRESS_SPACE_IO_ENTIRE_RANGE, first, last);
}

static void put_64(struct aml *aml, uint64_t value)
{
    put_32(aml, (uint32_t)value);
    put_32(aml, (uint32_t)(value >> 32));
}

void aml_memory_window(struct aml *aml, uint64_t first, uint64_t last)
{
    put_8(aml, RESOURCE_QWORD_ADDRESS_SPACE);
    put_16(aml, 43); /* bytes from here on */
    put_8(aml, ADDRESS_SPACE_MEMORY);
    put_8(aml, ADDRESS_SPACE_PRODUCER_FIXED);
    put_8(aml, ADDRESS_SPACE_MEMORY_WRITABLE);
    put_64(aml, 0); /* granularity */
    put_64(aml, first);
    put_64(aml, last);
    put_64(aml, 0); /* translation */
    put_64(aml, last - first + 1);
}
