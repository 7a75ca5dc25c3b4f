/* SPDX-License-Identifier: MIT
 *
 * hv/guest_mp_table.c: the table is found as a kernel finds it, by the numbers of
 * the specification, and tells what the ACPI tables tell: ours, and others made
 * here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_acpi.h"
#include "hv/guest_mp_table.h"
#include "tests/fake/dies.h"
#include "tests/fake/machine.h"

#define BASE MIB(512)
#define SIGNATURE 0x000906EAu
#define FEATURES 0x0F8BFBFFu

static const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MIB(2));

static const uint8_t *at(uint64_t gpa)
{
    return fake.memory + gpa;
}

static uint32_t number(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    memcpy(&value, bytes, count);
    return value;
}

static unsigned sum(const uint8_t *bytes, size_t count)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += bytes[i];
    return total & 0xFF;
}

static void build_from(gpa_t rsdp)
{
    guest_mp_table_build(&memory, rsdp, (struct guest_mp_processor){ SIGNATURE, FEATURES });
}

static void build(unsigned vcpus)
{
    fake_reset(memory.base.value, memory.bytes);
    build_from(guest_acpi_build(&memory, vcpus, &(struct guest_acpi_pci){ .route_count = 0 }));
}

/* ---- As a kernel finds it ---- */

static const uint8_t *find_pointer(void)
{
    for (uint64_t gpa = 0xF0000; gpa < 0x100000; gpa += 16)
        if (memcmp(at(gpa), "_MP_", 4) == 0)
            return at(gpa);
    fail();
    return NULL;
}

static const uint8_t *table(void)
{
    return at(number(find_pointer() + 4, 4));
}

static unsigned entry_bytes(const uint8_t *entry)
{
    return entry[0] == 0 ? 20 : 8;
}

/* The entry of this type that comes `index`th; NULL: there are not so many. */
static const uint8_t *find(uint8_t type, unsigned index)
{
    const uint8_t *entry = table() + 44;
    for (unsigned i = 0; i < number(table() + 34, 2); i++, entry += entry_bytes(entry))
        if (entry[0] == type && index-- == 0)
            return entry;
    return NULL;
}

static unsigned count(uint8_t type)
{
    unsigned number_of = 0;
    while (find(type, number_of) != NULL)
        number_of++;
    return number_of;
}

/* Of an ISA interrupt; NULL: it goes nowhere. */
static const uint8_t *interrupt(uint8_t irq)
{
    const uint8_t *entry;
    for (unsigned i = 0; (entry = find(3, i)) != NULL; i++)
        if (entry[5] == irq)
            return entry;
    return NULL;
}

static void the_table_is_found_and_whole(void **state)
{
    (void)state;
    for (unsigned vcpus = 1; vcpus <= GUEST_ACPI_VCPUS_MAX; vcpus++) {
        build(vcpus);
        const uint8_t *pointer = find_pointer();
        unsigned length = number(table() + 4, 2), end = 44, last_type = 0;
        assert_int_equal(pointer[8], 1);
        assert_int_equal(pointer[9], 4);
        assert_int_equal(sum(pointer, 16), 0);
        for (unsigned i = 11; i < 16; i++)
            assert_int_equal(pointer[i], 0);
        assert_memory_equal(table(), "PCMP", 4);
        assert_int_equal(table()[6], 4);
        assert_int_equal(sum(table(), length), 0);
        assert_memory_equal(table() + 8, "BULKHEADVIRTUAL PC  ", 20);
        assert_int_equal(number(table() + 36, 4), 0xFEE00000);
        for (unsigned i = 0; i < number(table() + 34, 2); i++) {
            assert_true(table()[end] >= last_type && table()[end] <= 4);
            last_type = table()[end];
            end += entry_bytes(table() + end);
        }
        assert_int_equal(end, length);
    }
}

static void each_vcpu_is_told_with_what_cpuid_says(void **state)
{
    (void)state;
    build(8);
    assert_int_equal(count(0), 8);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *entry = find(0, i);
        assert_int_equal(entry[1], i);
        assert_int_equal(entry[3], i == 0 ? 3 : 1);
        assert_int_equal(number(entry + 4, 4), SIGNATURE);
        assert_int_equal(number(entry + 8, 4), FEATURES);
    }
}

static void buses_and_ioapic_are_those_of_the_pc(void **state)
{
    (void)state;
    build(3);
    assert_int_equal(count(1), 2);
    assert_memory_equal(find(1, 0), "\x01\x00PCI   ", 8);
    assert_memory_equal(find(1, 1), "\x01\x01ISA   ", 8);
    assert_int_equal(count(2), 1);
    assert_int_equal(find(2, 0)[1], guest_acpi_ioapic_id(3));
    assert_int_equal(find(2, 0)[3], 1);
    assert_int_equal(number(find(2, 0) + 4, 4), 0xFEC00000);
}

static void the_sci_is_level_triggered_as_the_madt_says(void **state)
{
    (void)state;
    build(1);
    const uint8_t *sci = interrupt(9), *serial = interrupt(4);
    assert_int_equal(sci[1], 0);
    assert_int_equal(number(sci + 2, 2), 0xD);
    assert_int_equal(sci[4], 1);
    assert_int_equal(sci[6], 1);
    assert_int_equal(sci[7], 9);
    assert_int_equal(number(serial + 2, 2), 0);
    assert_int_equal(serial[7], 4);
}

/* ---- From other ACPI tables ---- */

#define TABLES 0xE0000

/* RSDP, an RSDT with a table before the MADT, and a MADT of one processor, an
 * IOAPIC with id 7, NMI at LINT1 and these overrides: IRQ, pin, flags. */
static void put_acpi(uint32_t flags, unsigned overrides, const uint8_t (*override)[3])
{
    uint8_t *rsdp = fake.memory + TABLES, *rsdt = rsdp + 0x40, *other = rsdp + 0x80;
    uint8_t *madt = rsdp + 0x100, *entry = madt + 44;
    const uint32_t addresses[] = { TABLES + 0x80, TABLES + 0x100 };

    memcpy(rsdp + 16, (uint32_t[]){ TABLES + 0x40 }, 4);
    memcpy(rsdt + 4, (uint32_t[]){ 36 + sizeof addresses }, 4);
    memcpy(rsdt + 36, addresses, sizeof addresses);
    memcpy(other, "FACP", 4);
    memcpy(madt, "APIC", 4);
    memcpy(madt + 36, (uint32_t[]){ 0xFEE00000, flags }, 8);
    memcpy(entry, "\x00\x08\x00\x05\x01", 5);
    entry += 8;
    memcpy(entry, "\x01\x0C\x07\x00\x00\x00\xC0\xFE", 8);
    entry += 12;
    for (unsigned i = 0; i < overrides; i++, entry += 10) {
        const uint8_t bytes[10] = { 2, 10, 0, override[i][0], override[i][1], 0, 0, 0,
                                    override[i][2] };
        memcpy(entry, bytes, sizeof bytes);
    }
    memcpy(entry, "\x04\x06\xFF\x05\x00\x01", 6);
    memcpy(madt + 4, (uint32_t[]){ (uint32_t)(entry + 6 - madt) }, 4);
}

static void a_line_whose_pin_another_has_goes_nowhere(void **state)
{
    const uint8_t overrides[2][3] = { { 0, 2, 0 }, { 9, 20, 0xD } };
    (void)state;
    fake_reset(memory.base.value, memory.bytes);
    put_acpi(0, 2, overrides);
    build_from(GPA(TABLES));
    assert_int_equal(interrupt(0)[7], 2);
    assert_int_equal(interrupt(9)[7], 20);
    assert_null(interrupt(2));
    assert_int_equal(count(3), 15);
    assert_int_equal(find(0, 0)[1], 5);
    for (uint8_t irq = 0; irq < 16; irq++)
        if (irq != 2)
            assert_int_equal(interrupt(irq)[6], 7);
}

static void the_8259s_are_told_if_there_are_any(void **state)
{
    (void)state;
    fake_reset(memory.base.value, memory.bytes);
    put_acpi(0, 0, NULL);
    build_from(GPA(TABLES));
    assert_int_equal(count(3), 16);
    assert_int_equal(count(4), 1);
    assert_memory_equal(find(4, 0), "\x04\x01\x05\x00\x01\x00\xFF\x01", 8); /* NMI, LINT1 */
    put_acpi(1, 0, NULL);
    build_from(GPA(TABLES));
    assert_null(interrupt(2)); /* the cascade */
    assert_int_equal(count(4), 2);
    assert_memory_equal(find(4, 0), "\x04\x03\x00\x00\x01\x00\xFF\x00", 8); /* ExtINT, LINT0 */
    assert_memory_equal(find(4, 1), "\x04\x01\x05\x00\x01\x00\xFF\x01", 8);
}

static void build_without_madt(void *unused)
{
    (void)unused;
    fake_reset(memory.base.value, memory.bytes);
    put_acpi(0, 0, NULL);
    fake.memory[TABLES + 0x100] = 'X';
    build_from(GPA(TABLES));
}

static void tables_without_a_madt_are_a_bug_of_ours(void **state)
{
    (void)state;
    assert_true(dies(build_without_madt, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_found_and_whole),
        cmocka_unit_test(each_vcpu_is_told_with_what_cpuid_says),
        cmocka_unit_test(buses_and_ioapic_are_those_of_the_pc),
        cmocka_unit_test(the_sci_is_level_triggered_as_the_madt_says),
        cmocka_unit_test(a_line_whose_pin_another_has_goes_nowhere),
        cmocka_unit_test(the_8259s_are_told_if_there_are_any),
        cmocka_unit_test(tables_without_a_madt_are_a_bug_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
