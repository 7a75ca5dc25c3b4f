/* SPDX-License-Identifier: MIT
 *
 * Parts of the machine in a configuration: how they are written, who can own them,
 * and for each way in which that is wrong the whole message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/config.h"
#include "hv/config_owners.h"

static struct config config;
static struct findings findings;
static struct inventory inventory;
static struct pci_inventory pci;

#define MEMORY(base, shift) { base, PCI_SPACE_MEMORY_32, shift, false }
#define PORTS(base, shift) { base, PCI_SPACE_IO, shift, false }

static void add(uint8_t device, uint8_t function, uint16_t class_code, uint16_t group,
                struct pci_bar first, struct pci_bar second)
{
    pci.functions[pci.count++] = (struct pci_function){
        .address = { 0, 0, (uint8_t)(device << 3 | function) }, .class_code = class_code,
        .group = group, .bars = { first, second } };
}

static const struct pci_bar none = { 0, PCI_SPACE_NONE, 0, false };

static int set_up(void **state)
{
    (void)state;
    pci.count = 0;
    add(0, 0, 0x0600, 0, none, none);
    add(1, 0, 0x0601, 1, none, none);
    add(1, 1, 0x0101, 1, (struct pci_bar)PORTS(0xC000, 4), none);
    add(1, 2, 0x0C03, 1, (struct pci_bar)PORTS(0xC020, 5), none);
    add(2, 0, 0x0200, 2, (struct pci_bar)MEMORY(0xF0000000, 17), (struct pci_bar)PORTS(0xC040, 6));
    add(3, 0, 0x0200, 3, (struct pci_bar)MEMORY(0xF0020000, 10), none);
    add(4, 0, 0x0200, 4, (struct pci_bar)MEMORY(0xF0020400, 10), none);
    add(5, 0, 0x0300, 5, (struct pci_bar)PORTS(0x3F0, 4), (struct pci_bar)PORTS(0x600, 4));
    inventory = (struct inventory){
        .pci = &pci, .own_port_count = 1, .own_ports = { { 0xB000, 0xB003, "the power" } },
        .own_memory_count = 1, .own_memory = { { MIB(1), MIB(64) - 1, "the machine's RAM" } } };
    for (unsigned i = 0; i < INVENTORY_ISA_IRQS; i++)
        inventory.isa_gsi[i] = i == 0 ? 2 : i;
    return 0;
}

static void finds(const char *text, const char *expected)
{
    static char all[FINDINGS_MAX * (FINDING_LINE_SIZE + 1)];
    char line[FINDING_LINE_SIZE];

    findings_clear(&findings);
    config_parse(text, strlen(text), &config, &findings);
    config_check_owners(&config, &inventory, &findings);
    all[0] = '\0';
    for (uint32_t i = 0; i < findings.count; i++) {
        finding_format(line, sizeof line, &findings.list[i], "c");
        strcat(strcat(all, line), "\n");
    }
    assert_string_equal(all, expected);
}

/* Five lines, and more from the sixth on. */
#define VM(name) "[[vm]]\nname = \"" name "\"\ncpus = 1\nmemory = \"16M\"\nkernel = \"k\"\n"
#define UNPROTECTED "dma = \"unprotected\"\n"

static void parts_are_read_as_they_are_written(void **state)
{
    const struct config_parts *parts = &config.vms[0].parts;

    (void)state;
    finds(VM("a") "devices = [\"00:02.0\", \"0000:00:01.1 gsi 0x13\"]\n"
          "ports = [0x378, \"0x2F8-0x2ff\", \"880\"]\nirqs = [3, 5]\n"
          "mmio = [\"0xfed00000-0xfed00fff\"]\n" UNPROTECTED, "");
    assert_int_equal(parts->device_count, 2);
    assert_int_equal(parts->devices[0].address.function, 2 << 3);
    assert_false(parts->devices[0].gsi_given);
    assert_int_equal(parts->devices[1].address.function, 1 << 3 | 1);
    assert_true(parts->devices[1].gsi_given);
    assert_int_equal(parts->devices[1].gsi, 0x13);
    assert_int_equal(parts->port_count, 3);
    assert_int_equal(parts->ports[0].first, 0x378);
    assert_int_equal(parts->ports[0].last, 0x378);
    assert_int_equal(parts->ports[1].first, 0x2F8);
    assert_int_equal(parts->ports[1].last, 0x2FF);
    assert_int_equal(parts->ports[2].last, 880);
    assert_int_equal(parts->irq_count, 2);
    assert_int_equal(parts->irqs[1].irq, 5);
    assert_int_equal(parts->mmio[0].first, 0xFED00000);
    assert_int_equal(parts->mmio[0].last, 0xFED00FFF);
    assert_true(parts->dma_unprotected);
}

static void what_is_no_part_is_said_with_what_would_be(void **state)
{
    static const char *const devices[] = { "00:20.0", "00:1f.8", "00:1f", "0:1f.2x", "00:1f.2 gsi",
                                           "00:1f.2 gsi 1024", "00:1f.2 irq 3", "" };
    char text[256], expected[300];

    (void)state;
    for (unsigned i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        snprintf(text, sizeof text, VM("a") "devices = [\"%s\"]\n", devices[i]);
        snprintf(expected, sizeof expected, "c:6:12: error: vm \"a\": \"%s\" is not a PCI function; "
                 "write bus, device and function as in \"00:1f.2\", perhaps followed by the "
                 "IOAPIC's input as in \"00:1f.2 gsi 19\"\n", devices[i]);
        finds(text, expected);
    }
    finds(VM("a") "irqs = [2, 16, 3, 3, \"4\"]\n",
          "c:6:9: error: vm \"a\": interrupt 2 joins the two interrupt controllers and is no "
          "device's; write another\n"
          "c:6:12: error: vm \"a\": 16 is not the interrupt of a part of the board; they are "
          "numbered 0 to 15\n"
          "c:6:19: error: vm \"a\": interrupt 3 is listed twice; remove one of the two\n"
          "c:6:22: error: vm \"a\": a list of interrupts holds numbers without quotes; write it "
          "as in [3]\n");
    finds(VM("a") "ports = [65536, -1, \"0x20-\", \"5-4\", true]\n",
          "c:6:10: error: vm \"a\": this is no range of ports; write its first and last one, at "
          "most 0xffff, as in \"0x2f8-0x2ff\"\n"
          "c:6:17: error: vm \"a\": this is no range of ports; write its first and last one, at "
          "most 0xffff, as in \"0x2f8-0x2ff\"\n"
          "c:6:21: error: vm \"a\": this is no range of ports; write its first and last one, at "
          "most 0xffff, as in \"0x2f8-0x2ff\"\n"
          "c:6:30: error: vm \"a\": this is no range of ports; write its first and last one, at "
          "most 0xffff, as in \"0x2f8-0x2ff\"\n"
          "c:6:37: error: vm \"a\": a list of ports holds numbers and ranges; write it as in "
          "[0x378, \"0x2f8-0x2ff\"]\n");
    finds(VM("a") "mmio = [\"0xfed00010-0xfed0001f\"]\n" "dma = \"on\"\n",
          "c:6:9: error: vm \"a\": only whole pages of 4 KiB can be given to a guest; write "
          "\"0xfed00000-0xfed00fff\" if all of that is the guest's\n"
          "c:7:7: error: vm \"a\": \"on\" is not a kind of DMA; write \"unprotected\", or remove "
          "this line\n");
}

static void each_part_has_one_owner(void **state)
{
    (void)state;
    finds(VM("a") "ports = [\"0x300-0x30f\", 0x30f]\nirqs = [5]\nmmio = [\"0xd0000000-0xd0001fff\"]\n"
          "devices = [\"00:02.0\", \"00:02.0\"]\n" UNPROTECTED
          VM("b") "ports = [0x308]\nirqs = [5]\nmmio = [\"0xd0001000-0xd0002fff\"]\n"
          "devices = [\"00:02.0\"]\n" UNPROTECTED,
          "c:6:25: error: vm \"a\": port 0x30f: some of it already belongs to vm \"a\" in line 1\n"
          "c:9:23: error: vm \"a\": 00:02.0 is listed twice; remove one of the two\n"
          "c:16:10: error: vm \"b\": port 0x308: some of it already belongs to vm \"a\" in line 1\n"
          "c:17:9: error: vm \"b\": interrupt 5 already belongs to vm \"a\" in line 1\n"
          "c:18:9: error: vm \"b\": addresses 0xd0001000 to 0xd0002fff: some of it already belongs "
          "to vm \"a\" in line 1\n"
          "c:19:12: error: vm \"b\": 00:02.0 already belongs to vm \"a\" in line 1\n");
}

static void what_the_hypervisor_or_the_emulated_pc_has_is_nobodys(void **state)
{
    (void)state;
    finds(VM("a") "ports = [0x21, 0x64, 0xcf9, 0xb001, 0x3ff, 0x60b]\n"
          "mmio = [\"0x2000000-0x2000fff\", \"0xfee00000-0xfee00fff\", \"0xc0000-0xc0fff\"]\n"
          "irqs = [0, 1, 4, 8, 9]\n",
          "c:6:10: error: vm \"a\": port 0x21: no guest can own this, it is or holds an interrupt "
          "controller\n"
          "c:6:16: error: vm \"a\": port 0x64: no guest can own this, it is or holds the keyboard "
          "controller, which can reset the machine\n"
          "c:6:22: error: vm \"a\": port 0xcf9: no guest can own this, it is or holds the way to all "
          "PCI functions, and the reset\n"
          "c:6:29: error: vm \"a\": port 0xb001: no guest can own this, it is or holds the power\n"
          "c:6:37: error: vm \"a\": port 0x3ff: no guest can own this, it is or holds the console's "
          "serial port\n"
          "c:6:44: error: vm \"a\": port 0x60b: no guest can own this, it is or holds the guest's "
          "emulated power management\n"
          "c:7:9: error: vm \"a\": addresses 0x2000000 to 0x2000fff: no guest can own this, it is or "
          "holds the machine's RAM\n"
          "c:7:32: error: vm \"a\": addresses 0xfee00000 to 0xfee00fff: no guest can own this, it is "
          "or holds where interrupts are sent to\n"
          "c:7:57: error: vm \"a\": addresses 0xc0000 to 0xc0fff: no guest can own this, it is or "
          "holds the guest's place for ROMs\n"
          "c:8:9: error: vm \"a\": interrupt 0 cannot be owned, it is that of the guest's emulated "
          "interval timer\n"
          "c:8:12: error: vm \"a\": interrupt 1 cannot be owned, it is that of the guest's emulated "
          "keyboard controller\n"
          "c:8:15: error: vm \"a\": interrupt 4 cannot be owned, it is that of the console's serial "
          "port\n"
          "c:8:18: error: vm \"a\": interrupt 8 cannot be owned, it is that of the guest's emulated "
          "clock; ports = [\"0x70-0x71\"] would replace it\n"
          "c:8:21: error: vm \"a\": interrupt 9 cannot be owned, it is that of the guest's emulated "
          "power management\n");
    finds(VM("a") "ports = [\"0x70-0x71\"]\nirqs = [8]\n", "");
    finds("[hypervisor]\nconsole_port = \"com2\"\n" VM("a") "ports = [0x2f8]\nirqs = [3]\n",
          "c:8:10: error: vm \"a\": port 0x2f8: no guest can own this, it is or holds the console's "
          "serial port\n"
          "c:9:9: error: vm \"a\": interrupt 3 cannot be owned, it is that of the console's serial "
          "port\n");
}

static void ports_that_the_configuration_gives_another_use_are_taken(void **state)
{
    (void)state;
    finds(VM("a") "ports = [\"0x440-0x443\", 0x501, 0x510]\n", "");
    finds(VM("a") "ports = [\"0x440-0x442\", 0x443, 0x501, 0x510]\nwatchdog = true\n"
          "exit_port = 0x501\nready_port = 0x510\n",
          "c:6:10: error: vm \"a\": ports 0x440 to 0x442: no guest can own this, it is or holds the "
          "guest's watchdog\n"
          "c:6:25: error: vm \"a\": port 0x443: no guest can own this, it is or holds the guest's "
          "watchdog\n"
          "c:6:32: error: vm \"a\": port 0x501: no guest can own this, it is or holds the guest's "
          "exit port\n"
          "c:6:39: error: vm \"a\": port 0x510: no guest can own this, it is or holds the guest's "
          "ready port\n");
}

static void a_place_that_the_machine_has_not_or_that_sends_interrupts_is_nobodys(void **state)
{
    (void)state;
    finds(VM("a") "mmio = [\"0xfeeff000-0xfeefffff\", \"0xfef00000-0xfef00fff\"]\n",
          "c:6:9: error: vm \"a\": addresses 0xfeeff000 to 0xfeefffff: no guest can own this, it is "
          "or holds where interrupts are sent to\n");
    finds(VM("a") "mmio = [\"0xffffffff0000-0x1000000000fff\"]\n",
          "c:6:9: error: vm \"a\": addresses 0xffffffff0000 to 0x1000000000fff: no guest can own "
          "this, it is or holds addresses that the machine does not have\n");
    inventory.address_bits = 39;
    finds(VM("a") "mmio = [\"0x7ffffff000-0x7fffffffff\", \"0x8000000000-0x8000000fff\"]\n",
          "c:6:38: error: vm \"a\": addresses 0x8000000000 to 0x8000000fff: no guest can own this, "
          "it is or holds addresses that the machine does not have\n");
}

static void a_serial_port_in_memory_is_the_consoles_too(void **state)
{
    (void)state;
    finds("[hypervisor]\nconsole_port = \"mmio:0xd0000ff8\"\n"
          VM("a") "mmio = [\"0xd0000000-0xd0000fff\"]\nports = [\"0x2e8-0x2ef\"]\nirqs = [3]\n",
          "c:8:9: error: vm \"a\": addresses 0xd0000000 to 0xd0000fff: no guest can own this, it is "
          "or holds the console's serial port\n");
    finds("[hypervisor]\nconsole_port = \"mmio32:0xd0000ff0\"\n"
          VM("a") "mmio = [\"0xd0001000-0xd0001fff\"]\n",
          "c:8:9: error: vm \"a\": addresses 0xd0001000 to 0xd0001fff: no guest can own this, it is "
          "or holds the console's serial port\n");
}

static void interrupts_that_share_a_line_are_one(void **state)
{
    (void)state;
    inventory.gsis_known = true;
    for (unsigned i = 0; i < INVENTORY_ISA_IRQS; i++)
        inventory.isa_gsi[i] = i;
    finds(VM("a") "irqs = [3, 5, 6]\n" VM("b") "irqs = [7, 10, 11]\n", "");
    inventory.isa_gsi[5] = 10;  /* b's */
    inventory.isa_gsi[3] = 4;   /* the console's */
    inventory.isa_gsi[6] = 1;   /* the keyboard's */
    inventory.isa_gsi[0] = 7;   /* the tick's */
    inventory.isa_gsi[11] = INVENTORY_NO_GSI;
    inventory.isa_gsi[13] = INVENTORY_NO_GSI;
    finds(VM("a") "irqs = [3, 5, 6]\n" VM("b") "irqs = [7, 10, 11, 13]\n",
          "c:6:9: error: vm \"a\": interrupt 3 cannot be owned, it is that of the console's serial "
          "port\n"
          "c:6:15: error: vm \"a\": interrupt 6 cannot be owned, it is that of the keyboard\n"
          "c:12:9: error: vm \"b\": interrupt 7 cannot be owned, it is that of the machine's "
          "interval timer\n"
          "c:12:12: error: vm \"b\": interrupt 10 already belongs to vm \"a\" in line 1\n"
          "c:12:16: error: vm \"b\": interrupt 11 never comes: no IOAPIC of this machine takes "
          "it\n"
          "c:12:20: error: vm \"b\": interrupt 13 never comes: no IOAPIC of this machine takes "
          "it\n");
    finds(VM("a") "irqs = [10, 5]\n",
          "c:6:13: error: vm \"a\": interrupt 5 already belongs to vm \"a\" in line 1\n");
}

static void registers_of_functions_come_with_the_function(void **state)
{
    (void)state;
    finds(VM("a") "ports = [0xc04f]\nmmio = [\"0xf001f000-0xf001ffff\"]\n",
          "c:6:10: error: vm \"a\": port 0xc04f: some of it belongs to a PCI function; assign that, "
          "devices = [...], which is 00:02.0\n"
          "c:7:9: error: vm \"a\": addresses 0xf001f000 to 0xf001ffff: some of it belongs to a PCI "
          "function; assign that, devices = [...], which is 00:02.0\n");
}

static void a_function_must_be_there_and_no_part_of_the_board(void **state)
{
    (void)state;
    finds(VM("a") "devices = [\"00:09.0\", \"00:01.0\", \"00:05.0\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": there is no PCI function 00:09.0; this machine has 00:00.0, "
          "00:01.0, 00:01.1, 00:01.2, 00:02.0, 00:03.0, 00:04.0, 00:05.0\n"
          "c:6:23: error: vm \"a\": 00:01.0 cannot be owned by a guest: it is a bridge of the board, "
          "with its interrupts and its power\n"
          "c:6:34: error: vm \"a\": 00:05.0: its BAR 0, ports from 0x3f0 on, is where the console's "
          "serial port is\n"
          "c:6:34: error: vm \"a\": 00:05.0: its BAR 1, ports from 0x600 on, is where the guest's "
          "emulated power management is\n");
    inventory.own_memory[1] = (struct inventory_own){ 0xB8000, 0xB8FFF, "the console's screen" };
    inventory.own_memory[2] = (struct inventory_own){ 0xF0001000, 0xF0001FFF, "a unit" };
    inventory.own_ports[1] = (struct inventory_own){ 0xC07F, 0xC07F, "the machine's reset" };
    inventory.own_memory_count = 3;
    inventory.own_port_count = 2;
    finds("[hypervisor]\nconsole_port = \"pci:00:01.2\"\n"
          VM("a") "devices = [\"00:05.0\", \"00:02.0\", \"00:01.2\"]\n" UNPROTECTED,
          "c:8:12: error: vm \"a\": 00:05.0 cannot be owned by a guest: it is the console's "
          "screen\n"
          "c:8:23: error: vm \"a\": 00:02.0: its BAR 0, addresses from 0xf0000000 on, is where a "
          "unit is\n"
          "c:8:23: error: vm \"a\": 00:02.0: its BAR 1, ports from 0xc040 on, is where the "
          "machine's reset is\n"
          "c:8:34: error: vm \"a\": 00:01.2 cannot be owned by a guest: it is the console's serial "
          "port\n");
    inventory.pci = NULL;
    finds(VM("a") "devices = [\"00:09.0\"]\n", "");
}

/* A bitmap of ports would lose the upper bits of one, and tables for a BAR have room
 * for what lies at a multiple of its size. */
static void a_bar_where_no_registers_can_be_is_refused(void **state)
{
    (void)state;
    inventory.address_bits = 39;
    pci.functions[4].bars[0].base = 0xFEE00000;
    pci.functions[4].bars[1].base = 0x10CC0;
    pci.functions[5].bars[0] = (struct pci_bar)MEMORY(0x8000000000, 13);
    finds(VM("a") "devices = [\"00:02.0\", \"00:03.0\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:02.0: its BAR 0, addresses from 0xfee00000 on, holds where "
          "interrupts are sent to\n"
          "c:6:12: error: vm \"a\": 00:02.0: its BAR 1, ports from 0x10cc0 on, holds ports that no "
          "machine has\n"
          "c:6:23: error: vm \"a\": 00:03.0: its BAR 0, addresses from 0x8000000000 on, holds "
          "addresses that the machine does not have\n");
    pci.functions[5].bars[0] = (struct pci_bar)MEMORY(UINT64_MAX - 0xFFF, 13);
    finds(VM("a") "devices = [\"00:03.0\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:03.0: its BAR 0, at 0xfffffffffffff000, is at no multiple of "
          "its size, as every BAR must be\n"
          "c:6:12: error: vm \"a\": 00:03.0: its BAR 0, addresses from 0xfffffffffffff000 on, holds "
          "addresses that the machine does not have\n");
}

static void what_cannot_be_told_apart_is_refused_apart(void **state)
{
    (void)state;
    finds(VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED VM("b") "devices = [\"00:01.2\"]\n" UNPROTECTED,
          "c:13:12: error: vm \"b\": 00:01.2 and 00:01.1 of vm \"a\" in line 1 can reach each other "
          "(isolation group 1); give both to one guest\n");
    finds(VM("a") "devices = [\"00:01.1\", \"00:01.2\"]\n" UNPROTECTED, "");
    finds(VM("a") "devices = [\"00:03.0\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:03.0 and 00:04.0 have registers in one page of 4 KiB, at "
          "0xf0020000; give both to one guest\n");
    /* What firmware left in an expansion ROM's register refuses nothing. */
    pci.functions[6].bars[0] = none;
    pci.functions[6].bars[PCI_BAR_ROM] = (struct pci_bar)MEMORY(0xF0020000, 11);
    finds(VM("a") "devices = [\"00:03.0\"]\n" UNPROTECTED, "");
    finds(VM("a") "devices = [\"00:03.0\"]\n" UNPROTECTED
          VM("b") "devices = [\"00:04.0\"]\n" UNPROTECTED, "");
    pci.functions[6].bars[0] = (struct pci_bar)MEMORY(0xF0020400, 10);
    finds(VM("a") "devices = [\"00:03.0\", \"00:04.0\"]\n" UNPROTECTED,
          "c:6:23: error: vm \"a\": 00:04.0: its BAR 0 begins inside a page of 4 KiB, at 0xf0020400, "
          "and so cannot be given to a guest\n");
}

static void functions_at_the_same_ports_are_refused_apart(void **state)
{
    (void)state;
    pci.functions[5].bars[1] = (struct pci_bar)PORTS(0xC070, 4); /* of 00:02.0's */
    pci.functions[5].bars[0] = none;
    finds(VM("a") "devices = [\"00:02.0\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:02.0 and 00:03.0 both have the port 0xc070; give both to one "
          "guest\n");
    finds(VM("a") "devices = [\"00:02.0\", \"00:03.0\"]\n" UNPROTECTED, "");
    pci.functions[5].bars[1].base = 0xC080;
    finds(VM("a") "devices = [\"00:02.0\"]\n" UNPROTECTED, "");
}

static void two_controllers_at_the_ports_of_a_pcs_disks_are_refused(void **state)
{
    (void)state;
    add(6, 0, 0x0101, 6, none, none);
    pci.functions[pci.count - 1].interface = 0x01; /* its first channel has BARs */
    finds(VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:01.1 and 00:06.0 both have the ports 0x170 to 0x177; set one "
          "of them to native mode or off in the BIOS setup\n");
    pci.functions[pci.count - 1].interface = 0x05;
    finds(VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED, "");
}

static void an_interrupt_line_has_one_owner(void **state)
{
    (void)state;
    for (unsigned i = 2; i < 6; i++) {
        pci.functions[i].interrupt_pin = 1;
        pci.functions[i].interrupt_line = i < 5 ? 11 : 4;
    }
    pci.functions[3].group = 9;
    finds(VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED
          VM("b") "devices = [\"00:01.2\"]\nirqs = [11]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:01.1: its interrupt, input 11 of the IOAPICs, is also that of "
          "irqs of vm \"b\" in line 8; a line has one owner\n"
          "c:13:12: error: vm \"b\": 00:01.2: its interrupt, input 11 of the IOAPICs, is also that "
          "of 00:01.1 of vm \"a\" in line 1; a line has one owner\n"
          "c:13:12: error: vm \"b\": 00:01.2: its interrupt, input 11 of the IOAPICs, is also that "
          "of irqs of vm \"b\" in line 8; a line has one owner\n");
    finds(VM("a") "devices = [\"00:01.1 gsi 4\"]\n" UNPROTECTED
          VM("b") "devices = [\"00:01.2 gsi 20\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:01.1: its interrupt, input 4 of the IOAPICs, is also that of "
          "the console's serial port; a line has one owner\n");
    pci.functions[2].interrupt_pin = 0; /* by 14 and 15 alone */
    finds(VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED
          VM("b") "devices = [\"00:02.0 gsi 14\"]\n" UNPROTECTED
          VM("c") "devices = [\"00:01.2 gsi 13\"]\n" UNPROTECTED,
          "c:13:12: error: vm \"b\": 00:02.0: its interrupt, input 14 of the IOAPICs, is also that "
          "of 00:01.1 of vm \"a\" in line 1; a line has one owner\n");
    finds(VM("b") "devices = [\"00:02.0 gsi 15\"]\n" UNPROTECTED
          VM("a") "devices = [\"00:01.1\"]\n" UNPROTECTED,
          "c:13:12: error: vm \"a\": 00:01.1: its interrupt, input 15 of the IOAPICs, is also that "
          "of 00:02.0 of vm \"b\" in line 1; a line has one owner\n");
    pci.functions[2].interrupt_pin = 1;
    finds(VM("a") "devices = [\"00:01.1 gsi 2\"]\n" UNPROTECTED,
          "c:6:12: error: vm \"a\": 00:01.1: its interrupt, input 2 of the IOAPICs, is also that of "
          "the machine's interval timer or keyboard; a line has one owner\n");
}

static void dma_is_kept_to_the_guest_or_said_to_be_not(void **state)
{
    (void)state;
    finds(VM("a") "devices = [\"00:02.0\"]\n",
          "c:6:11: error: vm \"a\": nothing here keeps a device's DMA to its guest's memory (VT-d); "
          "if it may reach all memory, add dma = \"unprotected\"\n");
    finds(VM("a") UNPROTECTED,
          "c:6:7: error: vm \"a\": there is no device whose DMA could be unprotected; add devices = "
          "[...] or remove this line\n");
    inventory.dma_remapping = true;
    finds(VM("a") "devices = [\"00:02.0\"]\n", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(parts_are_read_as_they_are_written, set_up),
        cmocka_unit_test_setup(what_is_no_part_is_said_with_what_would_be, set_up),
        cmocka_unit_test_setup(each_part_has_one_owner, set_up),
        cmocka_unit_test_setup(what_the_hypervisor_or_the_emulated_pc_has_is_nobodys, set_up),
        cmocka_unit_test_setup(ports_that_the_configuration_gives_another_use_are_taken, set_up),
        cmocka_unit_test_setup(a_place_that_the_machine_has_not_or_that_sends_interrupts_is_nobodys,
                               set_up),
        cmocka_unit_test_setup(a_serial_port_in_memory_is_the_consoles_too, set_up),
        cmocka_unit_test_setup(interrupts_that_share_a_line_are_one, set_up),
        cmocka_unit_test_setup(registers_of_functions_come_with_the_function, set_up),
        cmocka_unit_test_setup(a_function_must_be_there_and_no_part_of_the_board, set_up),
        cmocka_unit_test_setup(a_bar_where_no_registers_can_be_is_refused, set_up),
        cmocka_unit_test_setup(what_cannot_be_told_apart_is_refused_apart, set_up),
        cmocka_unit_test_setup(functions_at_the_same_ports_are_refused_apart, set_up),
        cmocka_unit_test_setup(two_controllers_at_the_ports_of_a_pcs_disks_are_refused, set_up),
        cmocka_unit_test_setup(an_interrupt_line_has_one_owner, set_up),
        cmocka_unit_test_setup(dma_is_kept_to_the_guest_or_said_to_be_not, set_up),
    };
    return cmocka_run_group_tests_name("config_parts", tests, NULL, NULL);
}
