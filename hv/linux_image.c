/* SPDX-License-Identifier: MIT
 *
 * Reads the setup header of a bzImage and decides whether it can be started.
 *
 * Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". An
 * image is taken to run at its preferred address and nowhere else: a
 * relocatable kernel may be put higher, never lower, because Linux moves itself
 * up to that address if it finds itself below. So where RAM is short, moving
 * it would gain nothing. Headers older than 2.10 prefer no address; such a
 * kernel runs where code32_start says.
 */
#include "hv/linux.h"

#include "arch/spec/linux_boot.h"
#include "hv/bytes.h"

static uint16_t version(const uint8_t *bytes)
{
    return little_16(bytes + SETUP_VERSION);
}

/* Where the header ends that its version promises, at least. */
static uint32_t header_end_min(uint16_t version)
{
    static const struct { uint16_t version; uint16_t end; } rows[] = {
        { SETUP_VERSION_2_12, SETUP_END_2_12 }, { SETUP_VERSION_2_10, SETUP_END_2_10 },
        { SETUP_VERSION_2_06, SETUP_END_2_06 }, { SETUP_VERSION_2_05, SETUP_END_2_05 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (version >= rows[i].version)
            return rows[i].end;
    return SETUP_END_2_04;
}

/* It ends where its jump instruction leads to. */
static uint32_t header_end(const uint8_t *bytes)
{
    return SETUP_HEADER + (uint32_t)bytes[SETUP_JUMP + 1];
}

bool linux_is_bzimage(struct span kernel)
{
    return span_has(kernel, SETUP_HEADER, sizeof(uint32_t)) &&
           little_16(kernel.bytes + SETUP_BOOT_FLAG) == SETUP_BOOT_FLAG_MAGIC &&
           little_32(kernel.bytes + SETUP_HEADER) == SETUP_HEADER_MAGIC;
}

/* After it, every field exists that the version has. */
static bool check_header(struct span kernel, struct refusal *refusal)
{
    const uint8_t *bytes = kernel.bytes;

    if (!linux_is_bzimage(kernel))
        return refuse(refusal, "the file has no Linux boot header at offset 202h; name a bzImage, "
                      "such as Debian's /boot/vmlinuz");
    if (kernel.size < SETUP_END_MAX)
        return refuse_truncated(refusal, kernel.size, ", in the Linux boot header");
    if (version(bytes) < SETUP_VERSION_2_04)
        return refuse(refusal, "the kernel speaks boot protocol %u.%02u (offset 206h); needed is "
                      "2.04 or later, that is Linux 2.6.14", version(bytes) >> 8,
                      version(bytes) & 0xFF);
    if (bytes[SETUP_JUMP] != SETUP_JUMP_SHORT ||
        header_end(bytes) < header_end_min(version(bytes)) || header_end(bytes) > SETUP_END_MAX)
        return refuse(refusal, "the Linux boot header is damaged: by offset 200h it ends at %xh, "
                      "possible is %xh to %xh", header_end(bytes), header_end_min(version(bytes)),
                      SETUP_END_MAX);
    return true;
}

static bool has_entry_64(const uint8_t *bytes)
{
    return version(bytes) >= SETUP_VERSION_2_12 &&
           (little_16(bytes + SETUP_XLOADFLAGS) & XLOADFLAGS_KERNEL_64) != 0;
}

static uint32_t setup_bytes(const uint8_t *bytes)
{
    uint32_t sectors = bytes[SETUP_SECTS];

    if (sectors == 0)
        sectors = LINUX_SETUP_SECTORS_DEFAULT;
    return (1 + sectors) * LINUX_SECTOR_SIZE; /* the boot sector comes first */
}

/* The code, of which the header tells the paragraphs: in the last one of them
 * the file may end. */
static uint64_t code_bytes(struct span kernel)
{
    uint64_t told = (uint64_t)little_32(kernel.bytes + SETUP_SYSSIZE) * LINUX_PARAGRAPH_SIZE;
    uint64_t end = setup_bytes(kernel.bytes) + told;
    uint64_t missing = end > kernel.size ? end - kernel.size : 0;

    return missing < LINUX_PARAGRAPH_SIZE && missing < told ? told - missing : told;
}

/* Whether all parts are in the file that the header says are. */
static bool check_parts(struct span kernel, struct refusal *refusal)
{
    const uint8_t *bytes = kernel.bytes;
    uint64_t code = code_bytes(kernel);
    uint64_t end = setup_bytes(bytes) + code;
    uint32_t entry = has_entry_64(bytes) ? LINUX_ENTRY_64 : LINUX_ENTRY_32;

    if ((bytes[SETUP_LOADFLAGS] & LOADFLAGS_LOADED_HIGH) == 0)
        return refuse(refusal, "the kernel is a zImage, loaded below 1 MiB (offset 211h); a "
                      "bzImage is needed");
    if (code <= entry)
        return refuse(refusal, "by its boot header (offset 1F4h) the kernel has %llu bytes of "
                      "code, and its entry point at %u", (unsigned long long)code, entry);
    if (kernel.size < end)
        return refuse_truncated(refusal, kernel.size, ", and its kernel at %llxh",
                                (unsigned long long)end);
    return true;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static uint64_t load_address(const uint8_t *bytes)
{
    return version(bytes) >= SETUP_VERSION_2_10 ? little_64(bytes + SETUP_PREF_ADDRESS)
                                                : little_32(bytes + SETUP_CODE32_START);
}

static bool is_relocatable(const uint8_t *bytes)
{
    return version(bytes) >= SETUP_VERSION_2_05 && bytes[SETUP_RELOCATABLE_KERNEL] != 0;
}

/* And says to which alignment, which check_address() has looked at. */
static bool is_movable(const uint8_t *bytes)
{
    return is_relocatable(bytes) && version(bytes) >= SETUP_VERSION_2_10;
}

/* A relocatable kernel aligns itself upwards; one that would do so at its own
 * preferred address is not what its header says. */
static bool check_address(const uint8_t *bytes, struct refusal *refusal)
{
    uint64_t address = load_address(bytes);
    uint64_t alignment = little_32(bytes + SETUP_KERNEL_ALIGNMENT);

    if (version(bytes) < SETUP_VERSION_2_10 && address == 0)
        return refuse(refusal, "the kernel can be entered in real mode only, with a BIOS, which a "
                      "guest has not (code32_start, at offset 214h, is 0)");
    if (address < MIB(1))
        return refuse(refusal, "the boot header is damaged: the kernel wants to run at %llxh, "
                      "below 1 MiB", (unsigned long long)address);
    if (is_relocatable(bytes) && version(bytes) >= SETUP_VERSION_2_10 &&
        (!is_power_of_two(alignment) || address % alignment != 0))
        return refuse(refusal, "the boot header is damaged: the kernel wants to run at %llxh, "
                      "aligned to %llxh (offset 230h)", (unsigned long long)address,
                      (unsigned long long)alignment);
    return true;
}

static struct linux_image image_facts(struct span kernel)
{
    const uint8_t *bytes = kernel.bytes;
    uint16_t is = version(bytes);
    uint32_t kernel_bytes = (uint32_t)code_bytes(kernel);
    uint32_t init_bytes = is >= SETUP_VERSION_2_10 ? little_32(bytes + SETUP_INIT_SIZE) : 0;

    return (struct linux_image){
        .setup_bytes = setup_bytes(bytes),
        .kernel_bytes = kernel_bytes,
        .header_end = header_end(bytes),
        .protocol = is,
        .entry_64 = has_entry_64(bytes),
        .load_address = load_address(bytes),
        .moves = is_movable(bytes),
        .alignment = is_movable(bytes) ? little_32(bytes + SETUP_KERNEL_ALIGNMENT) : 1,
        .runtime_bytes = init_bytes > kernel_bytes ? init_bytes : kernel_bytes,
        .initrd_max = little_32(bytes + SETUP_INITRD_ADDR_MAX),
        .cmdline_max = is >= SETUP_VERSION_2_06 ? little_32(bytes + SETUP_CMDLINE_SIZE)
                                                : SETUP_CMDLINE_SIZE_2_04,
    };
}

bool linux_image_check(struct span kernel, struct linux_image *image, struct refusal *refusal)
{
    if (!check_header(kernel, refusal) || !check_parts(kernel, refusal) ||
        !check_address(kernel.bytes, refusal))
        return false;
    *image = image_facts(kernel);
    return true;
}
