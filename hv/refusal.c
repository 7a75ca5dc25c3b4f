/* SPDX-License-Identifier: MIT
 *
 * See refusal.h.
 */
#include "hv/refusal.h"

#include "hv/text.h"

void refusal_say(struct refusal *refusal, enum refusal_about about, const char *format, ...)
{
    va_list arguments;

    refusal->about = about;
    va_start(arguments, format);
    text_format_list(refusal->text, sizeof refusal->text, format, arguments);
    va_end(arguments);
}

void refusal_say_truncated(struct refusal *refusal, size_t end, const char *format, ...)
{
    size_t length = text_format(refusal->text, sizeof refusal->text,
                                "the file is truncated: it ends at offset %zxh", end);
    va_list arguments;

    refusal->about = ABOUT_KERNEL;
    va_start(arguments, format);
    text_format_list(refusal->text + length, sizeof refusal->text - length, format, arguments);
    va_end(arguments);
}

bool refuse_memory(struct refusal *refusal, const struct guest_memory *memory, uint64_t end)
{
    char needed[24], has[24];

    text_bytes(needed, sizeof needed, end > UINT64_MAX - MIB(1) ? end : align_up(end, MIB(1)));
    text_bytes(has, sizeof has, guest_memory_low_end(memory));
    if (guest_memory_is_identical(memory))
        return refuse(refusal, "the kernel wants to lie below %llxh; a guest with unprotected DMA "
                      "has its memory from %llxh to %llxh and needs a kernel that can be moved",
                      (unsigned long long)end, (unsigned long long)guest_memory_low_begin(memory),
                      (unsigned long long)guest_memory_low_end(memory));
    return refuse(refusal, "the kernel needs %s of memory below 4 GiB to start; the guest has %s",
                  needed, has);
}
