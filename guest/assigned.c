/* SPDX-License-Identifier: MIT
 *
 * Owns two functions of the machine, a network card (82540EM) as 00:01.0 and a disk
 * controller (PIIX3) as 00:02.0. It uses them as a driver would, by registers, DMA and
 * INTx, and does with them whatever a hostile guest can think of: every register of
 * configuration space is written, the card's registers are put over all that is the
 * guest's, and moved for ever; its interrupt never ends. Then it starts again while a
 * transfer of the disk is under way, and everything must work as at first.
 *
 * With "packets=N reads=M" it does only that, each with an interrupt, and says what
 * configuration space costs; tools/bench.py counts the exits.
 */
#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "guest/isa.h"
#include "guest/lib.h"
#include "hv/guest_ports.h"

const char guest_name[] = "assigned";

#define NET 1 /* devices on its bus */
#define DISK 2
#define NET_ID 0x100E8086u
#define BAR_FLAGS 0xFu
#define BAR_BYTES 0x20000u
#define ROM_BYTES 0x10000u

#define PIN 16
#define VECTOR 0x61
#define DISK_PIN 15 /* edge, of its second channel */
#define DISK_VECTOR 0x62
#define STORM 2000u
#define MOVES 5000u
#define WRITES 20000u

/* Registers of the card: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual, 13 "Register Descriptions" */
enum {
    NET_STATUS = 0x0008, NET_ICR = 0x00C0, NET_ICS = 0x00C8, NET_IMS = 0x00D0,
    NET_TCTL = 0x0400, NET_TDBAL = 0x3800, NET_TDBAH = 0x3804, NET_TDLEN = 0x3808,
    NET_TDH = 0x3810, NET_TDT = 0x3818,
};
#define NET_TCTL_ON 2u
#define NET_CAUSE 4u /* link status change */
#define NET_SENT 1u
#define NET_SEND 0x0B000000u /* end of packet, checksum, report */
#define NET_DONE 1u
#define PACKETS 8u
#define PACKET_BYTES 64u

struct descriptor {
    uint64_t address;
    uint32_t command;
    volatile uint32_t status;
};

static _Alignas(128) struct descriptor ring[PACKETS];
static uint8_t packet[PACKET_BYTES];
static volatile uint64_t canary = 0x1122334455667788;

static enum { CLEAR, STORMS, NEVER_ENDS } behaviour;
static volatile unsigned came, reads_done, others;
static uint64_t bar; /* the card's, as it was at first */

#define DISK_PORT 0x170
enum { COUNT = 2, LBA_LOW = 3, LBA_MIDDLE = 4, LBA_HIGH = 5, DRIVE = 6, COMMAND = 7 };
enum { READ_DMA = 0xC8, LBA_MODE = 0xE0, MASTER_COMMAND = 8, MASTER_STATUS = 10, MASTER_TABLE = 12 };
#define MASTER_READ 9u /* to memory, and start */
#define SECTORS 128u
#define SECTOR_BYTES 512u
#define TABLE_END 0x80000000u

/* ---- Configuration space ---- */

static uint16_t select(unsigned device, unsigned offset)
{
    out32(GUEST_PORT_PCI_ADDRESS, 1u << 31 | device << 11 | (offset & 0xFC));
    return (uint16_t)(GUEST_PORT_PCI_DATA + (offset & 3));
}

static uint32_t config_read(unsigned device, unsigned offset)
{
    return in32(select(device, offset));
}

static void config_write(unsigned device, unsigned offset, uint32_t value)
{
    out32(select(device, offset), value);
}

static void turn_on(unsigned device, bool bus_master)
{
    out16(select(device, PCI_COMMAND),
          PCI_COMMAND_IO | PCI_COMMAND_MEMORY | (bus_master ? PCI_COMMAND_BUS_MASTER : 0));
}

/* ---- The card ---- */

static void net_write(unsigned reg, uint32_t value)
{
    store32(bar + reg, value);
}

bool guest_interrupted(struct frame *frame)
{
    if (frame->vector == DISK_VECTOR) {
        (void)in8(DISK_PORT + COMMAND);
        reads_done++;
        end_of_interrupt();
        return true;
    }
    if (frame->vector != VECTOR) {
        others++;
        return false;
    }
    came++;
    (void)load32(bar + NET_ICR);
    if (behaviour == STORMS && came < STORM)
        net_write(NET_ICS, NET_CAUSE);
    if (behaviour != NEVER_ENDS)
        end_of_interrupt();
    return true;
}

static void wait_until_came(unsigned count)
{
    uint64_t begin = rdtsc(), second = tsc_hz();

    asm volatile("sti");
    while (came < count && rdtsc() - begin < second)
        asm volatile("pause" : : : "memory");
    asm volatile("cli");
}

static void raise_interrupt(void)
{
    came = 0;
    net_write(NET_IMS, NET_CAUSE);
    net_write(NET_ICS, NET_CAUSE);
}

/* The card writes into each descriptor that it has sent its packet. */
static void send_packets(void)
{
    unsigned done = 0;

    for (unsigned i = 0; i < PACKETS; i++)
        ring[i] = (struct descriptor){ (uintptr_t)packet, NET_SEND | PACKET_BYTES, 0 };
    net_write(NET_TCTL, 0);
    net_write(NET_TDBAL, (uint32_t)(uintptr_t)ring);
    net_write(NET_TDBAH, 0);
    net_write(NET_TDLEN, sizeof ring);
    net_write(NET_TDH, 0);
    net_write(NET_TDT, 0);
    net_write(NET_TCTL, NET_TCTL_ON);
    net_write(NET_TDT, PACKETS - 1);
    for (unsigned i = 0; i < PACKETS; i++)
        done += ring[i].status & NET_DONE;
    (void)report(done == PACKETS - 1, "its card sent %u packets of %u by DMA", done, PACKETS - 1);
}

static void it_is_there(void)
{
    uint32_t id = config_read(NET, PCI_VENDOR_ID);
    uint32_t command = config_read(NET, PCI_COMMAND) & 0xFFFF;

    bar = config_read(NET, PCI_BAR0) & ~BAR_FLAGS;
    config_write(NET, PCI_BAR0, UINT32_MAX);
    uint32_t size = ~(config_read(NET, PCI_BAR0) & ~BAR_FLAGS) + 1;
    config_write(NET, PCI_BAR0, (uint32_t)bar);
    (void)report(id == NET_ID && size == BAR_BYTES && command == 3,
                 "a card %x with a BAR of %x bytes, command %x", id, size, command);
    (void)report(config_read(DISK, PCI_VENDOR_ID) == 0x70108086, "a disk controller %x",
                 config_read(DISK, PCI_VENDOR_ID));
    (void)report(config_read(3, PCI_VENDOR_ID) == UINT32_MAX, "and nothing else");
}

/* ---- The card's expansion ROM ---- */

/* What the test has filled it with. */
static uint8_t rom_byte(unsigned at)
{
    return (uint8_t)(at * 11 % 241);
}

static unsigned wrong_in_rom(uint64_t rom)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < ROM_BYTES; i += 4) {
        uint32_t value = load32(rom + i);
        for (unsigned j = 0; j < 4; j++)
            wrong += (uint8_t)(value >> 8 * j) != rom_byte(i + j);
    }
    return wrong;
}

static void read_rom(void)
{
    uint32_t rom = config_read(NET, PCI_EXPANSION_ROM);

    config_write(NET, PCI_EXPANSION_ROM, ~PCI_ROM_ENABLE);
    uint32_t size = ~config_read(NET, PCI_EXPANSION_ROM) + 1;
    config_write(NET, PCI_EXPANSION_ROM, rom);
    (void)report(rom != 0 && !(rom & PCI_ROM_ENABLE) && size == ROM_BYTES &&
                     load32(rom) == UINT32_MAX,
                 "its card's ROM of %x bytes is off", size);
    config_write(NET, PCI_EXPANSION_ROM, rom | PCI_ROM_ENABLE);
    unsigned wrong = wrong_in_rom(rom);
    store32(rom, 0x12345678);
    wrong += wrong_in_rom(rom);
    (void)report(wrong == 0, "turned on, %u of its bytes are wrong, and no write changes them",
                 wrong);
    rom = (uint32_t)bar + 16 * BAR_BYTES;
    config_write(NET, PCI_EXPANSION_ROM, rom | PCI_ROM_ENABLE);
    wrong = wrong_in_rom(rom);
    uint32_t status = load32(bar + NET_STATUS);
    config_write(NET, PCI_EXPANSION_ROM, (uint32_t)bar | PCI_ROM_ENABLE);
    bool covers = load32(bar + NET_STATUS) != status;
    config_write(NET, PCI_EXPANSION_ROM, rom);
    (void)report(wrong == 0 && !covers && load32(rom) == UINT32_MAX,
                 "moved, %u are wrong; over the registers it is not there, nor turned off", wrong);
}

static void use_it(void)
{
    turn_on(NET, true);
    ioapic_write(IOAPIC_REDIRECTION + 2 * PIN + 1, 0);
    pin(PIN, VECTOR | REDIRECTION_LEVEL | REDIRECTION_ACTIVE_LOW);
    send_packets();
    behaviour = CLEAR;
    raise_interrupt();
    wait_until_came(1);
    (void)report(came == 1, "its interrupt came %u times", came);
}

/* ---- Whatever comes to mind ---- */

static uint32_t random_state = 0x12345678;

static uint32_t random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8 ^ random_state << 16;
}

static bool is_whole(void)
{
    return canary == 0x1122334455667788 && load32(GUEST_ECAM_BASE) == 0x12378086 &&
           ioapic_read(IOAPIC_VERSION) != UINT32_MAX && config_read(NET, 0) == NET_ID;
}

static void write_all_registers(void)
{
    for (unsigned i = 0; i < WRITES; i++) {
        unsigned device = random() % 4, offset = random() & 0xFF;
        uint16_t port = select(device, offset);
        switch (random() % 3) {
        case 0: out8(port, (uint8_t)random()); break;
        case 1: out16(port, (uint16_t)random()); break;
        default: out32(port, random()); break;
        }
        store32(GUEST_ECAM_BASE + (random() & 0xFFFFC), random());
    }
    bool whole = is_whole();
    for (unsigned i = 0; i < 6; i++)
        config_write(NET, PCI_BAR0 + 4 * i, i == 0 ? (uint32_t)bar : 0);
    turn_on(NET, true);
    (void)report(whole && load32(bar + NET_STATUS) != UINT32_MAX,
                 "%u random writes of configuration space", 2 * WRITES);
}

static void put_it_over_everything(void)
{
    const uint64_t places[] = {
        0, 0x20000, 0xA0000, 0xC0000, 0xE0000, 0x100000, (uintptr_t)&canary, ram_low_end() - 1,
        GUEST_ECAM_BASE, IOAPIC_BASE, XAPIC_BASE, 0xFFFE0000,
    };
    unsigned wrong = 0;

    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        config_write(NET, PCI_BAR0, (uint32_t)places[i]);
        wrong += !is_whole();
    }
    (void)report(wrong == 0, "nothing of the guest's own is covered by its card: %u wrong", wrong);
}

static void move_it_for_ever(uint32_t status)
{
    unsigned wrong = 0;
    uint64_t room = GUEST_ECAM_BASE - align_up(ram_low_end(), BAR_BYTES);

    for (unsigned i = 0; i < MOVES; i++) {
        uint64_t at = align_up(ram_low_end(), BAR_BYTES) + (uint64_t)random() * BAR_BYTES % room;
        config_write(NET, PCI_BAR0, (uint32_t)at);
        wrong += load32(at + NET_STATUS) != status;
        turn_on(NET, random() & 1);
    }
    config_write(NET, PCI_BAR0, (uint32_t)bar);
    wrong += load32(bar + NET_STATUS) != status;
    (void)report(wrong == 0, "its card was moved %u times, and not there %u times", MOVES, wrong);
}

static void interrupt_for_ever(void)
{
    behaviour = STORMS;
    raise_interrupt();
    wait_until_came(STORM);
    (void)report(came == STORM, "an interrupt that causes the next one came %u times", came);
    behaviour = NEVER_ENDS;
    raise_interrupt();
    wait_until_came(2);
    (void)report(came == 1, "without an EOI it came %u times", came);
}

/* ---- The disk ---- */

static _Alignas(0x10000) uint8_t sectors[SECTORS * SECTOR_BYTES];
static _Alignas(8) uint32_t table[2];

static void start_reading(uint16_t master)
{
    table[0] = (uint32_t)(uintptr_t)sectors;
    table[1] = TABLE_END; /* 64 KiB */
    out32(master + MASTER_TABLE, (uint32_t)(uintptr_t)table);
    out8(master + MASTER_STATUS, 6);
    out8(DISK_PORT + DRIVE, LBA_MODE);
    out8(DISK_PORT + COUNT, SECTORS);
    out8(DISK_PORT + LBA_LOW, 0);
    out8(DISK_PORT + LBA_MIDDLE, 0);
    out8(DISK_PORT + LBA_HIGH, 0);
    out8(DISK_PORT + COMMAND, READ_DMA);
    out8(master + MASTER_COMMAND, MASTER_READ);
}

/* The test has filled the disk with this. */
static void read_disk(void)
{
    uint64_t begin = rdtsc(), second = tsc_hz();
    uint16_t master = (uint16_t)(config_read(DISK, 0x20) & ~3u);
    unsigned wrong = 0;

    turn_on(DISK, true);
    start_reading(master);
    while ((in8(master + MASTER_STATUS) & 1) && rdtsc() - begin < second)
        asm volatile("pause");
    out8(master + MASTER_COMMAND, 0);
    (void)in8(DISK_PORT + COMMAND);
    for (unsigned i = 0; i < sizeof sectors; i++)
        wrong += ((volatile uint8_t *)sectors)[i] != (uint8_t)(i * 7 % 251);
    (void)report(wrong == 0, "its disk's first %u bytes by DMA, %u of them wrong",
                 (unsigned)sizeof sectors, wrong);
}

/* ---- What it costs ---- */

#define TRIES 16

#define LEAST(what, operation)                                                                  \
    do {                                                                                        \
        uint64_t least = UINT64_MAX;                                                            \
        for (unsigned try = 0; try < TRIES; try++) {                                            \
            uint64_t begin = rdtsc();                                                           \
            operation;                                                                          \
            uint64_t ticks = rdtsc() - begin;                                                   \
            least = ticks < least ? ticks : least;                                              \
        }                                                                                       \
        say("op=%s ticks=%llu", what, (unsigned long long)least);                               \
    } while (0)

static void measure_configuration_space(void)
{
    uint64_t ecam = GUEST_ECAM_BASE + (NET << 15) + PCI_REVISION_ID;
    uint16_t port = select(NET, PCI_VENDOR_ID);

    LEAST("config_read", (void)in32(port));
    LEAST("config_read_memory", (void)load32(ecam));
    port = select(NET, PCI_BAR0);
    LEAST("bar_move", out32(port, (uint32_t)bar + (try & 1 ? 0 : BAR_BYTES)));
    out32(port, (uint32_t)bar);
}

/* How often the console is asked for room must not depend on what comes next. */
static void wait_for_the_console(void)
{
    uint64_t begin = rdtsc(), half_a_second = tsc_hz() / 2;

    while (rdtsc() - begin < half_a_second)
        asm volatile("pause");
}

static void send_one_by_one(uint64_t packets)
{
    came = 0;
    net_write(NET_IMS, NET_SENT);
    for (uint64_t i = 0; i < packets; i++) {
        unsigned at = load32(bar + NET_TDT);
        ring[at] = (struct descriptor){ (uintptr_t)packet, NET_SEND | PACKET_BYTES, 0 };
        net_write(NET_TDT, (at + 1) % PACKETS);
        while (came <= i)
            wait_for_interrupt();
    }
}

static void read_one_by_one(uint64_t reads)
{
    uint16_t master = (uint16_t)(config_read(DISK, 0x20) & ~3u);

    ioapic_write(IOAPIC_REDIRECTION + 2 * DISK_PIN + 1, 0);
    pin(DISK_PIN, DISK_VECTOR);
    turn_on(DISK, true);
    for (uint64_t i = 0; i < reads; i++) {
        start_reading(master);
        while (reads_done <= i)
            wait_for_interrupt();
        out8(master + MASTER_COMMAND, 0);
    }
}

/* ---- Two lives ---- */

#define LIFE 0x50 /* a byte of the clock's memory, which outlives a restart */

static uint8_t life(void)
{
    out8(GUEST_PORT_RTC_INDEX, LIFE);
    return in8(GUEST_PORT_RTC_DATA);
}

static void begin_next_life(void)
{
    out8(GUEST_PORT_RTC_INDEX, LIFE);
    out8(GUEST_PORT_RTC_DATA, 1);
    turn_on(DISK, true);
    start_reading((uint16_t)(config_read(DISK, 0x20) & ~3u));
    reboot();
}

void guest_main(void)
{
    bool second = life() == 1;
    uint64_t packets = cmdline_number("packets", UINT64_MAX);

    say("life %u", second + 1);
    it_is_there();
    use_it();
    if (packets != UINT64_MAX) {
        measure_configuration_space();
        wait_for_the_console();
        send_one_by_one(packets);
        read_one_by_one(cmdline_number("reads", 0));
        (void)report(came == packets, "each packet's interrupt came");
        say_done();
        power_off();
    }
    read_disk();
    read_rom();
    if (!second) {
        uint32_t status = load32(bar + NET_STATUS);
        write_all_registers();
        put_it_over_everything();
        move_it_for_ever(status);
        interrupt_for_ever();
        begin_next_life();
    }
    (void)report(others == 0, "%u interrupts that are not its own", others);
    say_done();
    power_off();
}
