/* SPDX-License-Identifier: MIT
 *
 * tools/saved_inventory.c on what hv/inventory_print.c prints, and on what may
 * become of that on its way into a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/inventory_print.h"
#include "tests/fake/terminal.h"
#include "tools/saved_inventory.h"

static struct saved_inventory saved;
static struct inventory inventory;

static enum saved_status read_text(const char *text)
{
    memset(&saved, 0xA5, sizeof saved);
    inventory.cpu_count = 99;
    inventory.region_count = 99;
    return saved_inventory_read(text, strlen(text), &saved, &inventory);
}

static void make_machine(struct inventory *machine, struct pci_inventory *pci)
{
    memset(machine, 0, sizeof *machine);
    memset(pci, 0, sizeof *pci);
    machine->cpu_count = 12;
    machine->region_count = 3;
    machine->regions[0] = (struct memory_region){ HPA(0x1000), KIB(64) };
    machine->regions[1] = (struct memory_region){ HPA(MIB(6) + 0x1000), MIB(500) };
    machine->regions[2] = (struct memory_region){ HPA(GIB(4)), GIB(28) };
    machine->module_count = 1;
    machine->modules[0].size = 12345678;
    for (unsigned i = 0; i < 40; i++)
        pci->functions[pci->count++] = (struct pci_function){
            .address = { (uint16_t)(i / 20), (uint8_t)(i % 20), (uint8_t)(i * 5) },
            .vendor_id = 0x8086, .device_id = (uint16_t)(0xA000 + i),
            .class_code = i % 2 ? 0x0200 : 0x00FF, .group = (uint16_t)(i / 2),
            .interrupt_pin = 1, .interrupt_line = (uint8_t)(i % 16), .msi = 1, .msix = 1,
            .msix_vectors = 8, .flags = PCI_RESETS_ALONE,
            .bars = { [0] = { GIB(100), 3, 20, true }, [2] = { MIB(700), 2, 17, false },
                      [3] = { 0xE000, 1, 8, false }, [4] = { 0, 2, 12, false },
                      [PCI_BAR_ROM] = { MIB(701), 2, 16, false } } };
    pci->functions[7].class_code = 0x0604;
    pci->functions[7].header = PCI_HEADER_BRIDGE;
    pci->functions[7].flags |= PCI_IS_EXPRESS;
    pci->functions[7].port_type = PCI_PORT_ROOT;
    pci->functions[7].secondary_bus = 8;
    pci->functions[7].subordinate_bus = 0x1F;
}

static void what_was_printed_is_read_again(void **state)
{
    (void)state;
    static struct inventory machine;
    static struct pci_inventory pci;
    fake_terminal_reset();
    make_machine(&machine, &pci);
    inventory_print_head(&machine, &pci);
    inventory_print_memory(&machine);
    inventory_print_pci(&pci);
    assert_int_equal(read_text(fake_terminal_shown()), SAVED_GOOD);

    assert_int_equal(inventory.cpu_count, 12);
    assert_int_equal(saved.image_bytes, 12345678);
    assert_int_equal(inventory.region_count, 2);
    assert_int_equal(inventory.regions[0].base.value, MIB(6) + 0x1000);
    assert_int_equal(inventory.regions[0].bytes, MIB(500));
    assert_int_equal(inventory.regions[1].bytes, GIB(28));
    assert_int_equal(saved.pci.count, 40);
    for (unsigned i = 0; i < 40; i++) {
        const struct pci_function *a = &saved.pci.functions[i], *b = &pci.functions[i];
        assert_true(pci_same_address(a->address, b->address));
        assert_int_equal(a->vendor_id, b->vendor_id);
        assert_int_equal(a->device_id, b->device_id);
        assert_int_equal(a->group, b->group);
        assert_int_equal(a->class_code, b->class_code);
        assert_int_equal(a->header, b->header);
        assert_int_equal(a->secondary_bus, b->secondary_bus);
        assert_int_equal(a->subordinate_bus, b->subordinate_bus);
        assert_int_equal(a->interrupt_pin, b->interrupt_pin);
        assert_int_equal(a->interrupt_line, b->interrupt_line);
        for (unsigned j = 0; j < PCI_BARS; j++) {
            assert_int_equal(a->bars[j].base, b->bars[j].base);
            assert_int_equal(a->bars[j].space, b->bars[j].space);
            assert_int_equal(a->bars[j].size_shift, b->bars[j].size_shift);
            assert_int_equal(a->bars[j].prefetchable, b->bars[j].prefetchable);
        }
    }
    assert_ptr_equal(inventory.pci, &saved.pci);
    assert_false(saved.parts_known);
}

static void make_parts(struct inventory *machine)
{
    machine->address_bits = 39;
    machine->dma_remapping = true;
    machine->own_port_count = 1;
    machine->own_ports[0] = (struct inventory_own){ 0xB004, 0xB007, "the machine's power" };
    machine->own_memory_count = 2;
    machine->own_memory[0] = (struct inventory_own){ 0, 0x9FBFF, "the machine's RAM" };
    machine->own_memory[1] = (struct inventory_own){ 0xFEC00000, 0xFEC00FFF, "an IOAPIC" };
    for (unsigned i = 0; i < INVENTORY_ISA_IRQS; i++)
        machine->isa_gsi[i] = i == 2 ? INVENTORY_NO_GSI : i + 100;
}

static void what_nobody_can_own_is_read_again(void **state)
{
    (void)state;
    static struct inventory machine;
    static struct pci_inventory pci;
    fake_terminal_reset();
    make_machine(&machine, &pci);
    make_parts(&machine);
    inventory_print_head(&machine, &pci);
    inventory_print_memory(&machine);
    inventory_print_pci(&pci);
    inventory_print_parts(&machine);
    assert_int_equal(read_text(fake_terminal_shown()), SAVED_GOOD);

    assert_true(saved.parts_known);
    assert_ptr_equal(inventory.pci, &saved.pci);
    assert_true(inventory.dma_remapping);
    assert_int_equal(inventory.address_bits, 39);
    assert_int_equal(inventory.own_port_count, 1);
    assert_int_equal(inventory.own_ports[0].last, 0xB007);
    assert_string_equal(inventory.own_ports[0].what, "the machine's power");
    assert_int_equal(inventory.own_memory_count, 2);
    assert_int_equal(inventory.own_memory[1].first, 0xFEC00000);
    assert_string_equal(inventory.own_memory[1].what, "an IOAPIC");
    assert_true(inventory.gsis_known);
    for (unsigned i = 0; i < INVENTORY_ISA_IRQS; i++)
        assert_int_equal(inventory.isa_gsi[i], machine.isa_gsi[i]);
}

#define P "[bulkhead k2p9] "
#define HEAD_1 "inventory: cpus 2, memory blocks 1, functions 1, image bytes 0"
#define MEMORY_1 "  memory 1000000-3fffffff  1008 MiB"
#define FUNCTION_1 "  00:1f.2  SATA controller       8086:2922  group 0"

static void lines_without_their_prefix_will_do(void **state)
{
    (void)state;
    assert_int_equal(read_text(HEAD_1 "\n" MEMORY_1 "\n" FUNCTION_1), SAVED_GOOD);
    assert_int_equal(inventory.cpu_count, 2);
    assert_int_equal(saved.pci.functions[0].address.function, 0x1F << 3 | 2);
}

static void other_lines_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(read_text("GRUB loading.\r\n\x1B[H\x1B[J" P "Bulkhead 0.1\r\n"
                               P "2 CPUs; TSC 100000 kHz\r\n\x1B[H" P HEAD_1 "\r\n"
                               P "  cpus from 0: APIC ids  0  2\r\n"
                               P "  cpu 0: Intel 00:00.0  06-55-04  microcode 0\r\n"
                               "red: " FUNCTION_1 "\r\n"
                               P MEMORY_1 "\r\n" P FUNCTION_1 "  MSI\r\n"
                               P "          BAR0 febf0000 4K\r\n"
                               P "  ioapic 0 at fec00000, GSI from 0\r\n"
                               P "preflight: what guests need\r\n\r\n"), SAVED_GOOD);
    assert_int_equal(saved.line, 4);
    assert_int_equal(saved.pci.count, 1);
}

static void interrupts_and_remapping_are_read(void **state)
{
    (void)state;
    assert_int_equal(read_text(HEAD_1 "\n" MEMORY_1 "\n" FUNCTION_1 "\n"
                               "  ioapic 2 at fec00000, GSI from 0  irq 0: GSI 2 edge high\n"
                               "          irq 11: GSI 20 level low\n"
                               "  DMA remapping: 39 bits  interrupts, too\n"), SAVED_GOOD);
    assert_int_equal(inventory.isa_gsi[0], 2);
    assert_int_equal(inventory.isa_gsi[10], 10);
    assert_int_equal(inventory.isa_gsi[11], 20);
    assert_true(inventory.dma_remapping);
    assert_int_equal(read_text(HEAD_1 "\n" MEMORY_1 "\n" FUNCTION_1 "\n"
                               "  DMA remapping: 39 bits  interrupts, too  table INCOMPLETE\n"),
                     SAVED_GOOD);
    assert_false(inventory.dma_remapping);
}

static void a_guest_cannot_add_to_the_lines(void **state)
{
    (void)state;
    assert_int_equal(read_text(P HEAD_1 "\n" MEMORY_1 "\n" P FUNCTION_1 "\n"), SAVED_CUT_OFF);
    assert_int_equal(read_text(P HEAD_1 "\n[bulkhead k2p8] " MEMORY_1 "\n" P FUNCTION_1 "\n"),
                     SAVED_CUT_OFF);
}

static void the_last_of_several_boots_counts(void **state)
{
    (void)state;
    assert_int_equal(read_text(P HEAD_1 "\n" P MEMORY_1 "\n" P FUNCTION_1 "\n"
                               "[bulkhead aaaa] inventory: cpus 8, memory blocks 0, functions 0, "
                               "image bytes 7\n"), SAVED_GOOD);
    assert_int_equal(inventory.cpu_count, 8);
    assert_int_equal(inventory.region_count, 0);
    assert_int_equal(saved.pci.count, 0);
    assert_int_equal(saved.image_bytes, 7);
}

static void a_file_without_an_inventory_is_none(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), SAVED_NONE);
    assert_int_equal(read_text(P "preflight\n" P MEMORY_1 "\n" FUNCTION_1), SAVED_NONE);
    assert_int_equal(saved_inventory_read("\0\n\0", 3, &saved, &inventory), SAVED_NONE);
}

static void an_inventory_that_is_cut_off_is_not_taken_for_a_whole_one(void **state)
{
    (void)state;
    static const char whole[] = P HEAD_1 "\n" P MEMORY_1 "\n" P FUNCTION_1 "\n";
    for (size_t length = 0; length + 1 < sizeof whole - 1; length++) {
        enum saved_status status = saved_inventory_read(whole, length, &saved, &inventory);
        assert_int_not_equal(status, SAVED_GOOD);
    }
    assert_int_equal(read_text(whole), SAVED_GOOD);
}

#define PARTS_1 "parts: own ports 1, own memory 1, address bits 39, DMA remapping off"
#define PORTS_1 "  own ports b004-b007  the power"
#define OWN_1 "  own memory 0-9fbff  the machine's RAM"
#define INPUTS_1 "  interrupts 0 to 15 at IOAPIC inputs 2 1 - 3 4 5 6 7 8 9 10 11 12 13 14 15"

static void parts_that_are_cut_off_are_not_taken_for_all(void **state)
{
    (void)state;
    static const char whole[] = P HEAD_1 "\n" P MEMORY_1 "\n" P FUNCTION_1 "\n" P PARTS_1 "\n" P
                                PORTS_1 "\n" P OWN_1 "\n" P INPUTS_1 "\n";
    size_t begin = (size_t)(strstr(whole, PARTS_1) - whole) + strlen("parts: own ports ");
    for (size_t length = begin; length + 1 < sizeof whole - 1; length++) {
        enum saved_status status = saved_inventory_read(whole, length, &saved, &inventory);
        if (length + strlen("5\n") < sizeof whole - 1) /* "1" is a number, too */
            assert_int_not_equal(status, SAVED_GOOD);
    }
    assert_int_equal(read_text(whole), SAVED_GOOD);
    assert_true(saved.parts_known);
    assert_int_equal(read_text(P HEAD_1 "\n" P MEMORY_1 "\n" P FUNCTION_1 "\n"), SAVED_GOOD);
    assert_false(saved.parts_known);
    assert_int_equal(inventory.own_memory_count, 0);
}

static void a_broken_line_is_named(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "inventory: cpus none",
        "inventory: cpus 0, memory blocks 1, functions 1, image bytes 0",
        "inventory: cpus 65, memory blocks 1, functions 1, image bytes 0",
        "inventory: cpus 1, memory blocks 129, functions 1, image bytes 0",
        "inventory: cpus 1, memory blocks 1, functions 257, image bytes 0",
        HEAD_1 " more",
        HEAD_1 "\n  memory 1000000",
        HEAD_1 "\n  memory 3fffffff-1000000",
        HEAD_1 "\n  memory 1000001-3fffffff",
        HEAD_1 "\n  memory 1000000-3ffffffe",
        HEAD_1 "\n  memory 1000000-ffffffffffffffff",
        HEAD_1 "\n" MEMORY_1 "\n" MEMORY_1,
        HEAD_1 "\n" FUNCTION_1 "\n" FUNCTION_1,
        HEAD_1 "\n  00:1f.2  SATA controller",
        HEAD_1 "\n" FUNCTION_1 "  BAR0 febf0000",
        HEAD_1 "\n" FUNCTION_1 "  BAR0 febf0000 3K",
        HEAD_1 "\n" FUNCTION_1 "  BAR0 febf0000 4X",
        HEAD_1 "\n" FUNCTION_1 "  BAR7 febf0000 4K",
        HEAD_1 "\n" FUNCTION_1 "\n          ROM ffffffffffffffff 4K",
        HEAD_1 "\n  00:1f.2  group 1",
        HEAD_1 "\n  00:1f.2  SATA controller       8086:2922  group 256",
        "inventory: cpus 1, memory blocks 2, functions 1, image bytes 0\n" MEMORY_1 "\n" MEMORY_1,
        HEAD_1 "\n" FUNCTION_1 "  BAR7 febf0000 4K",
        HEAD_1 "\n" FUNCTION_1 "  BAR0 febf0000 3K",
        HEAD_1 "\n" FUNCTION_1 "  BAR0 febf0000",
        HEAD_1 "\n" FUNCTION_1 "\n          BAR0 febf0000",
        HEAD_1 "\n" PORTS_1,
        HEAD_1 "\nparts: own ports",
        HEAD_1 "\nparts: own ports 17, own memory 1, address bits 39, DMA remapping off",
        HEAD_1 "\nparts: own ports 1, own memory 193, address bits 39, DMA remapping off",
        HEAD_1 "\nparts: own ports 1, own memory 1, address bits 53, DMA remapping off",
        HEAD_1 "\n" PARTS_1 "\n" PORTS_1 "\n" PORTS_1,
        HEAD_1 "\n" PARTS_1 "\n  own ports b007-b004  the power",
        HEAD_1 "\n" PARTS_1 "\n  own memory 0-9fbff",
        HEAD_1 "\n" PARTS_1 "\n  interrupts 0 to 15 at IOAPIC inputs 2 1 3",
    };
    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(read_text(broken[i]), SAVED_BROKEN);
        unsigned lines = 1;
        for (const char *at = broken[i]; *at != '\0'; at++)
            lines += *at == '\n';
        assert_int_equal(saved.line, lines);
    }
}

static void larger_images_leave_less_memory(void **state)
{
    (void)state;
    static const char text[] = "inventory: cpus 1, memory blocks 2, functions 0, image bytes 8192\n"
                               "  memory 100000-1fffff  1 MiB\n  memory 1000000-3fffffff  1008 MiB\n";
    assert_int_equal(read_text(text), SAVED_GOOD);
    assert_int_equal(saved_inventory_load(&saved, &inventory, 8192), 0);
    assert_int_equal(saved_inventory_load(&saved, &inventory, 100), 0);
    assert_int_equal(saved_inventory_load(&saved, &inventory, 8193), 4096);
    assert_int_equal(inventory.regions[0].base.value, MIB(1) + 4096);
    assert_int_equal(inventory.regions[0].bytes, MIB(1) - 4096);

    assert_int_equal(read_text(text), SAVED_GOOD);
    assert_int_equal(saved_inventory_load(&saved, &inventory, 8192 + MIB(8)), MIB(8));
    assert_int_equal(inventory.regions[0].bytes, MIB(1));
    assert_int_equal(inventory.regions[1].base.value, MIB(24));
    assert_int_equal(inventory.regions[1].bytes, MIB(1000));

    assert_int_equal(saved_inventory_load(&saved, &inventory, GIB(4)), GIB(4) - 8192);
    assert_int_equal(inventory.region_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_printed_is_read_again),
        cmocka_unit_test(lines_without_their_prefix_will_do),
        cmocka_unit_test(other_lines_do_not_matter),
        cmocka_unit_test(interrupts_and_remapping_are_read),
        cmocka_unit_test(a_guest_cannot_add_to_the_lines),
        cmocka_unit_test(the_last_of_several_boots_counts),
        cmocka_unit_test(a_file_without_an_inventory_is_none),
        cmocka_unit_test(what_nobody_can_own_is_read_again),
        cmocka_unit_test(parts_that_are_cut_off_are_not_taken_for_all),
        cmocka_unit_test(an_inventory_that_is_cut_off_is_not_taken_for_a_whole_one),
        cmocka_unit_test(a_broken_line_is_named),
        cmocka_unit_test(larger_images_leave_less_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
