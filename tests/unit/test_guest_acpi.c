/* SPDX-License-Identifier: MIT
 *
 * hv/guest_acpi.c: the tables are found as an operating system finds them, by
 * offsets out of the specification; what the DSDT says, Intel's compiler (iasl)
 * reads back without a word of complaint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hv/aml.h"
#include "hv/bytes.h"
#include "hv/guest_acpi.h"
#include "hv/guest_ports.h"
#include "tests/fake/dies.h"
#include "tests/fake/machine.h"

#define BASE MIB(512)

static const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MIB(2));

static const uint8_t *at(uint64_t gpa)
{
    return fake.memory + gpa;
}

static void build(unsigned vcpus)
{
    fake_reset(memory.base.value, memory.bytes);
    assert_int_equal(guest_acpi_build(&memory, vcpus, &(struct guest_acpi_pci){ .route_count = 0 }).value, 0xE0000);
}

static unsigned sum(const uint8_t *bytes, size_t count)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += bytes[i];
    return total & 0xFF;
}

static uint64_t rsdt(void)
{
    return little_32(at(0xE0000) + 16);
}

static uint64_t xsdt(void)
{
    return little_64(at(0xE0000) + 24);
}

/* By signature, from the XSDT; 0 if there is none. */
static uint64_t find(const char *signature)
{
    for (uint64_t entry = xsdt() + 36; entry < xsdt() + little_32(at(xsdt() + 4)); entry += 8)
        if (memcmp(at(little_64(at(entry))), signature, 4) == 0)
            return little_64(at(entry));
    return 0;
}

static uint64_t dsdt(void)
{
    return little_64(at(find("FACP") + 140));
}

static uint64_t facs(void)
{
    return little_32(at(find("FACP") + 36));
}

static void assert_table(uint64_t table, const char *signature)
{
    uint32_t length = little_32(at(table + 4));
    assert_memory_equal(at(table), signature, 4);
    assert_true(table >= 0xE0000 && table % 16 == 0);
    assert_true(length >= 36 && table + length <= 0x100000);
    assert_int_equal(sum(at(table), length), 0);
    assert_memory_equal(at(table + 16), "BULKHEAD", 8);
}

static void the_root_pointer_is_found_where_a_kernel_scans_for_it(void **state)
{
    (void)state;
    build(2);
    assert_memory_equal(at(0xE0000), "RSD PTR ", 8);
    assert_int_equal(sum(at(0xE0000), 20), 0);
    assert_int_equal(sum(at(0xE0000), 36), 0);
    assert_int_equal(*at(0xE000F), 2);
    assert_int_equal(little_32(at(0xE0014)), 36);
}

static void both_roots_lead_to_the_same_tables(void **state)
{
    (void)state;
    build(2);
    assert_table(rsdt(), "RSDT");
    assert_table(xsdt(), "XSDT");
    assert_int_equal(little_32(at(rsdt() + 4)), 36 + 3 * 4);
    assert_int_equal(little_32(at(xsdt() + 4)), 36 + 3 * 8);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(little_32(at(rsdt() + 36 + 4 * i)), little_64(at(xsdt() + 36 + 8 * i)));
    assert_table(find("FACP"), "FACP");
    assert_table(find("APIC"), "APIC");
    assert_table(find("MCFG"), "MCFG");
    assert_table(dsdt(), "DSDT");
}

static void the_fixed_table_names_the_ports_of_the_board(void **state)
{
    (void)state;
    build(1);
    const uint8_t *fadt = at(find("FACP"));
    assert_int_equal(little_32(fadt + 4), 276);
    assert_int_equal(fadt[8], 6);
    assert_int_equal(little_16(fadt + 46), 9);       /* SCI_INT */
    assert_int_equal(little_32(fadt + 48), 0);       /* SMI_CMD */
    assert_int_equal(little_32(fadt + 56), 0x600);   /* PM1a_EVT_BLK */
    assert_int_equal(little_32(fadt + 64), 0x604);   /* PM1a_CNT_BLK */
    assert_int_equal(little_32(fadt + 76), 0x608);   /* PM_TMR_BLK */
    assert_int_equal(fadt[88], 4);                   /* PM1_EVT_LEN */
    assert_int_equal(fadt[89], 2);                   /* PM1_CNT_LEN */
    assert_int_equal(fadt[91], 4);                   /* PM_TMR_LEN */
    assert_int_equal(little_16(fadt + 109), 1 | 2 | 4); /* ISA devices, 8042, no VGA */
    assert_int_equal(little_32(fadt + 112), 0x1575); /* 32-bit timer, reset register, headless */
    assert_int_equal(little_64(fadt + 208 + 4), 0x608); /* X_PM_TMR_BLK */
    assert_int_equal(fadt[116], 1);                  /* RESET_REG: I/O */
    assert_int_equal(little_64(fadt + 120), 0xCF9);
    assert_int_equal(fadt[128], 6);                  /* RESET_VALUE */
    assert_int_equal(little_64(fadt + 152), 0x600);  /* X_PM1a_EVT_BLK */
    assert_int_equal(fadt[149], 32);
    assert_int_equal(little_64(fadt + 176), 0x604);  /* X_PM1a_CNT_BLK */
    assert_int_equal(fadt[173], 16);
    assert_memory_equal(fadt + 268, "Bulkhead", 8);
    assert_int_equal(little_32(fadt + 40), little_64(fadt + 140));
}

static void the_control_structure_is_aligned_and_named_once(void **state)
{
    (void)state;
    build(1);
    assert_memory_equal(at(facs()), "FACS", 4);
    assert_int_equal(facs() % 64, 0);
    assert_int_equal(little_32(at(facs() + 4)), 64);
    assert_int_equal(little_64(at(find("FACP") + 132)), 0); /* X_FIRMWARE_CTRL */
}

struct interrupts {
    unsigned lapics, ioapics, overrides, nmis;
};

static struct interrupts count_entries(uint64_t madt)
{
    struct interrupts seen = { 0 };
    uint64_t end = madt + little_32(at(madt + 4)), entry = madt + 44;
    for (; entry < end; entry += at(entry)[1]) {
        const uint8_t *bytes = at(entry);
        assert_true(bytes[1] >= 6);
        if (bytes[0] == 0) {
            assert_int_equal(bytes[2], seen.lapics);
            assert_int_equal(bytes[3], seen.lapics++);
            assert_int_equal(little_32(bytes + 4), 1);
        } else if (bytes[0] == 1) {
            seen.ioapics++;
            assert_int_equal(little_32(bytes + 4), 0xFEC00000);
            assert_int_equal(little_32(bytes + 8), 0);
        } else if (bytes[0] == 2) {
            bool pit = seen.overrides++ == 0;
            assert_int_equal(bytes[3], pit ? 0 : 9);
            assert_int_equal(little_32(bytes + 4), pit ? 2 : 9);
            assert_int_equal(little_16(bytes + 8), pit ? 0 : 0x0D);
        } else {
            assert_int_equal(bytes[0], 4);
            seen.nmis++;
            assert_int_equal(bytes[2], 0xFF);
            assert_int_equal(bytes[5], 1);
        }
    }
    assert_int_equal(entry, end);
    return seen;
}

static void every_virtual_cpu_has_a_local_apic_and_the_ioapic_the_next_id(void **state)
{
    (void)state;
    for (unsigned vcpus = 1; vcpus <= GUEST_ACPI_VCPUS_MAX; vcpus++) {
        build(vcpus);
        uint64_t madt = find("APIC");
        struct interrupts seen = count_entries(madt);
        assert_int_equal(seen.lapics, vcpus);
        assert_int_equal(seen.ioapics, 1);
        assert_int_equal(seen.overrides, 2);
        assert_int_equal(seen.nmis, 1);
        assert_int_equal(little_32(at(madt + 36)), 0xFEE00000);
        assert_int_equal(little_32(at(madt + 40)), 1); /* a pair of 8259s */
        assert_int_equal(at(madt + 44)[2], guest_acpi_ioapic_id(vcpus));
    }
}

static void tables_do_not_overlap_and_lie_in_the_bios_area(void **state)
{
    (void)state;
    build(GUEST_ACPI_VCPUS_MAX);
    const uint64_t tables[] = { 0xE0000, rsdt(), xsdt(), find("FACP"), find("APIC"), find("MCFG"),
                                dsdt(), facs() };
    const unsigned count = sizeof tables / sizeof tables[0];
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++) {
            uint64_t bytes = i == 0 ? 36 : little_32(at(tables[i] + 4));
            if (i != j)
                assert_true(tables[j] < tables[i] || tables[j] >= tables[i] + bytes);
        }
    for (uint64_t gpa = 0; gpa < memory.bytes; gpa++)
        if ((gpa < 0xE0000 || gpa >= 0x100000) && fake.memory[gpa] != 0)
            fail();
}

static void build_with(void *vcpus)
{
    guest_acpi_build(&memory, *(unsigned *)vcpus, &(struct guest_acpi_pci){ .route_count = 0 });
}

static void no_processor_or_too_many_stop_the_machine_at_once(void **state)
{
    (void)state;
    unsigned none = 0, many = GUEST_ACPI_VCPUS_MAX + 1, one = 1;
    fake_reset(memory.base.value, memory.bytes);
    assert_true(dies(build_with, &none));
    assert_true(dies(build_with, &many));
    assert_false(dies(build_with, &one));
}

/* ---- AML ---- */

static void write_device(void *room)
{
    uint8_t *bytes = malloc(*(size_t *)room + 1);
    struct aml aml = { .bytes = bytes, .size = *(size_t *)room };
    aml_open_t device = aml_open_device(&aml, "DEV0");
    aml_name_integer(&aml, "_UID", 3);
    aml_close(&aml, device);
    free(bytes);
}

static void aml_never_outgrows_its_buffer(void **state)
{
    (void)state;
    for (size_t room = 0; room < 20; room++)
        assert_int_equal(dies(write_device, &room), room < 15);
}

/* ACPI Specification 6.5, "6.4 Resource Data Types for ACPI", byte by byte. */
static void resources_are_encoded_as_the_specification_says(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x08, '_', 'C', 'R', 'S', 0x11, 0x45, 0x03, 0x0B, 0x30, 0,
        0x88, 13, 0, 2, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
        0x88, 13, 0, 1, 0x0C, 3, 0, 0, 0x00, 0x0D, 0xFF, 0xFF, 0, 0, 0x00, 0xF3,
        0x47, 1, 0xF8, 0x03, 0xF8, 0x03, 1, 8,
        0x22, 0x10, 0,
        0x22, 0x00, 0x80,
        0x79, 0,
    };
    uint8_t bytes[sizeof expected];
    struct aml aml = { .bytes = bytes, .size = sizeof bytes };
    struct aml_resources resources = aml_open_resources(&aml);
    aml_bus_window(&aml, 0, 0);
    aml_io_window(&aml, 0xD00, 0xFFFF);
    aml_io(&aml, 0x3F8, 8);
    aml_irq_edge(&aml, 4);
    aml_irq_edge(&aml, 15);
    aml_close_resources(&aml, resources);
    assert_int_equal(aml.used, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

/* ---- iasl ---- */

#define LISTING_BYTES (1 << 16)

static void write_table(const char *directory, const char *name, uint64_t table)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.aml", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint32_t length = little_32(at(table + 4));
    assert_int_equal(fwrite(at(table), 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* All that a command printed; its status is what is returned. */
static int run(char *output, const char *format, const char *directory, const char *name)
{
    char command[512];
    snprintf(command, sizeof command, format, directory, name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t length = fread(output, 1, LISTING_BYTES - 1, pipe);
    output[length] = '\0';
    return pclose(pipe);
}

static void assert_no_complaint(const char *name, const char *output, int status)
{
    if (status != 0 || strstr(output, "Error ") || strstr(output, "Warning ") ||
        strstr(output, "rror:") || strstr(output, "nvalid") || strstr(output, "ncorrect"))
        fail_msg("iasl on %s:\n%s", name, output);
}

static void read_listing(char *output, const char *directory, const char *name)
{
    run(output, "cat %s/%s.dsl", directory, name);
}

static void disassemble_all(const char *directory, char *output)
{
    const struct { const char *name; uint64_t table; } tables[] = {
        { "dsdt", dsdt() }, { "facp", find("FACP") }, { "apic", find("APIC") },
        { "mcfg", find("MCFG") }, { "facs", facs() }, { "rsdt", rsdt() }, { "xsdt", xsdt() },
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        write_table(directory, tables[i].name, tables[i].table);
        int status = run(output, "cd %s && iasl -d %s.aml 2>&1", directory, tables[i].name);
        assert_no_complaint(tables[i].name, output, status);
        read_listing(output, directory, tables[i].name);
        assert_no_complaint(tables[i].name, output, 0);
    }
}

/* Compiled again from its own listing, the DSDT draws no warning either. */
static void compile_listing(const char *directory, char *output)
{
    int status = run(output, "cd %s && iasl -p again %s.dsl 2>&1", directory, "dsdt");
    assert_no_complaint("dsdt.dsl", output, status);
    assert_non_null(strstr(output, "0 Errors, 0 Warnings"));
}

/* What the last of the tables built below says, in iasl's words. */
static const char *const dsdt_words[] = {
    "Name (_S5, Package (0x04)", "Device (C01F)", "Name (_UID, 0x1F)",
    "EisaId (\"PNP0A03\")", "EisaId (\"PNP0501\")", "EisaId (\"PNP0B00\")",
    "{4}",
};

static void iasl_reads_every_table_without_complaint(void **state)
{
    (void)state;
    static char output[LISTING_BYTES];
    static const unsigned counts[] = { 1, 2, 8, GUEST_ACPI_VCPUS_MAX };
    if (system("iasl -v > /dev/null 2>&1") != 0) {
        print_message("no iasl: install Debian's package acpica-tools\n");
        skip();
    }
    char directory[] = "/tmp/bulkhead-acpi-XXXXXX";
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        build(counts[i]);
        disassemble_all(directory, output);
        compile_listing(directory, output);
    }
    read_listing(output, directory, "dsdt");
    for (size_t i = 0; i < sizeof dsdt_words / sizeof dsdt_words[0]; i++)
        if (strstr(output, dsdt_words[i]) == NULL)
            fail_msg("no %s in\n%s", dsdt_words[i], output);
    run(output, "rm -r %s%s", directory, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_pointer_is_found_where_a_kernel_scans_for_it),
        cmocka_unit_test(both_roots_lead_to_the_same_tables),
        cmocka_unit_test(the_fixed_table_names_the_ports_of_the_board),
        cmocka_unit_test(the_control_structure_is_aligned_and_named_once),
        cmocka_unit_test(every_virtual_cpu_has_a_local_apic_and_the_ioapic_the_next_id),
        cmocka_unit_test(tables_do_not_overlap_and_lie_in_the_bios_area),
        cmocka_unit_test(no_processor_or_too_many_stop_the_machine_at_once),
        cmocka_unit_test(aml_never_outgrows_its_buffer),
        cmocka_unit_test(resources_are_encoded_as_the_specification_says),
        cmocka_unit_test(iasl_reads_every_table_without_complaint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
