/* SPDX-License-Identifier: MIT
 *
 * Finds the ACPI tables and hands them to their readers, acpi_*.c.
 * ACPI Specification 6.5, "5.2.5 Root System Description Pointer (RSDP)" to
 * "5.2.8 Extended System Description Table (XSDT)".
 *
 * A table is mapped whole, checked whole and read whole before the next one is
 * mapped. Tables that nobody here needs are not looked at beyond their header.
 */
#include "drivers/acpi.h"

#include "hv/bytes.h"
#include "hv/text.h"

enum {
    RSDP_BYTES = 20,
    RSDP_REVISION = 15,
    RSDP_RSDT = 16,
    RSDP_LENGTH = 20,
    RSDP_XSDT = 24,
    RSDP_BYTES_2 = 36, /* from revision 2 */
    RSDP_ALIGNMENT = 16,
};

/* "5.2.5.1 Finding the RSDP on IA-PC Systems" */
#define EBDA_SEGMENT_POINTER 0x40E
#define EBDA_SEARCH_BYTES KIB(1)
#define BIOS_AREA 0xE0000
#define BIOS_AREA_BYTES 0x20000

#define HEADER_LENGTH 4
#define ROOT_ENTRIES_MAX 256

struct rsdp {
    hpa_t rsdt;
    hpa_t xsdt; /* 0: none */
};

/* A root table and the size of its entries, 4 or 8. */
struct root {
    hpa_t address;
    size_t bytes;
    size_t entry_bytes;
};

struct walk {
    struct acpi_machine *machine;
    struct acpi_problems *problems;
};

const char *acpi_problem_text(enum acpi_problem_kind kind)
{
    switch (kind) {
    case ACPI_NO_RSDP:
        return "no ACPI tables: neither from the boot loader nor in the BIOS area";
    case ACPI_UNREADABLE:
        return "lies where there is no memory";
    case ACPI_SIGNATURE:
        return "is not the table that it should be";
    case ACPI_LENGTH:
        return "has an impossible length";
    case ACPI_CHECKSUM:
        return "has a wrong checksum";
    case ACPI_ENTRY:
        return "has an entry of impossible length";
    case ACPI_VALUE:
        return "has an entry that cannot be true; it is ignored";
    case ACPI_DUPLICATE:
        return "is there twice, or names something twice; the first one counts";
    case ACPI_TOO_MANY:
        return "has more entries than are supported; the rest is ignored";
    case ACPI_NO_S5:
        return "does not say how to power off";
    }
    return "unknown problem";
}

void acpi_problem_add(struct acpi_problems *problems, struct acpi_problem problem,
                      const char *signature)
{
    if (problems->count == ACPI_PROBLEMS_MAX) {
        problems->more++;
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        bool printable = signature[i] >= ' ' && signature[i] <= '~';
        problem.table[i] = printable ? signature[i] : '?';
    }
    problem.table[4] = '\0';
    problems->list[problems->count++] = problem;
}

static void complain(const struct walk *walk, enum acpi_problem_kind kind, const char *signature,
                     hpa_t address)
{
    struct acpi_problem problem = { .kind = kind, .address = address };
    acpi_problem_add(walk->problems, problem, signature);
}

static bool checksum_right(const uint8_t *bytes, size_t count)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static const uint8_t *map(hpa_t address, size_t bytes)
{
    if (address.value == 0 || bytes > UINT64_MAX - address.value)
        return NULL;
    return acpi_map(address, bytes);
}

/* The whole table, checked; valid until the next one is mapped. NULL: named as
 * a problem. */
static const uint8_t *load(const struct walk *walk, hpa_t address, const char *signature,
                           size_t bytes_min, size_t *bytes)
{
    const uint8_t *table = map(address, ACPI_HEADER_BYTES);
    enum acpi_problem_kind problem = ACPI_UNREADABLE;
    if (table == NULL)
        goto broken;

    problem = ACPI_SIGNATURE;
    if (memcmp(table, signature, 4) != 0)
        goto broken;

    problem = ACPI_LENGTH;
    *bytes = little_32(table + HEADER_LENGTH);
    if (*bytes < bytes_min || *bytes > ACPI_TABLE_BYTES_MAX)
        goto broken;

    problem = ACPI_UNREADABLE;
    table = map(address, *bytes);
    if (table == NULL)
        goto broken;

    problem = ACPI_CHECKSUM;
    if (!checksum_right(table, *bytes))
        goto broken;
    return table;

broken:
    complain(walk, problem, signature, address);
    return NULL;
}

static bool rsdp_starts(const uint8_t *bytes)
{
    return memcmp(bytes, "RSD PTR ", 8) == 0 && checksum_right(bytes, RSDP_BYTES);
}

/* rsdp_starts() holds for the bytes. An extended part that is cut off, or whose
 * checksum is wrong, leaves the RSDT. */
static struct rsdp parse_rsdp(const struct walk *walk, const uint8_t *bytes, size_t size,
                              hpa_t address)
{
    struct rsdp rsdp = { .rsdt = HPA(little_32(bytes + RSDP_RSDT)), .xsdt = HPA(0) };
    walk->machine->rsdp_found = true;
    walk->machine->rsdp_address = address;
    walk->machine->revision = bytes[RSDP_REVISION];
    if (bytes[RSDP_REVISION] < 2)
        return rsdp;

    if (size < RSDP_BYTES_2 || little_32(bytes + RSDP_LENGTH) < RSDP_BYTES_2)
        complain(walk, ACPI_LENGTH, "RSD ", address);
    else if (little_32(bytes + RSDP_LENGTH) <= size &&
             !checksum_right(bytes, little_32(bytes + RSDP_LENGTH)))
        complain(walk, ACPI_CHECKSUM, "RSD ", address);
    else
        rsdp.xsdt = HPA(little_64(bytes + RSDP_XSDT));
    return rsdp;
}

static bool search_area(const struct walk *walk, hpa_t area, size_t bytes, struct rsdp *out)
{
    const uint8_t *at = map(area, bytes);
    if (at == NULL)
        return false;
    for (size_t i = 0; i + RSDP_BYTES <= bytes; i += RSDP_ALIGNMENT)
        if (rsdp_starts(at + i)) {
            *out = parse_rsdp(walk, at + i, bytes - i, HPA(area.value + i));
            return true;
        }
    return false;
}

static bool search_bios(const struct walk *walk, struct rsdp *out)
{
    const uint8_t *pointer = map(HPA(EBDA_SEGMENT_POINTER), 2);
    hpa_t ebda = HPA(pointer == NULL ? 0 : (uint64_t)little_16(pointer) << 4);
    return search_area(walk, ebda, EBDA_SEARCH_BYTES, out) ||
           search_area(walk, HPA(BIOS_AREA), BIOS_AREA_BYTES, out);
}

static bool find_rsdp(const struct walk *walk, const uint8_t *given, size_t given_bytes,
                      struct rsdp *out)
{
    if (given_bytes >= RSDP_BYTES && rsdp_starts(given)) {
        *out = parse_rsdp(walk, given, given_bytes, HPA(0));
        return true;
    }
    if (given_bytes > 0)
        complain(walk, ACPI_CHECKSUM, "RSD ", HPA(0));
    if (search_bios(walk, out))
        return true;
    complain(walk, ACPI_NO_RSDP, "RSD ", HPA(0));
    return false;
}

/* The XSDT where it is good, else the RSDT. */
static bool load_root(const struct walk *walk, const struct rsdp *rsdp, struct root *out)
{
    *out = (struct root){ .address = rsdp->xsdt, .entry_bytes = 8 };
    if (rsdp->xsdt.value != 0 &&
        load(walk, rsdp->xsdt, "XSDT", ACPI_HEADER_BYTES, &out->bytes) != NULL)
        return true;
    *out = (struct root){ .address = rsdp->rsdt, .entry_bytes = 4 };
    return load(walk, rsdp->rsdt, "RSDT", ACPI_HEADER_BYTES, &out->bytes) != NULL;
}

/* The tables that somebody here reads. The DSDT is not among them: the FADT says
 * where it is. */
enum kind { KIND_MADT, KIND_FADT, KIND_MCFG, KIND_DMAR, KIND_OTHER };

static const struct {
    char signature[5];
    size_t bytes_min;
} kinds[] = {
    [KIND_MADT] = { "APIC", ACPI_MADT_BYTES_MIN },
    [KIND_FADT] = { "FACP", ACPI_FADT_BYTES_MIN },
    [KIND_MCFG] = { "MCFG", ACPI_MCFG_BYTES_MIN },
    [KIND_DMAR] = { "DMAR", ACPI_DMAR_BYTES_MIN },
};

static enum kind kind_of(const uint8_t *header)
{
    for (unsigned i = 0; i < KIND_OTHER; i++)
        if (memcmp(header, kinds[i].signature, 4) == 0)
            return (enum kind)i;
    return KIND_OTHER;
}

static bool is_known(const struct acpi_machine *machine, enum kind kind)
{
    switch (kind) {
    case KIND_MADT:
        return machine->madt_found;
    case KIND_FADT:
        return machine->fadt_found;
    case KIND_MCFG:
        return machine->mcfg_found;
    case KIND_DMAR:
        return machine->dmar.found;
    case KIND_OTHER:
        break;
    }
    return true;
}

static void parse(const struct walk *walk, enum kind kind, hpa_t address, const uint8_t *table,
                  size_t bytes)
{
    switch (kind) {
    case KIND_MADT:
        acpi_parse_madt(table, bytes, address, walk->machine, walk->problems);
        return;
    case KIND_FADT:
        acpi_parse_fadt(table, bytes, walk->machine);
        return;
    case KIND_MCFG:
        acpi_parse_mcfg(table, bytes, address, walk->machine, walk->problems);
        return;
    case KIND_DMAR:
        acpi_parse_dmar(table, bytes, address, walk->machine, walk->problems);
        return;
    case KIND_OTHER:
        return;
    }
}

static void visit(const struct walk *walk, hpa_t address)
{
    size_t bytes;
    const uint8_t *header = map(address, ACPI_HEADER_BYTES);
    if (header == NULL) {
        complain(walk, ACPI_UNREADABLE, "????", address);
        return;
    }
    enum kind kind = kind_of(header);
    if (kind == KIND_OTHER)
        return;
    const char *signature = kinds[kind].signature;
    const uint8_t *table = load(walk, address, signature, kinds[kind].bytes_min, &bytes);
    if (table == NULL)
        return;
    if (is_known(walk->machine, kind))
        complain(walk, ACPI_DUPLICATE, signature, address);
    else
        parse(walk, kind, address, table, bytes);
}

static void walk_root(const struct walk *walk, const struct root *root)
{
    size_t count = (root->bytes - ACPI_HEADER_BYTES) / root->entry_bytes;
    if (count > ROOT_ENTRIES_MAX) {
        complain(walk, ACPI_TOO_MANY, root->entry_bytes == 8 ? "XSDT" : "RSDT", root->address);
        count = ROOT_ENTRIES_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        hpa_t at = HPA(root->address.value + ACPI_HEADER_BYTES + i * root->entry_bytes);
        const uint8_t *entry = map(at, root->entry_bytes);
        if (entry == NULL)
            return; /* was readable a moment ago */
        hpa_t table = HPA(root->entry_bytes == 8 ? little_64(entry) : little_32(entry));
        if (table.value != 0) /* some firmware leaves gaps */
            visit(walk, table);
    }
}

static void read_dsdt(const struct walk *walk)
{
    size_t bytes;
    struct acpi_machine *machine = walk->machine;
    const uint8_t *table = load(walk, machine->dsdt_address, "DSDT", ACPI_HEADER_BYTES, &bytes);
    if (table != NULL && !acpi_find_s5(table, bytes, &machine->s5))
        complain(walk, ACPI_NO_S5, "DSDT", machine->dsdt_address);
}

void acpi_read(const uint8_t *rsdp, size_t rsdp_bytes, struct acpi_machine *machine,
               struct acpi_problems *problems)
{
    memset(machine, 0, sizeof *machine);
    memset(problems, 0, sizeof *problems);
    const struct walk walk = { machine, problems };

    struct rsdp found;
    struct root root;
    if (!find_rsdp(&walk, rsdp, rsdp_bytes, &found) || !load_root(&walk, &found, &root))
        return;
    walk_root(&walk, &root);
    if (machine->fadt_found)
        read_dsdt(&walk);
}

struct acpi_override acpi_isa_interrupt(const struct acpi_machine *machine, uint8_t irq)
{
    for (unsigned i = 0; i < machine->override_count; i++)
        if (machine->overrides[i].irq == irq)
            return machine->overrides[i];
    return (struct acpi_override){ irq, irq, ACPI_ACTIVE_HIGH, ACPI_EDGE };
}

unsigned acpi_cpu_order(const struct acpi_machine *machine, uint32_t boot_id, uint32_t *ids)
{
    unsigned count = 0;
    ids[count++] = boot_id;
    for (unsigned i = 0; i < machine->cpu_count && count < ACPI_CPUS_MAX; i++)
        if (machine->apic_ids[i] != boot_id)
            ids[count++] = machine->apic_ids[i];
    return count;
}
