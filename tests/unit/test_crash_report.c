/* SPDX-License-Identifier: MIT
 *
 * hv/crash_report.c: what the user reads about a guest that went wrong. The
 * guest is in real mode, where its code is at CS base plus RIP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/crash_report.h"
#include "hv/log.h"
#include "hv/vm.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "
#define EOL "\r\n"
#define BASE GIB(3)
#define BYTES MIB(2)
#define CODE 0x7C00

static const struct vm_config config = { .name = "linux1" };
static struct vm vm = { .config = &config, .memory = GUEST_MEMORY_COMPACT(BASE, BYTES) };
static struct vcpu vcpu;
static _Alignas(RECORDER_RING_BYTES) struct exit_record ring[RECORDER_RECORDS];

/* In place of hv/uart.c. */
void uart_refresh(struct uart *of)
{
    (void)of;
}

static int set_up(void **state)
{
    (void)state;
    fake_terminal_reset();
    free(fake.memory);
    fake.memory = calloc(1, BYTES);
    fake.memory_base = BASE;
    fake.memory_bytes = BYTES;
    for (unsigned i = 0; i < 32; i++)
        fake.memory[CODE + i] = (uint8_t)(0xF0 + i);

    memset(ring, 0, sizeof ring);
    ring[0] = (struct exit_record){ .tsc = 10000, .reason = 48 };
    ring[RECORDER_RECORDS - 1] = (struct exit_record){ .tsc = 9000, .reason = 10, .rip = 0xABC };
    ring[RECORDER_RECORDS - 2] = (struct exit_record){ .tsc = 7000, .reason = 30, .rip = 0xDEF,
                                                       .qualification = 0x3F80008 };
    vcpu = (struct vcpu){ .vm = &vm, .index = 1, .exit = ring };
    for (unsigned i = 0; i < GPR_COUNT; i++)
        vcpu.gpr[i] = 0x1111111111111111ull * i;
    vcpu.gpr[GPR_RSP] = 0xBAD; /* not the guest's: that one is in the VMCS */
    machine_vmwrite_natural(VMCS_GUEST_RSP, 0xFFFFC90000001F58);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, 0x10246);
    machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, 8);
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, 1);
    machine_vmwrite_natural(VMCS_GUEST_CR0, 0x20);
    machine_vmwrite_natural(VMCS_GUEST_CR3, 0x2000);
    machine_vmwrite_natural(VMCS_GUEST_CR4, 0x2040);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0xD01);
    machine_vmwrite_16(VMCS_GUEST_CS_SELECTOR, 0x700);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0x7000);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, 0x9B);
    machine_vmwrite_16(VMCS_GUEST_SS_SELECTOR, 0x18);
    machine_vmwrite_16(VMCS_GUEST_TR_SELECTOR, 0x40);
    machine_vmwrite_natural(VMCS_GUEST_GDTR_BASE, 0xFFFFFE0000001000);
    machine_vmwrite_natural(VMCS_GUEST_IDTR_BASE, 0xFFFFFE0000000000);
    machine_vmwrite_64(VMCS_GUEST_PHYSICAL_ADDRESS, 0xFEE00000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(fake.memory);
    fake.memory = NULL;
    return 0;
}

static const char *report(uint32_t reason, uint64_t rip)
{
    machine_vmwrite_32(VMCS_EXIT_REASON, reason);
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION, 0x181);
    machine_vmwrite_natural(VMCS_GUEST_RIP, rip);
    crash_report(&vcpu, "an instruction that Bulkhead does not know");
    return fake_terminal_shown();
}

static void the_whole_report_reads_like_this(void **state)
{
    (void)state;
    assert_string_equal(
        report(48, 0xC00),
        LINE "linux1: vCPU 1: an instruction that Bulkhead does not know" EOL
        LINE "  exit reason 48 (EPT violation), qualification 181, guest-physical fee00000" EOL
        LINE "  RIP 0000000000000c00  RFLAGS 10246  interruptibility 8  activity 1" EOL
        LINE "  RAX 0000000000000000  RBX 3333333333333333  RCX 1111111111111111"
             "  RDX 2222222222222222" EOL
        LINE "  RSI 6666666666666666  RDI 7777777777777777  RBP 5555555555555555"
             "  RSP ffffc90000001f58" EOL
        LINE "  R8  8888888888888888  R9  9999999999999999  R10 aaaaaaaaaaaaaaaa"
             "  R11 bbbbbbbbbbbbbbbb" EOL
        LINE "  R12 cccccccccccccccc  R13 dddddddddddddddd  R14 eeeeeeeeeeeeeeee"
             "  R15 ffffffffffffffff" EOL
        LINE "  CR0 20  CR3 2000  CR4 2040  EFER d01" EOL
        LINE "  CS 700 base 7000 rights 9b  SS 18  TR 40  GDTR fffffe0000001000"
             "  IDTR fffffe0000000000" EOL
        LINE "  code at RIP: f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff" EOL
        LINE "  1 before: CPUID, RIP abc, qualification 0, 1000 ticks earlier" EOL
        LINE "  2 before: I/O instruction, RIP def, qualification 3f80008, 3000 ticks earlier" EOL);
}

static void flags_above_the_reason_do_not_hide_its_name(void **state)
{
    (void)state;
    assert_non_null(strstr(report(1u << 31 | 33, 0xC00),
                           "exit reason 33 (VM-entry failure: invalid guest state)"));
    assert_non_null(strstr(report(77 + 100, 0xC00), "exit reason 177 (unknown)"));
}

static void code_outside_the_memory_is_said_to_be_unreadable(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0xA0000);
    assert_non_null(strstr(report(2, 0), LINE "  code at RIP: cannot be read" EOL));
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, UINT64_MAX);
    assert_non_null(strstr(report(2, UINT64_MAX), "cannot be read" EOL));
}

static void code_at_the_end_of_the_memory_is_cut(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0x9FFF0);
    memset(fake.memory + 0x9FFFD, 0x90, 3);
    assert_non_null(strstr(report(2, 0xD), LINE "  code at RIP: 90 90 90" EOL));
}

static void it_is_shown_at_the_quietest_level(void **state)
{
    (void)state;
    log_level_set(LOG_ERROR);
    assert_non_null(strstr(report(2, 0xC00), "triple fault"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_whole_report_reads_like_this),
        TEST(flags_above_the_reason_do_not_hide_its_name),
        TEST(code_outside_the_memory_is_said_to_be_unreadable),
        TEST(code_at_the_end_of_the_memory_is_cut),
        TEST(it_is_shown_at_the_quietest_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
