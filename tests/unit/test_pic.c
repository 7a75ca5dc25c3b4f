/* SPDX-License-Identifier: MIT
 *
 * The pair of 8259As against the data sheet, and against a second, slow
 * reading of its rule of priorities.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "hv/pic.h"
#include "tests/fake/dies.h"

enum { MASTER = 0x20, MASTER_DATA = 0x21, SLAVE = 0xA0, SLAVE_DATA = 0xA1, ELCR = 0x4D0 };
enum { EOI = 0x20, SPECIFIC_EOI = 0x60, ROTATE_ON_EOI = 0xA0, ROTATE_ON_SPECIFIC_EOI = 0xE0,
       ROTATE_IN_AEOI = 0x80, NO_ROTATE_IN_AEOI = 0x00, SET_PRIORITY = 0xC0 };
enum { READ_IRR = 0x0A, READ_ISR = 0x0B, POLL = 0x0C, SET_SPECIAL_MASK = 0x68,
       RESET_SPECIAL_MASK = 0x48 };
enum { AUTO_EOI = 2, SPECIAL_FULLY_NESTED = 0x10 };

static struct pic pic;

static void initialize_chip(uint16_t port, uint8_t base, uint8_t cascade, uint8_t modes)
{
    pic_write(&pic, port, 0x11);
    pic_write(&pic, port + 1, base);
    pic_write(&pic, port + 1, cascade);
    pic_write(&pic, port + 1, 1 | modes);
}

/* As every PC kernel does it. */
static void initialize(uint8_t master_modes, uint8_t slave_modes)
{
    initialize_chip(MASTER, 0x20, 4, master_modes);
    initialize_chip(SLAVE, 0x28, 2, slave_modes);
}

static int fresh(void **state)
{
    (void)state;
    pic_init(&pic);
    initialize(0, 0);
    return 0;
}

static void set_high(unsigned irq) { pic_set_line(&pic, irq, true); }
static void set_low(unsigned irq) { pic_set_line(&pic, irq, false); }

static void pulse(unsigned irq)
{
    set_low(irq);
    set_high(irq);
}

static uint8_t get(uint16_t port, uint8_t command)
{
    pic_write(&pic, port, command);
    return pic_read(&pic, port);
}

static void expect(uint8_t vector)
{
    assert_true(pic_requests(&pic));
    assert_int_equal(pic_acknowledge(&pic), vector);
}

#define EXPECT_NOTHING() assert_false(pic_requests(&pic))

static void firmware_has_initialized_it_and_masked_all(void **state)
{
    (void)state;
    pic_init(&pic);
    for (unsigned irq = 0; irq < PIC_IRQS; irq++) {
        if (irq == 2)
            continue;
        set_high(irq);
        assert_true(pic_is_masked(&pic, irq));
    }
    EXPECT_NOTHING();
    assert_int_equal(pic_read(&pic, MASTER_DATA), 0xFF);
    assert_int_equal(pic_read(&pic, SLAVE_DATA), 0xFF);
    pic_write(&pic, MASTER_DATA, 0xFE);
    assert_false(pic_is_masked(&pic, 0));
    expect(0x08);
    pic_write(&pic, MASTER_DATA, 0xFB);
    pic_write(&pic, MASTER, EOI);
    assert_true(pic_is_masked(&pic, 8));
    pic_write(&pic, SLAVE_DATA, 0xFE);
    assert_false(pic_is_masked(&pic, 8));
    expect(0x70);
}

static void each_irq_has_its_vector(void **state)
{
    (void)state;
    for (unsigned irq = 0; irq < PIC_IRQS; irq++) {
        if (irq == 2)
            continue;
        fresh(NULL);
        EXPECT_NOTHING();
        set_high(irq);
        expect((uint8_t)(0x20 + irq));
        EXPECT_NOTHING();
        assert_int_equal(get(irq < 8 ? MASTER : SLAVE, READ_ISR), 1u << irq % 8);
        assert_int_equal(get(MASTER, READ_ISR), irq < 8 ? 1u << irq : 4);
    }
}

static void an_edge_interrupts_once(void **state)
{
    (void)state;
    set_high(4);
    set_high(4);
    expect(0x24);
    pic_write(&pic, MASTER, EOI);
    EXPECT_NOTHING();
    set_high(4);
    EXPECT_NOTHING();
    pulse(4);
    expect(0x24);
}

/* "If the IR input goes low before this time a DEFAULT IR7 will occur when the
 * CPU acknowledges the interrupt." */
static void a_request_that_goes_away_is_answered_with_input_7(void **state)
{
    (void)state;
    set_high(4);
    set_low(4);
    EXPECT_NOTHING();
    assert_int_equal(pic_acknowledge(&pic), 0x27);
    assert_int_equal(get(MASTER, READ_ISR), 0);
    set_high(7);
    expect(0x27);
    assert_int_equal(get(MASTER, READ_ISR), 0x80);
}

/* The master is asked by a slave that has nothing more to say: in its place it
 * is the master's mode that keeps IR2 awake here. */
static void a_slave_that_has_nothing_to_say_answers_with_input_15(void **state)
{
    (void)state;
    set_high(10);
    assert_int_equal(get(SLAVE, POLL), 0x82);
    pic_write(&pic, SLAVE, EOI);
    EXPECT_NOTHING();
    pic_write(&pic, ELCR, 0xF8);
    pic.master.level |= 4; /* a board of a different kind: IR2 wired high */
    pic.master.lines |= 4;
    assert_int_equal(pic_acknowledge(&pic), 0x2F);
    assert_int_equal(get(MASTER, READ_ISR), 4);
    assert_int_equal(get(SLAVE, READ_ISR), 0);
}

static void a_level_interrupts_as_long_as_it_is_high(void **state)
{
    (void)state;
    pic_write(&pic, ELCR, 0xFF);
    pic_write(&pic, ELCR + 1, 0xFF);
    assert_int_equal(pic_read(&pic, ELCR), 0xF8);
    assert_int_equal(pic_read(&pic, ELCR + 1), 0xDE);
    set_high(5);
    expect(0x25);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, EOI);
    expect(0x25);
    pic_write(&pic, MASTER, EOI);
    assert_int_equal(get(MASTER, READ_IRR), 0x20);
    set_low(5);
    assert_int_equal(get(MASTER, READ_IRR), 0);
    EXPECT_NOTHING();
    set_high(11);
    expect(0x2B);
    pic_write(&pic, SLAVE, EOI);
    pic_write(&pic, MASTER, EOI);
    expect(0x2B);
    set_low(11);
    pic_write(&pic, SLAVE, EOI);
    pic_write(&pic, MASTER, EOI);
    EXPECT_NOTHING();
}

static void a_mask_holds_back_and_forgets_nothing(void **state)
{
    (void)state;
    pic_write(&pic, MASTER_DATA, 0x10);
    assert_int_equal(pic_read(&pic, MASTER_DATA), 0x10);
    set_high(4);
    EXPECT_NOTHING();
    assert_int_equal(get(MASTER, READ_IRR), 0x10);
    pic_write(&pic, MASTER_DATA, 0);
    expect(0x24);
    pic_write(&pic, MASTER_DATA, 4);
    set_high(8);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER_DATA, 0);
    expect(0x28);
}

static void the_fully_nested_mode_lets_higher_ones_through_only(void **state)
{
    (void)state;
    set_high(4);
    expect(0x24);
    set_high(5);
    EXPECT_NOTHING();
    set_high(3);
    expect(0x23);
    set_high(12);
    expect(0x2C);
    set_high(14);
    EXPECT_NOTHING();
    set_high(9); /* higher in the slave, but the master is serving it */
    EXPECT_NOTHING();
    set_high(1);
    expect(0x21);
    pic_write(&pic, MASTER, EOI); /* 1 */
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, EOI); /* 2: the slave may ask again */
    expect(0x29);
    pic_write(&pic, SLAVE, EOI); /* 9 */
    pic_write(&pic, MASTER, EOI);
    EXPECT_NOTHING();             /* 12 is still in service in the slave */
    pic_write(&pic, SLAVE, EOI);
    expect(0x2E);
    pic_write(&pic, SLAVE, EOI);
    pic_write(&pic, MASTER, EOI);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, EOI); /* 3 */
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, EOI); /* 4 */
    expect(0x25);
}

static void a_specific_eoi_ends_the_one_it_names(void **state)
{
    (void)state;
    set_high(4);
    expect(0x24);
    set_high(3);
    expect(0x23);
    pic_write(&pic, MASTER, SPECIFIC_EOI | 4);
    assert_int_equal(get(MASTER, READ_ISR), 8);
    pic_write(&pic, MASTER, 0x40 | 3); /* no operation */
    assert_int_equal(get(MASTER, READ_ISR), 8);
    pic_write(&pic, MASTER, EOI);
    pic_write(&pic, MASTER, EOI); /* with nothing in service */
    assert_int_equal(get(MASTER, READ_ISR), 0);
}

static void rotation_on_eoi_sends_the_served_one_to_the_end(void **state)
{
    (void)state;
    set_high(4);
    set_high(6);
    expect(0x24);
    pic_write(&pic, MASTER, ROTATE_ON_EOI);
    pulse(4);
    expect(0x26); /* before 4, which has the lowest priority now */
    pic_write(&pic, MASTER, ROTATE_ON_SPECIFIC_EOI | 6);
    set_high(7);
    set_high(0);
    expect(0x27);
    pic_write(&pic, MASTER, EOI);
    expect(0x20);
    pic_write(&pic, MASTER, EOI);
    expect(0x24);
}

static void a_priority_can_be_set(void **state)
{
    (void)state;
    pic_write(&pic, MASTER, SET_PRIORITY | 3);
    set_high(3);
    set_high(1);
    set_high(5);
    expect(0x25);
    EXPECT_NOTHING();
    set_high(4);
    expect(0x24);
    pic_write(&pic, MASTER, EOI);
    assert_int_equal(get(MASTER, READ_ISR), 0x20);
    pic_write(&pic, MASTER, EOI);
    expect(0x21);
    pic_write(&pic, MASTER, EOI);
    expect(0x23);
}

static void auto_eoi_leaves_nothing_in_service(void **state)
{
    (void)state;
    initialize(AUTO_EOI, AUTO_EOI);
    set_high(6);
    set_high(5);
    expect(0x25);
    expect(0x26);
    assert_int_equal(get(MASTER, READ_ISR), 0);
    set_high(8);
    set_high(9);
    expect(0x28);
    expect(0x29);
    assert_int_equal(get(SLAVE, READ_ISR), 0);
    EXPECT_NOTHING();
}

static void rotation_in_auto_eoi(void **state)
{
    (void)state;
    initialize(AUTO_EOI, 0);
    pic_write(&pic, MASTER, ROTATE_IN_AEOI);
    set_high(3);
    set_high(4);
    expect(0x23);
    pulse(3);
    expect(0x24);
    pulse(4);
    expect(0x23);
    pic_write(&pic, MASTER, NO_ROTATE_IN_AEOI);
    pulse(3);
    expect(0x24);
    pulse(4);
    expect(0x24);
    expect(0x23);
}

/* "Special Mask Mode": lower ones get through while this one is served. */
static void the_special_mask_lets_lower_ones_through(void **state)
{
    (void)state;
    set_high(3);
    expect(0x23);
    set_high(6);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER_DATA, 8);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, SET_SPECIAL_MASK);
    expect(0x26);
    assert_int_equal(get(MASTER, READ_ISR), 0x48);
    pic_write(&pic, MASTER, EOI); /* never what is masked */
    assert_int_equal(get(MASTER, READ_ISR), 8);
    pic_write(&pic, MASTER, EOI);
    assert_int_equal(get(MASTER, READ_ISR), 8);
    pic_write(&pic, MASTER, 0x28); /* SMM without ESMM: no action */
    pic_write(&pic, MASTER, 0x08);
    pulse(6);
    expect(0x26);
    pic_write(&pic, MASTER, EOI);
    pic_write(&pic, MASTER, RESET_SPECIAL_MASK);
    pulse(6);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, SPECIFIC_EOI | 3);
    expect(0x26);
}

static void in_the_special_fully_nested_mode_a_slave_interrupts_itself(void **state)
{
    (void)state;
    initialize(SPECIAL_FULLY_NESTED, 0);
    set_high(12);
    expect(0x2C);
    set_high(14);
    EXPECT_NOTHING();
    set_high(3);
    EXPECT_NOTHING(); /* lower than the slave */
    set_high(9);
    expect(0x29);
    set_high(1);
    expect(0x21);
    set_high(8);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER, EOI);
    expect(0x28);
}

static void polling_acknowledges(void **state)
{
    (void)state;
    assert_int_equal(get(MASTER, POLL), 0);
    assert_int_equal(pic_read(&pic, MASTER), 0); /* IRR again: one read polls */
    set_high(6);
    set_high(3);
    assert_int_equal(get(MASTER, POLL), 0x83);
    assert_int_equal(get(MASTER, READ_ISR), 8);
    assert_int_equal(get(MASTER, POLL), 0);
    pic_write(&pic, MASTER, EOI);
    pic_write(&pic, MASTER, POLL);
    assert_int_equal(pic_read(&pic, MASTER_DATA), 0x86); /* at either address */
    pic_write(&pic, MASTER, EOI);
    set_high(13);
    assert_int_equal(get(MASTER, POLL), 0x82);
    assert_int_equal(get(SLAVE, POLL), 0x85);
    pic_write(&pic, SLAVE, EOI);
    pic_write(&pic, MASTER, EOI);
    EXPECT_NOTHING();
}

static void icw1_resets_what_the_data_sheet_says(void **state)
{
    (void)state;
    pic_write(&pic, MASTER_DATA, 0x55);
    pic_write(&pic, MASTER, SET_PRIORITY | 2);
    pic_write(&pic, MASTER, SET_SPECIAL_MASK);
    pic_write(&pic, MASTER, READ_ISR);
    set_high(1);
    expect(0x21);
    set_high(3);
    pic_write(&pic, MASTER, 0x11);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER_DATA, 0x47); /* bits 2:0 are not part of the vector */
    pic_write(&pic, MASTER_DATA, 0x04);
    EXPECT_NOTHING();
    pic_write(&pic, MASTER_DATA, 0x01);
    assert_int_equal(pic_read(&pic, MASTER_DATA), 0);
    assert_int_equal(pic_read(&pic, MASTER), 0); /* IRR: the edge is forgotten */
    EXPECT_NOTHING();
    pulse(3);
    set_high(0);
    expect(0x40);
    pic_write(&pic, MASTER, EOI);
    expect(0x43);
}

static void icw1_says_how_many_words_follow(void **state)
{
    (void)state;
    pic_write(&pic, MASTER, 0x12); /* single, without ICW4 */
    pic_write(&pic, MASTER_DATA, 0x60);
    pic_write(&pic, MASTER_DATA, 0xF0); /* already the mask */
    assert_int_equal(pic_read(&pic, MASTER_DATA), 0xF0);
    set_high(8);
    EXPECT_NOTHING(); /* a single chip has no slave */
    pic_write(&pic, MASTER, 0x13); /* single, with ICW4 */
    pic_write(&pic, MASTER_DATA, 0x60);
    pic_write(&pic, MASTER_DATA, AUTO_EOI | 1);
    set_high(3);
    expect(0x63);
    assert_int_equal(get(MASTER, READ_ISR), 0);
    pic_write(&pic, MASTER, 0x10); /* cascaded, without ICW4, whose modes are off then */
    pic_write(&pic, MASTER_DATA, 0x60);
    pic_write(&pic, MASTER_DATA, 4);
    pulse(3);
    expect(0x28);
    pulse(1);
    expect(0x61);
    assert_int_equal(get(MASTER, READ_ISR), 6);
}

static void both_chips_take_commands_while_the_other_initializes(void **state)
{
    (void)state;
    pic_write(&pic, MASTER, 0x11);
    pic_write(&pic, SLAVE, 0x11);
    pic_write(&pic, MASTER_DATA, 0x50);
    pic_write(&pic, SLAVE_DATA, 0x58);
    pic_write(&pic, MASTER_DATA, 4);
    pic_write(&pic, SLAVE_DATA, 2);
    pic_write(&pic, MASTER_DATA, 1);
    set_high(9);
    EXPECT_NOTHING();
    pic_write(&pic, SLAVE_DATA, 1);
    expect(0x59);
}

static void set_input_2(void *argument)
{
    (void)argument;
    pic_set_line(&pic, 2, true);
}

static void nothing_but_the_slave_is_at_input_2(void **state)
{
    (void)state;
    assert_true(dies(set_input_2, NULL));
}

/* ---- A second reading ---- */

/* The data sheet's rule, level by level from the highest priority down. */
static int slow_winner(const struct pic_chip *chip, uint8_t requests)
{
    if (chip->icw_next)
        return -1;
    for (unsigned i = 1; i <= 8; i++) {
        unsigned level = (chip->lowest + i) % 8;
        bool masked = chip->mask >> level & 1;
        bool served = (chip->in_service >> level & 1) && !(chip->special_mask && masked);
        bool nests = chip->special_fully_nested && level == 2;
        if ((requests >> level & 1) && !masked && (!served || nests))
            return (int)level;
        if (served)
            return -1;
    }
    return -1;
}

static int slow_vector(void)
{
    uint8_t slave_requests = (pic.slave.edges & (uint8_t)~pic.slave.level) |
                             (pic.slave.lines & pic.slave.level);
    int slave = slow_winner(&pic.slave, slave_requests);
    uint8_t requests = (pic.master.edges & (uint8_t)~pic.master.level) |
                       (pic.master.lines & pic.master.level);
    if (slave >= 0 && !pic.master.single)
        requests |= 4;
    int level = slow_winner(&pic.master, requests);
    if (level != 2 || pic.master.single)
        return level < 0 ? -1 : pic.master.base + level;
    return pic.slave.base + slave;
}

static void random_accesses_follow_the_rule(void **state)
{
    (void)state;
    static const uint16_t ports[] = { MASTER, MASTER, MASTER_DATA, SLAVE, SLAVE, SLAVE_DATA,
                                      ELCR, ELCR + 1 };
    srand(8259);
    for (unsigned i = 0; i < 2000000; i++) {
        unsigned irq = (unsigned)rand() % 16;
        uint8_t value = (uint8_t)rand();
        if (irq != 2)
            pic_set_line(&pic, irq, rand() % 2);
        switch (rand() % 8) {
        case 0: pic_write(&pic, ports[rand() % 8], value); break;
        case 1: (void)pic_read(&pic, ports[rand() % 8]); break;
        case 2: pic_write(&pic, rand() % 2 ? MASTER : SLAVE, EOI); break;
        case 3: /* ICW1 is rare, or nothing is ever initialized */
            if (i % 97 == 0)
                initialize((uint8_t)rand() & 0x12, (uint8_t)rand() & 0x12);
            break;
        default: pic_write(&pic, rand() % 2 ? MASTER : SLAVE, value & 0xEF); break;
        }
        int vector = slow_vector();
        assert_int_equal(pic_requests(&pic), vector >= 0);
        if (vector >= 0 && rand() % 2)
            assert_int_equal(pic_acknowledge(&pic), vector);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(firmware_has_initialized_it_and_masked_all),
        TEST(each_irq_has_its_vector),
        TEST(an_edge_interrupts_once),
        TEST(a_request_that_goes_away_is_answered_with_input_7),
        TEST(a_slave_that_has_nothing_to_say_answers_with_input_15),
        TEST(a_level_interrupts_as_long_as_it_is_high),
        TEST(a_mask_holds_back_and_forgets_nothing),
        TEST(the_fully_nested_mode_lets_higher_ones_through_only),
        TEST(a_specific_eoi_ends_the_one_it_names),
        TEST(rotation_on_eoi_sends_the_served_one_to_the_end),
        TEST(a_priority_can_be_set),
        TEST(auto_eoi_leaves_nothing_in_service),
        TEST(rotation_in_auto_eoi),
        TEST(the_special_mask_lets_lower_ones_through),
        TEST(in_the_special_fully_nested_mode_a_slave_interrupts_itself),
        TEST(polling_acknowledges),
        TEST(icw1_resets_what_the_data_sheet_says),
        TEST(icw1_says_how_many_words_follow),
        TEST(both_chips_take_commands_while_the_other_initializes),
        TEST(nothing_but_the_slave_is_at_input_2),
        TEST(random_accesses_follow_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
