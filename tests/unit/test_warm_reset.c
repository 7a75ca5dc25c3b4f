/* SPDX-License-Identifier: MIT
 *
 * hv/warm_reset.c: which shutdown codes lead where, and that an order is taken
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/vm.h"
#include "hv/warm_reset.h"
#include "tests/fake/machine.h"

#define RAM_BASE GIB(1)

static struct vm vm;
static struct vcpu vcpus[2];

static void order(uint8_t code)
{
    static const uint8_t address[] = { 0x34, 0x12, 0xCD, 0xAB };
    memcpy(fake.memory + 0x467, address, sizeof address);
    cmos_select(&vm.cmos, 0x8F); /* NMIs masked, as is usual */
    cmos_write(&vm.cmos, code, 0);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset(RAM_BASE, MIB(2));
    memset(&vm, 0, sizeof vm);
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(RAM_BASE, MIB(2));
    pic_init(&vm.pic);
    vm.vcpu_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        vcpus[i] = (struct vcpu){ .vm = &vm, .index = i, .cpu = 5 + i };
        vm.vcpus[i] = &vcpus[i];
    }
    return 0;
}

static void an_order_is_followed_once(void **state)
{
    static const uint8_t codes[] = { 0x05, 0x0A };
    struct real_address to;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        order(codes[i]);
        assert_true(warm_reset_take(&vm, &to));
        assert_int_equal(to.segment, 0xABCD);
        assert_int_equal(to.offset, 0x1234);
        assert_int_equal(cmos_shutdown_code(&vm.cmos), 0);
        assert_false(warm_reset_take(&vm, &to));
    }
}

static void other_codes_are_no_orders(void **state)
{
    struct real_address to;
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        if (code == 0x05 || code == 0x0A)
            continue;
        order((uint8_t)code);
        fake.record_count = 0;
        assert_false(warm_reset_begin(&vm));
        assert_int_equal(fake.record_count, 0);
        assert_false(warm_reset_take(&vm, &to));
        assert_int_equal(cmos_shutdown_code(&vm.cmos), 0);
    }
}

static void a_reset_of_the_processors_reaches_all_of_them(void **state)
{
    (void)state;
    order(0x0A);
    assert_true(warm_reset_begin(&vm));
    assert_int_equal(fake.record_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fake.records[i].kind, FAKE_REQUEST);
        assert_int_equal(fake.records[i].where, 5 + i);
        assert_int_equal(fake.records[i].value, REQUEST_INIT);
    }
    assert_int_equal(cmos_shutdown_code(&vm.cmos), 0x0A);
}

/* Both controllers serve an interrupt, the slave's by the master. */
static void serve_an_interrupt(void)
{
    static const uint8_t words[][2] = { { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 },
                                        { 0x21, 0x01 }, { 0x21, 0x00 }, { 0xA0, 0x11 },
                                        { 0xA1, 0x70 }, { 0xA1, 0x02 }, { 0xA1, 0x01 },
                                        { 0xA1, 0x00 } };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        pic_write(&vm.pic, words[i][0], words[i][1]);
    pic_set_line(&vm.pic, 8, true);
    assert_true(pic_requests(&vm.pic));
    assert_int_equal(pic_acknowledge(&vm.pic), 0x70);
}

static uint8_t in_service(uint16_t port)
{
    pic_write(&vm.pic, port, 0x0B);
    return pic_read(&vm.pic, port);
}

static void code_5_ends_an_interrupt(void **state)
{
    struct real_address to;
    (void)state;
    serve_an_interrupt();
    order(0x0A);
    assert_true(warm_reset_take(&vm, &to));
    assert_int_equal(in_service(0x20), 0x04);
    assert_int_equal(in_service(0xA0), 0x01);
    order(0x05);
    assert_true(warm_reset_take(&vm, &to));
    assert_int_equal(in_service(0x20), 0);
    assert_int_equal(in_service(0xA0), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_followed_once),
        TEST(other_codes_are_no_orders),
        TEST(a_reset_of_the_processors_reaches_all_of_them),
        TEST(code_5_ends_an_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
