/* SPDX-License-Identifier: MIT
 *
 * Puts a kernel, its initrd and all that its entry asks for into a guest's
 * memory. Linux, Documentation/arch/x86/boot.rst, "32-bit Boot Protocol" and
 * "64-bit Boot Protocol". This is what the guest finds in its memory:
 *
 *     7000             boot_params
 *     8000 .. 10000    stack, GDT, page tables (hv/entry_tables.h)
 *     10000 .. 20000   command line
 *     E0000 .. 100000  ACPI tables (hv/guest_acpi.c)
 *     load address     kernel
 *     as high as may   initrd
 */
#include "hv/linux.h"

#include "arch/spec/linux_boot.h"
#include "hv/check.h"
#include "hv/entry_tables.h"
#include "hv/guest_put.h"
#include "hv/text.h"

#define BOOT_PARAMS_AT 0x7000ull
#define TABLES_AT 0x8000ull
#define CMDLINE_AT 0x10000ull
#define CMDLINE_END 0x20000ull

_Static_assert(BOOT_PARAMS_AT + BOOT_PARAMS_SIZE == TABLES_AT, "the list above");
_Static_assert(TABLES_AT + ENTRY_TABLES_BYTES_LONG == CMDLINE_AT, "the list above");
_Static_assert(LINUX_BOOT_CS == ENTRY_CODE_SELECTOR && LINUX_BOOT_DS == ENTRY_DATA_SELECTOR,
               "the selectors of the boot protocol");

/* ---- Prepare ---- */

static bool prepare_cmdline(const char *cmdline, struct linux_plan *plan, struct refusal *refusal)
{
    uint64_t room = CMDLINE_END - CMDLINE_AT - 1;
    uint64_t limit = plan->image.cmdline_max < room ? plan->image.cmdline_max : room;
    uint64_t length = strlen(cmdline);

    if (length > limit)
        return refuse_about(refusal, ABOUT_CMDLINE, "the command line has %llu characters; the "
                            "kernel takes %llu", (unsigned long long)length,
                            (unsigned long long)limit);
    plan->cmdline_bytes = (uint32_t)length + 1;
    return true;
}

/* The kernel runs where it is loaded, in RAM that the page tables cover: where it
 * would like to be, or else, if it can be moved, at the beginning of the RAM. */
static bool prepare_kernel(const struct guest_memory *memory, struct linux_image *image,
                           struct refusal *refusal)
{
    uint64_t begin = guest_memory_low_begin(memory);
    uint64_t end = guest_memory_low_end(memory);

    if (image->load_address < begin && image->moves)
        image->load_address = align_up(begin, image->alignment);
    uint64_t room_above = UINT64_MAX - image->load_address;

    if (image->load_address >= begin && image->load_address <= end && image->runtime_bytes <= end - image->load_address)
        return true;
    return refuse_memory(refusal, memory,
                         image->runtime_bytes < room_above
                             ? image->load_address + image->runtime_bytes : UINT64_MAX);
}

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Memory for an initrd: whole pages between two addresses. */
struct gap {
    uint64_t begin;
    uint64_t end;
};

static uint64_t gap_bytes(struct gap gap)
{
    return gap.end > gap.begin ? gap.end - gap.begin : 0;
}

/* At the upper end of the gap, if it fits. The gap begins with a page. */
static bool gap_place(struct gap gap, uint64_t bytes, gpa_t *at)
{
    if (gap_bytes(gap) < bytes)
        return false;
    *at = GPA(align_down(gap.end - bytes, PAGE_SIZE_4K));
    return true;
}

static bool refuse_initrd(struct refusal *refusal, uint64_t bytes, uint64_t room)
{
    char takes[24], has[24];

    text_bytes(takes, sizeof takes, align_up(bytes, KIB(1)));
    text_bytes(has, sizeof has, align_down(room, KIB(1)));
    return refuse_about(refusal, ABOUT_INITRD, "the initrd takes %s; beside the kernel there is "
                        "room for %s, so the guest needs more memory", takes, has);
}

/* Behind the kernel if there is room, else between 1 MiB and the kernel. */
static bool prepare_initrd(const struct guest_memory *memory, uint64_t bytes,
                           struct linux_plan *plan, struct refusal *refusal)
{
    const struct linux_image *image = &plan->image;
    uint64_t top = minimum(guest_memory_low_end(memory), image->initrd_max + 1);
    struct gap behind = { align_up(image->load_address + image->runtime_bytes, PAGE_SIZE_4K), top };
    struct gap before = { guest_memory_low_begin(memory), minimum(top, image->load_address) };

    plan->initrd = GPA(0);
    if (bytes == 0 || gap_place(behind, bytes, &plan->initrd) ||
        gap_place(before, bytes, &plan->initrd))
        return true;
    return refuse_initrd(refusal, bytes,
                         gap_bytes(behind) > gap_bytes(before) ? gap_bytes(behind)
                                                               : gap_bytes(before));
}

bool linux_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                   struct linux_plan *plan, struct refusal *refusal)
{
    return linux_image_check(boot->kernel, &plan->image, refusal) &&
           prepare_cmdline(boot->cmdline, plan, refusal) &&
           prepare_kernel(memory, &plan->image, refusal) &&
           prepare_initrd(memory, boot->initrd.size, plan, refusal);
}

/* ---- Load ---- */

static void put_8(const struct guest_memory *memory, uint64_t at, uint8_t value)
{
    guest_put(memory, at, &value, sizeof value);
}

static void put_16(const struct guest_memory *memory, uint64_t at, uint16_t value)
{
    guest_put(memory, at, &value, sizeof value);
}

static void put_32(const struct guest_memory *memory, uint64_t at, uint32_t value)
{
    guest_put(memory, at, &value, sizeof value);
}

/* The fields that a boot loader answers the header's questions with. */
static void load_setup_header(const struct guest_memory *memory, const struct guest_boot *boot,
                              const struct linux_plan *plan)
{
    uint64_t at = BOOT_PARAMS_AT;

    guest_put(memory, at + SETUP_SECTS, boot->kernel.bytes + SETUP_SECTS,
              plan->image.header_end - SETUP_SECTS);
    put_16(memory, at + SETUP_VID_MODE, SETUP_VID_MODE_NORMAL);
    put_8(memory, at + SETUP_TYPE_OF_LOADER, SETUP_LOADER_UNDEFINED);
    put_8(memory, at + SETUP_LOADFLAGS, LOADFLAGS_LOADED_HIGH);
    put_32(memory, at + SETUP_CODE32_START, (uint32_t)plan->image.load_address);
    put_32(memory, at + SETUP_RAMDISK_IMAGE, (uint32_t)plan->initrd.value);
    put_32(memory, at + SETUP_RAMDISK_SIZE, (uint32_t)boot->initrd.size);
    put_32(memory, at + SETUP_CMD_LINE_PTR, CMDLINE_AT);
}

static void load_boot_params(const struct guest_memory *memory, const struct guest_boot *boot,
                             const struct linux_plan *plan)
{
    struct e820_entry e820[GUEST_MEMORY_E820_MAX];
    unsigned entries = guest_memory_e820(memory, e820);

    guest_put_zeros(memory, BOOT_PARAMS_AT, BOOT_PARAMS_SIZE);
    load_setup_header(memory, boot, plan);
    guest_put_64(memory, BOOT_PARAMS_AT + BOOT_PARAMS_ACPI_RSDP_ADDR, boot->rsdp.value);
    put_8(memory, BOOT_PARAMS_AT + BOOT_PARAMS_E820_ENTRIES, (uint8_t)entries);
    guest_put(memory, BOOT_PARAMS_AT + BOOT_PARAMS_E820_TABLE, e820, entries * sizeof e820[0]);
}

static void load_images(const struct guest_memory *memory, const struct guest_boot *boot,
                        const struct linux_plan *plan)
{
    guest_put(memory, plan->image.load_address, boot->kernel.bytes + plan->image.setup_bytes,
              plan->image.kernel_bytes);
    if (boot->initrd.size > 0)
        guest_put(memory, plan->initrd.value, boot->initrd.bytes, boot->initrd.size);
    guest_put(memory, CMDLINE_AT, boot->cmdline, plan->cmdline_bytes);
}

struct entry_state linux_load(const struct guest_memory *memory, const struct guest_boot *boot,
                              const struct linux_plan *plan)
{
    const struct linux_image *image = &plan->image;
    enum entry_mode mode = image->entry_64 ? ENTRY_LONG : ENTRY_PROTECTED;
    gpa_t rip = GPA(image->load_address + (image->entry_64 ? LINUX_ENTRY_64 : LINUX_ENTRY_32));

    load_images(memory, boot, plan);
    load_boot_params(memory, boot, plan);
    struct entry_state entry = entry_tables_load(memory, GPA(TABLES_AT), mode, rip);
    entry.rsi = GPA(BOOT_PARAMS_AT);
    return entry;
}
