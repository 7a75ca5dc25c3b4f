/* SPDX-License-Identifier: MIT
 *
 * Reads the setup header of a bzImage and decides whether it can be started.
 *
 * Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". An
 * image is taken to run at its preferred address and nowhere else: a
 * relocatable kernel may be put higher, never lower, because Linux moves itself
 * up to that address if it finds itself below. So where RAM is short, moving
 * it would gain nothing.
 */
#include "hv/linux.h"

#include "arch/spec/linux_boot.h"
#include "hv/bytes.h"

static struct linux_result wrong(enum linux_status status, uint64_t is, uint64_t limit)
{
    return (struct linux_result){ status, is, limit };
}

static const struct linux_result fine = { LINUX_OK, 0, 0 };

/* The header's own marks. After it, every field up to SETUP_END_2_12 exists. */
static struct linux_result check_format(struct span kernel)
{
    const uint8_t *bytes = kernel.bytes;

    if (kernel.size < SETUP_END_2_12)
        return wrong(LINUX_NOT_BZIMAGE, kernel.size, SETUP_END_2_12);
    if (little_16(bytes + SETUP_BOOT_FLAG) != SETUP_BOOT_FLAG_MAGIC ||
        little_32(bytes + SETUP_HEADER) != SETUP_HEADER_MAGIC)
        return wrong(LINUX_NOT_BZIMAGE, kernel.size, SETUP_END_2_12);
    if (little_16(bytes + SETUP_VERSION) < SETUP_VERSION_2_12)
        return wrong(LINUX_PROTOCOL_TOO_OLD, little_16(bytes + SETUP_VERSION),
                     SETUP_VERSION_2_12);
    if ((bytes[SETUP_LOADFLAGS] & LOADFLAGS_LOADED_HIGH) == 0)
        return wrong(LINUX_NOT_LOADED_HIGH, bytes[SETUP_LOADFLAGS], 0);
    if ((little_16(bytes + SETUP_XLOADFLAGS) & XLOADFLAGS_KERNEL_64) == 0)
        return wrong(LINUX_NO_64BIT_ENTRY, little_16(bytes + SETUP_XLOADFLAGS), 0);
    return fine;
}

/* The header ends where its jump instruction leads to. */
static uint32_t header_end(const uint8_t *bytes)
{
    return SETUP_HEADER + (uint32_t)bytes[SETUP_JUMP + 1];
}

static uint32_t setup_bytes(const uint8_t *bytes)
{
    uint32_t sectors = bytes[SETUP_SECTS];

    if (sectors == 0)
        sectors = LINUX_SETUP_SECTORS_DEFAULT;
    return (1 + sectors) * LINUX_SECTOR_SIZE; /* the boot sector comes first */
}

/* Whether all parts are in the file that the header says are. */
static struct linux_result check_parts(struct span kernel)
{
    const uint8_t *bytes = kernel.bytes;
    uint64_t code = (uint64_t)little_32(bytes + SETUP_SYSSIZE) * LINUX_PARAGRAPH_SIZE;
    uint64_t end = setup_bytes(bytes) + code;

    if (bytes[SETUP_JUMP] != SETUP_JUMP_SHORT || header_end(bytes) < SETUP_END_2_12 ||
        header_end(bytes) > SETUP_END_MAX)
        return wrong(LINUX_BAD_HEADER_SIZE, header_end(bytes), SETUP_END_MAX);
    if (code <= LINUX_ENTRY_64)
        return wrong(LINUX_NO_CODE, code, LINUX_ENTRY_64);
    if (kernel.size < end)
        return wrong(LINUX_TRUNCATED, kernel.size, end);
    return fine;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* A relocatable kernel aligns itself upwards; one that would do so at its own
 * preferred address is not what its header says. */
static struct linux_result check_address(const uint8_t *bytes)
{
    uint64_t address = little_64(bytes + SETUP_PREF_ADDRESS);
    uint64_t alignment = little_32(bytes + SETUP_KERNEL_ALIGNMENT);

    if (address < MIB(1))
        return wrong(LINUX_BAD_ADDRESS, address, MIB(1));
    if (bytes[SETUP_RELOCATABLE_KERNEL] != 0 &&
        (!is_power_of_two(alignment) || address % alignment != 0))
        return wrong(LINUX_BAD_ALIGNMENT, address, alignment);
    return fine;
}

static struct linux_image image_facts(const uint8_t *bytes)
{
    uint32_t kernel_bytes = little_32(bytes + SETUP_SYSSIZE) * LINUX_PARAGRAPH_SIZE;
    uint32_t init_bytes = little_32(bytes + SETUP_INIT_SIZE);

    return (struct linux_image){
        .setup_bytes = setup_bytes(bytes),
        .kernel_bytes = kernel_bytes,
        .header_end = header_end(bytes),
        .protocol = little_16(bytes + SETUP_VERSION),
        .load_address = little_64(bytes + SETUP_PREF_ADDRESS),
        .runtime_bytes = init_bytes > kernel_bytes ? init_bytes : kernel_bytes,
        .initrd_max = little_32(bytes + SETUP_INITRD_ADDR_MAX),
        .cmdline_max = little_32(bytes + SETUP_CMDLINE_SIZE),
    };
}

struct linux_result linux_image_check(struct span kernel, struct linux_image *image)
{
    struct linux_result result = check_format(kernel);

    if (result.status == LINUX_OK)
        result = check_parts(kernel);
    if (result.status == LINUX_OK)
        result = check_address(kernel.bytes);
    if (result.status == LINUX_OK)
        *image = image_facts(kernel.bytes);
    return result;
}
