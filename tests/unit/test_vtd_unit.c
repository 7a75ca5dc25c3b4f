/* SPDX-License-Identifier: MIT
 *
 * drivers/vtd_unit.c on a unit made of its registers. The fake fails a test in which a
 * global command changes more than one bit, or the queue is fed with lines that are not
 * where a unit sees them. It can be slow, deaf, or stop in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "arch/spec/vtd.h"
#include "drivers/mmio.h"
#include "drivers/vtd_unit.h"

#define FAULTS 4
#define FAULTS_AT 0x220
#define QUEUE_HPA 0x12345000
#define DONE_HPA 0x12346000

static volatile uint8_t registers[VTD_REGISTERS_BYTES];
static _Alignas(4096) uint64_t queue[512], done[512];
static uint64_t seen[512]; /* the queue as flushed */

static struct {
    uint64_t cap, ecap;
    uint32_t status, fault_status;
    uint32_t deaf; /* commands that have no effect */
    unsigned delay, busy; /* reads of the status until a command has its effect */
    uint32_t pending;
    uint32_t words[0x100];
    uint64_t faults[FAULTS][2];
    unsigned head;
    bool queue_stuck, queue_error;
    uint64_t descriptors[64][2]; /* that the unit took */
    unsigned descriptor_count;
    unsigned flushes; /* of the write buffer */
} fake;

static struct vtd_unit unit;

void fence(void) {}

void cache_line_flush(const void *at)
{
    size_t line = (size_t)((const uint8_t *)at - (const uint8_t *)queue) / 64;
    assert_true(line < sizeof queue / 64);
    memcpy(seen + line * 8, queue + line * 8, 64);
}

static void take_descriptors(unsigned tail)
{
    while (fake.head != tail) {
        const uint64_t *descriptor = seen + 2 * fake.head;
        assert_true(fake.descriptor_count < 64);
        memcpy(fake.descriptors[fake.descriptor_count++], descriptor, 16);
        if ((descriptor[0] & 0xF) == VTD_INVALIDATION_WAIT) {
            assert_int_equal(descriptor[1], DONE_HPA);
            *(uint32_t *)done = (uint32_t)(descriptor[0] >> 32);
        }
        fake.head = (fake.head + 1) % 256;
    }
}

static void take_command(uint32_t value)
{
    uint32_t lasting = fake.status & VTD_LASTING;
    uint32_t changed = (value & VTD_LASTING) ^ lasting;
    uint32_t once = value & ~VTD_LASTING;
    uint32_t all = changed | once;
    assert_true((all & (all - 1)) == 0); /* one at a time */
    if (fake.deaf & all)
        return;
    fake.flushes += once == VTD_FLUSH_WRITE_BUFFER;
    fake.pending = (fake.status ^ changed) | (once & ~VTD_FLUSH_WRITE_BUFFER);
    fake.busy = fake.delay;
    fake.status |= once & VTD_FLUSH_WRITE_BUFFER;
    if (fake.busy == 0)
        fake.status = fake.pending;
}

static uint32_t read_status(void)
{
    if (fake.busy > 0 && --fake.busy == 0)
        fake.status = fake.pending;
    return fake.status;
}

static uint32_t fault_status(void)
{
    uint32_t pending = 0;
    for (unsigned i = 0; i < FAULTS; i++)
        if (fake.faults[i][1] >> 63)
            pending = VTD_FSTS_PENDING;
    return fake.fault_status | pending | (fake.queue_error ? VTD_FSTS_QUEUE_ERROR : 0);
}

uint32_t mmio_read32(const volatile uint32_t *at)
{
    size_t offset = (size_t)((const volatile uint8_t *)at - registers);
    assert_true(offset < VTD_REGISTERS_BYTES && offset % 4 == 0);
    if (offset >= FAULTS_AT && offset < FAULTS_AT + sizeof fake.faults)
        return ((uint32_t *)fake.faults)[(offset - FAULTS_AT) / 4];
    switch (offset) {
    case VTD_CAP: return (uint32_t)fake.cap;
    case VTD_CAP + 4: return (uint32_t)(fake.cap >> 32);
    case VTD_ECAP: return (uint32_t)fake.ecap;
    case VTD_ECAP + 4: return (uint32_t)(fake.ecap >> 32);
    case VTD_GSTS: return read_status();
    case VTD_FSTS: return fault_status();
    default:
        assert_true(offset < sizeof fake.words);
        return fake.words[offset / 4];
    }
}

void mmio_write32(volatile uint32_t *at, uint32_t value)
{
    size_t offset = (size_t)((const volatile uint8_t *)at - registers);
    if (offset >= FAULTS_AT && offset < FAULTS_AT + sizeof fake.faults) {
        assert_int_equal((offset - FAULTS_AT) % 16, 12);
        if (value >> 31)
            fake.faults[(offset - FAULTS_AT) / 16][1] &= ~(1ull << 63);
        return;
    }
    assert_true(offset < sizeof fake.words && offset % 4 == 0);
    fake.words[offset / 4] = value;
    if (offset == VTD_GCMD)
        take_command(value);
    else if (offset == VTD_FSTS)
        fake.fault_status &= ~value;
    else if (offset == VTD_IQT + 4 && fake.status & VTD_QUEUED_INVALIDATION && !fake.queue_stuck
             && !fake.queue_error)
        take_descriptors(fake.words[VTD_IQT / 4] >> 4);
    else if (offset == VTD_PMEN)
        fake.words[offset / 4] = value >> 31; /* at once */
}

#define CAP (2ull | 1ull << 10 | 0x22ull << 24 | (FAULTS - 1ull) << 40)

static const struct vtd_unit_tables tables = {
    .root = { 0x1000 }, .interrupts = { 0x2000 }, .interrupts_shift = 10,
    .extended_interrupts = true, .queue = queue, .done = done, .queue_hpa = { QUEUE_HPA },
    .done_hpa = { DONE_HPA },
};

static int set_up(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    memset(queue, 0, sizeof queue);
    memset(seen, 0xA5, sizeof seen);
    memset(done, 0, sizeof done);
    fake.cap = CAP;
    fake.ecap = VTD_ECAP_QUEUED_INVALIDATION | VTD_ECAP_INTERRUPT_REMAPPING
        | VTD_ECAP_EXTENDED_INTERRUPTS;
    vtd_unit_open(&unit, registers);
    return 0;
}

static void start(void)
{
    assert_true(vtd_unit_start(&unit, &tables));
    fake.descriptor_count = 0;
}

static void assert_descriptor(unsigned number, uint64_t low, uint64_t high)
{
    assert_true(number < fake.descriptor_count);
    assert_int_equal(fake.descriptors[number][0], low);
    assert_int_equal(fake.descriptors[number][1], high);
}

static void it_starts_step_by_step(void **state)
{
    (void)state;
    assert_true(vtd_unit_stop(&unit));
    assert_true(vtd_unit_start(&unit, &tables));
    assert_int_equal(fake.status & VTD_LASTING, VTD_TRANSLATION | VTD_QUEUED_INVALIDATION
                     | VTD_INTERRUPT_REMAPPING);
    assert_int_equal(fake.words[VTD_RTADDR / 4], 0x1000);
    assert_int_equal(fake.words[VTD_IRTA / 4], 0x2000 | 9 | 1 << 11);
    assert_int_equal(fake.words[VTD_IQA / 4], QUEUE_HPA);
    assert_descriptor(0, 0x11, 0);              /* all contexts */
    assert_descriptor(1, 0x12, 0);              /* all translations */
    assert_descriptor(2, 0x100000065, DONE_HPA); /* wait number 1 */
    assert_descriptor(3, 0x04, 0);              /* all interrupts */
    assert_descriptor(4, 0x200000065, DONE_HPA);
    assert_null(unit.failed_at);
}

static void a_slow_unit_is_waited_for(void **state)
{
    (void)state;
    fake.delay = 1000;
    assert_true(vtd_unit_start(&unit, &tables));
    assert_true(vtd_unit_stop(&unit));
    assert_int_equal(fake.status & VTD_LASTING, 0);
}

static void what_the_firmware_left_on_is_turned_off(void **state)
{
    (void)state;
    fake.status = VTD_LASTING;
    fake.fault_status = VTD_FSTS_OVERFLOW;
    fake.faults[2][1] = 1ull << 63;
    assert_true(vtd_unit_stop(&unit));
    assert_int_equal(fake.status & VTD_LASTING & ~VTD_COMPATIBLE_INTERRUPTS, 0);
    assert_int_equal(fault_status(), 0);
    assert_true(vtd_unit_start(&unit, &tables));
    assert_false(fake.status & VTD_COMPATIBLE_INTERRUPTS);
}

static void protected_regions_end(void **state)
{
    (void)state;
    fake.cap |= VTD_CAP_PROTECTED_LOW;
    fake.words[VTD_PMEN / 4] = 1u << 31 | 1;
    vtd_unit_open(&unit, registers);
    start();
    assert_int_equal(fake.words[VTD_PMEN / 4], 0);
}

static void each_step_that_has_no_effect_is_named(void **state)
{
    (void)state;
    const struct { uint32_t bit; const char *text; } rows[] = {
        { VTD_QUEUED_INVALIDATION, "turning its queue on" },
        { VTD_SET_ROOT, "taking the root table" },
        { VTD_SET_INTERRUPT_TABLE, "taking the interrupt table" },
        { VTD_INTERRUPT_REMAPPING, "turning interrupt remapping on" },
        { VTD_TRANSLATION, "turning DMA remapping on" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_up(NULL);
        fake.deaf = rows[i].bit;
        assert_false(vtd_unit_start(&unit, &tables));
        assert_string_equal(unit.failed_at, rows[i].text);
    }
}

static void a_function_is_forgotten_with_what_it_reached(void **state)
{
    (void)state;
    start();
    assert_true(vtd_unit_forget_source(&unit, 0x0318, 7));
    assert_int_equal(fake.descriptor_count, 3);
    assert_descriptor(0, 0x0000031800070031, 0);
    assert_descriptor(1, 0x0000000000070022, 0);
    assert_true(vtd_unit_forget_interrupt(&unit, 0x155));
    assert_descriptor(3, 0x0000015500000014, 0);
    assert_true(vtd_unit_forget_domain(&unit, 3));
    assert_descriptor(5, 0x0000000000030022, 0);
}

static void what_is_under_way_is_drained_where_the_unit_can(void **state)
{
    (void)state;
    fake.cap |= VTD_CAP_DRAINS_READS | VTD_CAP_DRAINS_WRITES;
    vtd_unit_open(&unit, registers);
    start();
    assert_true(vtd_unit_forget_domain(&unit, 3));
    assert_descriptor(0, 0x00000000000300E2, 0);
}

static void the_write_buffer_is_flushed_where_it_must_be(void **state)
{
    (void)state;
    start();
    assert_true(vtd_unit_forget_domain(&unit, 3));
    assert_int_equal(fake.flushes, 0);
    set_up(NULL);
    fake.cap |= VTD_CAP_WRITE_BUFFER_FLUSH;
    vtd_unit_open(&unit, registers);
    start();
    unsigned before = fake.flushes;
    assert_true(vtd_unit_forget_interrupt(&unit, 3));
    assert_int_equal(fake.flushes, before + 1);
}

static void the_queue_goes_round(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < 1000; i++) {
        fake.descriptor_count = 0;
        assert_true(vtd_unit_forget_interrupt(&unit, i));
        assert_int_equal(fake.descriptor_count, 2);
        assert_descriptor(0, (uint64_t)i << 32 | 0x14, 0);
    }
}

static void a_unit_that_failed_is_asked_for_nothing_more(void **state)
{
    (void)state;
    start();
    fake.queue_stuck = true;
    assert_false(vtd_unit_forget_source(&unit, 0x0318, 7));
    assert_string_equal(unit.failed_at, "forgetting a function's domain");
    fake.queue_stuck = false;
    uint32_t tail = fake.words[VTD_IQT / 4];
    assert_false(vtd_unit_forget_interrupt(&unit, 1));
    assert_false(vtd_unit_forget_domain(&unit, 1));
    assert_int_equal(fake.words[VTD_IQT / 4], tail);
}

static void an_error_of_the_queue_ends_the_wait(void **state)
{
    (void)state;
    start();
    fake.queue_error = true;
    assert_false(vtd_unit_forget_interrupt(&unit, 1));
    assert_string_equal(unit.failed_at, "forgetting an interrupt");
}

static void faults_are_taken_oldest_first_and_once(void **state)
{
    (void)state;
    start();
    uint64_t low, high;
    assert_false(vtd_unit_take_fault(&unit, &low, &high));
    for (unsigned i = 0; i < 3; i++) {
        fake.faults[(3 + i) % FAULTS][0] = 0x1000 * i;
        fake.faults[(3 + i) % FAULTS][1] = 1ull << 63 | i;
    }
    fake.fault_status = 3u << VTD_FSTS_FIRST_SHIFT | VTD_FSTS_OVERFLOW;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(vtd_unit_take_fault(&unit, &low, &high));
        assert_int_equal(low, 0x1000 * i);
        assert_int_equal(high, 1ull << 63 | i);
    }
    assert_false(vtd_unit_take_fault(&unit, &low, &high));
    assert_true(vtd_unit_faults_lost(&unit));
    assert_false(vtd_unit_faults_lost(&unit));
}

static void a_fault_calls_by_nmi_and_can_be_told_not_to(void **state)
{
    (void)state;
    start();
    assert_int_equal(fake.words[VTD_FECTL / 4], 0);
    fake.words[VTD_FECTL / 4] = VTD_FECTL_MASKED;
    assert_true(vtd_unit_call_on_fault(&unit, 0x12345));
    assert_int_equal(fake.words[VTD_FEDATA / 4], 0x400);
    assert_int_equal(fake.words[VTD_FEADDR / 4], 0xFEE45000);
    assert_int_equal(fake.words[VTD_FEUADDR / 4], 0x12300);
    assert_int_equal(fake.words[VTD_FECTL / 4], 0);
    vtd_unit_call_no_more(&unit);
    assert_int_equal(fake.words[VTD_FECTL / 4], VTD_FECTL_MASKED);
    fake.ecap &= ~VTD_ECAP_EXTENDED_INTERRUPTS;
    vtd_unit_open(&unit, registers);
    assert_true(vtd_unit_call_on_fault(&unit, 0x45));
    assert_false(vtd_unit_call_on_fault(&unit, 0x12345)); /* out of its reach */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_starts_step_by_step, set_up),
        cmocka_unit_test_setup(a_slow_unit_is_waited_for, set_up),
        cmocka_unit_test_setup(what_the_firmware_left_on_is_turned_off, set_up),
        cmocka_unit_test_setup(protected_regions_end, set_up),
        cmocka_unit_test_setup(each_step_that_has_no_effect_is_named, set_up),
        cmocka_unit_test_setup(a_function_is_forgotten_with_what_it_reached, set_up),
        cmocka_unit_test_setup(what_is_under_way_is_drained_where_the_unit_can, set_up),
        cmocka_unit_test_setup(the_write_buffer_is_flushed_where_it_must_be, set_up),
        cmocka_unit_test_setup(the_queue_goes_round, set_up),
        cmocka_unit_test_setup(a_unit_that_failed_is_asked_for_nothing_more, set_up),
        cmocka_unit_test_setup(an_error_of_the_queue_ends_the_wait, set_up),
        cmocka_unit_test_setup(faults_are_taken_oldest_first_and_once, set_up),
        cmocka_unit_test_setup(a_fault_calls_by_nmi_and_can_be_told_not_to, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
