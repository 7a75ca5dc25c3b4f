/* SPDX-License-Identifier: MIT
 *
 * Starts a bzImage on the bare machine in the way in which Bulkhead starts it as
 * a guest: by the same code (hv/linux.c), in the same state, with the machine's
 * own memory map. So what it costs there is what it costs natively, and the
 * difference is the hypervisor.
 *
 * GRUB brings the modules "kernel" and, if there is one, "initrd"; its command
 * line for this program becomes the kernel's. The TSC at the kernel's first
 * instruction is printed before: the jump waits for it.
 */
#include "arch/insn.h"
#include "arch/spec/linux_boot.h"
#include "boot/multiboot2.h"
#include "hv/check.h"
#include "hv/linux.h"
#include "hv/machine.h"
#include "hv/text.h"

#define COM1 0x3F8
#define PIC_1_MASK 0x21
#define PIC_2_MASK 0xA1
enum { LINE_STATUS = 5, LINE_CONTROL = 3, LINE_8N1 = 3, STATUS_EMPTY = 1u << 5 };

/* Enough ticks to print a line at 115200 bits a second. */
#define PRINT_TICKS 20000000ull

_Noreturn void native_main(uint32_t magic, uint32_t info_address);
_Noreturn void native_enter(const struct entry_state *entry, uint64_t tsc);

_Static_assert(offsetof(struct entry_state, rip) == 0 && offsetof(struct entry_state, rsi) == 8 &&
               offsetof(struct entry_state, rsp) == 16 && offsetof(struct entry_state, cr3) == 24 &&
               offsetof(struct entry_state, gdt_base) == 32 &&
               offsetof(struct entry_state, gdt_limit) == 40, "native/entry.asm");

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    char line[160];
    va_list arguments;

    va_start(arguments, format);
    size_t length = text_format_list(line, sizeof line, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < length; i++) {
        while (!(in8(COM1 + LINE_STATUS) & STATUS_EMPTY))
            cpu_pause();
        out8(COM1, (uint8_t)line[i]);
    }
}

static _Noreturn void stop(const char *why)
{
    say("native: FAIL %s\r\n", why);
    for (;;)
        halt();
}

_Noreturn void check_failed(const char *expression, const char *file, unsigned line)
{
    say("native: %s:%u\r\n", file, line);
    stop(expression);
}

/* ---- The machine behind hv/guest_memory.c: memory as it is ---- */

void machine_memory_read(void *to, hpa_t from, size_t bytes)
{
    copy_bytes(to, (const void *)from.value, bytes);
}

void machine_memory_write(hpa_t to, const void *from, size_t bytes)
{
    copy_bytes((void *)to.value, from, bytes);
}

void machine_memory_zero(hpa_t at, uint64_t bytes)
{
    zero_quads((void *)at.value, bytes / 8);
}

/* ---- What GRUB brought ---- */

static struct boot_info info;

static const struct boot_module *find_module(const char *name)
{
    for (unsigned i = 0; i < info.module_count; i++)
        if (text_equal(info.modules[i].name, name))
            return &info.modules[i];
    return NULL;
}

/* The end of the machine's RAM below 4 GiB. */
static uint64_t memory_end(void)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < info.memory_count; i++) {
        const struct memory_range *range = &info.memory[i];
        uint64_t range_end = range->base.value + range->bytes;
        if (range->type == MEMORY_USABLE && range_end <= GIB(4) && range_end > end)
            end = range_end;
    }
    return end;
}

/* Out of the way of whatever is loaded: to just below `*top`, which moves down. */
static struct span move_up(const struct boot_module *module, uint64_t *top)
{
    if (!module)
        return (struct span){ NULL, 0 };
    uint64_t bytes = module->end.value - module->start.value;
    uint64_t to = align_down(*top - bytes, PAGE_SIZE_4K);
    for (unsigned i = 0; i < info.module_count; i++)
        if (info.modules[i].end.value > to)
            stop("the modules lie where they are to be moved");
    copy_bytes((void *)to, (const void *)module->start.value, bytes);
    *top = to;
    return (struct span){ (const uint8_t *)to, bytes };
}

/* The kernel is told the machine's memory, not a guest's. */
static void tell_memory(uint8_t *boot_params)
{
    unsigned count = 0;

    for (unsigned i = 0; i < info.memory_count && count < BOOT_PARAMS_E820_MAX; i++, count++) {
        struct e820_entry entry = { info.memory[i].base.value, info.memory[i].bytes,
                                    info.memory[i].type };
        copy_bytes(boot_params + BOOT_PARAMS_E820_TABLE + count * sizeof entry, &entry,
                   sizeof entry);
    }
    boot_params[BOOT_PARAMS_E820_ENTRIES] = (uint8_t)count;
}

_Noreturn void native_main(uint32_t magic, uint32_t info_address)
{
    const uint8_t *bytes = (const uint8_t *)(uint64_t)info_address;

    out8(COM1 + LINE_CONTROL, LINE_8N1);
    out8(PIC_1_MASK, 0xFF); /* a guest has no PIC */
    out8(PIC_2_MASK, 0xFF);
    if (magic != MULTIBOOT2_LOADER_MAGIC ||
        multiboot2_parse(bytes, *(const uint32_t *)bytes, &info) != MULTIBOOT2_OK)
        stop("no multiboot2 information");
    const struct boot_module *kernel = find_module("kernel");
    if (!kernel)
        stop("no module \"kernel\"");

    uint64_t top = memory_end();
    struct guest_boot boot = {
        .kernel = move_up(kernel, &top),
        .initrd = move_up(find_module("initrd"), &top),
        .cmdline = info.command_line,
    };
    struct guest_memory memory = GUEST_MEMORY_COMPACT(0, align_down(top, PAGE_SIZE_2M));
    struct linux_plan plan;
    struct refusal refusal;
    if (!linux_prepare(&memory, &boot, &plan, &refusal))
        stop(refusal.text);
    struct entry_state entry = linux_load(&memory, &boot, &plan);
    tell_memory((uint8_t *)entry.rsi.value);

    uint64_t tsc = rdtsc() + PRINT_TICKS;
    say("native: entry tsc=%llu\r\n", (unsigned long long)tsc);
    native_enter(&entry, tsc);
}
