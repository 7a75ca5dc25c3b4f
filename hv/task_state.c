/* SPDX-License-Identifier: MIT
 *
 * See task_state.h. The two formats differ in where things are and in how wide
 * they are, so each is a row of offsets.
 */
#include "hv/task_state.h"

#include "arch/spec/segment.h"
#include "hv/bytes.h"

#define UPPER_HALF 0xFFFF0000u

struct format {
    uint8_t width; /* of what takes one place */
    uint8_t eip, eflags, gpr, segments, ldt, bytes;
    uint8_t segment_count;
};

static const struct format format_32 = {
    4, TSS_32_EIP, TSS_32_EFLAGS, TSS_32_GPR, TSS_32_SEGMENTS, TSS_32_LDT, TSS_32_BYTES, 6
};
static const struct format format_16 = {
    2, TSS_16_IP, TSS_16_FLAGS, TSS_16_GPR, TSS_16_SEGMENTS, TSS_16_LDT, TSS_16_BYTES, 4
};
_Static_assert(TSS_32_BYTES == TASK_STATE_BYTES_MAX, "the longer one");

static const struct format *format_of(bool is_32)
{
    return is_32 ? &format_32 : &format_16;
}

bool task_state_is_32(const struct segment *tss)
{
    return (segment_type(tss) & ~(unsigned)TYPE_TSS_BUSY) == TYPE_TSS_32;
}

unsigned task_state_bytes(bool is_32)
{
    return format_of(is_32)->bytes;
}

struct task_saved task_state_saved(bool is_32)
{
    const struct format *format = format_of(is_32);
    return (struct task_saved){ format->eip, (uint8_t)(format->ldt - format->eip) };
}

static uint32_t get(const struct format *format, const uint8_t *at)
{
    return format->width == 4 ? little_32(at) : little_16(at);
}

static void put(const struct format *format, uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < format->width; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_selector(uint8_t *at, uint16_t selector)
{
    at[0] = (uint8_t)selector;
    at[1] = (uint8_t)(selector >> 8);
}

void task_state_parse(struct task_state *state, const uint8_t *tss, bool is_32)
{
    const struct format *format = format_of(is_32);

    *state = (struct task_state){
        .eip = get(format, tss + format->eip),
        .eflags = get(format, tss + format->eflags),
        .ldt = little_16(tss + format->ldt),
        .cr3 = is_32 ? little_32(tss + TSS_32_CR3) : 0,
        .has_cr3 = is_32,
        .trap = is_32 && (tss[TSS_32_TRAP] & 1),
    };
    for (unsigned i = 0; i <= GPR_RDI; i++)
        state->gpr[i] = get(format, tss + format->gpr + i * format->width) |
                        (is_32 ? 0 : UPPER_HALF);
    for (unsigned i = 0; i < format->segment_count; i++)
        state->selectors[i] = little_16(tss + format->segments + i * format->width);
}

void task_state_store(const struct task_state *state, uint8_t *tss, bool is_32)
{
    const struct format *format = format_of(is_32);

    put(format, tss + format->eip, state->eip);
    put(format, tss + format->eflags, state->eflags);
    for (unsigned i = 0; i <= GPR_RDI; i++)
        put(format, tss + format->gpr + i * format->width, state->gpr[i]);
    for (unsigned i = 0; i < format->segment_count; i++)
        put_selector(tss + format->segments + i * format->width, state->selectors[i]);
}
