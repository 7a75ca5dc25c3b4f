/* SPDX-License-Identifier: MIT
 *
 * Lines of the machine behind pins of a guest's IOAPIC: what a redirection entry
 * of the guest becomes at the machine's IOAPIC. And the bitmap of ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "hv/io_bitmap.h"
#include "hv/lapic_base.h"
#include "hv/lapic_page.h"
#include "hv/vm.h"
#include "tests/fake/apic_vm.h"
#include "tests/fake/machine.h"

#define PIN 5
#define GSI 21
#define VECTOR 0x51

static const struct vm_config named = { .name = "a" };

static int fresh_lines(void)
{
    memset(fake.lines, 0, sizeof fake.lines);
    fake.cpu_out_of_reach = 0;
    timers_init(&apic_vm.timers, 100000000);
    timers_reset(&apic_vm);
    apic_vm.config = &named;
    ioapic_init(&apic_vm.ioapic, 5);
    apic_vm.lines = (struct lines){ .pins = 0 };
    fake.lines[GSI].routed = true;
    lines_add(&apic_vm, PIN, (struct line){ GSI, true, true });
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_X2APIC);
    return fresh_lines();
}

static void write_entry(uint64_t entry)
{
    for (unsigned half = 0; half < 2; half++) {
        ioapic_write(&apic_vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * PIN + 1 - half);
        ioapic_write(&apic_vm, IOAPIC_IOWIN, 4, (uint32_t)(entry >> (32 - 32 * half)));
    }
}

static uint64_t entry(unsigned destination, enum apic_delivery_mode mode, uint8_t vector)
{
    return (uint64_t)destination << REDIRECTION_DESTINATION_SHIFT |
           (uint64_t)mode << REDIRECTION_DELIVERY_SHIFT | vector;
}

static void a_line_is_masked_until_its_entry_is_open(void **state)
{
    (void)state;
    assert_false(fake.lines[GSI].routed);
    write_entry(REDIRECTION_MASKED | entry(1, DELIVERY_FIXED, VECTOR));
    assert_false(fake.lines[GSI].routed);
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    assert_true(fake.lines[GSI].routed);
    write_entry(REDIRECTION_MASKED | entry(1, DELIVERY_FIXED, VECTOR));
    assert_false(fake.lines[GSI].routed);
}

static void it_goes_to_the_cpu_of_the_vcpu_as_the_machines_line_is(void **state)
{
    (void)state;
    for (unsigned i = 0; i < APIC_VCPUS; i++) {
        write_entry(entry(i, DELIVERY_FIXED, VECTOR)); /* edge and high: the guest's mistake */
        const struct machine_line *line = &fake.lines[GSI].line;
        assert_true(fake.lines[GSI].routed);
        assert_int_equal(line->cpu, apic_vm.vcpus[i]->cpu);
        assert_int_equal(line->vector, VECTOR);
        assert_true(line->level && line->active_low);
    }
}

static void of_several_vcpus_the_first_one_gets_it(void **state)
{
    (void)state;
    write_entry(entry(0xFF, DELIVERY_LOWEST_PRIORITY, VECTOR));
    assert_true(fake.lines[GSI].routed);
    assert_int_equal(fake.lines[GSI].line.cpu, apic_vm.vcpus[0]->cpu);
}

static void whatever_else_an_entry_asks_for_masks_the_line(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 8; mode++)
        for (unsigned vector = 0; vector < 256; vector++)
            for (unsigned destination = 0; destination < 256; destination++) {
                bool possible = (mode == DELIVERY_FIXED || mode == DELIVERY_LOWEST_PRIORITY) &&
                                vector >= 16 && (destination < APIC_VCPUS || destination == 0xFF);
                write_entry(entry(0, DELIVERY_FIXED, VECTOR));
                write_entry(entry(destination, (enum apic_delivery_mode)mode, (uint8_t)vector));
                assert_int_equal(fake.lines[GSI].routed, possible);
            }
}

static void a_cpu_beyond_the_ioapics_reach_gets_nothing(void **state)
{
    (void)state;
    fake.cpu_out_of_reach = apic_vm.vcpus[1]->cpu;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    assert_false(fake.lines[GSI].routed);
    write_entry(entry(2, DELIVERY_FIXED, VECTOR));
    assert_true(fake.lines[GSI].routed);
}

static void other_pins_never_reach_the_machine(void **state)
{
    (void)state;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (pin == PIN)
            continue;
        ioapic_write(&apic_vm, IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION + 2 * pin);
        ioapic_write(&apic_vm, IOAPIC_IOWIN, 4, VECTOR);
    }
    for (unsigned gsi = 0; gsi < FAKE_LINES; gsi++)
        assert_false(fake.lines[gsi].routed);
}

static const struct machine_line *routed_line(void)
{
    return fake.lines[GSI].routed ? &fake.lines[GSI].line : NULL;
}

static void an_apic_that_takes_nothing_gets_nothing(void **state)
{
    (void)state;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    lapic_svr_write(apic_vm.vcpus[1], 0xFF);
    assert_null(routed_line());
    lapic_svr_write(apic_vm.vcpus[1], SIVR_ENABLE | 0xFF);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[1]->cpu);
    assert_true(lapic_base_write(apic_vm.vcpus[1], XAPIC_BASE)); /* disabled */
    assert_null(routed_line());
    assert_true(lapic_base_write(apic_vm.vcpus[1], XAPIC_BASE | APIC_BASE_EN));
    assert_null(routed_line());
    lapic_svr_write(apic_vm.vcpus[1], SIVR_ENABLE | 0xFF);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[1]->cpu);
    assert_int_equal(apic_vm.lines.complained, 0);
}

static void of_several_vcpus_the_first_one_that_takes_it_gets_it(void **state)
{
    (void)state;
    write_entry(entry(0xFF, DELIVERY_LOWEST_PRIORITY, VECTOR));
    lapic_svr_write(apic_vm.vcpus[0], 0xFF);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[1]->cpu);
    lapic_svr_write(apic_vm.vcpus[0], SIVR_ENABLE | 0xFF);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[0]->cpu);
}

static void a_vcpu_that_takes_another_logical_id_takes_its_lines_along(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_XAPIC);
    (void)fresh_lines();
    for (unsigned i = 0; i < APIC_VCPUS; i++)
        lapic_page_write(apic_vm.vcpus[i], XAPIC_LDR, 4, 1u << (24 + i));
    write_entry(REDIRECTION_LOGICAL | entry(4, DELIVERY_FIXED, VECTOR));
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[2]->cpu);
    lapic_page_write(apic_vm.vcpus[2], XAPIC_LDR, 4, 0);
    assert_null(routed_line());
    lapic_page_write(apic_vm.vcpus[3], XAPIC_LDR, 4, 4u << 24);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[3]->cpu);
    lapic_page_write(apic_vm.vcpus[3], XAPIC_DFR, 4, DFR_CLUSTER);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[3]->cpu);
    lapic_page_write(apic_vm.vcpus[3], XAPIC_LDR, 4, 0x14u << 24);
    assert_null(routed_line());
}

static void lines_to_a_vcpu_can_be_held_and_others_go_on(void **state)
{
    (void)state;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    lines_hold(apic_vm.vcpus[0]);
    assert_non_null(routed_line());
    lines_hold(apic_vm.vcpus[1]);
    assert_null(routed_line());
    lines_apic_changed(&apic_vm);
    assert_int_equal(routed_line()->cpu, apic_vm.vcpus[1]->cpu);
    lines_hold(apic_vm.vcpus[1]);
    lapic_init(apic_vm.vcpus[1]); /* which leaves it disabled by software */
    assert_null(routed_line());
    lapic_svr_write(apic_vm.vcpus[1], SIVR_ENABLE | 0xFF);
    assert_non_null(routed_line());
}

/* A masked line loses its edges. */
static void a_line_that_stays_as_it_is_is_never_masked(void **state)
{
    (void)state;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    unsigned writes = fake.line_writes;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    write_entry(REDIRECTION_LEVEL | entry(1, DELIVERY_LOWEST_PRIORITY, VECTOR));
    lapic_svr_write(apic_vm.vcpus[0], 0xFF);
    lines_apic_changed(&apic_vm);
    assert_int_equal(fake.line_writes, writes);
    write_entry(entry(1, DELIVERY_FIXED, VECTOR + 1));
    assert_true(fake.line_writes > writes);
    assert_int_equal(routed_line()->vector, VECTOR + 1);
}

/* So that it comes again when it is opened. */
static void a_line_that_was_masked_is_routed_anew(void **state)
{
    (void)state;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    lines_mask_all(&apic_vm);
    assert_null(routed_line());
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    assert_non_null(routed_line());
}

static void a_guest_that_ends_leaves_its_lines_masked(void **state)
{
    (void)state;
    write_entry(entry(1, DELIVERY_FIXED, VECTOR));
    lines_mask_all(&apic_vm);
    assert_false(fake.lines[GSI].routed);
}

static void only_the_ports_that_are_given_pass(void **state)
{
    static uint8_t bitmap[IO_BITMAP_BYTES];

    (void)state;
    io_bitmap_init(bitmap);
    io_bitmap_set(bitmap, 0x2F8, 0x2FF, false);
    io_bitmap_set(bitmap, 0x7FFF, 0x8001, false);
    io_bitmap_set(bitmap, 0xFFFF, 0xFFFF, false);
    io_bitmap_set(bitmap, 0x100, 0x10F, false);
    io_bitmap_set(bitmap, 0x100, 0x10F, true);
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        bool given = (port >= 0x2F8 && port <= 0x2FF) || (port >= 0x7FFF && port <= 0x8001) ||
                     port == 0xFFFF;
        assert_int_equal(bitmap[port / 8] >> port % 8 & 1, !given);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_masked_until_its_entry_is_open, fresh),
        cmocka_unit_test_setup(it_goes_to_the_cpu_of_the_vcpu_as_the_machines_line_is, fresh),
        cmocka_unit_test_setup(of_several_vcpus_the_first_one_gets_it, fresh),
        cmocka_unit_test_setup(whatever_else_an_entry_asks_for_masks_the_line, fresh),
        cmocka_unit_test_setup(a_cpu_beyond_the_ioapics_reach_gets_nothing, fresh),
        cmocka_unit_test_setup(other_pins_never_reach_the_machine, fresh),
        cmocka_unit_test_setup(an_apic_that_takes_nothing_gets_nothing, fresh),
        cmocka_unit_test_setup(of_several_vcpus_the_first_one_that_takes_it_gets_it, fresh),
        cmocka_unit_test_setup(a_vcpu_that_takes_another_logical_id_takes_its_lines_along, fresh),
        cmocka_unit_test_setup(lines_to_a_vcpu_can_be_held_and_others_go_on, fresh),
        cmocka_unit_test_setup(a_line_that_stays_as_it_is_is_never_masked, fresh),
        cmocka_unit_test_setup(a_line_that_was_masked_is_routed_anew, fresh),
        cmocka_unit_test_setup(a_guest_that_ends_leaves_its_lines_masked, fresh),
        cmocka_unit_test_setup(only_the_ports_that_are_given_pass, fresh),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
