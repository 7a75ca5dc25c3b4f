/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a kernel image, in words for whoever chose it.
 */
#include "hv/linux.h"

#include "hv/check.h"
#include "hv/text.h"

const char *linux_status_text(enum linux_status status)
{
    switch (status) {
    case LINUX_OK:
        return NULL;
    case LINUX_NOT_BZIMAGE:
        return "no Linux boot header";
    case LINUX_PROTOCOL_TOO_OLD:
        return "a Linux kernel older than 3.8";
    case LINUX_NOT_LOADED_HIGH:
        return "a zImage, not a bzImage";
    case LINUX_NO_64BIT_ENTRY:
        return "a 32-bit Linux kernel";
    case LINUX_BAD_HEADER_SIZE:
        return "a damaged Linux boot header (its size)";
    case LINUX_BAD_ADDRESS:
        return "a damaged Linux boot header (the load address)";
    case LINUX_BAD_ALIGNMENT:
        return "a damaged Linux boot header (the alignment)";
    case LINUX_NO_CODE:
        return "a Linux boot header without a kernel";
    case LINUX_TRUNCATED:
        return "a truncated Linux kernel";
    case LINUX_CMDLINE_TOO_LONG:
        return "a command line longer than the kernel takes";
    case LINUX_MEMORY_TOO_SMALL:
        return "a kernel that needs more memory";
    case LINUX_INITRD_TOO_LARGE:
        return "an initrd that does not fit into the memory";
    case LINUX_STATUS_COUNT:
        break;
    }
    CHECK(status < LINUX_STATUS_COUNT);
    return NULL;
}

static size_t memory_text(char *to, size_t size, struct linux_result result)
{
    char needed[24], has[24];

    text_bytes(needed, sizeof needed, align_up(result.limit, MIB(1)));
    text_bytes(has, sizeof has, result.is);
    return text_format(to, size,
                       "the kernel needs %s of memory below 4 GiB to start; the guest has %s",
                       needed, has);
}

static size_t initrd_text(char *to, size_t size, struct linux_result result)
{
    char takes[24], room[24];

    text_bytes(takes, sizeof takes, align_up(result.is, KIB(1)));
    text_bytes(room, sizeof room, align_down(result.limit, KIB(1)));
    return text_format(to, size,
                       "the initrd takes %s; beside the kernel there is room for %s, so the guest "
                       "needs more memory", takes, room);
}

size_t linux_result_text(char *to, size_t size, struct linux_result result)
{
    unsigned long long is = result.is, limit = result.limit;

    switch (result.status) {
    case LINUX_OK:
        return text_format(to, size, "a kernel that can be started");
    case LINUX_NOT_BZIMAGE:
        return text_format(to, size, "this file of %llu bytes has no Linux boot header; a "
                           "bzImage is needed, such as Debian's /boot/vmlinuz", is);
    case LINUX_PROTOCOL_TOO_OLD:
        return text_format(to, size, "the kernel speaks boot protocol %llu.%02llu; needed is "
                           "2.12 or later, that is Linux 3.8", is >> 8, is & 0xFF);
    case LINUX_NOT_LOADED_HIGH:
        return text_format(to, size, "the kernel is a zImage, loaded below 1 MiB; a bzImage is "
                           "needed");
    case LINUX_NO_64BIT_ENTRY:
        return text_format(to, size, "the kernel has no 64-bit entry point (XLF_KERNEL_64 is "
                           "clear); a kernel for x86-64 is needed");
    case LINUX_BAD_HEADER_SIZE:
        return text_format(to, size, "the boot header is damaged: it ends at offset %llxh, at most "
                           "%llxh is possible", is, limit);
    case LINUX_BAD_ADDRESS:
        return text_format(to, size, "the boot header is damaged: the kernel wants to run at "
                           "%llxh, below 1 MiB", is);
    case LINUX_BAD_ALIGNMENT:
        return text_format(to, size, "the boot header is damaged: the kernel wants to run at "
                           "%llxh, aligned to %llxh", is, limit);
    case LINUX_NO_CODE:
        return text_format(to, size, "the kernel has %llu bytes of code, and its entry point at "
                           "offset %llu", is, limit);
    case LINUX_TRUNCATED:
        return text_format(to, size, "the file ends at offset %llu, in the middle of the kernel, "
                           "which has %llu bytes", is, limit);
    case LINUX_CMDLINE_TOO_LONG:
        return text_format(to, size, "the command line has %llu characters; the kernel takes %llu",
                           is, limit);
    case LINUX_MEMORY_TOO_SMALL:
        return memory_text(to, size, result);
    case LINUX_INITRD_TOO_LARGE:
        return initrd_text(to, size, result);
    case LINUX_STATUS_COUNT:
        break;
    }
    CHECK(result.status < LINUX_STATUS_COUNT);
    return 0;
}
