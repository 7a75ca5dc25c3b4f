/* SPDX-License-Identifier: MIT
 *
 * hv/crash_report.c: what the user reads about a guest that went wrong. The
 * guest is in real mode, where its code is at CS base plus RIP; where calls are
 * told, in 32-bit mode without paging.
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
#include "tests/fake/images.h"
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
        LINE "  calls, by frame pointers (no symbols in the image):" EOL
        LINE "    0000000000007c00" EOL
        LINE "    (16-bit code has no frames)" EOL
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

/* ---- The calls ---- */

#define KERNEL 0xC0000000u

/* The kernel's file, linked at KERNEL and loaded at 1 MiB. */
static void has_symbols(void)
{
    static uint8_t file[FAKE_ELF_BYTES];
    static const struct fake_elf made = {
        .has_sections = true, .entry = KERNEL, .segment_count = 1,
        .segments = { { 1, KERNEL, 0x100000, 0x100, 0x1000 } },
    };
    struct fake_symbols symbols;

    fake_elf(file, &made);
    fake_symbols_begin(&symbols, file);
    fake_symbols_add(&symbols, "kmain", KERNEL + 0x100, 0x40, 2, 1);
    fake_symbols_add(&symbols, "dies\033[2J", KERNEL + 0x200, 0x20, 2, 1);
    fake_symbols_add(&symbols, "start", KERNEL, 0, 0, 1);
    vm.boot.kernel = (struct span){ file, sizeof file };
}

static void frame(uint32_t at, uint32_t next, uint32_t back)
{
    memcpy(fake.memory + at, &next, 4);
    memcpy(fake.memory + at + 4, &back, 4);
}

/* As far as the report goes from the calls on. */
static const char *calls(uint64_t rip, uint32_t frame_pointer)
{
    machine_vmwrite_natural(VMCS_GUEST_CR0, 1);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, UINT32_MAX);
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, ACCESS_RIGHTS_DB);
    vcpu.gpr[GPR_RBP] = frame_pointer;
    return strstr(report(2, rip), LINE "  calls,");
}

static void assert_begins(const char *text, const char *with)
{
    assert_memory_equal(text, with, strlen(with));
}

/* Two of them as it was loaded, and then as it is linked; at last a call that is its
 * function's last instruction, and one that is in no function. */
static void calls_are_told_by_name(void **state)
{
    (void)state;
    has_symbols();
    frame(0x8000, 0x8010, 0x100110);
    frame(0x8010, 0x8020, KERNEL + 0x140);
    frame(0x8020, 0x8030, 0x100007);
    frame(0x8030, 0, KERNEL + 0x1001);
    assert_begins(calls(0x100204, 0x8000),
                  LINE "  calls, by frame pointers:" EOL
                  LINE "    0000000000100204 dies?[2J+0x4" EOL
                  LINE "    0000000000100110 kmain+0x10" EOL
                  LINE "    00000000c0000140 kmain+0x40" EOL
                  LINE "    0000000000100007 start+0x7" EOL
                  LINE "    00000000c0001001" EOL
                  LINE "  1 before: ");
}

static void a_kernel_that_was_moved_has_its_names(void **state)
{
    (void)state;
    has_symbols();
    vm.plan.kind = GUEST_KIND_MULTIBOOT2;
    vm.plan.image.moved = 0x40000;
    const char *text = calls(0x140204, 0);
    vm.plan = (struct guest_plan){ .kind = GUEST_KIND_ANY };
    assert_begins(text, LINE "  calls, by frame pointers:" EOL
                        LINE "    0000000000140204 dies?[2J+0x4" EOL
                        LINE "  1 before: ");
}

static void without_symbols_addresses_are_told_and_that_is_said_once(void **state)
{
    (void)state;
    vm.boot.kernel = (struct span){ NULL, 0 };
    frame(0x8000, 0x8010, 0x100110);
    frame(0x8010, 0x8010, 0x100140);
    assert_begins(calls(0x100204, 0x8000),
                  LINE "  calls, by frame pointers (no symbols in the image):" EOL
                  LINE "    0000000000100204" EOL
                  LINE "    0000000000100110" EOL
                  LINE "    0000000000100140" EOL
                  LINE "    (the next frame, at 8010, is none: it is not aligned, or not above"
                       " the one before)" EOL
                  LINE "  1 before: ");
}

static void why_the_calls_end_is_told(void **state)
{
    (void)state;
    vm.boot.kernel = (struct span){ NULL, 0 };
    assert_non_null(strstr(calls(0x100204, 0xFEE00000),
                           "    (the next frame, at fee00000, cannot be read)" EOL));
    for (uint32_t i = 0; i < 20; i++)
        frame(0x8000 + 8 * i, 0x8008 + 8 * i, 0x100110);
    assert_non_null(strstr(calls(0x100204, 0x8000),
                           "    (the next frame, at 8078, is not followed any more)" EOL));
    machine_vmwrite_32(VMCS_GUEST_CS_LIMIT, 0x100000);
    vcpu.gpr[GPR_RBP] = 0x8000;
    assert_non_null(strstr(report(2, 0x100204),
                           "    (the next frame, at 8000, is none: it has no return address)" EOL));
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
        TEST(calls_are_told_by_name),
        TEST(a_kernel_that_was_moved_has_its_names),
        TEST(without_symbols_addresses_are_told_and_that_is_said_once),
        TEST(why_the_calls_end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
