/* SPDX-License-Identifier: MIT
 *
 * USB controllers on their way from the firmware to a guest: who owns them behind that,
 * and that none raises an SMI any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "arch/spec/usb.h"
#include "hv/usb_handoff.h"
#include "tests/fake/machine.h"

#define BASE 0xF0000000ull
#define EECP 0x68
#define XECP 0x800
#define HZ 1000000ull

static struct pci_function function;

static void put(unsigned offset, uint32_t value)
{
    memcpy(&fake.pci_space[0][offset], &value, sizeof value);
}

static uint32_t get(unsigned offset)
{
    return machine_pci_read(function.address, offset, 4);
}

static void put_memory(unsigned offset, uint32_t value)
{
    memcpy(&fake.registers[offset], &value, sizeof value);
}

static uint32_t get_memory(unsigned offset)
{
    return (uint32_t)machine_register_read(HPA(BASE + offset), 4);
}

static void make(uint8_t interface)
{
    fake_reset(0, 0);
    memset(fake.pci_writable, 0xFF, sizeof fake.pci_writable);
    fake.tsc_step = HZ / 1000;
    function = (struct pci_function){
        .class_code = PCI_CLASS_USB, .interface = interface, .command = PCI_COMMAND_MEMORY,
        .bars = { { BASE, PCI_SPACE_MEMORY_32, 12, false } } };
}

static void make_ehci(uint32_t legacy, uint32_t control)
{
    make(USB_INTERFACE_EHCI);
    put_memory(EHCI_HCCPARAMS, 0x6 | EECP << EHCI_EECP_SHIFT);
    put(EECP, legacy | USB_CAPABILITY_LEGACY);
    put(EECP + USB_LEGACY_CONTROL, control);
}

static void make_xhci(uint32_t legacy, uint32_t control)
{
    make(USB_INTERFACE_XHCI);
    put_memory(XHCI_HCCPARAMS1, XECP / 4 << XHCI_XECP_SHIFT | 5);
    put_memory(XECP, 0x0402); /* another one, 16 bytes before it */
    put_memory(XECP + 0x10, legacy | USB_CAPABILITY_LEGACY);
    put_memory(XECP + 0x14, control);
}

/* The firmware clears its byte of a register so much later. */
static void let_go(uint8_t *byte, uint64_t ms)
{
    fake.later = (struct fake_later){ byte, 0, ms * (HZ / 1000) };
}

static void an_ehci_is_given(void **state)
{
    (void)state;
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 0xC008E03F);
    let_go(&fake.pci_space[0][EECP + 2], 200);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_GIVEN);
    assert_int_equal(get(EECP), USB_LEGACY_SYSTEM_OWNS | USB_CAPABILITY_LEGACY);
    assert_int_equal(get(EECP + 4), 0xE0080000); /* events cleared, no SMI on anything */
    assert_true(fake.tsc >= 200 * (HZ / 1000) && fake.tsc < 300 * (HZ / 1000));
}

static void an_xhci_is_given(void **state)
{
    (void)state;
    make_xhci(USB_LEGACY_FIRMWARE_OWNS, 0x0001FFFF);
    let_go(&fake.registers[XECP + 0x12], 200);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_GIVEN);
    assert_int_equal(get_memory(XECP + 0x10), USB_LEGACY_SYSTEM_OWNS | USB_CAPABILITY_LEGACY);
    assert_int_equal(get_memory(XECP + 0x14), 0xE0011FEE); /* what is reserved stays */
    assert_int_equal(get_memory(XECP), 0x0402);
}

static void firmware_that_does_not_let_go_loses_it(void **state)
{
    (void)state;
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 0x1);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_TAKEN);
    assert_int_equal(get(EECP), USB_LEGACY_SYSTEM_OWNS | USB_CAPABILITY_LEGACY);
    assert_int_equal(get(EECP + 4), 0xE0000000);
    assert_true(fake.tsc >= HZ && fake.tsc < HZ + HZ / 10);
    make_xhci(USB_LEGACY_FIRMWARE_OWNS, 0x1);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_TAKEN);
    assert_int_equal(get_memory(XECP + 0x10), USB_LEGACY_SYSTEM_OWNS | USB_CAPABILITY_LEGACY);
    assert_int_equal(get_memory(XECP + 0x14), 0xE0000000);
}

static void what_it_does_not_own_is_silenced_without_a_word(void **state)
{
    (void)state;
    make_ehci(0, 0x2000);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_NONE);
    assert_int_equal(get(EECP), USB_CAPABILITY_LEGACY);
    assert_int_equal(get(EECP + 4), 0xE0000000);
    assert_int_equal(fake.tsc, 0);
}

static void a_uhci_sends_its_interrupt_and_no_smi(void **state)
{
    (void)state;
    make(USB_INTERFACE_UHCI);
    put(UHCI_LEGACY, 0x12340010);
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_NONE);
    assert_int_equal(get(UHCI_LEGACY), 0x1234AF00);
}

static unsigned writes(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fake.record_count; i++)
        count += fake.records[i].kind == FAKE_PCI_WRITE ||
                 fake.records[i].kind == FAKE_REGISTER_WRITE;
    return count;
}

static void nothing_is_written(void)
{
    assert_int_equal(usb_handoff(&function, HZ), USB_HANDOFF_NONE);
    assert_int_equal(writes(), 0);
}

static void nothing_else_is_touched(void **state)
{
    (void)state;
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 1);
    function.class_code = 0x0200;
    nothing_is_written();
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 1);
    function.interface = 0x10; /* OHCI: its guest asks in its registers */
    nothing_is_written();
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 1);
    function.command = PCI_COMMAND_IO;
    nothing_is_written();
    make_xhci(USB_LEGACY_FIRMWARE_OWNS, 1);
    function.bars[0].base = 0;
    nothing_is_written();
    make_xhci(USB_LEGACY_FIRMWARE_OWNS, 1);
    function.bars[0].space = PCI_SPACE_IO;
    nothing_is_written();
}

static void lists_that_cannot_be_end(void **state)
{
    static const uint32_t heads[] = { 0x0002, 0x0102, 0xFF02, 0xFFFFFFFF, 0 };

    (void)state;
    for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        make_xhci(USB_LEGACY_FIRMWARE_OWNS, 1);
        put_memory(XECP, heads[i]);
        for (unsigned at = XECP + 4; at < 0x1000; at += 4)
            put_memory(at, heads[i]);
        nothing_is_written();
    }
    make_xhci(USB_LEGACY_FIRMWARE_OWNS, 1);
    put_memory(XHCI_HCCPARAMS1, 0xFFC / 4 << XHCI_XECP_SHIFT);
    put_memory(0xFFC, USB_CAPABILITY_LEGACY); /* across the end of the BAR */
    nothing_is_written();
    make_ehci(USB_LEGACY_FIRMWARE_OWNS, 1);
    put(EECP, EECP << USB_CAPABILITY_NEXT_SHIFT | 2); /* itself */
    nothing_is_written();
    make_ehci(0, 0);
    put_memory(EHCI_HCCPARAMS, 0x10 << EHCI_EECP_SHIFT); /* in the header */
    put(0x10, USB_CAPABILITY_LEGACY | USB_LEGACY_FIRMWARE_OWNS);
    nothing_is_written();
    make_ehci(0, 0);
    put_memory(EHCI_HCCPARAMS, 0x6A << EHCI_EECP_SHIFT); /* no doubleword */
    nothing_is_written();
    make_ehci(0, 0);
    put_memory(EHCI_HCCPARAMS, 0);
    nothing_is_written();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ehci_is_given),
        cmocka_unit_test(an_xhci_is_given),
        cmocka_unit_test(firmware_that_does_not_let_go_loses_it),
        cmocka_unit_test(what_it_does_not_own_is_silenced_without_a_word),
        cmocka_unit_test(a_uhci_sends_its_interrupt_and_no_smi),
        cmocka_unit_test(nothing_else_is_touched),
        cmocka_unit_test(lists_that_cannot_be_end),
    };
    return cmocka_run_group_tests_name("usb_handoff", tests, NULL, NULL);
}
