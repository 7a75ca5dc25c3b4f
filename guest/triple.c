/* SPDX-License-Identifier: MIT
 *
 * A guest that ends in the way it is told to, by one typed letter; another letter
 * makes it ready by its port. Before, it says whether its memory was clean at its
 * start, and makes it dirty: so a second life that finds it clean shows that nothing
 * of the first was left.
 */
#include "guest/lib.h"

#include "hv/guest_memory.h"
#include "hv/guest_ports.h"
#include "hv/text.h"

const char guest_name[] = "triple";

/* Everything below is the loader's or this guest's own (hv/linux.c). */
#define LOADER_END 0x20000ull
#define DIRT 0xD1D1D1D1D1D1D1D1ull

/* The part of a range of RAM that nobody has written yet; false if none. */
static bool untouched_part(struct e820_entry range, uint64_t *begin, uint64_t *end)
{
    uint64_t own_end = range.base < MIB(1) ? LOADER_END : guest_image_end_address();

    *begin = range.base < own_end ? own_end : range.base;
    *end = range.base + range.bytes;
    return *begin < *end;
}

static uint64_t count_not_zero(uint64_t begin, uint64_t end)
{
    uint64_t count = 0;

    for (uint64_t at = begin; at < end; at += sizeof(uint64_t))
        count += TAKE64(at) != 0;
    return count;
}

static void fill(uint64_t begin, uint64_t end)
{
    for (uint64_t at = begin; at < end; at += sizeof(uint64_t))
        TAKE64(at) = DIRT;
}

static void check_memory(void)
{
    struct e820_entry range;
    uint64_t begin, end, dirty = 0, words = 0;

    for (unsigned i = 0; ram_range(i, &range); i++) {
        if (!untouched_part(range, &begin, &end))
            continue;
        dirty += count_not_zero(begin, end);
        words += (end - begin) / sizeof(uint64_t);
        fill(begin, end);
    }
    if (dirty)
        say("memory dirty: %llu of %llu words", (unsigned long long)dirty,
            (unsigned long long)words);
    else
        say("memory clean: %llu words", (unsigned long long)words);
}

static void jump_to(uint64_t address)
{
    asm volatile("jmp *%0" : : "r"(address));
}

/* The last byte of conventional memory becomes the first of an instruction. */
static void run_across_the_edge(void)
{
    TAKE8(GUEST_LOW_MEMORY_END - 1) = 0x48; /* REX.W, and its opcode is missing */
    jump_to(GUEST_LOW_MEMORY_END - 1);
}

static void interrupt_through(uint64_t idt)
{
    struct descriptor_table table = { 0xFFF, idt };

    lidt(&table);
    asm volatile("int3");
}

/* PUSH is done and vanishes; an exception finds no place for its frame. */
static void fault_on_stack(uint64_t stack_end)
{
    asm volatile("mov %0, %%rsp; push %%rax; ud2" : : "r"(stack_end));
}

static void page_through(uint64_t tables)
{
    cr3_write(tables);
}

/* Nothing that is emulated. */
static void load_float(uint64_t address)
{
    asm volatile("fldl (%0)" : : "r"(address) : "memory");
}

/* Every vector that a local APIC can deliver stays pending, the first sixteen
 * of them exceptions' vectors, too: whoever takes this CPU next finds them. */
_Noreturn static void reboot_with_interrupts_pending(void)
{
    interrupts_off();
    for (uint64_t vector = 16; vector < 256; vector++)
        wrmsr(IA32_X2APIC_SELF_IPI, vector);
    reboot();
}

#define HOLE 0xFD000000ull
#define KEYBOARD_RESET 0xFE
#define READY_PORT 0x510

static void end_by(int letter)
{
    switch (letter) {
    case 't': triple_fault();
    case 'r': reboot();
    case 'p': power_off();
    case 'k': out8(GUEST_PORT_I8042_COMMAND, KEYBOARD_RESET); break;
    case 'v': reboot_with_interrupts_pending();
    case 'f': out8(GUEST_PORT_SYSTEM_CONTROL_A, 1); break;
    case 'u': jump_to(HOLE); break;
    case 'x': run_across_the_edge(); break;
    case 'i': interrupt_through(HOLE); break;
    case 's': fault_on_stack(HOLE); break;
    case 'c': page_through(HOLE); break;
    case 'm': load_float(HOLE); break;
    case 'o': out8(READY_PORT, 1); return;
    default: say("t triple fault, r reset, v reset with interrupts pending, p power off, k keyboard reset, f port 92h, u jump to "
                 "a hole, x run into one, i IDT, s stack, c page tables, m x87 in a hole, o ready by port");
             return;
    }
    (void)report(false, "still running after '%c'", letter);
}

void guest_main(void)
{
    check_memory();
    say("ready");
    for (;;) {
        int letter = read_typed();
        if (letter > ' ') {
            say("doing %c", letter);
            end_by(letter);
        }
    }
}
