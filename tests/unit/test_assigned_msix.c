/* SPDX-License-Identifier: MIT
 *
 * A function's MSI-X in a guest: the capability, the table that is emulated where the
 * BAR is, what the machine's table is given and when, what else lies in its pages, and
 * that no message of a guest's choice leads out of the guest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "hv/assigned.h"
#include "hv/assigned_memory.h"
#include "hv/device_memory.h"
#include "tests/fake/apic_vm.h"
#include "tests/fake/reports.h"

#define AT 0x70               /* the capability */
#define BAR 3                 /* with the table */
#define BASE 0xF0000000ull    /* of that BAR: 16 KiB */
#define TABLE 0x1800u         /* in it: its second page, and the third if it is long */
#define PENDING 0x1400u
#define VECTORS 5
#define FRAMES 64
#define TO(destination) (0xFEE00000u | (destination) << 12)
#define ENABLE (1u << 31)
#define MASK_ALL (1u << 30)

static struct vm_config config = { .name = "a" };
static struct assigned assigned;
static struct pci_function function;
static struct pci_inventory pci;
static struct assigned_msix *msix;
static uint64_t tables[FRAMES * FRAME_ENTRIES] __attribute__((aligned(4096)));

static void put(unsigned offset, uint32_t value, uint32_t writable)
{
    memcpy(&fake.pci_space[0][offset], &value, sizeof value);
    memcpy(&fake.pci_writable[0][offset], &writable, sizeof writable);
}

static void make_function(unsigned vectors)
{
    function = (struct pci_function){
        .class_code = 0x0200, .command = PCI_COMMAND_MEMORY, .msix = AT,
        .msix_vectors = (uint16_t)vectors,
        .bars = { [BAR] = { BASE, PCI_SPACE_MEMORY_32, 14, false } },
    };
    put(PCI_VENDOR_ID, 0x10D38086, 0);
    put(PCI_COMMAND, 0x0010 << 16 | PCI_COMMAND_MEMORY, 0x0547);
    put(PCI_CAPABILITIES_POINTER, AT, 0);
    put(AT, (0xC000u | (vectors - 1)) << 16 | PCI_CAPABILITY_MSIX, 0xC0000000);
    put(AT + PCI_MSIX_TABLE, TABLE | BAR, 0);
    put(AT + PCI_MSIX_PENDING, PENDING | BAR, 0);
    memset(fake.registers, 0xEE, sizeof fake.registers); /* as firmware left the table */
}

/* The guest is as at boot. */
static void add(void)
{
    struct frames frames;
    unsigned movable[EPT_TABLE_LEVELS] = { 0 };

    memset(tables, 0, sizeof tables);
    frames_init(&frames, tables, HPA(GIB(8)), FRAMES);
    ept_init(&apic_vm.ept, frames, ept_shape(PAGE_SIZE_1G));
    assigned_frames(&function, ept_shape(PAGE_SIZE_1G), movable);
    ept_begin_movable(&apic_vm.ept, movable);
    assigned = (struct assigned){ .vm = &apic_vm, .pci = &pci,
                                  .msix_budget = ASSIGNED_MSIX_BUDGET };
    assigned_add(&assigned, &function, ASSIGNED_NO_PIN, false);
    msix = &assigned.functions[0].msix;
}

static int fresh(void **state)
{
    (void)state;
    apic_vm_make(LAPIC_X2APIC);
    fake.messages = true;
    apic_vm.config = &config;
    apic_vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(GIB(1), MIB(4));
    apic_vm.timers.tsc_hz = 1000;
    apic_vm.pci.assigned = &assigned;
    fake.tsc_step = 1;
    make_function(VECTORS);
    add();
    assigned_start(&assigned);
    return 0;
}

static uint32_t get(unsigned offset)
{
    return assigned_config_read(&assigned, 1, offset, 4);
}

static void set(unsigned offset, uint32_t value)
{
    assigned_config_write(&assigned, 1, offset, 4, value);
}

static uint64_t bar = BASE; /* where the guest has it */

/* As an instruction of the guest would. */
static uint64_t load(uint64_t offset, unsigned bytes)
{
    return device_memory_read(&apic_vcpus[0], GPA(bar + offset), bytes);
}

static void store(uint64_t offset, unsigned bytes, uint64_t value)
{
    device_memory_write(&apic_vcpus[0], GPA(bar + offset), bytes, value);
}

static uint32_t entry(unsigned number, unsigned part)
{
    return TABLE + number * PCI_MSIX_ENTRY_BYTES + part;
}

static uint32_t machine(unsigned number, unsigned part)
{
    uint32_t value;
    memcpy(&value, &fake.registers[entry(number, part)], sizeof value);
    return value;
}

static bool is_masked(unsigned number)
{
    return machine(number, PCI_MSIX_ENTRY_CONTROL) & PCI_MSIX_ENTRY_MASKED;
}

static uint64_t leads(unsigned number)
{
    return fake.message[msix->index - FAKE_FIRST_MESSAGE + number];
}

static void ask(unsigned number, uint32_t address, uint32_t data)
{
    store(entry(number, PCI_MSIX_ENTRY_CONTROL), 4, PCI_MSIX_ENTRY_MASKED);
    store(entry(number, PCI_MSIX_ENTRY_ADDRESS), 4, address);
    store(entry(number, PCI_MSIX_ENTRY_ADDRESS_HIGH), 4, 0);
    store(entry(number, PCI_MSIX_ENTRY_DATA), 4, data);
    store(entry(number, PCI_MSIX_ENTRY_CONTROL), 4, 0);
}

static bool is_mapped(uint64_t gpa)
{
    hpa_t hpa;
    uint64_t rights;
    return ept_lookup(&apic_vm.ept, GPA(gpa), &hpa, &rights);
}

/* ---- The capability ---- */

static uint32_t machine_control(void)
{
    return machine_pci_read(function.address, AT, 4) & 0xFFFF0000;
}

static void the_capability_turns_on_and_masks(void **state)
{
    (void)state;
    assert_int_equal(get(PCI_CAPABILITIES_POINTER), AT);
    assert_int_equal(get(AT), (VECTORS - 1) << 16 | PCI_CAPABILITY_MSIX);
    assert_int_equal(get(AT + 4), TABLE | BAR);
    assert_int_equal(get(AT + 8), PENDING | BAR);
    assert_int_equal(machine_control() & ENABLE, 0);
    set(AT, ENABLE | MASK_ALL | 0x07FFFFFF);
    assert_int_equal(get(AT), ENABLE | MASK_ALL | (VECTORS - 1) << 16 | PCI_CAPABILITY_MSIX);
    assert_int_equal(machine_control(), ENABLE | MASK_ALL | (VECTORS - 1) << 16);
    assigned_config_write(&assigned, 1, AT + 3, 1, 0x80);
    assert_int_equal(machine_control(), ENABLE | (VECTORS - 1) << 16);
    assigned_config_write(&assigned, 1, AT + 2, 1, 0xFF);
    assert_int_equal(machine_control(), ENABLE | (VECTORS - 1) << 16);
    set(AT + 4, 0);
    set(AT + 8, 0);
    assert_int_equal(get(AT + 4), TABLE | BAR);
    assert_int_equal(get(AT + 8), PENDING | BAR);
    set(AT, 0);
    assert_int_equal(machine_control(), (VECTORS - 1) << 16);
}

/* However the guest turns it on, nothing of the firmware's is sent. */
static void no_entry_is_open_before_the_guest_has_set_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VECTORS; i++) {
        assert_true(is_masked(i));
        assert_int_equal(machine(i, PCI_MSIX_ENTRY_ADDRESS), 0);
    }
    set(AT, ENABLE);
    store(entry(1, PCI_MSIX_ENTRY_CONTROL), 4, 0); /* open, but it names nobody */
    store(entry(2, PCI_MSIX_ENTRY_ADDRESS), 4, TO(1));
    store(entry(2, PCI_MSIX_ENTRY_DATA), 4, 0x41); /* set, but masked */
    for (unsigned i = 0; i < VECTORS; i++)
        assert_true(is_masked(i));
    assert_int_equal(machine(VECTORS, 0), 0xEEEEEEEE); /* behind the table */
    assert_int_equal(machine(0, -4), 0xEEEEEEEE);
}

/* ---- Entries ---- */

static void an_entry_leads_to_the_vcpu_and_the_vector_that_the_guest_chose(void **state)
{
    (void)state;
    set(AT, ENABLE);
    ask(3, TO(2), 0x41);
    assert_int_equal(leads(3), APIC_CPU_OF(2) << 8 | 0x41);
    assert_false(is_masked(3));
    assert_int_equal(machine(3, PCI_MSIX_ENTRY_ADDRESS), 0xFEE00010 | (msix->index + 3) << 5);
    assert_int_equal(machine(3, PCI_MSIX_ENTRY_ADDRESS_HIGH), 0);
    assert_int_equal(machine(3, PCI_MSIX_ENTRY_DATA), 0);
    assert_true(is_masked(2) && is_masked(4));
    ask(0, TO(1), 0x42);
    assert_int_equal(leads(0), APIC_CPU_OF(1) << 8 | 0x42);
    assert_int_equal(leads(3), APIC_CPU_OF(2) << 8 | 0x41);
    assert_int_equal(load(entry(3, PCI_MSIX_ENTRY_ADDRESS), 4), TO(2));
    assert_int_equal(load(entry(3, PCI_MSIX_ENTRY_DATA), 4), 0x41);
    assert_int_equal(load(entry(3, PCI_MSIX_ENTRY_CONTROL), 4), 0);
    assert_int_equal(load(entry(2, PCI_MSIX_ENTRY_CONTROL), 4), PCI_MSIX_ENTRY_MASKED);
    store(entry(3, PCI_MSIX_ENTRY_DATA), 4, 0x43); /* while it is open */
    assert_int_equal(leads(3), APIC_CPU_OF(2) << 8 | 0x43);
    assert_false(is_masked(3));
}

static void it_is_named_before_it_is_opened(void **state)
{
    unsigned opened = 0, named = 0;

    (void)state;
    ask(1, TO(0), 0x41);
    for (unsigned i = 0; i < fake.record_count; i++) {
        const struct fake_record *record = &fake.records[i];
        if (record->kind != FAKE_REGISTER_WRITE)
            continue;
        if (record->where == BASE + entry(1, PCI_MSIX_ENTRY_ADDRESS) && record->value != 0)
            named = i;
        if (record->where == BASE + entry(1, PCI_MSIX_ENTRY_CONTROL) && record->value == 0)
            opened = i;
    }
    assert_true(named != 0 && named < opened);
}

static void led_elsewhere_it_is_masked_meanwhile(void **state)
{
    (void)state;
    ask(1, TO(0), 0x41);
    fake.record_count = 0;
    store(entry(1, PCI_MSIX_ENTRY_DATA), 4, 0x42);
    assert_int_equal(fake.records[0].where, BASE + entry(1, PCI_MSIX_ENTRY_CONTROL));
    assert_int_equal(fake.records[0].value, PCI_MSIX_ENTRY_MASKED);
    assert_int_equal(leads(1), APIC_CPU_OF(0) << 8 | 0x42);
    assert_false(is_masked(1));
}

static void masking_costs_no_new_name(void **state)
{
    (void)state;
    ask(1, TO(0), 0x41);
    unsigned sets = fake.message_sets;
    for (unsigned i = 0; i < 10; i++) {
        store(entry(1, PCI_MSIX_ENTRY_CONTROL), 4, PCI_MSIX_ENTRY_MASKED);
        assert_true(is_masked(1));
        store(entry(1, PCI_MSIX_ENTRY_CONTROL), 4, 0);
        assert_false(is_masked(1));
    }
    assert_int_equal(fake.message_sets, sets);
}

static void what_is_no_fixed_interrupt_at_one_of_its_vcpus_is_masked(void **state)
{
    static const struct { uint32_t address, data; } wrong[] = {
        { TO(4), 0x41 }, { TO(200), 0x41 }, { 0xFED00000, 0x41 }, { 0, 0x41 }, { TO(0), 0x0F },
        { TO(0), 0x241 }, { TO(0), 0x441 }, { TO(0), 0x541 }, { TO(0), 0x741 },
    };
    (void)state;
    set(AT, ENABLE);
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ask(0, TO(0), 0x50);
        assert_false(is_masked(0));
        ask(0, wrong[i].address, wrong[i].data);
        assert_true(is_masked(0));
        assert_int_equal(leads(0), APIC_CPU_OF(0) << 8 | 0x50); /* its own, if anything */
    }
    ask(0, TO(0), 0x141); /* lowest priority */
    assert_false(is_masked(0));
    store(entry(0, PCI_MSIX_ENTRY_ADDRESS_HIGH), 4, 1);
    assert_true(is_masked(0));
    fake.cpu_out_of_reach = APIC_CPU_OF(1);
    ask(0, TO(1), 0x41);
    assert_true(is_masked(0));
}

static void a_vcpu_that_takes_interrupts_later_gets_them(void **state)
{
    (void)state;
    atomic_store(&apic_vcpus[1].lapic.svr, 0xFF);
    ask(0, TO(1), 0x41);
    assert_true(is_masked(0));
    atomic_store(&apic_vcpus[1].lapic.svr, SIVR_ENABLE | 0xFF);
    set(AT, ENABLE);
    assert_false(is_masked(0));
    assert_int_equal(leads(0), APIC_CPU_OF(1) << 8 | 0x41);
}

/* ---- Accesses ---- */

static void the_table_takes_aligned_accesses_of_4_and_8_bytes(void **state)
{
    (void)state;
    store(entry(0, PCI_MSIX_ENTRY_ADDRESS), 8, TO(1));
    store(entry(0, PCI_MSIX_ENTRY_DATA), 8, 0x41); /* and opens it */
    assert_int_equal(leads(0), APIC_CPU_OF(1) << 8 | 0x41);
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_DATA), 8), 0x41);
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_ADDRESS), 8), TO(1));
    assert_int_equal(fake_reports.denied_count, 0);
    store(entry(0, 0), 1, 0);
    store(entry(0, 0), 2, 0);
    store(entry(0, 2), 4, 0);
    store(entry(0, 4), 8, 0);
    assert_int_equal(fake_reports.denied_count, 4);
    assert_int_equal(load(entry(0, 0), 2), 0xFFFF);
    assert_int_equal(fake_reports.denied_count, 5);
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_ADDRESS), 4), TO(1));
}

static void what_else_lies_in_its_pages_is_the_guests_byte_for_byte(void **state)
{
    (void)state;
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        uint64_t value = 0x1122334455667788ull & (UINT64_MAX >> (64 - 8 * bytes));
        store(PENDING + 8, bytes, value);
        assert_int_equal(fake.register_bytes, bytes);
        assert_memory_equal(&fake.registers[PENDING + 8], &value, bytes);
        assert_int_equal(load(PENDING + 8, bytes), value);
        assert_int_equal(fake.register_bytes, bytes);
    }
    assert_int_equal(fake_reports.denied_count, 0);
    store(PENDING + 1, 2, 0);
    assert_int_equal(load(PENDING + 4, 8), UINT64_MAX);
    assert_int_equal(fake_reports.denied_count, 2);
    assert_int_equal(load(entry(VECTORS, 0), 4), 0xEEEEEEEE);
    assert_int_equal(load(TABLE - 4, 4), 0xEEEEEEEE);
}

static void a_bar_of_less_than_a_page_has_no_more_than_that(void **state)
{
    (void)state;
    function.bars[BAR].size_shift = 10;
    put(AT + PCI_MSIX_TABLE, BAR, 0);
    put(AT + PCI_MSIX_PENDING, 0x80 | BAR, 0);
    add();
    assigned_start(&assigned);
    assert_int_equal(msix->count, VECTORS);
    assert_false(is_mapped(BASE));
    assert_int_equal(load(0x3FC, 4), 0xEEEEEEEE);
    assert_int_equal(fake_reports.denied_count, 0);
    assert_int_equal(load(0x400, 4), UINT32_MAX);
    assert_int_equal(fake_reports.denied_count, 1);
}

/* ---- Pages ---- */

static void its_pages_are_not_mapped_and_move_with_the_bar(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(is_mapped(BASE + i * 0x1000), i != 1);
    assert_true(device_memory_has(&apic_vcpus[0], GPA(BASE + 0x1000)));
    assert_false(device_memory_has(&apic_vcpus[0], GPA(BASE + 0x2000)));
    ask(0, TO(1), 0x41);
    bar = 0xD0000000;
    set(PCI_BAR0 + 4 * BAR, 0xD0000000);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(is_mapped(bar + i * 0x1000), i != 1);
    assert_false(device_memory_has(&apic_vcpus[0], GPA(BASE + 0x1000)));
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_DATA), 4), 0x41);
    ask(0, TO(2), 0x42);
    assert_int_equal(leads(0), APIC_CPU_OF(2) << 8 | 0x42);
    set(PCI_BAR0 + 4 * BAR, 0x100000); /* over memory: it is nowhere */
    assert_false(device_memory_has(&apic_vcpus[0], GPA(0x101000)));
    set(PCI_BAR0 + 4 * BAR, 0xD0000000);
    set(PCI_COMMAND, 0);
    assert_false(device_memory_has(&apic_vcpus[0], GPA(bar + 0x1000)));
    assert_false(device_memory_has(&apic_vcpus[0], GPA(0x1000)));
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_DATA), 4), UINT32_MAX);
    bar = BASE;
}

static void a_table_may_fill_several_pages_of_a_large_bar(void **state)
{
    static const struct { uint32_t offset; unsigned shift; } places[] = {
        { 0x3FF00, 18 }, { 0x200000 - 0x100, 22 }, { 0x40000000 - 0x100, 31 }, { 0x3FFFF000, 31 },
        { 0x80000000 - 0x400, 31 }, { 0, 31 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint32_t offset = places[i].offset, bytes = 20 * PCI_MSIX_ENTRY_BYTES;
        make_function(20);
        function.bars[BAR] = (struct pci_bar){ GIB(16), PCI_SPACE_MEMORY_64,
                                               (uint8_t)places[i].shift, false };
        function.bars[0] = (struct pci_bar){ 0xF1000000, PCI_SPACE_MEMORY_32, 12, false };
        put(AT + PCI_MSIX_TABLE, offset | BAR, 0);
        put(AT + PCI_MSIX_PENDING, 0, 0);
        fake.record_count = 0;
        add();
        if (offset + bytes > 1ull << places[i].shift) {
            assert_int_equal(msix->count, 0);
            continue;
        }
        assigned_start(&assigned);
        assert_int_equal(msix->count, 20);
        for (unsigned moves = 0; moves < 3; moves++) {
            uint64_t at = assigned.functions[0].bars[BAR];
            for (uint64_t page = offset & ~0xFFFu; page < offset + bytes; page += 0x1000)
                assert_false(is_mapped(at + page));
            if (offset >= 0x1000)
                assert_true(is_mapped(at + (offset & ~0xFFFu) - 1));
            uint64_t behind = (offset + bytes + 0xFFFull) & ~0xFFFull;
            if (behind < 1ull << places[i].shift)
                assert_true(is_mapped(at + behind));
            set(PCI_BAR0 + 4 * BAR + 4, 8 + moves);
        }
    }
}

/* ---- How many ---- */

static void of_a_long_table_the_beginning_is_shown(void **state)
{
    (void)state;
    make_function(100);
    put(AT + PCI_MSIX_PENDING, 0, 0);
    function.bars[0] = (struct pci_bar){ 0xF1000000, PCI_SPACE_MEMORY_32, 12, false };
    add();
    assigned_start(&assigned);
    assert_int_equal(get(AT) >> 16, ASSIGNED_MSIX_ENTRIES - 1);
    assert_null(msix->absence);
    for (unsigned i = 0; i < 100; i++)
        assert_true(is_masked(i));
    ask(ASSIGNED_MSIX_ENTRIES - 1, TO(0), 0x41);
    assert_false(is_masked(ASSIGNED_MSIX_ENTRIES - 1));
    ask(ASSIGNED_MSIX_ENTRIES, TO(0), 0x41);
    ask(99, TO(0), 0x41);
    assert_true(is_masked(ASSIGNED_MSIX_ENTRIES) && is_masked(99));
    assert_int_equal(load(entry(99, PCI_MSIX_ENTRY_ADDRESS), 4), 0);
    assert_int_equal(load(entry(99, PCI_MSIX_ENTRY_CONTROL), 4), PCI_MSIX_ENTRY_MASKED);
}

static void a_guest_has_a_share_of_all_entries(void **state)
{
    struct assigned_msix each;
    unsigned budget = ASSIGNED_MSIX_BUDGET;

    (void)state;
    make_function(40);
    put(AT + PCI_MSIX_PENDING, 0x3000 | BAR, 0);
    for (unsigned i = 0; i < ASSIGNED_MSIX_BUDGET / ASSIGNED_MSIX_ENTRIES; i++) {
        assigned_msix_add(&each, &function, &budget);
        assert_int_equal(each.count, ASSIGNED_MSIX_ENTRIES);
    }
    assigned_msix_add(&each, &function, &budget);
    assert_int_equal(each.count, 0);
    assert_non_null(strstr(each.absence, "all entries that a guest can have"));
    budget = 3;
    assigned_msix_add(&each, &function, &budget);
    assert_int_equal(each.count, 3);
    assert_int_equal(budget, 0);
    budget = ASSIGNED_MSIX_BUDGET;
    fake.messages_used = FAKE_MESSAGES - 31;
    assigned_msix_add(&each, &function, &budget);
    assert_int_equal(each.count, 0);
    assert_int_equal(budget, ASSIGNED_MSIX_BUDGET);
    assert_non_null(strstr(each.absence, "too few entries are left"));
}

static void a_table_that_cannot_be_is_not_shown(void **state)
{
    static const struct { uint32_t table, pending; } wrong[] = {
        { 0x4000 | BAR, PENDING | BAR },       /* behind its BAR */
        { 0x3FC0 | BAR, PENDING | BAR },       /* across its end */
        { TABLE, PENDING | BAR },              /* in a BAR that it has not */
        { TABLE | 6, PENDING | BAR }, { TABLE | 7, PENDING | BAR }, { TABLE | 1, PENDING | BAR },
        { TABLE | BAR, 0x4000 | BAR }, { TABLE | BAR, 0xFFFFFFF8 | BAR },
        { TABLE | BAR, TABLE | BAR },          /* over each other */
        { TABLE | BAR, (TABLE + 0x48) | BAR },
    };
    (void)state;
    function.bars[1] = (struct pci_bar){ 0xC000, PCI_SPACE_IO, 14, false };
    function.bars[6] = (struct pci_bar){ 0xF2000000, PCI_SPACE_MEMORY_32, 14, false };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put(AT + PCI_MSIX_TABLE, wrong[i].table, 0);
        put(AT + PCI_MSIX_PENDING, wrong[i].pending, 0);
        add();
        assert_int_equal(msix->count, 0);
        assert_non_null(strstr(msix->absence, "not in its memory BARs"));
        assert_false(assigned_memory_has(&assigned, GPA(0xD0000000)));
        assert_int_equal(get(PCI_CAPABILITIES_POINTER), 0);
    }
    put(AT + PCI_MSIX_PENDING, (TABLE + 0x50) | BAR, 0);
    put(AT + PCI_MSIX_TABLE, TABLE | BAR, 0);
    add();
    assert_int_equal(msix->count, VECTORS);
}

static void without_remapping_there_is_none_and_all_is_mapped(void **state)
{
    (void)state;
    fake.messages = false;
    add();
    assigned_start(&assigned);
    assert_int_equal(msix->count, 0);
    assert_int_equal(get(PCI_CAPABILITIES_POINTER), 0);
    assert_int_equal(get(AT), 0);
    set(AT, ENABLE);
    assert_int_equal(machine_control() & ENABLE, 0);
    assert_true(is_mapped(BASE + 0x1000));
    assert_false(device_memory_has(&apic_vcpus[0], GPA(BASE + 0x1000)));
}

/* ---- Lives ---- */

static void a_guest_that_ends_leaves_all_masked(void **state)
{
    (void)state;
    set(AT, ENABLE | MASK_ALL);
    ask(0, TO(1), 0x41);
    ask(4, TO(2), 0x42);
    assigned_stop(&assigned);
    assert_int_equal(machine_control() & ENABLE, 0);
    for (unsigned i = 0; i < VECTORS; i++) {
        assert_true(is_masked(i));
        assert_int_equal(machine(i, PCI_MSIX_ENTRY_ADDRESS), 0);
    }
    assigned_start(&assigned);
    assert_int_equal(get(AT), (VECTORS - 1) << 16 | PCI_CAPABILITY_MSIX);
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_ADDRESS), 4), 0);
    assert_int_equal(load(entry(0, PCI_MSIX_ENTRY_CONTROL), 4), PCI_MSIX_ENTRY_MASKED);
    ask(0, TO(1), 0x41); /* the same again is led anew */
    assert_int_equal(machine(0, PCI_MSIX_ENTRY_ADDRESS), 0xFEE00010 | msix->index << 5);
    assert_false(is_masked(0));
}

/* Whatever is written: each entry that is open has its own name, and leads to one of the
 * guest's vCPUs. */
static void nothing_that_a_guest_writes_leads_elsewhere(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 50000; i++) {
        unsigned bytes = 1u << rand() % 4;
        uint64_t value = (uint64_t)rand() << 32 ^ (uint64_t)rand();
        switch (rand() % 4) {
        case 0: value = TO(value & 7); break;
        case 1: value &= 0x3FF; break;
        case 2: value &= 1; break;
        default: break;
        }
        if (rand() % 8 == 0)
            set(AT, (uint32_t)value << 28);
        else
            store(0x1000u + (unsigned)rand() % 0x1000 / bytes * bytes, bytes, value);
        fake.record_count = 0;
        for (unsigned n = 0; n < VECTORS; n++) {
            unsigned index = (unsigned)(leads(n) >> 8) - 10;
            assert_true(leads(n) == 0 || (index % 3 == 0 && index / 3 < APIC_VCPUS));
            assert_true(leads(n) == 0 || (leads(n) & 0xFF) >= 16);
            assert_true(is_masked(n) || (leads(n) != 0 && machine(n, PCI_MSIX_ENTRY_ADDRESS) ==
                                                              (0xFEE00010 | (msix->index + n) << 5)));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_capability_turns_on_and_masks),
        TEST(no_entry_is_open_before_the_guest_has_set_it),
        TEST(an_entry_leads_to_the_vcpu_and_the_vector_that_the_guest_chose),
        TEST(it_is_named_before_it_is_opened),
        TEST(led_elsewhere_it_is_masked_meanwhile),
        TEST(masking_costs_no_new_name),
        TEST(what_is_no_fixed_interrupt_at_one_of_its_vcpus_is_masked),
        TEST(a_vcpu_that_takes_interrupts_later_gets_them),
        TEST(the_table_takes_aligned_accesses_of_4_and_8_bytes),
        TEST(what_else_lies_in_its_pages_is_the_guests_byte_for_byte),
        TEST(a_bar_of_less_than_a_page_has_no_more_than_that),
        TEST(its_pages_are_not_mapped_and_move_with_the_bar),
        TEST(a_table_may_fill_several_pages_of_a_large_bar),
        TEST(of_a_long_table_the_beginning_is_shown),
        TEST(a_guest_has_a_share_of_all_entries),
        TEST(a_table_that_cannot_be_is_not_shown),
        TEST(without_remapping_there_is_none_and_all_is_mapped),
        TEST(a_guest_that_ends_leaves_all_masked),
        TEST(nothing_that_a_guest_writes_leads_elsewhere),
    };
    return cmocka_run_group_tests_name("assigned_msix", tests, NULL, NULL);
}
