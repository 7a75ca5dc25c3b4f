/* SPDX-License-Identifier: MIT
 *
 * drivers/acpi*.c on tables made here. The fake
 * acpi_map() hands out a heap block of exactly the bytes asked for and frees
 * the one before, so that the sanitizer sees every read outside a table and
 * every use of a mapping that is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/acpi.h"

#define MEMORY_BYTES MIB(2)
#define FACP_AT 0x110000
#define APIC_AT 0x111000
#define DSDT_AT 0x112000
#define DMAR_AT 0x113000
#define MCFG_AT 0x114000
#define RSDT_AT 0x115000
#define XSDT_AT 0x116000

static uint8_t memory[MEMORY_BYTES];
static uint8_t *mapped;
static struct acpi_machine machine;
static struct acpi_problems problems;

const uint8_t *acpi_map(hpa_t address, size_t bytes)
{
    free(mapped);
    mapped = NULL;
    assert_true(bytes <= ACPI_TABLE_BYTES_MAX);
    assert_true(address.value != 0 && address.value <= UINT64_MAX - bytes);
    if (address.value > MEMORY_BYTES || bytes > MEMORY_BYTES - address.value)
        return NULL;
    mapped = malloc(bytes);
    memcpy(mapped, memory + address.value, bytes);
    return mapped;
}

static void set_16(uint64_t at, uint16_t value)
{
    memcpy(memory + at, &value, sizeof value);
}

static void set_32(uint64_t at, uint32_t value)
{
    memcpy(memory + at, &value, sizeof value);
}

static void set_64(uint64_t at, uint64_t value)
{
    memcpy(memory + at, &value, sizeof value);
}

static void fix_checksum(uint64_t at, size_t bytes, size_t field)
{
    uint8_t sum = 0;
    memory[at + field] = 0;
    for (size_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + memory[at + i]);
    memory[at + field] = (uint8_t)-sum;
}

static void seal(uint64_t table, const char *signature, uint32_t bytes)
{
    memcpy(memory + table, signature, 4);
    set_32(table + 4, bytes);
    fix_checksum(table, bytes, 9);
}

/* As found in firmware: Name(_S3_, …), Name(\_S5_, Package(4){5, 6, 0, 0}). */
static const uint8_t dsdt_code[] = {
    0x08, '_', 'S', '3', '_', 0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00,
    0x08, 0x5C, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0A, 0x05, 0x0A, 0x06, 0x00, 0x00,
};

static void make_dsdt(const uint8_t *code, size_t bytes)
{
    memcpy(memory + DSDT_AT + ACPI_HEADER_BYTES, code, bytes);
    seal(DSDT_AT, "DSDT", (uint32_t)(ACPI_HEADER_BYTES + bytes));
}

static uint32_t madt_bytes;

static void madt_add(const void *entry, size_t bytes)
{
    memcpy(memory + APIC_AT + madt_bytes, entry, bytes);
    madt_bytes += (uint32_t)bytes;
}

static void madt_begin(void)
{
    set_32(APIC_AT + 36, 0xFEE00000);
    set_32(APIC_AT + 40, 1);
    madt_bytes = ACPI_MADT_BYTES_MIN;
}

static void madt_end(void)
{
    seal(APIC_AT, "APIC", madt_bytes);
}

static void madt_cpu(uint8_t apic_id, bool enabled)
{
    const uint8_t entry[] = { 0, 8, 1, apic_id, enabled, 0, 0, 0 };
    madt_add(entry, sizeof entry);
}

static void madt_x2apic(uint32_t apic_id, bool enabled)
{
    uint8_t entry[16] = { 9, 16 };
    memcpy(entry + 4, &apic_id, 4);
    entry[8] = enabled;
    madt_add(entry, sizeof entry);
}

static void make_madt(void)
{
    madt_begin();
    madt_cpu(0, true);
    madt_cpu(2, true);
    madt_cpu(4, false);
    madt_cpu(0xFF, true);
    madt_x2apic(0x1234, true);
    madt_x2apic(0x1235, false);
    madt_x2apic(0xFFFFFFFF, true);
    madt_add("\x01\x0C\x08\x00\x00\x00\xC0\xFE\x00\x00\x00\x00", 12);
    madt_add("\x01\x0C\x09\x00\x00\x10\xC0\xFE\x18\x00\x00\x00", 12);
    madt_add("\x02\x0A\x00\x00\x02\x00\x00\x00\x00\x00", 10); /* timer: pin 2 */
    madt_add("\x02\x0A\x00\x09\x09\x00\x00\x00\x0D\x00", 10); /* SCI: level, high */
    madt_add("\x02\x0A\x00\x0B\x10\x00\x00\x00\x0F\x00", 10); /* level, low */
    madt_add("\x04\x06\xFF\x05\x00\x01", 6);                   /* NMI at every LINT1 */
    madt_end();
}

static void make_fadt(uint32_t bytes)
{
    set_32(FACP_AT + 40, DSDT_AT);
    set_32(FACP_AT + 48, 0xB2);
    memory[FACP_AT + 52] = 0xA0;
    set_32(FACP_AT + 64, 0x604);
    set_32(FACP_AT + 68, 0x704);
    memory[FACP_AT + 108] = 0x32;
    set_32(FACP_AT + 112, 1u << 10);
    memory[FACP_AT + 116] = ACPI_SPACE_IO;
    set_64(FACP_AT + 120, 0xCF9);
    memory[FACP_AT + 128] = 0x0E;
    seal(FACP_AT, "FACP", bytes);
}

static const uint32_t tables[] = { FACP_AT, APIC_AT, DMAR_AT, MCFG_AT };
#define TABLES (sizeof tables / sizeof tables[0])

static void make_roots(void)
{
    for (unsigned i = 0; i < TABLES; i++) {
        set_32(RSDT_AT + ACPI_HEADER_BYTES + 4 * i, tables[i]);
        set_64(XSDT_AT + ACPI_HEADER_BYTES + 8 * i, tables[i]);
    }
    seal(RSDT_AT, "RSDT", ACPI_HEADER_BYTES + 4 * TABLES);
    seal(XSDT_AT, "XSDT", ACPI_HEADER_BYTES + 8 * TABLES);
}

static void make_rsdp(uint64_t at, uint8_t revision)
{
    memcpy(memory + at, "RSD PTR ", 8);
    memory[at + 15] = revision;
    set_32(at + 16, RSDT_AT);
    fix_checksum(at, 20, 8);
    if (revision >= 2) {
        set_32(at + 20, 36);
        set_64(at + 24, XSDT_AT);
        fix_checksum(at, 36, 32);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof memory);
    make_dsdt(dsdt_code, sizeof dsdt_code);
    make_madt();
    make_fadt(244);
    memory[DMAR_AT + 36] = 38; /* bits of address, less one */
    seal(DMAR_AT, "DMAR", 48);
    set_64(MCFG_AT + 44, 0xE0000000);
    seal(MCFG_AT, "MCFG", 60);
    make_roots();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(mapped);
    mapped = NULL;
    return 0;
}

static void read_all(void)
{
    memset(&machine, 0xA5, sizeof machine);
    memset(&problems, 0xA5, sizeof problems);
    acpi_read(NULL, 0, &machine, &problems);
}

static void assert_problem(enum acpi_problem_kind kind, const char *table)
{
    for (unsigned i = 0; i < problems.count; i++)
        if (problems.list[i].kind == kind && strcmp(problems.list[i].table, table) == 0)
            return;
    fail_msg("no problem %d of %s", (int)kind, table);
}

static void assert_whole_machine(void)
{
    assert_int_equal(problems.count, 0);
    assert_true(machine.rsdp_found && machine.madt_found && machine.fadt_found);
    assert_true(machine.dmar.found && machine.mcfg_found && machine.s5.present);
    assert_int_equal(machine.cpu_count, 3);
}

static void a_whole_machine_is_read_from_the_bios_area(void **state)
{
    (void)state;
    make_rsdp(0xF5A40, 0);
    read_all();
    assert_whole_machine();
    assert_int_equal(machine.rsdp_address.value, 0xF5A40);
    assert_int_equal(machine.revision, 0);
    assert_int_equal(machine.lapic_address.value, 0xFEE00000);
    assert_true(machine.legacy_pics);
    assert_int_equal(machine.dmar.address_bits, 39);
    assert_int_equal(machine.ecam_count, 1);
    assert_int_equal(machine.ecam[0].base.value, 0xE0000000);
}

static void enabled_processors_of_both_kinds_are_counted(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    read_all();
    assert_int_equal(machine.cpu_count, 3);
    assert_int_equal(machine.apic_ids[0], 0);
    assert_int_equal(machine.apic_ids[1], 2);
    assert_int_equal(machine.apic_ids[2], 0x1234);
    assert_int_equal(machine.cpus_ignored, 0);
}

static void ioapics_and_overrides_are_read(void **state)
{
    (void)state;
    make_rsdp(0xFFFE0, 0);
    read_all();
    assert_int_equal(machine.ioapic_count, 2);
    assert_int_equal(machine.ioapics[0].address.value, 0xFEC00000);
    assert_int_equal(machine.ioapics[1].id, 9);
    assert_int_equal(machine.ioapics[1].gsi_base, 24);

    struct acpi_override timer = acpi_isa_interrupt(&machine, 0);
    assert_int_equal(timer.gsi, 2);
    assert_int_equal(timer.polarity, ACPI_ACTIVE_HIGH);
    assert_int_equal(timer.trigger, ACPI_EDGE);
    struct acpi_override sci = acpi_isa_interrupt(&machine, 9);
    assert_int_equal(sci.polarity, ACPI_ACTIVE_HIGH);
    assert_int_equal(sci.trigger, ACPI_LEVEL);
    struct acpi_override moved = acpi_isa_interrupt(&machine, 11);
    assert_int_equal(moved.gsi, 16);
    assert_int_equal(moved.polarity, ACPI_ACTIVE_LOW);
    struct acpi_override com1 = acpi_isa_interrupt(&machine, 4);
    assert_int_equal(com1.gsi, 4);
    assert_int_equal(com1.trigger, ACPI_EDGE);
}

static void power_off_and_reset_are_read(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 0);
    read_all();
    assert_int_equal(machine.pm1a_control, 0x604);
    assert_int_equal(machine.pm1b_control, 0x704);
    assert_int_equal(machine.smi_command, 0xB2);
    assert_int_equal(machine.acpi_enable, 0xA0);
    assert_int_equal(machine.century_register, 0x32);
    assert_int_equal(machine.s5.type_a, 5);
    assert_int_equal(machine.s5.type_b, 6);
    assert_true(machine.reset.present);
    assert_int_equal(machine.reset.space, ACPI_SPACE_IO);
    assert_int_equal(machine.reset.address, 0xCF9);
    assert_int_equal(machine.reset.value, 0x0E);
}

static void the_ebda_is_searched_first(void **state)
{
    (void)state;
    set_16(0x40E, 0x9FC0);
    make_rsdp(0x9FC00 + 992, 0);
    read_all();
    assert_whole_machine();
    assert_int_equal(machine.rsdp_address.value, 0x9FC00 + 992);
}

static void an_rsdp_off_its_alignment_or_with_a_wrong_sum_is_passed_over(void **state)
{
    (void)state;
    make_rsdp(0xE0008, 0);
    make_rsdp(0xE0100, 0);
    memory[0xE0108]++;
    read_all();
    assert_false(machine.rsdp_found);
    assert_problem(ACPI_NO_RSDP, "RSD ");
    assert_int_equal(problems.count, 1);

    make_rsdp(0xF0000, 0);
    read_all();
    assert_whole_machine();
}

static void a_copy_from_the_loader_needs_no_search(void **state)
{
    (void)state;
    make_rsdp(0x1000, 2);
    acpi_read(memory + 0x1000, 36, &machine, &problems);
    assert_whole_machine();
    assert_int_equal(machine.revision, 2);
    assert_int_equal(machine.rsdp_address.value, 0);
}

static void a_broken_copy_from_the_loader_is_named_and_the_bios_area_searched(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 0);
    make_rsdp(0x1000, 0);
    memory[0x1003] = 'X';
    acpi_read(memory + 0x1000, 20, &machine, &problems);
    assert_problem(ACPI_CHECKSUM, "RSD ");
    assert_int_equal(machine.cpu_count, 3);
}

static void an_xsdt_is_used_only_from_revision_2_on(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 0);
    set_64(0xE0000 + 24, 0x1FFFFF0); /* not part of an RSDP of revision 0 */
    read_all();
    assert_whole_machine();

    make_rsdp(0xE0000, 2);
    memory[RSDT_AT] = 'X';
    read_all();
    assert_whole_machine();
}

static void a_broken_xsdt_is_named_and_the_rsdt_used(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memory[XSDT_AT + 40]++;
    read_all();
    assert_problem(ACPI_CHECKSUM, "XSDT");
    assert_int_equal(problems.count, 1);
    assert_int_equal(machine.cpu_count, 3);
}

static void a_wrong_extended_checksum_leaves_the_rsdt(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memory[0xE0000 + 32]++;
    memory[XSDT_AT] = 'X'; /* would be a second problem if looked at */
    read_all();
    assert_problem(ACPI_CHECKSUM, "RSD ");
    assert_int_equal(problems.count, 1);
    assert_int_equal(machine.cpu_count, 3);
}

static void an_extended_rsdp_that_is_cut_off_leaves_the_rsdt(void **state)
{
    (void)state;
    make_rsdp(0x1000, 2);
    for (size_t bytes = 20; bytes < 36; bytes++) {
        uint8_t *copy = malloc(bytes);
        memcpy(copy, memory + 0x1000, bytes);
        acpi_read(copy, bytes, &machine, &problems);
        free(copy);
        assert_problem(ACPI_LENGTH, "RSD ");
        assert_int_equal(machine.cpu_count, 3);
    }
    memcpy(memory + 0xFFFE0, memory + 0x1000, 32);
    read_all();
    assert_problem(ACPI_LENGTH, "RSD ");
    assert_int_equal(machine.cpu_count, 3);

    set_32(0x1000 + 20, 35);
    acpi_read(memory + 0x1000, 36, &machine, &problems);
    assert_problem(ACPI_LENGTH, "RSD ");
}

static void what_follows_a_root_table_is_no_entry(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memset(memory + XSDT_AT + ACPI_HEADER_BYTES + 8 * TABLES, 0xFF, 128);
    read_all();
    assert_whole_machine();
}

static void a_broken_table_is_named_and_the_others_still_count(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memory[APIC_AT + 50]++;
    read_all();
    assert_problem(ACPI_CHECKSUM, "APIC");
    assert_int_equal(problems.list[0].address.value, APIC_AT);
    assert_false(machine.madt_found);
    assert_int_equal(machine.cpu_count, 0);
    assert_true(machine.fadt_found && machine.s5.present && machine.dmar.found);

    setup(state);
    make_rsdp(0xE0000, 2);
    memory[FACP_AT + 50]++;
    memory[DMAR_AT + 40]++;
    read_all();
    assert_problem(ACPI_CHECKSUM, "FACP");
    assert_problem(ACPI_CHECKSUM, "DMAR");
    assert_false(machine.fadt_found || machine.dmar.found);
    assert_true(machine.madt_found && machine.mcfg_found);
}

static void tables_outside_memory_are_named(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    set_64(XSDT_AT + ACPI_HEADER_BYTES, UINT64_MAX - 3);
    set_64(XSDT_AT + ACPI_HEADER_BYTES + 16, 0);
    seal(XSDT_AT, "XSDT", ACPI_HEADER_BYTES + 8 * TABLES);
    read_all();
    assert_int_equal(problems.count, 1); /* a null entry is none */
    assert_problem(ACPI_UNREADABLE, "????");
    assert_true(machine.madt_found);
}

static void impossible_lengths_are_named(void **state)
{
    (void)state;
    const uint32_t lengths[] = { 0, 35, 43, ACPI_TABLE_BYTES_MAX + 1, UINT32_MAX };
    make_rsdp(0xE0000, 2);
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        set_32(APIC_AT + 4, lengths[i]);
        read_all();
        assert_problem(ACPI_LENGTH, "APIC");
        assert_false(machine.madt_found);
    }
    set_32(APIC_AT + 4, ACPI_TABLE_BYTES_MAX);
    read_all();
    assert_problem(ACPI_UNREADABLE, "APIC");
}

static void a_madt_cut_at_any_length_is_read_up_to_there(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    uint32_t whole = madt_bytes;
    for (uint32_t bytes = ACPI_MADT_BYTES_MIN; bytes <= whole; bytes++) {
        seal(APIC_AT, "APIC", bytes);
        read_all();
        assert_true(machine.madt_found);
        assert_true(machine.cpu_count <= 3 && machine.ioapic_count <= 2);
        if (problems.count > 0)
            assert_problem(ACPI_ENTRY, "APIC");
    }
    assert_whole_machine();
}

static void a_madt_with_any_entry_length_is_read_within_its_bounds(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    for (uint32_t at = ACPI_MADT_BYTES_MIN + 1; at < madt_bytes; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = memory[APIC_AT + at];
            memory[APIC_AT + at] = (uint8_t)value;
            seal(APIC_AT, "APIC", madt_bytes);
            acpi_read(memory + 0xE0000, 36, &machine, &problems); /* saves the search */
            assert_true(machine.madt_found);
            memory[APIC_AT + at] = kept;
        }
}

static void an_entry_too_short_for_its_kind_is_left_out_alone(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    madt_add("\x00\x04\x01\x01", 4);
    madt_cpu(7, true);
    madt_end();
    read_all();
    assert_problem(ACPI_ENTRY, "APIC");
    assert_int_equal(problems.list[0].offset, ACPI_MADT_BYTES_MIN);
    assert_int_equal(machine.cpu_count, 1);
    assert_int_equal(machine.apic_ids[0], 7);
}

static void an_entry_of_no_length_ends_the_madt(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    madt_cpu(7, true);
    madt_add("\x00\x00\x01\x01", 4);
    madt_cpu(8, true);
    madt_end();
    read_all();
    assert_problem(ACPI_ENTRY, "APIC");
    assert_int_equal(machine.cpu_count, 1);
}

static void a_processor_named_twice_counts_once(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    madt_cpu(3, true);
    madt_x2apic(3, true);
    madt_end();
    read_all();
    assert_int_equal(machine.cpu_count, 1);
    assert_problem(ACPI_DUPLICATE, "APIC");
}

static void processors_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    for (uint32_t i = 0; i < ACPI_CPUS_MAX + 6; i++)
        madt_x2apic(i * 2, true);
    madt_end();
    read_all();
    assert_int_equal(machine.cpu_count, ACPI_CPUS_MAX);
    assert_int_equal(machine.cpus_ignored, 6);
    assert_int_equal(problems.count, 0);
}

static void assert_order(uint32_t boot_id, const uint32_t *ids, unsigned count)
{
    uint32_t order[ACPI_CPUS_MAX];
    assert_int_equal(acpi_cpu_order(&machine, boot_id, order), count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(order[i], ids[i]);
}

/* Performance cores with two threads first, then efficient ones: APIC ids have
 * gaps, and the boot CPU need not be the first. */
static void cpus_are_numbered_from_the_boot_cpu_on(void **state)
{
    (void)state;
    static const uint32_t listed[] = { 0, 1, 8, 9, 16, 18, 20, 0x300 };
    static const uint32_t from_first[] = { 0, 1, 8, 9, 16, 18, 20, 0x300 };
    static const uint32_t from_fourth[] = { 9, 0, 1, 8, 16, 18, 20, 0x300 };
    static const uint32_t not_listed[] = { 5, 0, 1, 8, 9, 16, 18, 20, 0x300 };
    make_rsdp(0xE0000, 2);
    madt_begin();
    for (unsigned i = 0; i < 8; i++)
        madt_x2apic(listed[i], true);
    madt_end();
    read_all();
    assert_order(0, from_first, 8);
    assert_order(9, from_fourth, 8);
    assert_order(5, not_listed, 9);

    machine.cpu_count = 0; /* no MADT */
    assert_order(5, not_listed, 1);
}

static void the_boot_cpu_is_among_those_of_a_machine_with_too_many(void **state)
{
    (void)state;
    uint32_t order[ACPI_CPUS_MAX];
    make_rsdp(0xE0000, 2);
    madt_begin();
    for (uint32_t i = 0; i < ACPI_CPUS_MAX + 6; i++)
        madt_x2apic(i, true);
    madt_end();
    read_all();
    assert_int_equal(acpi_cpu_order(&machine, ACPI_CPUS_MAX + 3, order), ACPI_CPUS_MAX);
    assert_int_equal(order[0], ACPI_CPUS_MAX + 3);
    assert_int_equal(order[ACPI_CPUS_MAX - 1], ACPI_CPUS_MAX - 2);
    assert_int_equal(acpi_cpu_order(&machine, 3, order), ACPI_CPUS_MAX);
    assert_int_equal(order[ACPI_CPUS_MAX - 1], ACPI_CPUS_MAX - 1);
}

static void ioapics_and_overrides_beyond_the_limit_are_named(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    for (unsigned i = 0; i < ACPI_IOAPICS_MAX + 2; i++)
        madt_add("\x01\x0C\x08\x00\x00\x00\xC0\xFE\x00\x00\x00\x00", 12);
    for (unsigned i = 0; i < ACPI_OVERRIDES_MAX + 1; i++)
        madt_add("\x02\x0A\x00\x05\x05\x00\x00\x00\x00\x00", 10);
    madt_end();
    read_all();
    assert_int_equal(machine.ioapic_count, ACPI_IOAPICS_MAX);
    assert_int_equal(machine.ioapics_ignored, 2);
    assert_int_equal(machine.override_count, ACPI_OVERRIDES_MAX);
    assert_problem(ACPI_TOO_MANY, "APIC");
    assert_int_equal(problems.count, 3);
}

static void inputs_that_are_wired_for_nmis_are_read(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    read_all();
    assert_int_equal(machine.nmi_inputs, 1u << 1);
    assert_int_equal(machine.nmi_source_count, 0);

    madt_begin();
    madt_add("\x0A\x0C\x00\x00\xFF\xFF\xFF\xFF\x00\x00\x00\x00", 12);
    madt_add("\x03\x08\x0D\x00\x14\x01\x00\x00", 8);
    madt_add("\x04\x06\xFF\x05\x00\x02", 6); /* there is no LINT2 */
    madt_end();
    read_all();
    assert_int_equal(machine.nmi_inputs, 1u << 0);
    assert_int_equal(machine.nmi_source_count, 1);
    assert_int_equal(machine.nmi_sources[0], 0x114);
    assert_problem(ACPI_VALUE, "APIC");

    madt_begin();
    for (unsigned i = 0; i < ACPI_NMI_SOURCES_MAX + 1; i++)
        madt_add("\x03\x08\x0D\x00\x14\x01\x00\x00", 8);
    madt_end();
    read_all();
    assert_int_equal(machine.nmi_source_count, ACPI_NMI_SOURCES_MAX);
    assert_problem(ACPI_TOO_MANY, "APIC");
}

static void a_second_table_of_a_kind_is_named_and_not_read(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memcpy(memory + 0x120000, memory + MCFG_AT, 60);
    set_64(0x120000 + 44, 0xD0000000);
    seal(0x120000, "MCFG", 60);
    set_64(XSDT_AT + ACPI_HEADER_BYTES, 0x120000);
    seal(XSDT_AT, "XSDT", ACPI_HEADER_BYTES + 8 * TABLES);
    read_all();
    assert_problem(ACPI_DUPLICATE, "MCFG");
    assert_int_equal(machine.ecam_count, 1);
    assert_int_equal(machine.ecam[0].base.value, 0xD0000000);
}

static void the_64_bit_lapic_address_overrides(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    madt_begin();
    madt_add("\x05\x0C\x00\x00\x00\x00\xE0\xFE\x01\x00\x00\x00", 12);
    madt_end();
    read_all();
    assert_int_equal(machine.lapic_address.value, 0x1FEE00000);
}

static void an_old_short_fadt_has_no_reset_register(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 0);
    for (uint32_t bytes = ACPI_FADT_BYTES_MIN; bytes < 129; bytes++) {
        seal(FACP_AT, "FACP", bytes);
        read_all();
        assert_true(machine.fadt_found);
        assert_false(machine.reset.present);
        assert_int_equal(machine.pm1a_control, 0x604);
        assert_true(machine.s5.present);
    }
    seal(FACP_AT, "FACP", 129);
    read_all();
    assert_true(machine.reset.present);
}

static void a_fadt_without_the_reset_flag_has_no_reset_register(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    set_32(FACP_AT + 112, 0);
    seal(FACP_AT, "FACP", 244);
    read_all();
    assert_false(machine.reset.present);
}

static void extended_fields_count_where_the_old_ones_are_empty(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    set_32(FACP_AT + 40, 0);
    set_64(FACP_AT + 140, DSDT_AT);
    set_32(FACP_AT + 64, 0);
    memory[FACP_AT + 172] = ACPI_SPACE_IO;
    set_64(FACP_AT + 176, 0x1804);
    set_32(FACP_AT + 68, 0);
    memory[FACP_AT + 184] = ACPI_SPACE_MEMORY;
    set_64(FACP_AT + 188, 0x1808);
    seal(FACP_AT, "FACP", 244);
    read_all();
    assert_true(machine.s5.present);
    assert_int_equal(machine.pm1a_control, 0x1804);
    assert_int_equal(machine.pm1b_control, 0);
}

static void an_extended_dsdt_address_wins_over_the_old_one(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    set_32(FACP_AT + 40, 0x1234);
    set_64(FACP_AT + 140, DSDT_AT);
    seal(FACP_AT, "FACP", 244);
    read_all();
    assert_int_equal(machine.dsdt_address.value, DSDT_AT);
    assert_true(machine.s5.present);
    assert_int_equal(problems.count, 0);
}

static void a_missing_or_broken_dsdt_is_named(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    memory[DSDT_AT + 40]++;
    read_all();
    assert_problem(ACPI_CHECKSUM, "DSDT");
    assert_false(machine.s5.present);

    memory[DSDT_AT] = 'X';
    read_all();
    assert_problem(ACPI_SIGNATURE, "DSDT");

    set_32(FACP_AT + 40, 0);
    seal(FACP_AT, "FACP", 244);
    read_all();
    assert_problem(ACPI_UNREADABLE, "DSDT");
}

/* The S5 package as the code after the table's header, in a block of exactly
 * that size. */
static bool find_s5(const uint8_t *code, size_t bytes, struct acpi_s5 *s5)
{
    uint8_t *table = calloc(1, ACPI_HEADER_BYTES + bytes);
    memcpy(table + ACPI_HEADER_BYTES, code, bytes);
    memset(s5, 0, sizeof *s5);
    bool found = acpi_find_s5(table, ACPI_HEADER_BYTES + bytes, s5);
    free(table);
    return found;
}

static void s5_is_found_however_its_numbers_are_encoded(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    const uint8_t bare[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x00 };
    assert_true(find_s5(bare, sizeof bare, &s5));
    assert_true(s5.present);
    assert_int_equal(s5.type_a, 1);
    assert_int_equal(s5.type_b, 0);

    const uint8_t words[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x0A, 0x02,
                              0x0B, 0x07, 0x00, 0x0C, 0x03, 0x00, 0x00, 0x00 };
    assert_true(find_s5(words, sizeof words, &s5));
    assert_int_equal(s5.type_a, 7);
    assert_int_equal(s5.type_b, 3);

    const uint8_t one[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x05, 0x01, 0x0B, 0x05, 0x06 };
    assert_true(find_s5(one, sizeof one, &s5));
    assert_int_equal(s5.type_a, 5);
    assert_int_equal(s5.type_b, 6);

    const uint8_t long_length[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x45, 0x00, 0x02, 0x01, 0x01 };
    assert_true(find_s5(long_length, sizeof long_length, &s5));
    assert_int_equal(s5.type_b, 1);
}

static void a_package_longer_than_63_bytes_is_measured_right(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    uint8_t code[5 + 1 + 0x1234] = { 0x08, '_', 'S', '5', '_', 0x12, 0x84, 0x23, 0x01, 0x02, 1, 1 };
    assert_true(find_s5(code, 6 + 0x1234, &s5)); /* 4 | 0x23 << 4 | 0x01 << 12 */
    assert_false(find_s5(code, 6 + 0x1233, &s5));
    for (size_t bytes = 6; bytes < 10; bytes++)
        assert_false(find_s5(code, bytes, &s5));

    const uint8_t too_small[] = { 0x08, '_', 'S', '5', '_', 0x12, 0xC3, 0, 0, 0, 0x02, 1, 1 };
    assert_false(find_s5(too_small, sizeof too_small, &s5));
}

static void four_letters_that_declare_nothing_are_not_s5(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    const uint8_t mention[] = { 0x00, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x00,
                                0x08, '_', 'S', '5', '_', 0x0A, 0x05,
                                0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x70, 0x00,
                                0x08, '_', 'S', '5', '_', 0x12, 0x02, 0x00,
                                0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x00, 0x01, 0x00,
                                0x5C, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x00,
                                0x08, 0x2E, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x00 };
    assert_false(find_s5(mention, sizeof mention, &s5));
    assert_false(s5.present);
}

static void a_later_declaration_is_found_behind_false_ones(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    const uint8_t code[] = { 0x08, '_', 'S', '5', '_', 0x0A, 0x05,
                             0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x01 };
    assert_true(find_s5(code, sizeof code, &s5));
}

static void an_s5_cut_at_any_length_is_not_found(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    const size_t numbers_end = sizeof dsdt_code - 2;
    for (size_t bytes = 0; bytes < sizeof dsdt_code; bytes++)
        assert_false(find_s5(dsdt_code, bytes, &s5)); /* its length leaves the table */
    assert_true(find_s5(dsdt_code, sizeof dsdt_code, &s5));

    uint8_t narrowed[sizeof dsdt_code];
    memcpy(narrowed, dsdt_code, sizeof narrowed);
    for (uint8_t length = 0; length < 6; length++) {
        narrowed[19] = length;
        assert_false(find_s5(narrowed, sizeof narrowed, &s5));
    }
    narrowed[19] = 6;
    assert_true(find_s5(narrowed, numbers_end, &s5));
}

static void a_number_cut_anywhere_is_none(void **state)
{
    (void)state;
    struct acpi_s5 s5;
    static const uint8_t prefixes[] = { 0x0A, 0x0B, 0x0C };
    static const uint8_t widths[] = { 1, 2, 4 };
    for (unsigned kind = 0; kind < 3; kind++)
        for (uint8_t width = 0; width <= 4; width++) {
            uint8_t code[] = { 0x08, '_', 'S', '5', '_', 0x12, 0, 1, prefixes[kind], 5, 0, 0, 0 };
            code[6] = 3 + width;
            assert_int_equal(find_s5(code, sizeof code, &s5), width >= widths[kind]);
            assert_int_equal(find_s5(code, 9u + width, &s5), width >= widths[kind]);
        }
}

static void a_dsdt_without_s5_is_named(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    make_dsdt(dsdt_code, 12);
    read_all();
    assert_problem(ACPI_NO_S5, "DSDT");
    assert_true(machine.fadt_found);
}

static void a_second_madt_is_named_and_ignored(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    set_64(XSDT_AT + ACPI_HEADER_BYTES + 8 * TABLES, APIC_AT);
    set_64(XSDT_AT + ACPI_HEADER_BYTES + 8 * (TABLES + 1), FACP_AT);
    seal(XSDT_AT, "XSDT", ACPI_HEADER_BYTES + 8 * (TABLES + 2));
    read_all();
    assert_problem(ACPI_DUPLICATE, "APIC");
    assert_problem(ACPI_DUPLICATE, "FACP");
    assert_int_equal(machine.cpu_count, 3);
}

static void the_list_of_problems_is_bounded(void **state)
{
    (void)state;
    make_rsdp(0xE0000, 2);
    for (unsigned i = 0; i < 300; i++)
        set_64(XSDT_AT + ACPI_HEADER_BYTES + 8 * i, 0xFFFFFFFF);
    seal(XSDT_AT, "XSDT", ACPI_HEADER_BYTES + 8 * 300);
    read_all();
    assert_problem(ACPI_TOO_MANY, "XSDT");
    assert_int_equal(problems.count, ACPI_PROBLEMS_MAX);
    assert_int_equal(problems.count + problems.more, 1 + 256);
}

static void unprintable_signatures_are_shown_as_question_marks(void **state)
{
    (void)state;
    memset(&problems, 0, sizeof problems);
    acpi_problem_add(&problems, (struct acpi_problem){ .kind = ACPI_LENGTH }, "A\x01\xFFZ");
    assert_string_equal(problems.list[0].table, "A??Z");
}

static void every_problem_has_a_text(void **state)
{
    (void)state;
    for (int kind = ACPI_NO_RSDP; kind <= ACPI_NO_S5; kind++)
        assert_string_not_equal(acpi_problem_text((enum acpi_problem_kind)kind), "unknown problem");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_machine_is_read_from_the_bios_area),
        TEST(enabled_processors_of_both_kinds_are_counted),
        TEST(ioapics_and_overrides_are_read),
        TEST(power_off_and_reset_are_read),
        TEST(the_ebda_is_searched_first),
        TEST(an_rsdp_off_its_alignment_or_with_a_wrong_sum_is_passed_over),
        TEST(a_copy_from_the_loader_needs_no_search),
        TEST(a_broken_copy_from_the_loader_is_named_and_the_bios_area_searched),
        TEST(an_xsdt_is_used_only_from_revision_2_on),
        TEST(a_broken_xsdt_is_named_and_the_rsdt_used),
        TEST(a_wrong_extended_checksum_leaves_the_rsdt),
        TEST(an_extended_rsdp_that_is_cut_off_leaves_the_rsdt),
        TEST(what_follows_a_root_table_is_no_entry),
        TEST(a_broken_table_is_named_and_the_others_still_count),
        TEST(tables_outside_memory_are_named),
        TEST(impossible_lengths_are_named),
        TEST(a_madt_cut_at_any_length_is_read_up_to_there),
        TEST(a_madt_with_any_entry_length_is_read_within_its_bounds),
        TEST(an_entry_too_short_for_its_kind_is_left_out_alone),
        TEST(an_entry_of_no_length_ends_the_madt),
        TEST(a_processor_named_twice_counts_once),
        TEST(processors_beyond_the_limit_are_counted),
        TEST(cpus_are_numbered_from_the_boot_cpu_on),
        TEST(the_boot_cpu_is_among_those_of_a_machine_with_too_many),
        TEST(ioapics_and_overrides_beyond_the_limit_are_named),
        TEST(inputs_that_are_wired_for_nmis_are_read),
        TEST(a_second_table_of_a_kind_is_named_and_not_read),
        TEST(the_64_bit_lapic_address_overrides),
        TEST(an_old_short_fadt_has_no_reset_register),
        TEST(a_fadt_without_the_reset_flag_has_no_reset_register),
        TEST(extended_fields_count_where_the_old_ones_are_empty),
        TEST(an_extended_dsdt_address_wins_over_the_old_one),
        TEST(a_missing_or_broken_dsdt_is_named),
        TEST(s5_is_found_however_its_numbers_are_encoded),
        TEST(a_package_longer_than_63_bytes_is_measured_right),
        TEST(four_letters_that_declare_nothing_are_not_s5),
        TEST(a_later_declaration_is_found_behind_false_ones),
        TEST(an_s5_cut_at_any_length_is_not_found),
        TEST(a_number_cut_anywhere_is_none),
        TEST(a_dsdt_without_s5_is_named),
        TEST(a_second_madt_is_named_and_ignored),
        TEST(the_list_of_problems_is_bounded),
        TEST(unprintable_signatures_are_shown_as_question_marks),
        TEST(every_problem_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
