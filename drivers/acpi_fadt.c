/* SPDX-License-Identifier: MIT
 *
 * How the machine is switched off and reset: the FADT, and _S5 in the DSDT, as
 * pure functions on bytes. ACPI Specification 6.5, "5.2.9 Fixed ACPI Description
 * Table (FADT)", "20.2 AML Grammar Definition".
 */
#include "drivers/acpi.h"
#include "hv/bytes.h"
#include "hv/text.h"

enum {
    FADT_DSDT = 40,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CNT_BLK = 64,
    FADT_PM1B_CNT_BLK = 68,
    FADT_CENTURY = 108,
    FADT_FLAGS = 112,
    FADT_RESET_REG_SUP = 1u << 10,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CNT_BLK = 172,
    FADT_X_PM1B_CNT_BLK = 184,
    /* "5.2.3.2 Generic Address Structure (GAS)" */
    GAS_SPACE = 0,
    GAS_ADDRESS = 4,
    GAS_BYTES = 12,
};

enum aml_opcode {
    AML_ZERO_OP = 0x00,
    AML_ONE_OP = 0x01,
    AML_NAME_OP = 0x08,
    AML_BYTE_PREFIX = 0x0A,
    AML_WORD_PREFIX = 0x0B,
    AML_DWORD_PREFIX = 0x0C,
    AML_PACKAGE_OP = 0x12,
    AML_ROOT_CHAR = 0x5C,
};

#define SLP_TYP_MASK 7

static bool has(size_t table_bytes, size_t offset, size_t field_bytes)
{
    return offset <= table_bytes && table_bytes - offset >= field_bytes;
}

static uint16_t as_port(uint64_t address)
{
    return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* The 32-bit field first: ports fit in it, and it is the one that firmware was
 * tested with. */
static uint16_t pm1_control(const uint8_t *table, size_t bytes, size_t field, size_t x_field)
{
    uint32_t port = little_32(table + field);
    if (port != 0)
        return as_port(port);
    if (has(bytes, x_field, GAS_BYTES) && table[x_field + GAS_SPACE] == ACPI_SPACE_IO)
        return as_port(little_64(table + x_field + GAS_ADDRESS));
    return 0;
}

static struct acpi_reset reset_register(const uint8_t *table, size_t bytes)
{
    if (!has(bytes, FADT_RESET_VALUE, 1) ||
        (little_32(table + FADT_FLAGS) & FADT_RESET_REG_SUP) == 0)
        return (struct acpi_reset){ .present = false };
    return (struct acpi_reset){
        .present = true,
        .space = table[FADT_RESET_REG + GAS_SPACE],
        .address = little_64(table + FADT_RESET_REG + GAS_ADDRESS),
        .value = table[FADT_RESET_VALUE],
    };
}

void acpi_parse_fadt(const uint8_t *table, size_t bytes, struct acpi_machine *machine)
{
    if (bytes < ACPI_FADT_BYTES_MIN)
        return;
    uint64_t dsdt = has(bytes, FADT_X_DSDT, 8) ? little_64(table + FADT_X_DSDT) : 0;
    if (dsdt == 0)
        dsdt = little_32(table + FADT_DSDT);

    machine->fadt_found = true;
    machine->dsdt_address = HPA(dsdt);
    machine->pm1a_control = pm1_control(table, bytes, FADT_PM1A_CNT_BLK, FADT_X_PM1A_CNT_BLK);
    machine->pm1b_control = pm1_control(table, bytes, FADT_PM1B_CNT_BLK, FADT_X_PM1B_CNT_BLK);
    machine->smi_command = as_port(little_32(table + FADT_SMI_CMD));
    machine->acpi_enable = table[FADT_ACPI_ENABLE];
    machine->century_register = table[FADT_CENTURY];
    machine->reset = reset_register(table, bytes);
}

/* AML from `at` to the end of a table or package. */
struct code {
    const uint8_t *at;
    size_t bytes;
};

static bool code_skip(struct code *code, size_t bytes)
{
    if (code->bytes < bytes)
        return false;
    code->at += bytes;
    code->bytes -= bytes;
    return true;
}

static bool code_byte(struct code *code, uint8_t *value)
{
    if (code->bytes == 0)
        return false;
    *value = *code->at;
    return code_skip(code, 1);
}

/* "20.2.5.4 Expressions Opcodes Encoding", ComputationalData, up to 32 bits. */
static bool code_integer(struct code *code, uint32_t *value)
{
    uint8_t op;
    if (!code_byte(code, &op))
        return false;
    const uint8_t *data = code->at;
    switch (op) {
    case AML_ZERO_OP:
    case AML_ONE_OP:
        *value = op;
        return true;
    case AML_BYTE_PREFIX:
        if (!code_skip(code, 1))
            return false;
        *value = data[0];
        return true;
    case AML_WORD_PREFIX:
        if (!code_skip(code, 2))
            return false;
        *value = little_16(data);
        return true;
    case AML_DWORD_PREFIX:
        if (!code_skip(code, 4))
            return false;
        *value = little_32(data);
        return true;
    default:
        return false;
    }
}

/* "20.2.4 Package Length Encoding": the two top bits of the first byte count
 * the bytes that follow. The length counts itself. Narrows the code to the package. */
static bool code_enter_package(struct code *code)
{
    if (code->bytes == 0)
        return false;
    size_t more = code->at[0] >> 6;
    if (code->bytes < 1 + more)
        return false;
    size_t length = more == 0 ? code->at[0] & 0x3F : code->at[0] & 0x0F;
    for (size_t i = 0; i < more; i++) /* at most 3 */
        length |= (size_t)code->at[1 + i] << (4 + 8 * i);
    if (length < 1 + more || length > code->bytes)
        return false;
    code->bytes = length;
    return code_skip(code, 1 + more);
}

/* What follows the name _S5_. "7.4.2.6 \_S5": SLP_TYP for PM1a_CNT, then for
 * PM1b_CNT. Packages of a single number hold both in its two low bytes. */
static bool code_s5_package(struct code code, struct acpi_s5 *out)
{
    uint8_t op, elements;
    uint32_t a, b;
    if (!code_byte(&code, &op) || op != AML_PACKAGE_OP || !code_enter_package(&code))
        return false;
    if (!code_byte(&code, &elements) || elements == 0 || !code_integer(&code, &a))
        return false;
    if (elements == 1)
        b = a >> 8;
    else if (!code_integer(&code, &b))
        return false;
    *out = (struct acpi_s5){ .present = true,
                             .type_a = (uint8_t)(a & SLP_TYP_MASK),
                             .type_b = (uint8_t)(b & SLP_TYP_MASK) };
    return true;
}

/* A name is declared by Name(_S5_, …) or Name(\_S5_, …); other mentions of the
 * four letters do not count. */
static bool is_declaration(const uint8_t *table, size_t name)
{
    if (table[name - 1] == AML_NAME_OP)
        return true;
    return table[name - 1] == AML_ROOT_CHAR && table[name - 2] == AML_NAME_OP;
}

bool acpi_find_s5(const uint8_t *table, size_t bytes, struct acpi_s5 *out)
{
    for (size_t name = ACPI_HEADER_BYTES + 1; name + 4 <= bytes; name++) {
        if (memcmp(table + name, "_S5_", 4) != 0 || !is_declaration(table, name))
            continue;
        if (code_s5_package((struct code){ table + name + 4, bytes - name - 4 }, out))
            return true;
    }
    return false;
}
