/* SPDX-License-Identifier: MIT
 *
 * drivers/acpi_dmar.c and drivers/acpi_mcfg.c on tables laid out as those of
 * real machines. Each is parsed from a heap block of exactly its size, so that
 * the sanitizer sees every read outside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/acpi.h"

#define TABLE_AT HPA(0x7A000000)

static uint8_t table[4096];
static size_t bytes;
static struct acpi_machine machine;
static struct acpi_problems problems;

/* Nothing here is looked for in memory. */
const uint8_t *acpi_map(hpa_t address, size_t count)
{
    (void)address;
    (void)count;
    return NULL;
}

static void add(const void *data, size_t count)
{
    assert_true(bytes + count <= sizeof table);
    memcpy(table + bytes, data, count);
    bytes += count;
}

static void add_8(uint8_t value)
{
    add(&value, 1);
}

static void add_16(uint16_t value)
{
    add(&value, 2);
}

static void add_32(uint32_t value)
{
    add(&value, 4);
}

static void add_64(uint64_t value)
{
    add(&value, 8);
}

static void begin(const char *signature, size_t header_bytes)
{
    memset(table, 0, sizeof table);
    memcpy(table, signature, 4);
    bytes = header_bytes;
    memset(&machine, 0, sizeof machine);
    memset(&problems, 0, sizeof problems);
}

static void begin_dmar(uint8_t flags)
{
    begin("DMAR", ACPI_DMAR_BYTES_MIN);
    table[36] = 38;
    table[37] = flags;
}

/* The entry's length is written when its scopes are complete. */
static size_t entry_at;

static void begin_entry(uint16_t type)
{
    entry_at = bytes;
    add_16(type);
    add_16(0);
}

static void end_entry(void)
{
    uint16_t length = (uint16_t)(bytes - entry_at);
    memcpy(table + entry_at + 2, &length, 2);
}

static void begin_drhd(uint8_t flags, uint16_t segment, uint64_t registers)
{
    begin_entry(0);
    add_8(flags);
    add_8(0);
    add_16(segment);
    add_64(registers);
}

static void begin_rmrr(uint16_t segment, uint64_t first, uint64_t last)
{
    begin_entry(1);
    add_16(0);
    add_16(segment);
    add_64(first);
    add_64(last);
}

static void add_scope(uint8_t type, uint8_t id, uint8_t bus, const uint8_t *path, size_t steps)
{
    add_8(type);
    add_8((uint8_t)(6 + 2 * steps));
    add_16(0);
    add_8(id);
    add_8(bus);
    add(path, 2 * steps);
}

static void scope_of(uint8_t type, uint8_t device, uint8_t function)
{
    const uint8_t path[] = { device, function };
    add_scope(type, 0, 0, path, 1);
}

static void parse_mcfg(const uint8_t *block, size_t count)
{
    acpi_parse_mcfg(block, count, TABLE_AT, &machine, &problems);
}

static void parse_dmar(const uint8_t *block, size_t count)
{
    acpi_parse_dmar(block, count, TABLE_AT, &machine, &problems);
}

static void parse_first(size_t count)
{
    uint8_t *block = malloc(count);
    memset(&machine, 0, sizeof machine);
    memset(&problems, 0, sizeof problems);
    memcpy(block, table, count);
    if (memcmp(table, "MCFG", 4) == 0)
        parse_mcfg(block, count);
    else
        parse_dmar(block, count);
    free(block);
}

static void parse(void)
{
    parse_first(bytes);
}

static void assert_problem(enum acpi_problem_kind kind, size_t offset)
{
    for (unsigned i = 0; i < problems.count; i++)
        if (problems.list[i].kind == kind && problems.list[i].offset == offset)
            return;
    fail_msg("no problem %d at %zu", (int)kind, offset);
}

/* A laptop: the graphics' own unit, one for all others with IOAPIC and HPET, two
 * regions that firmware goes on using. */
static void make_laptop(void)
{
    static const uint8_t ioapic[] = { 0x1E, 7 }, hpet[] = { 0x1E, 6 };
    begin_dmar(5);
    begin_drhd(0, 0, 0xFED90000);
    scope_of(DMAR_SCOPE_ENDPOINT, 2, 0);
    end_entry();
    begin_drhd(1, 0, 0xFED91000);
    add_scope(DMAR_SCOPE_IOAPIC, 2, 0, ioapic, 1);
    add_scope(DMAR_SCOPE_HPET, 0, 0, hpet, 1);
    end_entry();
    begin_rmrr(0, 0x7B800000, 0x7FFFFFFF);
    scope_of(DMAR_SCOPE_ENDPOINT, 2, 0);
    end_entry();
    begin_rmrr(0, 0x79E3C000, 0x79E5BFFF);
    scope_of(DMAR_SCOPE_ENDPOINT, 0x14, 0);
    scope_of(DMAR_SCOPE_ENDPOINT, 0x14, 1);
    end_entry();
    begin_entry(4);
    add("\0\0\0\x01\\_SB.PCI0.I2C0", 19);
    end_entry();
}

static void a_laptops_units_regions_and_flags_are_read(void **state)
{
    (void)state;
    make_laptop();
    parse();
    const struct dmar *dmar = &machine.dmar;
    assert_int_equal(problems.count, 0);
    assert_true(dmar->found && dmar->complete);
    assert_int_equal(dmar->address_bits, 39);
    assert_true(dmar->interrupt_remapping && dmar->dma_opt_in && !dmar->x2apic_opt_out);

    assert_int_equal(dmar->unit_count, 2);
    assert_int_equal(dmar->units[0].registers.value, 0xFED90000);
    assert_false(dmar->units[0].all_others);
    assert_int_equal(dmar->units[0].scopes.count, 1);
    assert_true(dmar->units[1].all_others);
    assert_int_equal(dmar->units[1].scopes.first, 1);
    assert_int_equal(dmar->units[1].scopes.count, 2);
    assert_int_equal(dmar->scopes[1].type, DMAR_SCOPE_IOAPIC);
    assert_int_equal(dmar->scopes[1].id, 2);
    assert_int_equal(dmar->scopes[1].path[0], 0x1E);
    assert_int_equal(dmar->scopes[1].path[1], 7);

    assert_int_equal(dmar->reserved_count, 2);
    assert_int_equal(dmar->reserved[0].first_byte, 0x7B800000);
    assert_int_equal(dmar->reserved[0].last_byte, 0x7FFFFFFF);
    assert_int_equal(dmar->reserved[1].scopes.first, 4);
    assert_int_equal(dmar->reserved[1].scopes.count, 2);
    assert_int_equal(dmar->name_count, 1);
    assert_int_equal(dmar->names[0].id, 1);
    assert_string_equal(dmar->names[0].text, "\\_SB.PCI0.I2C0");
}

/* A server of two sockets and two segments, with paths of more than a step. */
static void a_servers_segments_paths_and_affinities_are_read(void **state)
{
    (void)state;
    static const uint8_t deep[] = { 0x1C, 4, 0, 0, 3, 1 };
    begin_dmar(3);
    begin_drhd(0, 1, 0xC7FFC000);
    add_scope(DMAR_SCOPE_BRIDGE, 0, 0x80, deep, 3);
    end_entry();
    begin_drhd(1, 0, 0xFBFFE000);
    end_entry();
    begin_entry(2);
    add_8(0);
    add_8(0);
    add_16(1);
    scope_of(DMAR_SCOPE_BRIDGE, 2, 0);
    scope_of(DMAR_SCOPE_BRIDGE, 3, 0);
    end_entry();
    begin_entry(3);
    add_32(0);
    add_64(0xC7FFC000);
    add_32(7);
    end_entry();
    begin_entry(0x55); /* of a later specification */
    add_32(0);
    end_entry();
    parse();

    const struct dmar *dmar = &machine.dmar;
    assert_int_equal(problems.count, 0);
    assert_true(dmar->complete && dmar->x2apic_opt_out);
    assert_int_equal(dmar->units[0].segment, 1);
    assert_int_equal(dmar->scopes[0].bus, 0x80);
    assert_int_equal(dmar->scopes[0].step_count, 3);
    assert_int_equal(dmar->scopes[0].path[4], 3);
    assert_int_equal(dmar->scopes[0].path[5], 1);
    assert_true(dmar->units[0].has_proximity && !dmar->units[1].has_proximity);
    assert_int_equal(dmar->units[0].proximity, 7);
    assert_int_equal(dmar->ats_count, 1);
    assert_false(dmar->ats[0].all_ports);
    assert_int_equal(dmar->ats[0].segment, 1);
    assert_int_equal(dmar->ats[0].scopes.count, 2);
}

static void a_dmar_cut_at_any_length_is_read_up_to_there(void **state)
{
    (void)state;
    make_laptop();
    size_t whole = bytes;
    for (size_t count = ACPI_DMAR_BYTES_MIN; count < whole; count++) {
        parse_first(count);
        assert_true(machine.dmar.found);
        assert_int_equal(machine.dmar.complete, problems.count == 0);
    }
    parse_first(ACPI_DMAR_BYTES_MIN - 1);
    assert_false(machine.dmar.found);
}

static void any_byte_of_a_dmar_may_be_any_value(void **state)
{
    (void)state;
    make_laptop();
    for (size_t at = ACPI_DMAR_BYTES_MIN; at < bytes; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = table[at];
            table[at] = (uint8_t)value;
            parse();
            assert_true(machine.dmar.found);
            table[at] = kept;
        }
}

static void a_broken_scope_is_named_and_makes_the_table_incomplete(void **state)
{
    (void)state;
    make_laptop();
    size_t scope = ACPI_DMAR_BYTES_MIN + 16;
    table[scope + 1] = 7; /* neither 6 with a step, nor inside the unit */
    parse();
    assert_problem(ACPI_ENTRY, scope);
    assert_false(machine.dmar.complete);
    assert_int_equal(machine.dmar.unit_count, 2);
    assert_int_equal(machine.dmar.units[0].scopes.count, 0);

    table[scope + 1] = 200;
    parse();
    assert_problem(ACPI_ENTRY, scope);
    assert_false(machine.dmar.complete);
    assert_int_equal(machine.dmar.unit_count, 2);
}

static void units_and_regions_that_cannot_be_are_named(void **state)
{
    (void)state;
    begin_dmar(0);
    begin_drhd(1, 0, 0);
    end_entry();
    size_t second = bytes;
    begin_drhd(1, 0, 0xFED90010);
    end_entry();
    size_t region = bytes;
    begin_rmrr(0, 0x2000, 0x1FFF);
    end_entry();
    size_t affinity = bytes;
    begin_entry(3);
    add_32(0);
    add_64(0xFED90000);
    add_32(0);
    end_entry();
    parse();
    assert_problem(ACPI_VALUE, ACPI_DMAR_BYTES_MIN);
    assert_problem(ACPI_VALUE, second);
    assert_problem(ACPI_VALUE, region);
    assert_problem(ACPI_VALUE, affinity);
    assert_int_equal(machine.dmar.unit_count, 0);
    assert_int_equal(machine.dmar.reserved_count, 0);
    assert_false(machine.dmar.complete);
}

static void more_than_fits_is_named_and_makes_the_table_incomplete(void **state)
{
    (void)state;
    begin_dmar(0);
    for (unsigned i = 0; i < DMAR_UNITS_MAX + 1; i++) {
        begin_drhd(0, 0, 0xFED00000 + i * 0x1000);
        end_entry();
    }
    parse();
    assert_int_equal(machine.dmar.unit_count, DMAR_UNITS_MAX);
    assert_int_equal(problems.list[0].kind, ACPI_TOO_MANY);
    assert_false(machine.dmar.complete);

    begin_dmar(0);
    begin_drhd(0, 0, 0xFED00000);
    for (unsigned i = 0; i < DMAR_SCOPES_MAX + 1; i++)
        scope_of(DMAR_SCOPE_ENDPOINT, (uint8_t)(i % 32), 0);
    end_entry();
    parse();
    assert_int_equal(machine.dmar.units[0].scopes.count, DMAR_SCOPES_MAX);
    assert_false(machine.dmar.complete);

    static const uint8_t path[2 * (DMAR_STEPS_MAX + 1)];
    begin_dmar(0);
    begin_drhd(0, 0, 0xFED00000);
    add_scope(DMAR_SCOPE_ENDPOINT, 0, 0, path, DMAR_STEPS_MAX + 1);
    add_scope(DMAR_SCOPE_ENDPOINT, 0, 0, path, DMAR_STEPS_MAX);
    end_entry();
    parse();
    assert_int_equal(machine.dmar.units[0].scopes.count, 1);
    assert_int_equal(machine.dmar.scopes[0].step_count, DMAR_STEPS_MAX);
    assert_false(machine.dmar.complete);

    begin_dmar(0);
    for (unsigned i = 0; i < DMAR_RESERVED_MAX + 1; i++) {
        begin_rmrr(0, 0x1000, 0x1FFF);
        end_entry();
    }
    for (unsigned i = 0; i < DMAR_ATS_MAX + 1; i++) {
        begin_entry(2);
        add_32(1);
        end_entry();
    }
    parse();
    assert_int_equal(machine.dmar.reserved_count, DMAR_RESERVED_MAX);
    assert_int_equal(machine.dmar.ats_count, DMAR_ATS_MAX);
    assert_true(machine.dmar.ats[0].all_ports);
    assert_int_equal(problems.count, 2);
}

static void a_name_is_cut_and_made_printable(void **state)
{
    (void)state;
    char name[DMAR_NAME_SIZE + 9];
    memset(name, 'A', sizeof name);
    name[1] = '\x1B';
    begin_dmar(0);
    begin_entry(4);
    add_32(0);
    add(name, sizeof name);
    end_entry();
    parse();
    assert_int_equal(strlen(machine.dmar.names[0].text), DMAR_NAME_SIZE - 1);
    assert_int_equal(machine.dmar.names[0].text[1], '?');
    assert_true(machine.dmar.complete);
}

static void allocation(uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
    add_64(base);
    add_16(segment);
    add_8(first);
    add_8(last);
    add_32(0);
}

static void each_segment_of_an_mcfg_is_read(void **state)
{
    (void)state;
    begin("MCFG", ACPI_MCFG_BYTES_MIN);
    allocation(0x80000000, 0, 0, 0x7F);
    allocation(0x80000000, 0, 0x80, 0xFF);
    allocation(0x4000000000, 3, 0, 0xFF);
    parse();
    assert_int_equal(problems.count, 0);
    assert_true(machine.mcfg_found);
    assert_int_equal(machine.ecam_count, 3);
    assert_int_equal(machine.ecam[1].base.value, 0x80000000);
    assert_int_equal(machine.ecam[1].first_bus, 0x80);
    assert_int_equal(machine.ecam[2].base.value, 0x4000000000);
    assert_int_equal(machine.ecam[2].segment, 3);
    assert_int_equal(machine.ecam[2].last_bus, 0xFF);
}

static void allocations_that_cannot_be_are_named(void **state)
{
    (void)state;
    begin("MCFG", ACPI_MCFG_BYTES_MIN);
    allocation(0, 0, 0, 0xFF);
    allocation(0xE0001000, 0, 0, 0xFF);
    allocation(0xE0000000, 0, 4, 3);
    allocation(UINT64_MAX - MIB(1) + 1, 0, 0, 0xFF);
    allocation(0xE0000000, 0, 0, 0x3F);
    allocation(0xC0000000, 0, 0x3F, 0xFF);
    allocation(0xC0000000, 1, 0x3F, 0xFF);
    add_64(0);
    parse();
    for (unsigned i = 0; i < 4; i++)
        assert_problem(ACPI_VALUE, ACPI_MCFG_BYTES_MIN + 16 * i);
    assert_problem(ACPI_DUPLICATE, ACPI_MCFG_BYTES_MIN + 16 * 5);
    assert_problem(ACPI_ENTRY, ACPI_MCFG_BYTES_MIN + 16 * 7);
    assert_int_equal(problems.count, 6);
    assert_int_equal(machine.ecam_count, 2);
    assert_int_equal(machine.ecam[1].segment, 1);
}

static void an_mcfg_cut_at_any_length_is_read_up_to_there(void **state)
{
    (void)state;
    begin("MCFG", ACPI_MCFG_BYTES_MIN);
    for (unsigned i = 0; i < ACPI_ECAM_MAX + 1; i++)
        allocation(0xE0000000, (uint16_t)i, 0, 0xFF);
    for (size_t count = ACPI_MCFG_BYTES_MIN; count < bytes; count++) {
        parse_first(count);
        assert_int_equal(machine.ecam_count, (count - ACPI_MCFG_BYTES_MIN) / 16);
        assert_int_equal(problems.count, (count - ACPI_MCFG_BYTES_MIN) % 16 != 0);
    }
    parse();
    assert_int_equal(machine.ecam_count, ACPI_ECAM_MAX);
    assert_problem(ACPI_TOO_MANY, ACPI_MCFG_BYTES_MIN + 16 * ACPI_ECAM_MAX);
    parse_first(ACPI_MCFG_BYTES_MIN - 1);
    assert_false(machine.mcfg_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_laptops_units_regions_and_flags_are_read),
        cmocka_unit_test(a_servers_segments_paths_and_affinities_are_read),
        cmocka_unit_test(a_dmar_cut_at_any_length_is_read_up_to_there),
        cmocka_unit_test(any_byte_of_a_dmar_may_be_any_value),
        cmocka_unit_test(a_broken_scope_is_named_and_makes_the_table_incomplete),
        cmocka_unit_test(units_and_regions_that_cannot_be_are_named),
        cmocka_unit_test(more_than_fits_is_named_and_makes_the_table_incomplete),
        cmocka_unit_test(a_name_is_cut_and_made_printable),
        cmocka_unit_test(each_segment_of_an_mcfg_is_read),
        cmocka_unit_test(allocations_that_cannot_be_are_named),
        cmocka_unit_test(an_mcfg_cut_at_any_length_is_read_up_to_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
