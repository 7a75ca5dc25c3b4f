/* SPDX-License-Identifier: MIT
 *
 * See trace_report.h. Everything is found before the first line is written, as the
 * lock of the log is held for a line at a time only.
 */
#include "hv/trace_report.h"

#include "hv/elf_symbols.h"
#include "hv/guest_trace.h"
#include "hv/log.h"
#include "hv/vm.h"

/* One for each address of a trace. */
struct names {
    bool in_image; /* it has symbols */
    struct elf_symbols symbols;
    uint64_t linked[GUEST_TRACE_MAX]; /* 0: in no segment, so without a name */
    struct elf_symbol found[GUEST_TRACE_MAX];
};

/* From where the kernel's file says. */
static uint64_t moved(const struct vm *vm)
{
    return vm->plan.kind == GUEST_KIND_LINUX ? 0 : vm->plan.image.moved;
}

/* A call may be a function's last instruction, so it is looked for one byte before
 * where it returns to. */
static uint64_t called_from(const struct guest_trace *trace, unsigned index)
{
    return index == 0 ? trace->address[index] : trace->address[index] - 1;
}

static void find_names(const struct vm *vm, const struct guest_trace *trace, struct names *names)
{
    struct refusal unused;
    struct elf elf;

    names->in_image = elf_open(vm->boot.kernel, &elf, &unused) &&
                      elf_symbols_open(&elf, &names->symbols);
    if (!names->in_image)
        return;
    for (unsigned i = 0; i < trace->count; i++)
        if (!elf_linked_address(&elf, moved(vm), called_from(trace, i), &names->linked[i]))
            names->linked[i] = 0;
    elf_symbols_find(&names->symbols, names->linked, trace->count, names->found);
}

static void say_call(const struct guest_trace *trace, const struct names *names, unsigned i)
{
    const struct elf_symbol *symbol = &names->found[i];
    unsigned long long address = trace->address[i];
    char name[ELF_SYMBOL_NAME_SIZE];

    if (!names->in_image || names->linked[i] == 0 || symbol->name == 0) {
        log_line(LOG_ERROR, "    %016llx", address);
        return;
    }
    uint64_t before = names->linked[i] - symbol->value;
    elf_symbol_name(&names->symbols, symbol, name);
    log_line(LOG_ERROR, "    %016llx %s+0x%llx", address, name,
             (unsigned long long)(before + address - called_from(trace, i)));
}

static void say_end(const struct guest_trace *trace)
{
    static const char *const ends[] = {
        [GUEST_TRACE_LONG] = "is not followed any more",
        [GUEST_TRACE_UNREADABLE] = "cannot be read",
        [GUEST_TRACE_ASTRAY] = "is none: it is not aligned, or not above the one before",
        [GUEST_TRACE_NO_CODE] = "is none: it has no return address",
    };

    if (trace->end == GUEST_TRACE_16_BIT)
        log_line(LOG_ERROR, "    (16-bit code has no frames)");
    else if (trace->end != GUEST_TRACE_WHOLE)
        log_line(LOG_ERROR, "    (the next frame, at %llx, %s)", (unsigned long long)trace->next,
                 ends[trace->end]);
}

void trace_report(const struct vcpu *vcpu)
{
    struct guest_trace trace;
    struct names names;

    guest_trace_take(vcpu, &trace);
    find_names(vcpu->vm, &trace, &names);
    log_line(LOG_ERROR, "  calls, by frame pointers%s:",
             names.in_image ? "" : " (no symbols in the image)");
    for (unsigned i = 0; i < trace.count; i++)
        say_call(&trace, &names, i);
    say_end(&trace);
}
