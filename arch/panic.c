/* SPDX-License-Identifier: MIT
 *
 * See panic.h. Uses log_line after console_panic(), which takes no lock and
 * writes synchronously, so that it works from anywhere.
 */
#include "arch/panic.h"

#include "arch/cpu.h"
#include "arch/exception.h"
#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/machine_halt.h"
#include "arch/spec/cr.h"
#include "arch/symbols.h"
#include "hv/check.h"
#include "hv/console.h"
#include "hv/log.h"
#include "hv/log_ring.h"
#include "hv/machine.h"
#include "hv/panic_record.h"
#include "hv/text.h"

#define BACKTRACE_MAX 16

_Atomic bool machine_halted;

/* The other CPUs leave their guests and stop at their next look at the mailbox. */
static void stop_other_cpus(void)
{
    atomic_store(&machine_halted, true);
    unsigned self = cpu_count ? this_cpu()->number : 0;
    for (unsigned i = 0; i < cpu_count; i++)
        if (i != self && atomic_load(&cpus[i]->state) == CPU_READY)
            machine_request(i, REQUEST_NMI_CAME);
}

static _Noreturn void stop_here(void)
{
    for (;;)
        halt();
}

/* One report at most: a fault while reporting stops at once. */
static void begin_report(void)
{
    static _Atomic bool reporting;
    if (atomic_exchange(&reporting, true))
        stop_here();
    interrupts_off();
    console_panic();
    log_ring_panic();
    panic_record_begin();
}

static _Noreturn void end_report(void)
{
    log_line(LOG_ERROR, "halted: internal error");
    panic_record_write();
    console_flush();
    stop_other_cpus();
    stop_here();
}

static bool is_text(uint64_t address)
{
    return address >= IMAGE_VIRTUAL && symbol_name(address) != NULL;
}

static bool is_stack(uint64_t address)
{
    bool mapped = address >= STACK_VIRTUAL && address < STACK_VIRTUAL + PAGE_SIZE_1G;
    return (mapped || address >= IMAGE_VIRTUAL) && address % 8 == 0;
}

static void report_frame(uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_name_offset(address, &offset);
    log_line(LOG_ERROR, "  %016llx %s+%llx", (unsigned long long)address, name,
             (unsigned long long)offset);
}

/* Frame records: the caller's RBP, then the return address. */
static void report_backtrace(uint64_t rbp)
{
    for (unsigned i = 0; i < BACKTRACE_MAX && is_stack(rbp); i++) {
        const uint64_t *record = (const uint64_t *)rbp;
        if (!is_text(record[1]))
            return;
        report_frame(record[1]);
        if (record[0] <= rbp)
            return;
        rbp = record[0];
    }
}

_Noreturn void panic(const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);

    begin_report();
    log_line(LOG_ERROR, "This is a bug of Bulkhead, please report it: %s", text);
    report_backtrace((uint64_t)frame_pointer());
    end_report();
}

_Noreturn void halt_machine(const char *reason)
{
    log_line(LOG_ERROR, "halted: %s", reason);
    console_flush();
    stop_other_cpus();
    stop_here();
}

_Noreturn void check_failed(const char *expression, const char *file, unsigned line)
{
    panic("CHECK(%s) at %s:%u", expression, file, line);
}

static const char *const exception_names[] = {
    "#DE divide error", "#DB debug exception", "NMI", "#BP breakpoint", "#OF overflow",
    "#BR bound range exceeded", "#UD invalid opcode", "#NM device not available",
    "#DF double fault", "coprocessor segment overrun", "#TS invalid TSS",
    "#NP segment not present", "#SS stack-segment fault", "#GP general protection",
    "#PF page fault", "reserved", "#MF x87 floating-point error", "#AC alignment check",
    "#MC machine check", "#XM SIMD floating-point exception", "#VE virtualization exception",
    "#CP control protection",
};

_Noreturn void exception_handler(const struct exception_frame *f)
{
    begin_report();
    const char *name = f->vector < sizeof exception_names / sizeof exception_names[0]
        ? exception_names[f->vector] : "reserved";
    log_line(LOG_ERROR, "This is a bug of Bulkhead, please report it: %s, error code %llx, CPU %u",
             name, (unsigned long long)f->error_code, cpu_count ? this_cpu()->number : 0);
    log_line(LOG_ERROR, "  RIP %016llx  CS %llx  RFLAGS %llx  RSP %016llx  SS %llx",
             (unsigned long long)f->rip, (unsigned long long)f->cs, (unsigned long long)f->rflags,
             (unsigned long long)f->rsp, (unsigned long long)f->ss);
    log_line(LOG_ERROR, "  RAX %016llx  RBX %016llx  RCX %016llx  RDX %016llx",
             (unsigned long long)f->rax, (unsigned long long)f->rbx, (unsigned long long)f->rcx,
             (unsigned long long)f->rdx);
    log_line(LOG_ERROR, "  RSI %016llx  RDI %016llx  RBP %016llx  R8  %016llx",
             (unsigned long long)f->rsi, (unsigned long long)f->rdi, (unsigned long long)f->rbp,
             (unsigned long long)f->r8);
    log_line(LOG_ERROR, "  R9  %016llx  R10 %016llx  R11 %016llx  R12 %016llx",
             (unsigned long long)f->r9, (unsigned long long)f->r10, (unsigned long long)f->r11,
             (unsigned long long)f->r12);
    log_line(LOG_ERROR, "  R13 %016llx  R14 %016llx  R15 %016llx  CR2 %016llx",
             (unsigned long long)f->r13, (unsigned long long)f->r14, (unsigned long long)f->r15,
             (unsigned long long)cr2_read());
    log_line(LOG_ERROR, "  CR0 %llx  CR3 %llx  CR4 %llx", (unsigned long long)cr0_read(),
             (unsigned long long)cr3_read(), (unsigned long long)cr4_read());
    report_frame(f->rip);
    report_backtrace(f->rbp);
    end_report();
}
