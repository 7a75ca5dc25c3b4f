/* SPDX-License-Identifier: MIT
 *
 * PCI functions of the machine in a guest: configuration space as the guest sees
 * and writes it, where its BARs lead, and what of it reaches the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/pci.h"
#include "hv/assigned.h"
#include "hv/guest_acpi.h"
#include "hv/io_bitmap.h"
#include "hv/vm.h"
#include "tests/fake/terminal.h"

#define RAM MIB(64)
#define BASE GIB(1)
#define BAR0 0xF0000000ull  /* 128 KiB */
#define BAR1 0xC040ull      /* 64 ports */
#define BAR2 0x2000000000ull /* 2 MiB, 64 bits */
#define ROM 0xF0040000ull
#define DECODING 3u
#define FRAMES 64

static struct vm vm;
static struct vcpu vcpus[2];
static struct vm_config config = { .name = "a" };
static struct assigned assigned;
static struct pci_function function;
static struct pci_inventory pci;
static uint8_t bitmap[IO_BITMAP_BYTES];
static uint64_t tables[FRAMES * FRAME_ENTRIES] __attribute__((aligned(4096)));

static void put(unsigned offset, uint64_t value, unsigned bytes, uint32_t writable)
{
    memcpy(&fake.pci_space[0][offset], &value, bytes);
    memcpy(&fake.pci_writable[0][offset], &writable, bytes);
}

static void make_function(void)
{
    function = (struct pci_function){
        .class_code = 0x0200, .interrupt_pin = 2, .interrupt_line = 11, .command = DECODING,
        .bars = { { BAR0, PCI_SPACE_MEMORY_32, 17, false }, { BAR1, PCI_SPACE_IO, 6, false },
                  { BAR2, PCI_SPACE_MEMORY_64, 21, true }, { 0, PCI_SPACE_NONE, 0, false },
                  { 0, PCI_SPACE_NONE, 0, false }, { 0, PCI_SPACE_NONE, 0, false },
                  { ROM, PCI_SPACE_MEMORY_32, 16, false } },
    };
    put(PCI_VENDOR_ID, 0x100E8086, 4, 0);
    put(PCI_COMMAND, 0x0010 << 16 | DECODING, 4, 0xF9000547);
    put(PCI_REVISION_ID, 0x02000003, 4, 0);
    put(PCI_CACHE_LINE_SIZE, 0x80800000, 4, 0xFFFF);
    put(PCI_SUBSYSTEM_IDS, 0x11001AF4, 4, 0);
    put(PCI_CAPABILITIES_POINTER, 0xDC, 1, 0);
    put(0xDC, 0xFE22F001, 4, 0); /* power, then vendor's, then subsystem, then itself */
    put(0xE0, 0x103, 4, 0xFFFF);
    put(0xF0, 0x0010E809, 4, 0xFFFFFFFF);
    put(0xE8, 0x0000DC0D, 4, 0);
    put(0xEC, 0x12345678, 4, 0);
    put(PCI_EXPANSION_ROM, ROM | PCI_ROM_ENABLE, 4, 0xFFFF0001);
    put(PCI_INTERRUPT_LINE, 0x0A05020B, 4, 0xFF);
}

static int fresh(void **state)
{
    struct frames frames;
    unsigned movable[EPT_TABLE_LEVELS] = { 0 };

    (void)state;
    fake_terminal_reset();
    make_function();
    vm = (struct vm){ .config = &config, .vcpu_count = 2, .vcpus = { &vcpus[0], &vcpus[1] },
                      .memory = GUEST_MEMORY_COMPACT(BASE, RAM) };
    vm.timers.tsc_hz = 1000;
    vcpus[1].cpu = 1;
    frames_init(&frames, tables, HPA(GIB(8)), FRAMES);
    ept_init(&vm.ept, frames, ept_shape(PAGE_SIZE_2M));
    guest_memory_map(&vm.memory, &vm.ept);
    assigned_frames(&function, ept_shape(PAGE_SIZE_2M), movable);
    ept_begin_movable(&vm.ept, movable);
    io_bitmap_init(bitmap);
    pci = (struct pci_inventory){ .count = 0 };
    assigned = (struct assigned){ .vm = &vm, .pci = &pci, .io_bitmap = bitmap };
    assigned_add(&assigned, &function, 16, true);
    assigned_start(&assigned);
    return 0;
}

/* As boot finds it now. */
static void add_again(void)
{
    assigned.count = 0;
    assigned.functions[0].capability_count = 0;
    assigned_add(&assigned, &function, 16, true);
}

static uint32_t get(unsigned offset)
{
    return assigned_config_read(&assigned, 1, offset, 4);
}

static void set(unsigned offset, uint32_t value)
{
    assigned_config_write(&assigned, 1, offset, 4, value);
}

/* Where a guest's address leads; 0: nowhere. */
static uint64_t leads(uint64_t gpa)
{
    hpa_t hpa = HPA(0);
    uint64_t rights;
    return ept_lookup(&vm.ept, GPA(gpa), &hpa, &rights) ? hpa.value : 0;
}

/* Of the pool, that some entry leads to. */
static unsigned used_frames(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < FRAMES * FRAME_ENTRIES; i++) {
        uint64_t to = tables[i] & ~0xFFFull;
        count += (tables[i] & 7) != 0 && to >= GIB(8) && to < GIB(8) + sizeof tables;
    }
    return count;
}

static bool passes(uint16_t port)
{
    return !(bitmap[port / 8] >> port % 8 & 1);
}

static uint16_t machine_command(void)
{
    return (uint16_t)machine_pci_read(function.address, PCI_COMMAND, 2);
}

static void it_begins_as_firmware_leaves_it_with_its_dma_off(void **state)
{
    (void)state;
    assert_int_equal(get(PCI_VENDOR_ID), 0x100E8086);
    assert_int_equal(get(PCI_COMMAND) & 0xFFFF, DECODING);
    assert_int_equal(machine_command() & 7, DECODING);
    assert_int_equal(get(PCI_BAR0), BAR0);
    assert_int_equal(get(PCI_BAR0 + 4), BAR1 | 1);
    assert_int_equal(get(PCI_BAR0 + 8), 0xC); /* 64-bit, prefetchable */
    assert_int_equal(get(PCI_BAR0 + 12), BAR2 >> 32);
    assert_int_equal(get(PCI_EXPANSION_ROM), ROM); /* and off */
    assert_int_equal(get(PCI_INTERRUPT_LINE), 0x0A0502FF);
    assert_int_equal(leads(BAR0 + 0x1FFFF), BAR0 + 0x1FFFF);
    assert_int_equal(leads(BAR2), BAR2);
    assert_int_equal(leads(ROM), 0);
    assert_true(passes(BAR1) && passes(BAR1 + 63));
    assert_false(passes(BAR1 - 1) || passes(BAR1 + 64));
}

static void nobody_else_is_there(void **state)
{
    (void)state;
    assert_int_equal(assigned_config_read(&assigned, 2, 0, 4), UINT32_MAX);
    assert_int_equal(assigned_config_read(&assigned, 31, 0, 2), 0xFFFF);
    assert_int_equal(assigned_config_read(&assigned, 0, 0, 1), 0xFF);
    assigned_config_write(&assigned, 2, PCI_COMMAND, 2, 0);
    assert_int_equal(get(PCI_COMMAND) & 0xFFFF, DECODING);
}

static void bars_are_sized_as_real_ones(void **state)
{
    (void)state;
    set(PCI_COMMAND, 0);
    for (unsigned offset = PCI_BAR0; offset < PCI_EXPANSION_ROM; offset += 4)
        set(offset, UINT32_MAX);
    set(PCI_EXPANSION_ROM, ~PCI_ROM_ENABLE);
    assert_int_equal(get(PCI_BAR0), 0xFFFE0000);
    assert_int_equal(get(PCI_BAR0 + 4), 0xFFFFFFC1);
    assert_int_equal(get(PCI_BAR0 + 8), 0xFFE0000C);
    assert_int_equal(get(PCI_BAR0 + 12), 0xFFFFFFFF);
    assert_int_equal(get(PCI_BAR0 + 16), 0);
    assert_int_equal(get(PCI_EXPANSION_ROM), 0xFFFF0000);
}

static void a_bar_is_mapped_where_it_is_moved_and_nowhere_else(void **state)
{
    (void)state;
    set(PCI_BAR0, 0xD0000000);
    assert_int_equal(leads(BAR0), 0);
    assert_int_equal(leads(0xD0000000), BAR0);
    set(PCI_COMMAND, PCI_COMMAND_IO);
    assert_int_equal(leads(0xD0000000), 0);
    assert_int_equal(leads(BAR2), 0);
    set(PCI_COMMAND, DECODING);
    assert_int_equal(leads(0xD0001000), BAR0 + 0x1000);
    /* The machine's never moves, and is always on. */
    assert_int_equal(machine_command() & DECODING, DECODING);
    for (unsigned i = 0; i < fake.record_count; i++)
        if (fake.records[i].kind == FAKE_PCI_WRITE && fake.records[i].where != PCI_COMMAND) {
            assert_int_equal(fake.records[i].where, PCI_EXPANSION_ROM);
            assert_int_equal(fake.records[i].value & ~PCI_ROM_ENABLE, ROM);
        }
}

static uint32_t machine_rom(void)
{
    return machine_pci_read(function.address, PCI_EXPANSION_ROM, 4);
}

static bool is_writable(uint64_t gpa)
{
    hpa_t hpa;
    uint64_t rights = 0;
    return ept_lookup(&vm.ept, GPA(gpa), &hpa, &rights) && rights & EPT_WRITE;
}

static void the_rom_is_there_while_it_is_on(void **state)
{
    (void)state;
    assert_int_equal(machine_rom(), ROM);
    set(PCI_EXPANSION_ROM, 0xD0100001);
    assert_int_equal(get(PCI_EXPANSION_ROM), 0xD0100001);
    assert_int_equal(leads(0xD0100000), ROM);
    assert_int_equal(leads(0xD010FFFF), ROM + 0xFFFF);
    assert_int_equal(leads(0xD0110000), 0);
    assert_false(is_writable(0xD0100000));
    assert_true(is_writable(BAR0));
    assert_int_equal(machine_rom(), ROM | PCI_ROM_ENABLE);
    assigned_config_write(&assigned, 1, PCI_EXPANSION_ROM + 2, 2, 0xD020);
    assert_int_equal(leads(0xD0100000), 0);
    assert_int_equal(leads(0xD0200000), ROM);
    set(PCI_COMMAND, 0); /* memory is off, whatever the ROM's bit says */
    assert_int_equal(leads(0xD0200000), 0);
    set(PCI_COMMAND, DECODING);
    assert_int_equal(leads(0xD0200000), ROM);
    assigned_config_write(&assigned, 1, PCI_EXPANSION_ROM, 1, 0xFE);
    assert_int_equal(get(PCI_EXPANSION_ROM), 0xD0200000);
    assert_int_equal(leads(0xD0200000), 0);
    assert_int_equal(machine_rom(), ROM);
}

static void the_rom_covers_nothing_else(void **state)
{
    static const uint32_t places[] = { 0x100000, 0xC0000, 0xFEC00000, 0xFEE00000, BAR0 + 0x10000 };

    (void)state;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        set(PCI_EXPANSION_ROM, places[i] | PCI_ROM_ENABLE);
        assert_int_not_equal(leads(places[i]), ROM);
        assert_int_equal(leads(BAR0 + 0x10000), BAR0 + 0x10000);
    }
}

/* When it is off in the machine no address of the guest leads to it any more. */
static void the_machines_rom_is_off_but_for_that(void **state)
{
    (void)state;
    fake.tsc_step = 1;
    set(PCI_EXPANSION_ROM, ROM | PCI_ROM_ENABLE);
    assert_int_equal(machine_rom(), ROM | PCI_ROM_ENABLE);
    assigned_stop(&assigned);
    assert_int_equal(machine_rom(), ROM);
    assigned_start(&assigned);
    assert_int_equal(get(PCI_EXPANSION_ROM), ROM);
    assert_int_equal(leads(ROM), 0);
    assigned.count = 0;
    assigned_add(&assigned, &function, 16, false);
    assigned_start(&assigned);
    set(PCI_EXPANSION_ROM, ROM | PCI_ROM_ENABLE);
    assert_int_equal(get(PCI_EXPANSION_ROM), 0);
    assert_int_equal(leads(ROM), 0);
    assert_int_equal(machine_rom(), ROM);
}

static void all_vcpus_forget_what_they_have_cached(void **state)
{
    unsigned asked = 0;

    (void)state;
    fake.record_count = 0;
    set(PCI_BAR0, 0xD0000000);
    for (unsigned i = 0; i < fake.record_count; i++)
        if (fake.records[i].kind == FAKE_REQUEST && fake.records[i].value & REQUEST_FORGET)
            asked |= 1u << fake.records[i].where;
    assert_int_equal(asked, 3);
}

/* RAM, the holes of the PC, its controllers, another BAR: RAM stays what it is. */
static void a_bar_over_something_else_is_not_mapped(void **state)
{
    static const uint32_t places[] = { 0, 0x20000, 0xA0000, 0xC0000, 0x100000, RAM - MIB(1),
                                       0xE0000000, 0xE00E0000, 0xFEC00000, 0xFEE00000 };
    (void)state;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        set(PCI_BAR0, places[i]);
        assert_int_equal(get(PCI_BAR0), places[i]);
        assert_int_not_equal(leads(places[i]), BAR0);
        assert_int_equal(leads(0x100000), BASE + 0x100000);
        assert_int_equal(leads(BAR2), BAR2);
    }
    set(PCI_BAR0 + 8, 0xD0000000);
    set(PCI_BAR0 + 12, 0);
    set(PCI_BAR0, 0xD0020000);
    unsigned mapped = (leads(0xD0020000) == BAR0) + (leads(0xD0020000) == BAR2 + 0x20000);
    assert_int_equal(mapped, 1);
}

static void moving_for_ever_takes_no_more_tables(void **state)
{
    unsigned at_first = used_frames();

    (void)state;
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t place = (uint64_t)rand() << 20 ^ (uint64_t)rand() << 3;
        switch (rand() % 5) {
        case 0: set(PCI_BAR0, (uint32_t)place); break;
        case 3: set(PCI_EXPANSION_ROM, (uint32_t)place); break;
        case 1: set(PCI_BAR0 + 8, (uint32_t)place); break;
        case 2: set(PCI_BAR0 + 12, (uint32_t)(place >> 32) & 0x1FFFF); break;
        default: set(PCI_COMMAND, (uint32_t)place & DECODING); break;
        }
        assert_true(used_frames() <= at_first + 6);
        fake.record_count = 0;
        assert_int_equal(leads(0x100000), BASE + 0x100000);
        assert_int_equal(leads(RAM - 1), BASE + RAM - 1);
    }
}

static void io_that_was_moved_is_reached_by_exits(void **state)
{
    uint32_t value;

    (void)state;
    fake.ports[BAR1 + 5] = 0x77;
    assert_true(assigned_port_read(&assigned, BAR1 + 5, 1, &value));
    set(PCI_BAR0 + 4, 0x9000);
    assert_false(passes(BAR1) || passes(0x9000));
    assert_true(assigned_port_read(&assigned, 0x9005, 1, &value));
    assert_int_equal(value & 0xFF, 0x77);
    assert_true(assigned_port_write(&assigned, 0x9006, 2, 0x1234));
    assert_int_equal(fake.ports[BAR1 + 6], 0x34);
    assert_false(assigned_port_read(&assigned, BAR1 + 5, 1, &value));
    assert_false(assigned_port_read(&assigned, 0x903E, 4, &value));
    set(PCI_COMMAND, PCI_COMMAND_MEMORY);
    assert_false(assigned_port_read(&assigned, 0x9005, 1, &value));
    set(PCI_COMMAND, DECODING);
    set(PCI_BAR0 + 4, BAR1);
    assert_true(passes(BAR1));
}

static void of_the_command_only_dma_and_intx_reach_the_machine(void **state)
{
    (void)state;
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    assert_int_equal(machine_command(), DECODING | PCI_COMMAND_BUS_MASTER |
                                            PCI_COMMAND_INTX_DISABLE);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0);
    assert_int_equal(machine_command(), DECODING);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 1, PCI_COMMAND_BUS_MASTER);
    assert_int_equal(machine_command(), DECODING | PCI_COMMAND_BUS_MASTER);
}

static void capabilities_are_those_that_a_row_names(void **state)
{
    (void)state;
    assert_int_equal(get(PCI_CAPABILITIES_POINTER), 0xDC);
    assert_int_equal(get(0xDC), 0x0022E801); /* the vendor's is skipped, no PME, no D1, D2 */
    assert_int_equal(get(0xE8) & 0xFFFF, 0x000D);
    assert_int_equal(get(0xEC), 0x12345678);
    assert_int_equal(get(0xF0), 0);
    assert_int_equal(get(0x40), 0);
    set(0xE0, 3);
    set(0xF0, 0);
    assert_int_equal(machine_pci_read(function.address, 0xE0, 4), 0x103);
    assert_int_equal(machine_pci_read(function.address, 0xF0, 4), 0x0010E809);
    assert_int_equal(get(0x100), UINT32_MAX); /* no Express function */
}

static void parts_of_a_register_are_read_and_written(void **state)
{
    (void)state;
    assert_int_equal(assigned_config_read(&assigned, 1, 2, 2), 0x100E);
    assert_int_equal(assigned_config_read(&assigned, 1, PCI_INTERRUPT_PIN, 1), 2);
    assert_int_equal(assigned_config_read(&assigned, 1, PCI_HEADER_TYPE, 1), 0);
    assigned_config_write(&assigned, 1, PCI_INTERRUPT_LINE, 1, 0x42);
    assert_int_equal(assigned_config_read(&assigned, 1, PCI_INTERRUPT_LINE, 1), 0x42);
    assigned_config_write(&assigned, 1, PCI_BAR0 + 2, 2, 0xD000);
    assert_int_equal(get(PCI_BAR0), 0xD0000000);
}

/* Bochs' and every PC's first disk controller: without these Linux finds no disk. */
static void a_disk_controller_has_its_timing_registers(void **state)
{
    (void)state;
    function.vendor_id = 0x8086;
    function.class_code = PCI_CLASS_IDE;
    put(0x40, 0x80008000, 4, UINT32_MAX);
    put(0x54, 0x000000F0, 4, UINT32_MAX);
    put(0x58, 0x11111111, 4, UINT32_MAX);
    put(0x90, 0x00030060, 4, UINT32_MAX);
    add_again();
    assert_int_equal(get(0x40), 0x80008000);
    assert_int_equal(get(0x58), 0);
    assert_int_equal(get(0x90), 0x00030060);
    assigned_config_write(&assigned, 1, 0x42, 2, 0xA307);
    assigned_config_write(&assigned, 1, 0x55, 2, 0x5544);
    set(0x58, 0);
    set(0x90, 0);
    assert_int_equal(get(0x40), 0xA3078000);
    assert_int_equal(get(0x54), 0x005544F0);
    assert_int_equal(machine_pci_read(function.address, 0x58, 4), 0x11111111);
    assert_int_equal(get(0x90), 0x00030060);
    assigned_start(&assigned); /* as the firmware left it */
    assert_int_equal(get(0x40), 0x80008000);
    assert_int_equal(get(0x54), 0x000000F0);
}

static void a_guest_that_ends_leaves_no_dma_behind(void **state)
{
    (void)state;
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    fake.tsc_step = 1;
    assigned_stop(&assigned);
    assert_int_equal(machine_command() & PCI_COMMAND_BUS_MASTER, 0);
    assert_int_equal(machine_command() & PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_INTX_DISABLE);
    set(PCI_BAR0, 0xD0000000);
    assigned_start(&assigned);
    assert_int_equal(get(PCI_BAR0), BAR0);
    assert_int_equal(machine_command(), DECODING);
}

/* Which record comes first, from `first` on; the number of records: none. */
static unsigned next_record(enum fake_record_kind kind, uint64_t where, unsigned first)
{
    while (first < fake.record_count &&
           (fake.records[first].kind != kind || fake.records[first].where != where))
        first++;
    return first;
}

static void dma_is_off_while_it_has_no_owner(void **state)
{
    (void)state;
    fake.tsc_step = 1;
    function.power = 0xDC;
    put(0xE0, 0x100, 2, 0xFFFF);
    add_again();
    put(PCI_COMMAND, 0xFFFF, 2, 0x0547);
    fake.record_count = 0;
    assigned_start(&assigned);
    unsigned off = next_record(FAKE_PCI_WRITE, PCI_COMMAND, 0);
    assert_int_equal(fake.records[off].value & PCI_COMMAND_BUS_MASTER, 0);
    unsigned attached = next_record(FAKE_DMA_ATTACH, vm.index, off);
    assert_true(attached < fake.record_count);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);

    fake.record_count = 0;
    assigned_stop(&assigned);
    off = next_record(FAKE_PCI_WRITE, PCI_COMMAND, 0);
    assert_int_equal(fake.records[off].value & PCI_COMMAND_BUS_MASTER, 0);
    unsigned detached = next_record(FAKE_DMA_DETACH, 0, off);
    unsigned reset = next_record(FAKE_PCI_WRITE, 0xE0, 0);
    assert_true(off < detached && detached < reset && reset < fake.record_count);
}

/* WBINVD is not done for a guest, and zeroes may still be in a cache. */
static void dma_does_not_go_past_the_caches(void **state)
{
    (void)state;
    function.express = 0x80;
    put(0x80 + PCI_EXPRESS_DEVICE_CONTROL, 0x2810, 2, 0xFFFF);
    assigned_start(&assigned);
    assert_int_equal(machine_pci_read(function.address, 0x80 + PCI_EXPRESS_DEVICE_CONTROL, 2),
                     0x2010);
}

/* Where firmware has left it on, an error is an NMI or a call of SMM, for all. */
static void errors_of_a_function_call_nobody(void **state)
{
    (void)state;
    function.express = 0x80;
    put(0x80 + PCI_EXPRESS_DEVICE_CONTROL, 0x201F, 2, 0xFFFF);
    put(PCI_COMMAND, DECODING | PCI_COMMAND_SERR, 2, 0x0547);
    assigned_start(&assigned);
    assert_int_equal(machine_pci_read(function.address, 0x80 + PCI_EXPRESS_DEVICE_CONTROL, 2),
                     0x2010);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    assert_int_equal(machine_command() & PCI_COMMAND_SERR, 0);
}

static void quarantine_that_comes_meanwhile_counts(void **state)
{
    (void)state;
    fake.dma_quarantine_comes = true;
    set(PCI_COMMAND, DECODING | PCI_COMMAND_BUS_MASTER);
    assert_int_equal(machine_command(), DECODING | PCI_COMMAND_INTX_DISABLE);
}

static void quarantine_lasts_until_it_is_attached_again(void **state)
{
    (void)state;
    fake.dma_quarantined = true;
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    assert_int_equal(machine_command(), DECODING | PCI_COMMAND_INTX_DISABLE);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0); /* no interrupts either */
    assert_int_equal(machine_command(), DECODING | PCI_COMMAND_INTX_DISABLE);
    fake.dma_quarantined = false;
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    assert_true(machine_command() & PCI_COMMAND_BUS_MASTER);
    fake.dma_problem = "a unit does not answer";
    assigned_start(&assigned);
    assigned_config_write(&assigned, 1, PCI_COMMAND, 2, 0xFFFF);
    assert_int_equal(machine_command() & PCI_COMMAND_BUS_MASTER, 0);
    assert_non_null(strstr(fake_terminal_shown(), "a: 00:00.0 has no DMA from now on: a unit does not"));
    fake_terminal_clear();
    assigned_start(&assigned);
    assert_string_equal(fake_terminal_shown(), "");
}

static void messages_are_off_and_not_shown(void **state)
{
    (void)state;
    function.msi = 0x50;
    function.msix = 0x60;
    put(PCI_CAPABILITIES_POINTER, 0x50, 1, 0);
    put(0x50, 0x00836005, 4, 0xFFFF0000);
    put(0x60, 0xC01F0011, 4, 0xC0000000);
    add_again();
    assert_int_equal(machine_pci_read(function.address, 0x52, 2), 0x0082);
    assert_int_equal(machine_pci_read(function.address, 0x62, 2), 0x401F);
    assert_int_equal(get(PCI_CAPABILITIES_POINTER), 0);
    set(0x50, UINT32_MAX);
    set(0x60, UINT32_MAX);
    assert_int_equal(machine_pci_read(function.address, 0x52, 2), 0x0082);
    assert_int_equal(machine_pci_read(function.address, 0x62, 2), 0x401F);
}

static void msi_is_shown_where_interrupts_are_remapped(void **state)
{
    (void)state;
    function.msi = 0x50;
    fake.messages = true;
    put(PCI_CAPABILITIES_POINTER, 0x50, 1, 0);
    put(0x50, 0x0080DC05, 4, 0xFFFF0000);
    put(0x5C, 0xFFFFFFFF, 4, 0);
    add_again();
    assert_int_equal(get(PCI_CAPABILITIES_POINTER), 0x50);
    assert_int_equal(get(0x50), 0x0080DC05);
    set(0x54, 0xFEE01008);
    set(0x5C, 0x1234);
    assert_int_equal(get(0x54), 0xFEE01008);
    assert_int_equal(get(0x5C), 0x1234);
    assert_int_equal(machine_pci_read(function.address, 0x54, 4), 0);
    assigned_start(&assigned);
    assert_int_equal(get(0x54), 0);
}

static void the_tables_name_its_pin_and_its_places(void **state)
{
    struct guest_acpi_pci told = { .route_count = 0 };

    (void)state;
    assigned_describe(&assigned, &told);
    assert_int_equal(told.route_count, 1);
    assert_int_equal(told.routes[0].device, 1);
    assert_int_equal(told.routes[0].intx, 1);
    assert_int_equal(told.routes[0].pin, 16);
    assert_int_equal(told.window_count, 3); /* two of each PC, and the one above 4 GiB */
    assert_int_equal(told.windows[2].first, BAR2);
    assert_int_equal(told.windows[2].last, BAR2 + MIB(2) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_begins_as_firmware_leaves_it_with_its_dma_off, fresh),
        cmocka_unit_test_setup(nobody_else_is_there, fresh),
        cmocka_unit_test_setup(bars_are_sized_as_real_ones, fresh),
        cmocka_unit_test_setup(a_bar_is_mapped_where_it_is_moved_and_nowhere_else, fresh),
        cmocka_unit_test_setup(the_rom_is_there_while_it_is_on, fresh),
        cmocka_unit_test_setup(the_rom_covers_nothing_else, fresh),
        cmocka_unit_test_setup(the_machines_rom_is_off_but_for_that, fresh),
        cmocka_unit_test_setup(all_vcpus_forget_what_they_have_cached, fresh),
        cmocka_unit_test_setup(a_bar_over_something_else_is_not_mapped, fresh),
        cmocka_unit_test_setup(moving_for_ever_takes_no_more_tables, fresh),
        cmocka_unit_test_setup(io_that_was_moved_is_reached_by_exits, fresh),
        cmocka_unit_test_setup(of_the_command_only_dma_and_intx_reach_the_machine, fresh),
        cmocka_unit_test_setup(capabilities_are_those_that_a_row_names, fresh),
        cmocka_unit_test_setup(parts_of_a_register_are_read_and_written, fresh),
        cmocka_unit_test_setup(a_disk_controller_has_its_timing_registers, fresh),
        cmocka_unit_test_setup(a_guest_that_ends_leaves_no_dma_behind, fresh),
        cmocka_unit_test_setup(dma_is_off_while_it_has_no_owner, fresh),
        cmocka_unit_test_setup(dma_does_not_go_past_the_caches, fresh),
        cmocka_unit_test_setup(errors_of_a_function_call_nobody, fresh),
        cmocka_unit_test_setup(quarantine_that_comes_meanwhile_counts, fresh),
        cmocka_unit_test_setup(quarantine_lasts_until_it_is_attached_again, fresh),
        cmocka_unit_test_setup(messages_are_off_and_not_shown, fresh),
        cmocka_unit_test_setup(msi_is_shown_where_interrupts_are_remapped, fresh),
        cmocka_unit_test_setup(the_tables_name_its_pin_and_its_places, fresh),
    };
    return cmocka_run_group_tests_name("assigned", tests, NULL, NULL);
}
