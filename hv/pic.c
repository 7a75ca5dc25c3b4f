/* SPDX-License-Identifier: MIT
 *
 * See pic.h. Intel 8259A data sheet, "Programming the 8259A"; the ELCR as in
 * that of the 82371AB (PIIX4), 4.2.3 "Interrupt Controller Registers".
 */
#include "hv/pic.h"

#include "hv/check.h"
#include "hv/guest_ports.h"

#define NONE 8
#define SPURIOUS 7

#define FIRMWARE_MASTER_BASE 0x08
#define FIRMWARE_SLAVE_BASE 0x70
#define VECTOR_BASE_MASK 0xF8

/* IRQ 0, 1, 2, 8 and 13 are edges always. */
#define MASTER_LEVEL_MASK 0xF8
#define SLAVE_LEVEL_MASK 0xDE

enum {
    ICW1_ICW4_FOLLOWS = 1u << 0,
    ICW1_SINGLE = 1u << 1,
    COMMAND_ICW1 = 1u << 4, /* else bit 3 tells OCW3 from OCW2 */
    COMMAND_OCW3 = 1u << 3,

    ICW4_AUTO_EOI = 1u << 1,
    ICW4_SPECIAL_FULLY_NESTED = 1u << 4,

    OCW3_READ_ISR = 1u << 0,
    OCW3_READ = 1u << 1,
    OCW3_POLL = 1u << 2,
    OCW3_SPECIAL_MASK = 1u << 5,
    OCW3_SET_SPECIAL_MASK = 1u << 6,

    POLL_INTERRUPT = 1u << 7,
};

/* OCW2, bits 7:5. */
enum ocw2 {
    OCW2_ROTATE_IN_AUTO_EOI_CLEAR = 0,
    OCW2_EOI = 1,
    OCW2_NO_OPERATION = 2,
    OCW2_SPECIFIC_EOI = 3,
    OCW2_ROTATE_IN_AUTO_EOI_SET = 4,
    OCW2_ROTATE_ON_EOI = 5,
    OCW2_SET_PRIORITY = 6,
    OCW2_ROTATE_ON_SPECIFIC_EOI = 7,
};
#define OCW2_SHIFT 5
#define OCW2_LEVEL 7u

void pic_init(struct pic *pic)
{
    struct pic_chip chip = { .mask = 0xFF, .lowest = 7 };

    pic->master = pic->slave = chip;
    pic->master.base = FIRMWARE_MASTER_BASE;
    pic->slave.base = FIRMWARE_SLAVE_BASE;
}

/* Bit 0 becomes what has the highest priority. */
static uint8_t by_priority(const struct pic_chip *chip, uint8_t levels)
{
    unsigned first = (chip->lowest + 1u) & 7;

    return (uint8_t)(levels >> first | levels << (8 - first));
}

static unsigned level_of(const struct pic_chip *chip, unsigned by_priority_bit)
{
    return (chip->lowest + 1u + (unsigned)__builtin_ctz(by_priority_bit)) & 7;
}

/* In the special mask mode a level that is masked holds back no other. */
static uint8_t holding_back(const struct pic_chip *chip)
{
    uint8_t masked = chip->special_mask ? chip->mask : 0;

    return (uint8_t)(chip->in_service & ~masked);
}

/*
 * The level that the chip asks for, or NONE: the first in the order of priority
 * that is not masked, if none of its priority or a higher one is in service. In
 * the special fully nested mode the slave may ask again while it is served.
 */
static unsigned winner(const struct pic_chip *chip, uint8_t requests)
{
    unsigned open = (uint8_t)(requests & ~chip->mask);

    if (open == 0 || chip->icw_next != 0)
        return NONE;
    unsigned serving = by_priority(chip, holding_back(chip));
    open = by_priority(chip, (uint8_t)open);
    open &= -open;
    serving &= -serving;
    if (serving == 0 || open < serving)
        return level_of(chip, open);
    if (open == serving && chip->special_fully_nested && level_of(chip, open) == PIC_CASCADE)
        return PIC_CASCADE;
    return NONE;
}

static uint8_t slave_requests(const struct pic *pic)
{
    const struct pic_chip *slave = &pic->slave;

    return (uint8_t)((slave->edges & ~slave->level) | (slave->lines & slave->level));
}

static uint8_t master_requests(const struct pic *pic)
{
    const struct pic_chip *master = &pic->master;
    unsigned own = (master->edges & ~master->level) | (master->lines & master->level);
    bool slave = !master->single && winner(&pic->slave, slave_requests(pic)) != NONE;

    return (uint8_t)(own | (unsigned)slave << PIC_CASCADE);
}

static struct pic_chip *chip_of(struct pic *pic, bool slave)
{
    return slave ? &pic->slave : &pic->master;
}

static uint8_t requests_of(const struct pic *pic, bool slave)
{
    return slave ? slave_requests(pic) : master_requests(pic);
}

static bool has_open_line(const struct pic_chip *chip)
{
    return chip->lines & ~chip->mask;
}

/* As a rule no line is high that is not masked, and nothing else is looked at. */
bool pic_requests(const struct pic *pic)
{
    if (!has_open_line(&pic->master) && !has_open_line(&pic->slave))
        return false;
    return winner(&pic->master, master_requests(pic)) != NONE;
}

bool pic_is_masked(const struct pic *pic, unsigned irq)
{
    if (irq < 8)
        return pic->master.mask >> irq & 1;
    return (pic->slave.mask >> (irq - 8) | pic->master.mask >> PIC_CASCADE) & 1;
}

void pic_set_line(struct pic *pic, unsigned irq, bool high)
{
    CHECK(irq < PIC_IRQS && irq != PIC_CASCADE);
    struct pic_chip *chip = chip_of(pic, irq >= 8);
    uint8_t bit = (uint8_t)(1u << irq % 8);

    if (high) {
        chip->edges |= (uint8_t)(bit & ~chip->lines);
        chip->lines |= bit;
    } else {
        chip->edges &= (uint8_t)~bit;
        chip->lines &= (uint8_t)~bit;
    }
}

static void acknowledge(struct pic_chip *chip, unsigned level)
{
    uint8_t bit = (uint8_t)(1u << level);

    chip->edges &= (uint8_t)~bit;
    if (!chip->auto_eoi)
        chip->in_service |= bit;
    else if (chip->rotate_in_auto_eoi)
        chip->lowest = (uint8_t)level;
}

uint8_t pic_acknowledge(struct pic *pic)
{
    unsigned level = winner(&pic->master, master_requests(pic));
    unsigned slave_level = winner(&pic->slave, slave_requests(pic));

    if (level == NONE)
        return pic->master.base | SPURIOUS;
    acknowledge(&pic->master, level);
    if (level != PIC_CASCADE || pic->master.single)
        return (uint8_t)(pic->master.base | level);
    if (slave_level == NONE)
        return pic->slave.base | SPURIOUS;
    acknowledge(&pic->slave, slave_level);
    return (uint8_t)(pic->slave.base | slave_level);
}

/* ---- Registers ---- */

/* "Poll Command": the read is the acknowledgement, of this chip alone. */
static uint8_t poll(struct pic *pic, bool slave)
{
    struct pic_chip *chip = chip_of(pic, slave);
    unsigned level = winner(chip, requests_of(pic, slave));

    chip->poll = false;
    if (level == NONE)
        return 0;
    acknowledge(chip, level);
    return (uint8_t)(POLL_INTERRUPT | level);
}

static uint8_t read_command(struct pic *pic, bool slave)
{
    return chip_of(pic, slave)->read_in_service ? chip_of(pic, slave)->in_service
                                                : requests_of(pic, slave);
}

uint8_t pic_read(struct pic *pic, uint16_t port)
{
    if (port == GUEST_PORT_ELCR)
        return pic->master.level;
    if (port == GUEST_PORT_ELCR + 1)
        return pic->slave.level;

    bool slave = port >= GUEST_PORT_PIC_SLAVE;
    if (chip_of(pic, slave)->poll)
        return poll(pic, slave);
    return port & 1 ? chip_of(pic, slave)->mask : read_command(pic, slave);
}

/* "Initialization Command Words 1 and 2": what ICW1 resets. */
static void initialize(struct pic_chip *chip, uint8_t icw1)
{
    *chip = (struct pic_chip){
        .lines = chip->lines,
        .level = chip->level,
        .base = chip->base,
        .lowest = 7,
        .icw_next = 2,
        .single = icw1 & ICW1_SINGLE,
        .icw4_follows = icw1 & ICW1_ICW4_FOLLOWS,
    };
}

/* "End of Interrupt": what is highest in service, in the special mask mode
 * among what is not masked. NONE: nothing is. */
static unsigned highest_in_service(const struct pic_chip *chip)
{
    unsigned serving = by_priority(chip, holding_back(chip));

    return serving ? level_of(chip, serving) : NONE;
}

static void end_of_interrupt(struct pic_chip *chip, unsigned level, bool rotate)
{
    if (level == NONE)
        return;
    chip->in_service &= (uint8_t)~(1u << level);
    if (rotate)
        chip->lowest = (uint8_t)level;
}

static void write_ocw2(struct pic_chip *chip, uint8_t value)
{
    unsigned level = value & OCW2_LEVEL;

    switch ((enum ocw2)(value >> OCW2_SHIFT)) {
    case OCW2_ROTATE_IN_AUTO_EOI_CLEAR: chip->rotate_in_auto_eoi = false; return;
    case OCW2_ROTATE_IN_AUTO_EOI_SET: chip->rotate_in_auto_eoi = true; return;
    case OCW2_EOI: end_of_interrupt(chip, highest_in_service(chip), false); return;
    case OCW2_ROTATE_ON_EOI: end_of_interrupt(chip, highest_in_service(chip), true); return;
    case OCW2_SPECIFIC_EOI: end_of_interrupt(chip, level, false); return;
    case OCW2_ROTATE_ON_SPECIFIC_EOI: end_of_interrupt(chip, level, true); return;
    case OCW2_SET_PRIORITY: chip->lowest = (uint8_t)level; return;
    case OCW2_NO_OPERATION: return;
    }
}

static void write_ocw3(struct pic_chip *chip, uint8_t value)
{
    if (value & OCW3_SET_SPECIAL_MASK)
        chip->special_mask = value & OCW3_SPECIAL_MASK;
    if (value & OCW3_POLL)
        chip->poll = true;
    else if (value & OCW3_READ)
        chip->read_in_service = value & OCW3_READ_ISR;
}

static void write_command(struct pic_chip *chip, uint8_t value)
{
    if (value & COMMAND_ICW1)
        initialize(chip, value);
    else if (value & COMMAND_OCW3)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
}

static void write_data(struct pic_chip *chip, uint8_t value)
{
    switch (chip->icw_next) {
    case 2:
        chip->base = value & VECTOR_BASE_MASK;
        chip->icw_next = !chip->single ? 3 : chip->icw4_follows ? 4 : 0;
        return;
    case 3:
        chip->icw_next = chip->icw4_follows ? 4 : 0;
        return;
    case 4:
        chip->auto_eoi = value & ICW4_AUTO_EOI;
        chip->special_fully_nested = value & ICW4_SPECIAL_FULLY_NESTED;
        chip->icw_next = 0;
        return;
    default:
        chip->mask = value;
    }
}

void pic_write(struct pic *pic, uint16_t port, uint8_t value)
{
    if (port == GUEST_PORT_ELCR)
        pic->master.level = value & MASTER_LEVEL_MASK;
    else if (port == GUEST_PORT_ELCR + 1)
        pic->slave.level = value & SLAVE_LEVEL_MASK;
    else if (port & 1)
        write_data(chip_of(pic, port >= GUEST_PORT_PIC_SLAVE), value);
    else
        write_command(chip_of(pic, port >= GUEST_PORT_PIC_SLAVE), value);
}
