/* SPDX-License-Identifier: MIT
 *
 * hv/preflight.c: which machines are refused, that the reason is named, and
 * which VMX controls the others get. What is wanted is listed here a second
 * time, bit by bit, so that no row can vanish or weaken unseen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/log.h"
#include "hv/preflight.h"
#include "tests/fake/dies.h"

#define WORD(member) offsetof(struct vmx_capabilities, member)

/* Bits that must be 1 by the manual, "Reserved Controls and Default Settings",
 * as processors with the TRUE MSRs have them. */
#define PIN_MUST 0x00000016u
#define PRIMARY_MUST 0x04006172u
#define EXIT_MUST 0x00036DFBu
#define ENTRY_MUST 0x000011FBu

/* Bit numbers as in the tables of the manual; of the controls' words, 0 to 31. */
static const struct wanted {
    const char *finding;
    size_t word;
    unsigned bit;
    enum preflight_need need;
} wanted[] = {
    { "INS and OUTS information", WORD(basic), 54, NEED_REQUIRED },
    { "NMI exiting", WORD(pin), 3, NEED_REQUIRED },
    { "virtual NMIs", WORD(pin), 5, NEED_REQUIRED },
    { "VMX-preemption timer", WORD(pin), 6, NEED_REQUIRED },
    { "MONITOR and MWAIT exiting", WORD(primary), 10, NEED_REQUIRED },
    { "RDPMC exiting", WORD(primary), 11, NEED_REQUIRED },
    { "unconditional I/O exiting", WORD(primary), 24, NEED_REQUIRED },
    { "TSC offsetting", WORD(primary), 3, NEED_REQUIRED },
    { "I/O bitmaps", WORD(primary), 25, NEED_REQUIRED },
    { "MSR bitmaps", WORD(primary), 28, NEED_REQUIRED },
    { "MONITOR and MWAIT exiting", WORD(primary), 29, NEED_REQUIRED },
    { "secondary controls", WORD(primary), 31, NEED_REQUIRED },
    { "EPT", WORD(secondary), 1, NEED_REQUIRED },
    { "RDTSCP", WORD(secondary), 3, NEED_OPTIONAL },
    { "VPID", WORD(secondary), 5, NEED_OPTIONAL },
    { "WBINVD exiting", WORD(secondary), 6, NEED_REQUIRED },
    { "unrestricted guest", WORD(secondary), 7, NEED_REQUIRED },
    { "INVPCID", WORD(secondary), 12, NEED_OPTIONAL },
    { "ENCLS exiting", WORD(secondary), 15, NEED_OPTIONAL },
    { "ENCLV exiting", WORD(secondary), 28, NEED_OPTIONAL },
    { "XSAVES", WORD(secondary), 20, NEED_OPTIONAL },
    { "debug controls switched", WORD(exit), 2, NEED_REQUIRED },
    { "host address-space size", WORD(exit), 9, NEED_REQUIRED },
    { "IA32_PAT switched", WORD(exit), 18, NEED_REQUIRED },
    { "IA32_PAT switched", WORD(exit), 19, NEED_REQUIRED },
    { "IA32_EFER switched", WORD(exit), 20, NEED_REQUIRED },
    { "IA32_EFER switched", WORD(exit), 21, NEED_REQUIRED },
    { "debug controls loaded", WORD(entry), 2, NEED_REQUIRED },
    { "IA32_PAT loaded", WORD(entry), 14, NEED_REQUIRED },
    { "IA32_EFER loaded", WORD(entry), 15, NEED_REQUIRED },
    { "EPT with 4 levels", WORD(ept_vpid), 6, NEED_REQUIRED },
    { "EPT tables in write-back memory", WORD(ept_vpid), 14, NEED_REQUIRED },
    { "EPT pages of 2 MiB", WORD(ept_vpid), 16, NEED_REQUIRED },
    { "EPT pages of 1 GiB", WORD(ept_vpid), 17, NEED_OPTIONAL },
    { "INVEPT", WORD(ept_vpid), 20, NEED_REQUIRED },
    { "INVEPT", WORD(ept_vpid), 25, NEED_REQUIRED },
    { "INVVPID", WORD(ept_vpid), 32, NEED_OPTIONAL },
    { "INVVPID", WORD(ept_vpid), 41, NEED_OPTIONAL },
};
#define XSAVES (1u << 20)
#define WANTED (sizeof wanted / sizeof wanted[0])

static const size_t words[] = { WORD(basic), WORD(pin), WORD(primary), WORD(secondary),
                                WORD(exit), WORD(entry), WORD(ept_vpid) };
#define WORDS (sizeof words / sizeof words[0])

static uint64_t *word_of(struct vmx_capabilities *c, size_t word)
{
    return (uint64_t *)((char *)c + word);
}

/* What a control may be is told in the upper half of its word. */
static unsigned shift_of(size_t word)
{
    return word == WORD(basic) || word == WORD(ept_vpid) ? 0 : 32;
}

static uint64_t may_be_anything(uint32_t must)
{
    return 0xFFFFFFFFull << 32 | must;
}

static struct vmx_capabilities full(void)
{
    return (struct vmx_capabilities){
        .vmx = true, .x2apic = true, .xsavec = true, .feature_control = 5, .basic = 3ull << 54,
        .pin = may_be_anything(PIN_MUST), .primary = may_be_anything(PRIMARY_MUST),
        .secondary = may_be_anything(0), .exit = may_be_anything(EXIT_MUST),
        .entry = may_be_anything(ENTRY_MUST), .ept_vpid = UINT64_MAX,
        .cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xFFFFFFFF,
        .cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3FFFFF,
    };
}

static struct preflight_finding finding(const struct vmx_capabilities *c, const char *name)
{
    for (unsigned i = 0; i < preflight_count(); i++) {
        struct preflight_finding found = preflight_finding(c, i);
        if (strcmp(found.name, name) == 0)
            return found;
    }
    fail_msg("no finding is called \"%s\"", name);
    abort();
}

static unsigned absent_count(const struct vmx_capabilities *c)
{
    unsigned count = 0;
    for (unsigned i = 0; i < preflight_count(); i++)
        count += !preflight_finding(c, i).present;
    return count;
}

static void a_machine_that_has_everything_passes(void **state)
{
    struct vmx_capabilities c = full();
    (void)state;
    assert_int_equal(absent_count(&c), 0);
    assert_true(preflight_passes(&c));
    assert_true(preflight_has_vpid(&c));
    assert_true(preflight_has_1g_pages(&c));
}

static void a_machine_without_vmx_lacks_everything_and_fails(void **state)
{
    struct vmx_capabilities c = { .vmx = false };
    (void)state;
    assert_int_equal(absent_count(&c), preflight_count());
    assert_false(preflight_passes(&c));
    assert_false(preflight_has_vpid(&c));
    assert_false(preflight_has_1g_pages(&c));
}

static void every_row_has_a_name_of_its_own_and_two_consequences(void **state)
{
    struct vmx_capabilities all = full(), none = { .vmx = false };
    (void)state;
    for (unsigned i = 0; i < preflight_count(); i++) {
        struct preflight_finding with = preflight_finding(&all, i);
        struct preflight_finding without = preflight_finding(&none, i);
        assert_string_equal(with.name, without.name);
        assert_int_equal(with.need, without.need);
        assert_true(strlen(with.name) > 0 && strlen(with.name) <= 32); /* the table's column */
        assert_true(strlen(with.consequence) > 0 && strlen(without.consequence) > 0);
        assert_string_not_equal(with.consequence, without.consequence);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(preflight_finding(&all, j).name, with.name);
    }
}

static void number_past_the_end(void *capabilities)
{
    preflight_finding(capabilities, preflight_count());
}

static void there_is_no_finding_past_the_last(void **state)
{
    struct vmx_capabilities c = full();
    (void)state;
    assert_true(dies(number_past_the_end, &c));
}

static void a_single_missing_bit_is_named_and_only_a_required_one_fails(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WANTED; i++) {
        struct vmx_capabilities c = full();
        *word_of(&c, wanted[i].word) &= ~(1ull << (wanted[i].bit + shift_of(wanted[i].word)));
        struct preflight_finding missing = finding(&c, wanted[i].finding);
        assert_false(missing.present);
        assert_int_equal(missing.need, wanted[i].need);
        assert_int_equal(absent_count(&c), 1);
        assert_int_equal(preflight_passes(&c), wanted[i].need == NEED_OPTIONAL);
    }
}

static unsigned advice_with(const struct vmx_capabilities *c, const char *first, const char *second)
{
    const char *advice[PREFLIGHT_ADVICE_MAX] = { "", "", "" };
    unsigned count = preflight_advice(c, advice);
    assert_true(count <= PREFLIGHT_ADVICE_MAX);
    for (unsigned i = 0; i < count; i++)
        assert_true(strlen("to do: ") + strlen(advice[i]) <= LOG_LINE_MAX); /* none is cut */
    assert_non_null(strstr(advice[0], first));
    assert_non_null(strstr(advice[1], second));
    return count;
}

/* Firmware that lies, case by case: the user is told which setting to change. */
static void a_machine_that_fails_is_told_what_to_change(void **state)
{
    struct vmx_capabilities c = full();
    (void)state;
    assert_int_equal(advice_with(&c, "", ""), 0);
    c.feature_control = 1;
    assert_int_equal(advice_with(&c, "locked VT-x off: enable \"Intel Virtualization", ""), 1);
    c.feature_control = 3;
    assert_int_equal(advice_with(&c, "disable \"Intel TXT\"", ""), 1);
    c.x2apic = false;
    assert_int_equal(advice_with(&c, "TXT", "disable \"x2APIC opt-out\""), 2);
    c = full();
    c.x2apic = false;
    assert_int_equal(advice_with(&c, "enable \"x2APIC\" in the BIOS setup", ""), 1);
    c = full();
    c.ept_vpid = 0;
    assert_int_equal(advice_with(&c, "no setting changes that", ""), 1);
    c = (struct vmx_capabilities){ .vmx = false, .x2apic = true };
    assert_int_equal(advice_with(&c, "enable \"Intel Virtualization Technology\"", ""), 1);
    c = (struct vmx_capabilities){ .vmx = false };
    assert_int_equal(advice_with(&c, "no VT-x", "x2APIC"), 2);
}

static void whatever_fails_gets_advice_and_nothing_else_does(void **state)
{
    const char *advice[PREFLIGHT_ADVICE_MAX];
    (void)state;
    for (unsigned i = 0; i < WANTED; i++) {
        struct vmx_capabilities c = full();
        *word_of(&c, wanted[i].word) &= ~(1ull << (wanted[i].bit + shift_of(wanted[i].word)));
        assert_int_equal(preflight_advice(&c, advice) == 0, preflight_passes(&c));
    }
}

static bool is_required(size_t word, unsigned bit)
{
    for (unsigned i = 0; i < WANTED; i++)
        if (wanted[i].word == word && wanted[i].bit == bit && wanted[i].need == NEED_REQUIRED)
            return true;
    return false;
}

static void no_other_bit_is_required(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORDS; i++) {
        for (unsigned bit = 0; bit < 64 - shift_of(words[i]); bit++) {
            struct vmx_capabilities c = full();
            *word_of(&c, words[i]) &= ~(1ull << (bit + shift_of(words[i])));
            assert_int_equal(preflight_passes(&c), !is_required(words[i], bit));
        }
    }
}

static void the_firmware_must_not_have_locked_vmx_off(void **state)
{
    static const struct { uint64_t value; bool allowed; } cases[] = {
        { 0, true },  /* unlocked: we lock it with VMX on */
        { 4, true },
        { 5, true },  /* locked, VMX outside SMX */
        { 7, true },
        { 1, false }, /* locked, off */
        { 3, false }, /* locked, inside SMX only */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vmx_capabilities c = full();
        c.feature_control = cases[i].value;
        assert_int_equal(finding(&c, "VMX allowed by the firmware").present, cases[i].allowed);
        assert_int_equal(preflight_passes(&c), cases[i].allowed);
        assert_int_equal(absent_count(&c), !cases[i].allowed);
    }
}

static void vmx_and_x2apic_are_required_by_themselves(void **state)
{
    struct vmx_capabilities c = full();
    (void)state;
    c.x2apic = false;
    assert_false(finding(&c, "x2APIC").present);
    assert_int_equal(absent_count(&c), 1);
    assert_false(preflight_passes(&c));
    c = full();
    c.vmx = false;
    assert_false(finding(&c, "VMX").present);
    assert_false(preflight_passes(&c));
}

/* PE, NE and PG of CR0 and VMXE of CR4 may be demanded, nothing else. */
static void a_fixed_bit_that_guests_would_see_is_refused(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct vmx_capabilities c = full();
        c.cr0_fixed0 |= 1ull << bit;
        assert_int_equal(preflight_passes(&c), bit == 0 || bit == 5 || bit == 31);
        assert_int_equal(finding(&c, "fixed bits of CR0 and CR4").present, preflight_passes(&c));
        c = full();
        c.cr4_fixed0 |= 1ull << bit;
        assert_int_equal(preflight_passes(&c), bit == 13);
        assert_int_equal(finding(&c, "fixed bits of CR0 and CR4").present, preflight_passes(&c));
    }
}

static uint32_t wanted_bits(size_t word)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < WANTED; i++)
        if (wanted[i].word == word)
            bits |= 1u << wanted[i].bit;
    return bits;
}

#define TIMER (1u << 6)
#define VPID (1u << 5)
#define IO_BITMAPS (1u << 25)

static void controls_are_what_must_be_and_what_is_wanted_and_no_more(void **state)
{
    struct vmx_capabilities c = full();
    struct vmx_controls controls = preflight_controls(&c);
    (void)state;
    assert_int_equal(controls.pin, (PIN_MUST | wanted_bits(WORD(pin))) & ~TIMER);
    assert_int_equal(controls.primary, (PRIMARY_MUST | wanted_bits(WORD(primary))) & ~IO_BITMAPS);
    assert_int_equal(controls.secondary, wanted_bits(WORD(secondary)));
    assert_int_equal(controls.exit, EXIT_MUST | wanted_bits(WORD(exit)));
    assert_int_equal(controls.entry, ENTRY_MUST | wanted_bits(WORD(entry)));
}

static void no_control_asks_for_exits_that_a_steady_guest_would_have(void **state)
{
    struct vmx_capabilities c = full();
    struct vmx_controls controls = preflight_controls(&c);
    (void)state;
    assert_false(controls.pin & 1u << 0);      /* external interrupts */
    assert_false(controls.primary & 1u << 2);  /* interrupt window */
    assert_false(controls.primary & 1u << 7);  /* HLT */
    assert_false(controls.primary & 1u << 9);  /* INVLPG */
    assert_false(controls.primary & 1u << 12); /* RDTSC */
    assert_false(controls.primary & 3u << 15); /* CR3 */
    assert_false(controls.primary & 3u << 19); /* CR8 */
    assert_false(controls.primary & 1u << 23); /* MOV DR */
    assert_false(controls.primary & 1u << 25); /* I/O bitmaps, which would let ports pass */
    assert_false(controls.primary & 1u << 30); /* PAUSE */
    assert_false(controls.exit & 1u << 15);    /* acknowledge interrupt on exit */
}

static uint64_t random_64(void)
{
    return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

/* A processor that says "must" says "may" as well. */
static uint64_t random_controls(uint32_t must)
{
    return (random_64() | must) << 32 | must;
}

static void assert_allowed(uint32_t controls, uint64_t capability)
{
    assert_int_equal((uint32_t)capability & ~controls, 0);
    assert_int_equal(controls & ~(uint32_t)(capability >> 32), 0);
}

static void no_processor_is_given_a_control_that_it_does_not_know(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        struct vmx_capabilities c = full();
        c.pin = random_controls(PIN_MUST);
        c.primary = random_controls(PRIMARY_MUST);
        c.secondary = random_controls(0);
        c.exit = random_controls(EXIT_MUST);
        c.entry = random_controls(ENTRY_MUST);
        c.ept_vpid = random_64();
        struct vmx_controls controls = preflight_controls(&c);
        assert_allowed(controls.pin, c.pin);
        assert_allowed(controls.primary, c.primary);
        assert_allowed(controls.secondary, c.secondary);
        assert_allowed(controls.exit, c.exit);
        assert_allowed(controls.entry, c.entry);
        assert_false(controls.pin & TIMER);
        assert_int_equal(!!(controls.secondary & VPID), preflight_has_vpid(&c));
    }
}

static void xsaves_goes_with_an_xsavec_that_keeps_its_format(void **state)
{
    struct vmx_capabilities c = full();
    (void)state;
    assert_true(preflight_controls(&c).secondary & XSAVES);
    c.xsavec = false;
    assert_false(finding(&c, "XSAVEC").present);
    assert_false(finding(&c, "XSAVES").present);
    assert_false(preflight_controls(&c).secondary & XSAVES);
    assert_true(preflight_passes(&c));
}

static void vpid_is_used_only_where_it_can_be_flushed(void **state)
{
    static const unsigned bits[] = { 32, 41 };
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct vmx_capabilities c = full();
        c.ept_vpid &= ~(1ull << bits[i]);
        assert_false(preflight_has_vpid(&c));
        assert_false(preflight_controls(&c).secondary & VPID);
    }
    struct vmx_capabilities c = full();
    c.secondary &= ~((uint64_t)VPID << 32);
    assert_false(preflight_has_vpid(&c));
    assert_false(preflight_controls(&c).secondary & VPID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_that_has_everything_passes),
        cmocka_unit_test(a_machine_without_vmx_lacks_everything_and_fails),
        cmocka_unit_test(every_row_has_a_name_of_its_own_and_two_consequences),
        cmocka_unit_test(there_is_no_finding_past_the_last),
        cmocka_unit_test(a_single_missing_bit_is_named_and_only_a_required_one_fails),
        cmocka_unit_test(a_machine_that_fails_is_told_what_to_change),
        cmocka_unit_test(whatever_fails_gets_advice_and_nothing_else_does),
        cmocka_unit_test(no_other_bit_is_required),
        cmocka_unit_test(the_firmware_must_not_have_locked_vmx_off),
        cmocka_unit_test(vmx_and_x2apic_are_required_by_themselves),
        cmocka_unit_test(a_fixed_bit_that_guests_would_see_is_refused),
        cmocka_unit_test(controls_are_what_must_be_and_what_is_wanted_and_no_more),
        cmocka_unit_test(no_control_asks_for_exits_that_a_steady_guest_would_have),
        cmocka_unit_test(no_processor_is_given_a_control_that_it_does_not_know),
        cmocka_unit_test(xsaves_goes_with_an_xsavec_that_keeps_its_format),
        cmocka_unit_test(vpid_is_used_only_where_it_can_be_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
