/* SPDX-License-Identifier: MIT
 *
 * The I/O exit handler over the real devices: which port is whose, how RAX
 * changes, and string instructions against a model of the processor's.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/console.h"
#include "hv/denied.h"
#include "hv/guest_ports.h"
#include "hv/log.h"
#include "hv/ports.h"
#include "hv/readiness.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "tests/fake/linear.h"
#include "tests/fake/terminal.h"

#define RIP 0x123456
#define ONES 0xFFFFFFFFu
#define UNOWNED 0x1234
#define SCRATCH (GUEST_PORT_COM1 + 7)
#define RING_BYTES 65536

enum { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS };
enum { SIZE_16, SIZE_32, SIZE_64 };

#define EXIT_PORT 0x501

#define READY_PORT 0x510
static const struct vm_config config = { .name = "ada", .console = true, .exit_port = EXIT_PORT,
                                         .ready_port = READY_PORT };
static struct vm vm;
static struct vcpu vcpu;
static unsigned iterations;

void vcpu_end_iteration(void)
{
    iterations++;
}
static uint8_t output[RING_BYTES], input[RING_BYTES];
static const char *end_reason;

void vm_end(struct vm *of, enum vm_end end, const char *reason)
{
    of->end = end;
    end_reason = reason;
}

void vm_exit(struct vm *of, uint32_t status)
{
    of->end = VM_END_EXIT;
    of->exit_status = status;
}

static unsigned readied;

void readiness_reached(struct vm *of)
{
    (void)of;
    readied++;
}

/* Whether a line since the last call says so, and forgets all lines. */
static bool was_said(const char *what)
{
    bool said = strstr(fake_terminal_shown(), what) != NULL;
    denied_init(&vm.denied);
    fake_terminal_clear();
    return said;
}

static void set_segments(uint32_t rights, uint32_t limit)
{
    for (unsigned i = 0; i < 6; i++) {
        machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * i), rights);
        machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_LIMIT + 2 * i), limit);
    }
}

static int fresh(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vm.config = &config;
    vm.state = VM_RUNNING;
    vcpu.vm = &vm;
    vm.vcpus[0] = &vcpu;
    uart_init(&vm.com1, &vm, GUEST_IRQ_COM1, UART_WIRE_CONSOLE);
    uart_init(&vm.com2, &vm, GUEST_IRQ_COM2, UART_WIRE_NOTHING);
    ioapic_init(&vm.ioapic, 1);
    cmos_init(&vm.cmos, 0, 0);
    pci_init(&vm.pci);
    pic_init(&vm.pic);
    timers_init(&vm.timers, 100000000);
    timers_reset(&vm);
    ports_reset(&vm);
    fake_terminal_reset();
    fake_linear_reset();
    denied_init(&vm.denied);
    end_reason = NULL;
    console_attach(&vm, output, sizeof output, input, sizeof input);
    console_use_interrupts();
    (void)fake_terminal_shown();
    set_segments(0x93 | ACCESS_RIGHTS_L, UINT32_MAX);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LME | EFER_LMA);
    return 0;
}

static struct verdict io(uint16_t port, unsigned bytes, uint64_t flags)
{
    machine_vmwrite_natural(VMCS_GUEST_RIP, RIP);
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                            (uint64_t)port << IO_QUALIFICATION_PORT_SHIFT | flags | (bytes - 1));
    return ports_exit(&vcpu);
}

static uint64_t in(uint16_t port, unsigned bytes)
{
    assert_int_equal(io(port, bytes, IO_QUALIFICATION_IN).kind, VERDICT_ADVANCE);
    return vcpu.gpr[GPR_RAX];
}

static void out(uint16_t port, unsigned bytes, uint64_t rax)
{
    vcpu.gpr[GPR_RAX] = rax;
    assert_int_equal(io(port, bytes, 0).kind, VERDICT_ADVANCE);
    assert_true(vcpu.gpr[GPR_RAX] == rax);
}

static void reads_merge_into_rax_by_their_width(void **state)
{
    (void)state;
    out(SCRATCH, 1, 0x5A);
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_true(in(SCRATCH, 1) == 0x112233445566775A);
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_true(in(GUEST_PORT_PM1A_CONTROL, 2) == 0x1122334455660001);
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_true(in(GUEST_PORT_PCI_ADDRESS, 4) == 0);
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_true(in(UNOWNED, 4) == ONES);
    vcpu.gpr[GPR_RAX] = 0x1122334455667788;
    assert_true(in(UNOWNED, 2) == 0x112233445566FFFF);
    assert_true(in(UNOWNED, 1) == 0x112233445566FFFF);
}

static void a_write_takes_the_low_part_of_rax(void **state)
{
    (void)state;
    out(SCRATCH, 1, 0xFFFFFFFFFFFFFF42);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(SCRATCH, 1), 0x42);
    out(GUEST_PORT_PCI_ADDRESS, 4, 0x7777777780000000);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_PCI_DATA + 2, 2), 0x1237);
}

static void each_device_is_at_its_ports(void **state)
{
    (void)state;
    out(GUEST_PORT_COM1, 1, 'x');
    assert_string_equal(fake_terminal_shown(), "x");
    out(GUEST_PORT_COM2 + 7, 1, 0xA5);
    out(SCRATCH, 1, 0x5A);
    assert_int_equal(in(GUEST_PORT_COM2 + 7, 1), 0xA5);
    out(GUEST_PORT_RTC_INDEX, 1, 0x0D);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_RTC_DATA, 1), 0x80);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_I8042_COMMAND, 1) & 2, 0);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_SYSTEM_CONTROL_A, 1), 2);
    out(GUEST_PORT_RESET, 1, 2);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_RESET, 1), 2);
    assert_string_equal(fake_terminal_shown(), "");
}

static void unowned_ports_read_ones_swallow_writes_and_are_reported(void **state)
{
    (void)state;
    (void)in(UNOWNED, 1);
    assert_true(was_said("ada: vCPU 0 read port 0x1234, which it does not own (reads all ones); "
                         "RIP 0x123456\r\n"));
    out(UNOWNED, 4, 1);
    assert_true(was_said("wrote port 0x1234"));
}

static void ports_that_every_kernel_tries_are_not_reported(void **state)
{
    (void)state;
    static const uint16_t expected[] = { 0x80, 0xED, 0x2E8, 0x2EF, 0x3B0, 0x3DF, 0x3EF, 0xCF8,
                                         0xCFB };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        out(expected[i], 1, 0);
        assert_int_equal(in(expected[i], 1), 0xFF);
        vcpu.gpr[GPR_RAX] = 0;
    }
    assert_string_equal(fake_terminal_shown(), "");
    log_level_set(LOG_DEBUG);
    (void)in(0x80, 1);
    assert_true(was_said("read port 0x80"));
}

/* What a guest that owns nothing else can observe of all 65,536 ports. */
static void a_sweep_of_all_ports_finds_the_guests_devices_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned port = 0; port < 0x10000; port++) {
        vcpu.gpr[GPR_RAX] = 0;
        uint64_t value = in((uint16_t)port, 1);
        bool owned = (port >= 0x20 && port <= 0x21) || (port >= 0x40 && port <= 0x43) ||
                     port == 0x60 || port == 0x61 || port == 0x64 || port == 0x70 ||
                     port == 0x71 || port == 0x92 || (port >= 0xA0 && port <= 0xA1) ||
                     (port >= 0x2F8 && port <= 0x2FF) || (port >= 0x3F8 && port <= 0x3FF) ||
                     (port >= 0x4D0 && port <= 0x4D1) ||
                     (port >= 0x600 && port <= 0x605) || (port >= 0x608 && port <= 0x60B) ||
                     port == 0xCF9 || (port >= 0xCFC && port <= 0xCFF);
        bool configured = port == EXIT_PORT || port == READY_PORT;
        if (configured)
            assert_int_equal(value, 0);
        else if (!owned)
            assert_int_equal(value, 0xFF);
        bool expected = port == 0x80 || port == 0xED || (port >= 0x2E8 && port <= 0x2EF) ||
                        (port >= 0x3B0 && port <= 0x3DF) || (port >= 0x3E8 && port <= 0x3EF) ||
                        (port >= 0xCF8 && port <= 0xCFB);
        assert_int_equal(was_said("read port"), !owned && !expected && !configured);
        assert_int_equal(guest_port_is_taken((uint16_t)port), owned || expected);
    }
}

static void the_value_written_to_the_exit_port_is_the_status(void **state)
{
    (void)state;
    for (unsigned bytes = 1; bytes <= 4; bytes *= 2) {
        vm.end = VM_END_NONE;
        vcpu.gpr[GPR_RAX] = 0x1122334455667788;
        assert_int_equal(io(EXIT_PORT, bytes, 0).kind, VERDICT_END);
        assert_int_equal(vm.end, VM_END_EXIT);
        assert_int_equal(vm.exit_status, bytes == 1 ? 0x88 : bytes == 2 ? 0x7788 : 0x55667788);
        vm.end = VM_END_NONE;
    }
    out(EXIT_PORT - 1, 2, 1); /* the port beside it */
    assert_true(was_said("wrote port 0x500,"));
}

/* Without one, port 0 is none either. */
static void a_write_to_the_ready_port_is_told_and_the_guest_goes_on(void **state)
{
    (void)state;
    readied = 0;
    assert_int_equal(ports_read(&vcpu, READY_PORT, 4), 0);
    assert_int_equal(readied, 0);
    assert_true(ports_write(&vcpu, READY_PORT, 1, 0));
    assert_true(ports_write(&vcpu, READY_PORT, 4, 5));
    assert_int_equal(readied, 2);
    assert_true(ports_write(&vcpu, READY_PORT + 1, 1, 0));
    assert_int_equal(readied, 2);
}

static void an_exit_port_is_configured_or_there_is_none(void **state)
{
    (void)state;
    static const struct vm_config none = { .name = "ada" };
    vm.config = &none;
    ports_reset(&vm);
    assert_false(vm.has_more_ports);
    for (unsigned port = 0; port < 0x10000; port++)
        if (!guest_port_is_taken((uint16_t)port))
            out((uint16_t)port, 4, 1);
    assert_int_equal(vm.end, VM_END_NONE);
}

static void a_wide_access_to_a_narrow_device_is_split_into_bytes(void **state)
{
    (void)state;
    out(GUEST_PORT_COM1 + 6, 2, 0xAB00); /* MSR, then SCR */
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_COM1 + 4, 4), 0xABB06000);
    assert_string_equal(fake_terminal_shown(), "");
    assert_int_equal(in(GUEST_PORT_COM1 + 6, 4), 0xFFFFABB0);
    assert_true(was_said("read port 0x400,"));
    out(GUEST_PORT_COM1 + 7, 2, 0);
    assert_true(was_said("wrote port 0x400,"));
    out(GUEST_PORT_RTC_INDEX, 2, 0x770E);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_RTC_DATA, 1), 0x77);
}

static void an_access_across_devices_reaches_each_by_its_bytes(void **state)
{
    (void)state;
    out(GUEST_PORT_PM1A_EVENT, 4, 0x12340000);
    assert_int_equal(in(GUEST_PORT_PM1A_EVENT + 2, 4), 0x00011234);
    out(GUEST_PORT_RESET - 3, 4, 0x02000000);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_RESET, 1), 2);
    assert_int_equal(in(GUEST_PORT_RESET - 3, 4), 0x02FFFFFF);
    out(GUEST_PORT_PCI_ADDRESS, 4, 0x80000000);
    assert_int_equal(in(GUEST_PORT_PCI_DATA + 2, 4), 0xFFFF1237);
    assert_int_equal(in(GUEST_PORT_PCI_DATA - 2, 4), 0x8086FFFF);
}

static void an_access_at_the_last_port_does_not_wrap(void **state)
{
    (void)state;
    assert_int_equal(in(0xFFFF, 4), ONES);
    assert_true(was_said("read port 0xffff,"));
    out(0xFFFE, 4, 0);
    assert_true(was_said("wrote port 0xfffe,"));
}

static void a_doubleword_at_cf8_does_not_reset_and_bytes_do_not_address(void **state)
{
    (void)state;
    out(GUEST_PORT_PCI_ADDRESS, 4, 0x80000E00);
    assert_null(end_reason);
    out(GUEST_PORT_PCI_ADDRESS, 1, 0x55);
    assert_int_equal(in(GUEST_PORT_PCI_ADDRESS, 4), 0x80000E00);
    assert_int_equal(in(GUEST_PORT_PCI_DATA + 2, 4), ONES);
}

static void assert_ends(uint16_t port, unsigned bytes, uint64_t value, enum vm_end end,
                        const char *reason)
{
    fresh(NULL);
    vcpu.gpr[GPR_RAX] = value;
    assert_int_equal(io(port, bytes, 0).kind, VERDICT_END);
    assert_int_equal(vm.end, end);
    assert_string_equal(end_reason, reason);
}

static void a_guest_ends_by_its_ports(void **state)
{
    (void)state;
    assert_ends(GUEST_PORT_PM1A_CONTROL, 2, 0x3401, VM_END_POWEROFF, "ACPI S5");
    assert_ends(GUEST_PORT_RESET, 1, 6, VM_END_REBOOT, "reset by port CF9h");
    assert_ends(GUEST_PORT_I8042_COMMAND, 1, 0xFE, VM_END_REBOOT,
                "reset by the keyboard controller");
    assert_ends(GUEST_PORT_SYSTEM_CONTROL_A, 1, 1, VM_END_REBOOT, "reset by port 92h");
    assert_ends(0x63, 2, 0xFE00, VM_END_REBOOT, "reset by the keyboard controller");
}

/* Waiting. */

static void *write_one_byte(void *unused)
{
    (void)unused;
    out(GUEST_PORT_COM1, 1, 'x');
    return NULL;
}

/* Once the writer has the lock we are next in its queue, so we get it as soon as the
 * writer lets go: before the byte is lost, or else the test fails. */
static void a_write_that_waits_for_the_wire_leaves_the_vms_lock_to_others(void **state)
{
    (void)state;
    pthread_t writer;

    fake.console_room = 0;
    for (unsigned i = 0; i < RING_BYTES; i++)
        out(GUEST_PORT_COM1, 1, 'a');
    lock_acquire(&vm.lock);
    uint32_t ticket = atomic_load(&vm.lock.next);
    pthread_create(&writer, NULL, write_one_byte, NULL);
    while (atomic_load(&vm.lock.next) == ticket)
        sched_yield();
    ticket = atomic_fetch_add(&vm.lock.next, 1);
    lock_release(&vm.lock);
    while (atomic_load(&vm.lock.serving) != ticket)
        sched_yield();
    __atomic_store_n(&fake.console_room, sizeof fake.console_output, __ATOMIC_SEQ_CST);
    lock_release(&vm.lock);
    pthread_join(writer, NULL);
    console_flush();
    assert_string_equal(fake_terminal_shown() + RING_BYTES, "x");
}

/* Strings. */

static void set_string(unsigned segment, unsigned address_size, uint64_t offset)
{
    machine_vmwrite_32(VMCS_EXIT_INSTRUCTION_INFO, address_size << IO_INFO_ADDRESS_SIZE_SHIFT |
                                                       segment << IO_INFO_SEGMENT_SHIFT);
    machine_vmwrite_natural(VMCS_GUEST_LINEAR_ADDRESS, FAKE_LINEAR_BASE + offset);
}

#define OUTS IO_QUALIFICATION_STRING
#define INS (IO_QUALIFICATION_STRING | IO_QUALIFICATION_IN)
#define REP IO_QUALIFICATION_REP

static void outs_without_rep_sends_one_element(void **state)
{
    (void)state;
    fake_linear.bytes[100] = 'h';
    vcpu.gpr[GPR_RCX] = 9;
    vcpu.gpr[GPR_RSI] = 100;
    set_string(SEGMENT_DS, SIZE_64, 100);
    assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS).kind, VERDICT_ADVANCE);
    assert_string_equal(fake_terminal_shown(), "h");
    assert_int_equal(vcpu.gpr[GPR_RSI], 101);
    assert_int_equal(vcpu.gpr[GPR_RCX], 9);
}

static void rep_with_a_count_of_0_does_nothing(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RCX] = 0xFFFFFFFF00000000;
    vcpu.gpr[GPR_RSI] = 5;
    fake_linear.pages[0] = GUEST_LINEAR_FAULT;
    set_string(SEGMENT_DS, SIZE_32, 5);
    assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS | REP).kind, VERDICT_ADVANCE);
    assert_string_equal(fake_terminal_shown(), "");
    assert_int_equal(vcpu.gpr[GPR_RSI], 5);
}

static void ins_stores_what_the_port_reads(void **state)
{
    (void)state;
    out(SCRATCH, 1, 0xA5);
    vcpu.gpr[GPR_RCX] = 3;
    vcpu.gpr[GPR_RDI] = 8;
    set_string(SEGMENT_DS /* undefined for INS */, SIZE_64, 8);
    assert_int_equal(io(SCRATCH, 1, INS | REP).kind, VERDICT_ADVANCE);
    assert_memory_equal(fake_linear.bytes + 7, "\0\xA5\xA5\xA5\0", 5);
    assert_int_equal(vcpu.gpr[GPR_RDI], 11);
    assert_int_equal(vcpu.gpr[GPR_RCX], 0);
}

static void a_fault_leaves_the_registers_and_the_device_alone(void **state)
{
    (void)state;
    fake_terminal_type("k", 1);
    console_service();
    fake_linear.pages[0] = GUEST_LINEAR_FAULT;
    vcpu.gpr[GPR_RCX] = 1;
    vcpu.gpr[GPR_RDI] = 8;
    set_string(SEGMENT_ES, SIZE_64, 8);
    struct verdict verdict = io(GUEST_PORT_COM1, 1, INS | REP);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_PF);
    assert_int_equal(verdict.error_code, PAGE_FAULT_WRITE);
    assert_int_equal(vcpu.gpr[GPR_RCX], 1);
    assert_int_equal(vcpu.gpr[GPR_RDI], 8);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_COM1, 1), 'k');
}

static void a_string_in_the_empty_bus_reads_ones_and_is_reported(void **state)
{
    (void)state;
    fake_linear.pages[0] = GUEST_LINEAR_NOT_RAM;
    vcpu.gpr[GPR_RSI] = 8;
    set_string(SEGMENT_DS, SIZE_64, 8);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
    assert_true(was_said("read address 0x7fff0008, where it has no memory"));
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(SCRATCH, 1), 0xFF);
    assert_int_equal(io(SCRATCH, 1, INS).kind, VERDICT_ADVANCE);
    assert_true(was_said("wrote address 0x7fff0008, where it has no memory"));
}

static void a_long_string_is_done_in_bounded_parts(void **state)
{
    (void)state;
    unsigned exits = 0;
    memset(fake_linear.bytes, 'z', sizeof fake_linear.bytes);
    vcpu.gpr[GPR_RCX] = FAKE_LINEAR_BYTES;
    enum verdict_kind kind = VERDICT_RESUME;
    for (; kind == VERDICT_RESUME; exits++) {
        uint64_t before = vcpu.gpr[GPR_RCX];
        set_string(SEGMENT_DS, SIZE_64, vcpu.gpr[GPR_RSI]);
        kind = io(GUEST_PORT_COM1, 1, OUTS | REP).kind;
        assert_in_range(before - vcpu.gpr[GPR_RCX], 1, 4096);
    }
    assert_int_equal(kind, VERDICT_ADVANCE);
    assert_true(exits >= 4);
    console_flush();
    assert_int_equal(strlen(fake_terminal_shown()), FAKE_LINEAR_BYTES);
    assert_int_equal(vcpu.gpr[GPR_RSI], FAKE_LINEAR_BYTES);
}

static void a_single_stepped_string_is_done_element_by_element(void **state)
{
    (void)state;
    memset(fake_linear.bytes, 'z', sizeof fake_linear.bytes);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
    iterations = 0;
    vcpu.gpr[GPR_RCX] = 3;
    for (unsigned i = 1; i <= 3; i++) {
        set_string(SEGMENT_DS, SIZE_64, vcpu.gpr[GPR_RSI]);
        assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS | REP).kind,
                         i < 3 ? VERDICT_RESUME : VERDICT_ADVANCE);
        assert_int_equal(vcpu.gpr[GPR_RCX], 3 - i);
        assert_int_equal(iterations, i < 3 ? i : 2);
    }
}

static void a_string_that_ends_the_guest_ends_it(void **state)
{
    (void)state;
    memset(fake_linear.bytes, 6, 16);
    vcpu.gpr[GPR_RCX] = 16;
    set_string(SEGMENT_DS, SIZE_64, 0);
    assert_int_equal(io(GUEST_PORT_RESET, 1, OUTS | REP).kind, VERDICT_END);
    assert_int_equal(vm.end, VM_END_REBOOT);
}

static void addresses_wrap_at_their_size_and_upper_bits_stay_as_the_processor_has_it(void **state)
{
    (void)state;
    set_segments(0x93, UINT32_MAX);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    vcpu.gpr[GPR_RCX] = 0x11110002;
    vcpu.gpr[GPR_RSI] = 0x2222FFFF;
    set_string(SEGMENT_DS, SIZE_16, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS | REP).kind, VERDICT_RESUME);
    assert_int_equal(vcpu.gpr[GPR_RCX], 0x11110001);
    assert_int_equal(vcpu.gpr[GPR_RSI], 0x22220000);

    vcpu.gpr[GPR_RCX] = 0x1111111100000001;
    vcpu.gpr[GPR_RSI] = 0x22222222FFFFFFFF;
    set_string(SEGMENT_DS, SIZE_32, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS | REP).kind, VERDICT_ADVANCE);
    assert_true(vcpu.gpr[GPR_RCX] == 0);
    assert_true(vcpu.gpr[GPR_RSI] == 0);
}

static void assert_segment_fault(uint64_t kind, unsigned segment, unsigned vector)
{
    set_string(segment, SIZE_32, 0);
    struct verdict verdict = io(SCRATCH, 1, kind);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, vector);
    assert_true(verdict.has_error_code);
    assert_int_equal(verdict.error_code, 0);
}

static void segments_are_checked_outside_64_bit_mode(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE);
    set_segments(0x93, 0xFFF);
    vcpu.gpr[GPR_RSI] = 0xFFF;
    set_string(SEGMENT_DS, SIZE_32, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
    vcpu.gpr[GPR_RSI] = 0x1000;
    assert_segment_fault(OUTS, SEGMENT_DS, VECTOR_GP);
    assert_segment_fault(OUTS, SEGMENT_SS, VECTOR_SS);
    vcpu.gpr[GPR_RDI] = 0xFFF;
    set_segments(0x91, 0xFFF); /* read-only */
    assert_segment_fault(INS, SEGMENT_ES, VECTOR_GP);
    set_segments(0x9B, 0xFFF); /* code */
    assert_segment_fault(INS, SEGMENT_ES, VECTOR_GP);
    set_segments(0x99, 0xFFF); /* execute-only */
    vcpu.gpr[GPR_RSI] = 0;
    assert_segment_fault(OUTS, SEGMENT_CS, VECTOR_GP);
    set_segments(0x93 | ACCESS_RIGHTS_UNUSABLE, 0xFFF);
    assert_segment_fault(OUTS, SEGMENT_DS, VECTOR_GP);
    set_segments(0x97, 0xFFF); /* expand-down, 16 bits: 1000h to FFFFh */
    assert_segment_fault(OUTS, SEGMENT_DS, VECTOR_GP);
    vcpu.gpr[GPR_RSI] = 0x10000;
    assert_segment_fault(OUTS, SEGMENT_DS, VECTOR_GP);
    vcpu.gpr[GPR_RSI] = 0xFFFF;
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
}

static void types_of_segments_do_not_count_in_real_mode(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_natural(VMCS_GUEST_CR0, 0);
    set_segments(0x99, 0xFFF); /* execute-only code */
    set_string(SEGMENT_CS, SIZE_16, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
    assert_int_equal(io(SCRATCH, 1, INS).kind, VERDICT_ADVANCE);
    vcpu.gpr[GPR_RSI] = 0x1000;
    assert_segment_fault(OUTS, SEGMENT_CS, VECTOR_GP);
}

static void an_unaligned_string_faults_where_alignment_is_checked(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_PG | CR0_AM);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_AC);
    vcpu.gpr[GPR_RSI] = 2;
    set_string(SEGMENT_DS, SIZE_64, 2);
    assert_int_equal(io(GUEST_PORT_PCI_ADDRESS, 4, OUTS).kind, VERDICT_ADVANCE);
    machine_vmwrite_32(VMCS_GUEST_SS_ACCESS_RIGHTS, ACCESS_RIGHTS_DPL_MASK);
    struct verdict verdict = io(GUEST_PORT_PCI_ADDRESS, 4, OUTS);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_AC);
    assert_true(verdict.has_error_code && verdict.error_code == 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
}

static void segments_are_checked_in_compatibility_mode_and_not_in_64_bit_mode(void **state)
{
    (void)state;
    vcpu.gpr[GPR_RSI] = 0x1000;
    set_segments(0x93 | ACCESS_RIGHTS_L, 0xFFF);
    set_string(SEGMENT_DS, SIZE_64, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
    vcpu.gpr[GPR_RSI] = 0x1000;
    set_segments(0x93, 0xFFF);
    assert_segment_fault(OUTS, SEGMENT_DS, VECTOR_GP);
}

static void a_read_only_segment_can_be_sent_from(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    set_segments(0x91, 0xFFF);
    set_string(SEGMENT_DS, SIZE_32, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
    set_segments(0x9B, 0xFFF); /* and readable code */
    set_string(SEGMENT_CS, SIZE_32, 0);
    assert_int_equal(io(SCRATCH, 1, OUTS).kind, VERDICT_ADVANCE);
}

/* Downwards to offset 0 and past it, which wraps to the end of the segment. */
static void a_string_downwards_is_checked_at_its_lower_end(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_DF);
    set_segments(0x93, 0xFFF);
    memcpy(fake_linear.bytes, "dcba", 4);
    vcpu.gpr[GPR_RCX] = 5;
    vcpu.gpr[GPR_RSI] = 3;
    set_string(SEGMENT_DS, SIZE_32, 3);
    assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS | REP).kind, VERDICT_RESUME);
    assert_int_equal(vcpu.gpr[GPR_RCX], 1);
    assert_int_equal(vcpu.gpr[GPR_RSI], 0xFFFFFFFF);
    assert_string_equal(fake_terminal_shown(), "abcd");
    assert_segment_fault(OUTS | REP, SEGMENT_DS, VECTOR_GP);

    set_segments(0x97, 0xFFF); /* expand-down: 1000h is the last one */
    vcpu.gpr[GPR_RCX] = 4;
    vcpu.gpr[GPR_RSI] = 0x1001;
    set_string(SEGMENT_DS, SIZE_32, 3);
    assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS | REP).kind, VERDICT_RESUME);
    assert_int_equal(vcpu.gpr[GPR_RCX], 3);
    set_string(SEGMENT_DS, SIZE_32, 2);
    assert_int_equal(io(GUEST_PORT_COM1, 1, OUTS | REP).kind, VERDICT_RESUME);
    assert_int_equal(vcpu.gpr[GPR_RCX], 2);
    assert_segment_fault(OUTS | REP, SEGMENT_DS, VECTOR_GP);
}

static void wide_elements_go_through_whole(void **state)
{
    (void)state;
    memcpy(fake_linear.bytes, "\x00\x08\x00\x80\x08\x00\x00\x80", 8);
    vcpu.gpr[GPR_RCX] = 2;
    set_string(SEGMENT_DS, SIZE_64, 0);
    assert_int_equal(io(GUEST_PORT_PCI_ADDRESS, 4, OUTS | REP).kind, VERDICT_ADVANCE);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_PCI_ADDRESS, 4), 0x80000008);
    vcpu.gpr[GPR_RCX] = 2;
    set_string(SEGMENT_ES, SIZE_64, 0);
    assert_int_equal(io(GUEST_PORT_PCI_DATA, 4, INS | REP).kind, VERDICT_ADVANCE);
    assert_memory_equal(fake_linear.bytes, "\x02\x00\x00\x06\x02\x00\x00\x06", 8);

    fake_linear.pages[0] = GUEST_LINEAR_NOT_RAM;
    set_string(SEGMENT_DS, SIZE_64, 0);
    assert_int_equal(io(GUEST_PORT_PM1A_EVENT + 2, 2, OUTS).kind, VERDICT_ADVANCE);
    vcpu.gpr[GPR_RAX] = 0;
    assert_int_equal(in(GUEST_PORT_PM1A_EVENT + 2, 2), 0xFFFF);
}

static void a_string_is_done_up_to_the_limit_of_its_segment(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, 0);
    set_segments(0x93, 2);
    memcpy(fake_linear.bytes, "abcd", 4);
    vcpu.gpr[GPR_RCX] = 4;
    enum verdict_kind kind = VERDICT_RESUME;
    while (kind == VERDICT_RESUME) {
        set_string(SEGMENT_DS, SIZE_32, vcpu.gpr[GPR_RSI]);
        kind = io(GUEST_PORT_COM1, 1, OUTS | REP).kind;
    }
    assert_int_equal(kind, VERDICT_INJECT);
    assert_int_equal(vcpu.gpr[GPR_RCX], 1);
    assert_string_equal(fake_terminal_shown(), "abc");
}

/* The model: the processor does one element after the other. */
static void random_strings_do_what_the_processor_does(void **state)
{
    (void)state;
    srand(7);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned bytes = 1u << rand() % 3;
        bool down = rand() % 2;
        uint64_t count = (uint64_t)rand() % 1500 + 1;
        uint64_t span = count * bytes;
        uint64_t start = (uint64_t)rand() % (FAKE_LINEAR_BYTES - span + 1);
        char expected[4096 * 2];
        size_t sent = 0;

        fresh(NULL);
        for (unsigned i = 0; i < FAKE_LINEAR_BYTES; i++)
            fake_linear.bytes[i] = (uint8_t)(' ' + rand() % 90);
        uint64_t at = down ? start + span - bytes : start;
        machine_vmwrite_natural(VMCS_GUEST_RFLAGS, down ? RFLAGS_DF : 0);
        vcpu.gpr[GPR_RCX] = count;
        vcpu.gpr[GPR_RSI] = at;
        /* Of an element at COM1 the first byte is sent; the others go to IER, to
         * FCR and to LCR, where blanks keep them harmless. */
        for (uint64_t i = 0; i < count; i++) {
            uint8_t *element = fake_linear.bytes + (down ? at - i * bytes : at + i * bytes);
            expected[sent++] = (char)element[0];
            for (unsigned byte = 1; byte < bytes; byte++)
                element[byte] = ' ';
        }
        expected[sent] = '\0';
        enum verdict_kind kind = VERDICT_RESUME;
        while (kind == VERDICT_RESUME) {
            set_string(SEGMENT_DS, SIZE_64, vcpu.gpr[GPR_RSI]);
            kind = io(GUEST_PORT_COM1, bytes, OUTS | REP).kind;
        }
        assert_int_equal(kind, VERDICT_ADVANCE);
        assert_int_equal(vcpu.gpr[GPR_RCX], 0);
        assert_true(vcpu.gpr[GPR_RSI] == (down ? at - span : at + span));
        console_flush();
        assert_string_equal(fake_terminal_shown(), expected);
    }
}

static void random_input_strings_fill_memory_in_order(void **state)
{
    (void)state;
    srand(8);
    for (unsigned round = 0; round < 1000; round++) {
        char typed[2000];
        bool down = rand() % 2;
        uint64_t count = (uint64_t)rand() % sizeof typed + 1;
        uint64_t start = (uint64_t)rand() % (FAKE_LINEAR_BYTES - count + 1);

        fresh(NULL);
        for (uint64_t i = 0; i < count; i++)
            typed[i] = (char)(' ' + rand() % 90);
        fake_terminal_type(typed, count);
        console_service();
        machine_vmwrite_natural(VMCS_GUEST_RFLAGS, down ? RFLAGS_DF : 0);
        vcpu.gpr[GPR_RCX] = count;
        vcpu.gpr[GPR_RDI] = down ? start + count - 1 : start;
        enum verdict_kind kind = VERDICT_RESUME;
        while (kind == VERDICT_RESUME) {
            set_string(SEGMENT_ES, SIZE_64, vcpu.gpr[GPR_RDI]);
            kind = io(GUEST_PORT_COM1, 1, INS | REP).kind;
        }
        assert_int_equal(kind, VERDICT_ADVANCE);
        for (uint64_t i = 0; i < count; i++)
            assert_int_equal(fake_linear.bytes[down ? start + count - 1 - i : start + i], typed[i]);
    }
}

static void a_port_is_had_if_any_part_of_the_access_is(void **state)
{
    static const struct { uint16_t port; size_t bytes; bool has; } cases[] = {
        { 0x3F8, 1, true },  { 0x3F7, 1, false },   { 0x3F7, 2, true },  { 0x400, 1, false },
        { 0xCF8, 4, true },  { 0xCF8, 1, false },   { 0xCF9, 1, true },  { 0x80, 1, false },
        { EXIT_PORT, 1, true }, { UNOWNED, 4, false }, { 0xFFFF, 4, false },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ports_has(&vm, cases[i].port, cases[i].bytes), cases[i].has);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_port_is_had_if_any_part_of_the_access_is),
        TEST(reads_merge_into_rax_by_their_width),
        TEST(a_write_takes_the_low_part_of_rax),
        TEST(each_device_is_at_its_ports),
        TEST(unowned_ports_read_ones_swallow_writes_and_are_reported),
        TEST(ports_that_every_kernel_tries_are_not_reported),
        TEST(a_sweep_of_all_ports_finds_the_guests_devices_and_nothing_else),
        TEST(the_value_written_to_the_exit_port_is_the_status),
        TEST(a_write_to_the_ready_port_is_told_and_the_guest_goes_on),
        TEST(an_exit_port_is_configured_or_there_is_none),
        TEST(a_wide_access_to_a_narrow_device_is_split_into_bytes),
        TEST(an_access_across_devices_reaches_each_by_its_bytes),
        TEST(an_access_at_the_last_port_does_not_wrap),
        TEST(a_doubleword_at_cf8_does_not_reset_and_bytes_do_not_address),
        TEST(a_guest_ends_by_its_ports),
        TEST(a_write_that_waits_for_the_wire_leaves_the_vms_lock_to_others),
        TEST(outs_without_rep_sends_one_element),
        TEST(rep_with_a_count_of_0_does_nothing),
        TEST(ins_stores_what_the_port_reads),
        TEST(a_fault_leaves_the_registers_and_the_device_alone),
        TEST(a_string_in_the_empty_bus_reads_ones_and_is_reported),
        TEST(a_long_string_is_done_in_bounded_parts),
        TEST(a_single_stepped_string_is_done_element_by_element),
        TEST(a_string_that_ends_the_guest_ends_it),
        TEST(addresses_wrap_at_their_size_and_upper_bits_stay_as_the_processor_has_it),
        TEST(segments_are_checked_outside_64_bit_mode),
        TEST(types_of_segments_do_not_count_in_real_mode),
        TEST(an_unaligned_string_faults_where_alignment_is_checked),
        TEST(segments_are_checked_in_compatibility_mode_and_not_in_64_bit_mode),
        TEST(a_read_only_segment_can_be_sent_from),
        TEST(a_string_downwards_is_checked_at_its_lower_end),
        TEST(wide_elements_go_through_whole),
        TEST(a_string_is_done_up_to_the_limit_of_its_segment),
        TEST(random_strings_do_what_the_processor_does),
        TEST(random_input_strings_fill_memory_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
