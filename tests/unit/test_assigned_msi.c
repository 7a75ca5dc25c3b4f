/* SPDX-License-Identifier: MIT
 *
 * A function's MSI in a guest: what the guest reads and writes, what the machine's
 * function is given, and that no message of a guest's choice leads out of the guest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "hv/assigned_msi.h"
#include "tests/fake/apic_vm.h"

#define AT 0x50
#define ENABLE (1u << 16)
#define ALL UINT32_MAX
#define TO(destination) (0xFEE00000u | (destination) << 12)

static struct assigned_msi msi;
static const struct pci_function function = { .msi = AT };

static void make(uint32_t control)
{
    memset(fake.pci_writable[0], 0xFF, sizeof fake.pci_writable[0]);
    memcpy(&fake.pci_space[0][AT + PCI_MSI_CONTROL], &control, 2);
    fake.pci_space[0][AT + 0x10] = 0xFF; /* mask bits, if it has any */
    assigned_msi_add(&msi, &function);
}

static int fresh(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_X2APIC);
    fake.messages = true;
    make(PCI_MSI_WIDE | 0x30); /* and four of its messages are on */
    return 0;
}

static void write(unsigned at, uint32_t value)
{
    assigned_msi_write(&apic_vm, &function, &msi, at, value, ALL);
}

static void ask(uint32_t address, uint32_t data)
{
    write(PCI_MSI_ADDRESS, address);
    write(PCI_MSI_DATA_64, data);
    write(0, ENABLE);
}

static uint32_t machine(unsigned at, unsigned bytes)
{
    return machine_pci_read(function.address, AT + at, bytes);
}

static bool is_on(void)
{
    return machine(PCI_MSI_CONTROL, 2) & PCI_MSI_ENABLE;
}

static uint64_t leads(void)
{
    return fake.message[msi.index - FAKE_FIRST_MESSAGE];
}

static void it_leads_to_the_vcpu_and_the_vector_that_the_guest_chose(void **state)
{
    (void)state;
    ask(TO(2), 0x41);
    assert_int_equal(leads(), APIC_CPU_OF(2) << 8 | 0x41);
    assert_true(is_on());
    assert_int_equal(machine(PCI_MSI_CONTROL, 2) & PCI_MSI_MESSAGES, 0);
    assert_int_equal(machine(PCI_MSI_ADDRESS, 4), 0xFEE000F0);
    assert_int_equal(machine(PCI_MSI_DATA_64, 2), 0);
    write(PCI_MSI_ADDRESS, TO(1)); /* while it is on */
    assert_int_equal(leads(), APIC_CPU_OF(1) << 8 | 0x41);
    assert_int_equal(assigned_msi_read(&msi, PCI_MSI_ADDRESS), TO(1));
    assert_int_equal(assigned_msi_read(&msi, PCI_MSI_DATA_64), 0x41);
}

static void the_guest_sees_one_message_without_mask_bits(void **state)
{
    (void)state;
    make(PCI_MSI_WIDE | PCI_MSI_MASKABLE | 0x0A);
    assert_true(msi.shown);
    assert_int_equal(assigned_msi_bytes(&msi), 16);
    assert_int_equal(assigned_msi_read(&msi, 0), PCI_CAPABILITY_MSI | PCI_MSI_WIDE << 16);
    write(0, ALL);
    assert_int_equal(assigned_msi_read(&msi, 0),
                     PCI_CAPABILITY_MSI | (PCI_MSI_WIDE | PCI_MSI_ENABLE) << 16);
    ask(TO(0), 0x41);
    assert_int_equal(machine(0x10, 4), 0);
    make(0);
    assert_int_equal(assigned_msi_bytes(&msi), 12);
    write(PCI_MSI_DATA_32, 0x55);
    assert_int_equal(assigned_msi_read(&msi, PCI_MSI_DATA_32), 0x55);
    write(PCI_MSI_ADDRESS, TO(3));
    write(0, ENABLE);
    assert_int_equal(leads(), APIC_CPU_OF(3) << 8 | 0x55);
    assert_int_equal(machine(PCI_MSI_DATA_32, 2), 0);
}

static void what_is_no_fixed_interrupt_at_one_of_its_vcpus_is_off(void **state)
{
    static const struct { uint32_t address, high, data; } wrong[] = {
        { TO(4), 0, 0x41 }, { TO(200), 0, 0x41 }, { 0xFED00000, 0, 0x41 }, { 0, 0, 0x41 },
        { TO(0), 1, 0x41 }, { TO(0), 0, 0x0F }, { TO(0), 0, 0x241 }, { TO(0), 0, 0x441 },
        { TO(0), 0, 0x541 }, { TO(0), 0, 0x641 }, { TO(0), 0, 0x741 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write(PCI_MSI_ADDRESS_HIGH, 0);
        ask(TO(0), 0x50);
        assert_true(is_on());
        write(PCI_MSI_ADDRESS_HIGH, wrong[i].high);
        ask(wrong[i].address, wrong[i].data);
        assert_false(is_on());
        assert_int_equal(leads(), 0);
    }
    write(PCI_MSI_ADDRESS_HIGH, 0);
    ask(TO(0), 0x141); /* lowest priority */
    assert_true(is_on());
    fake.cpu_out_of_reach = APIC_CPU_OF(1);
    write(PCI_MSI_ADDRESS, TO(1));
    assert_false(is_on());
}

static void turned_off_it_does_nothing(void **state)
{
    (void)state;
    ask(TO(0), 0x41);
    write(0, 0);
    assert_false(is_on());
    assert_int_equal(leads(), 0);
    assert_int_equal(assigned_msi_read(&msi, PCI_MSI_ADDRESS), TO(0));
    assigned_msi_reset(&msi);
    assert_int_equal(assigned_msi_read(&msi, PCI_MSI_ADDRESS), 0);
    assert_true(msi.shown && msi.wide);
}

static void parts_of_its_registers_are_written(void **state)
{
    (void)state;
    ask(TO(0), 0x41);
    assigned_msi_write(&apic_vm, &function, &msi, PCI_MSI_DATA_64, 0x77, 0xFF);
    assert_int_equal(leads(), APIC_CPU_OF(0) << 8 | 0x77);
    assigned_msi_write(&apic_vm, &function, &msi, 0, 0, 0xFFFF); /* id and next */
    assert_true(is_on());
    assigned_msi_write(&apic_vm, &function, &msi, 0, 0, 0xFF0000);
    assert_false(is_on());
}

static void without_remapping_there_is_none(void **state)
{
    static const struct pci_function without = { .msi = 0 };

    (void)state;
    fake.messages = false;
    make(PCI_MSI_WIDE);
    assert_false(msi.shown);
    fake.messages = true;
    assigned_msi_add(&msi, &without);
    assert_false(msi.shown);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_leads_to_the_vcpu_and_the_vector_that_the_guest_chose),
        TEST(the_guest_sees_one_message_without_mask_bits),
        TEST(what_is_no_fixed_interrupt_at_one_of_its_vcpus_is_off),
        TEST(turned_off_it_does_nothing),
        TEST(parts_of_its_registers_are_written),
        TEST(without_remapping_there_is_none),
    };
    return cmocka_run_group_tests_name("assigned_msi", tests, NULL, NULL);
}
