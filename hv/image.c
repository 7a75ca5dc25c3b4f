/* SPDX-License-Identifier: MIT
 *
 * See image.h.
 */
#include "hv/image.h"

#include "hv/check.h"
#include "hv/entry_tables.h"
#include "hv/guest_put.h"
#include "hv/image_layout.h"
#include "hv/image_sections.h"

#define REAL_MODE_OFFSET_MASK 0xFFFFull

/* ---- What the file says ---- */

bool image_from_elf(struct span kernel, struct image_plan *plan, struct refusal *refusal)
{
    *plan = (struct image_plan){ .is_elf = true, .mode = ENTRY_PROTECTED };
    return elf_open(kernel, &plan->elf, refusal) &&
           elf_check_segments(&plan->elf, &plan->begin, &plan->end, refusal) &&
           elf_entry(&plan->elf, &plan->entry, refusal);
}

bool image_from_piece(struct span kernel, const struct image_piece *piece, uint64_t entry,
                      struct image_plan *plan, struct refusal *refusal)
{
    *plan = (struct image_plan){
        .piece = *piece,
        .mode = ENTRY_PROTECTED,
        .begin = piece->address,
        .end = piece->address + piece->memory_bytes,
        .entry = entry,
    };
    if (piece->memory_bytes == 0)
        return refuse(refusal, "the image is empty: nothing is to be loaded");
    if (!span_has(kernel, piece->file_offset, piece->file_bytes))
        return refuse_truncated(refusal, kernel.size, ", and the kernel has %llxh bytes from %llxh "
                                "on", (unsigned long long)piece->file_bytes,
                                (unsigned long long)piece->file_offset);
    if (piece->address >= GIB(4) || piece->memory_bytes > GIB(4) - piece->address)
        return refuse(refusal, "the image would lie from %llxh to %llxh; a kernel is loaded below "
                      "4 GiB", (unsigned long long)piece->address, (unsigned long long)plan->end);
    if (entry < plan->begin || entry >= plan->end)
        return refuse(refusal, "the entry point %llxh lies outside of the image, which lies from "
                      "%llxh to %llxh", (unsigned long long)entry,
                      (unsigned long long)plan->begin, (unsigned long long)plan->end);
    return true;
}

bool image_from_addresses(struct span kernel, const struct image_addresses *addresses,
                          struct image_plan *plan, struct refusal *refusal)
{
    uint64_t before = addresses->header - addresses->load; /* of the piece, in the file */

    if (addresses->header < addresses->load || before > addresses->header_offset ||
        (addresses->load_end != 0 && addresses->load_end < addresses->load) ||
        (addresses->bss_end != 0 && addresses->bss_end < addresses->load_end))
        return refuse(refusal, "the addresses in the header at offset %llxh are damaged: header "
                      "%xh, load %xh to %xh, bss to %xh", (unsigned long long)
                      addresses->header_offset, addresses->header, addresses->load,
                      addresses->load_end, addresses->bss_end);
    struct image_piece piece = {
        .file_offset = addresses->header_offset - before,
        .address = addresses->load,
    };
    piece.file_bytes = addresses->load_end != 0 ? addresses->load_end - addresses->load
                                                : kernel.size - piece.file_offset;
    piece.memory_bytes = piece.file_bytes;
    if (addresses->bss_end > addresses->load + piece.file_bytes)
        piece.memory_bytes = addresses->bss_end - addresses->load;
    return image_from_piece(kernel, &piece, addresses->entry, plan, refusal);
}

/* ---- The kernel's place ---- */

/* RAM, and nothing of ours: the BIOS area has the ACPI tables. */
static bool check_ram(const struct guest_memory *memory, uint64_t begin, uint64_t bytes,
                      struct refusal *refusal)
{
    uint64_t end = begin + bytes;

    if (end > guest_memory_low_end(memory) ||
        (end > GUEST_BIOS_AREA_END && begin < guest_memory_low_begin(memory)
         && guest_memory_is_identical(memory)))
        return refuse_memory(refusal, memory, end);
    if (begin < GUEST_BIOS_AREA_END && end > GUEST_LOW_MEMORY_END)
        return refuse(refusal, "the kernel wants to lie from %llxh to %llxh, but from %llxh to "
                      "%llxh a PC has its BIOS", (unsigned long long)begin,
                      (unsigned long long)end, GUEST_LOW_MEMORY_END, GUEST_BIOS_AREA_END);
    return true;
}

static bool check_place(const struct guest_memory *memory, const struct image_plan *plan,
                        struct refusal *refusal)
{
    if (!plan->is_elf)
        return check_ram(memory, plan->begin, plan->end - plan->begin, refusal);
    for (uint32_t i = 0; i < plan->elf.segment_count; i++) {
        struct elf_segment segment = elf_segment(&plan->elf, i);

        if (elf_is_loaded(&segment) && !check_ram(memory, segment.physical + plan->moved,
                                                  segment.memory_bytes, refusal))
            return false;
    }
    return true;
}

/* The lowest or highest aligned place in one stretch of RAM. */
static bool find_place(struct image_gap ram, const struct image_range *range, uint64_t bytes,
                       uint64_t *place)
{
    uint64_t begin = align_up(range->begin > ram.begin ? range->begin : ram.begin,
                              range->alignment);
    uint64_t end = range->last < ram.end ? range->last + 1 : ram.end;

    if (begin > end || bytes > end - begin)
        return false;
    *place = range->highest ? align_down(end - bytes, range->alignment) : begin;
    return true;
}

bool image_move(const struct guest_memory *memory, const struct image_range *range,
                struct image_plan *plan, struct refusal *refusal)
{
    const struct image_gap low = { PAGE_SIZE_4K, GUEST_LOW_MEMORY_END };
    const struct image_gap high = { guest_memory_low_begin(memory), guest_memory_low_end(memory) };
    uint64_t bytes = plan->end - plan->begin;
    uint64_t place;

    if (!find_place(range->highest ? high : low, range, bytes, &place) &&
        !find_place(range->highest ? low : high, range, bytes, &place))
        return refuse(refusal, "the kernel takes %llxh bytes and wants them between %llxh and "
                      "%llxh, aligned to %llxh; the guest has no such memory",
                      (unsigned long long)bytes, (unsigned long long)range->begin,
                      (unsigned long long)range->last, (unsigned long long)range->alignment);
    plan->moved = place - plan->begin;
    plan->begin += plan->moved;
    plan->end += plan->moved;
    plan->entry += plan->moved;
    return true;
}

/* ---- Everything else ---- */

static bool place_modules(const struct guest_boot *boot, struct image_layout *layout,
                          struct image_plan *plan, struct refusal *refusal)
{
    for (unsigned i = 0; i < boot->module_count; i++) {
        uint64_t bytes = boot->modules[i].file.size;

        if (!image_layout_high(layout, bytes, PAGE_SIZE_4K, &plan->modules[i]))
            return refuse_about(refusal, ABOUT_MODULES, "module %u has %llu bytes and does not fit "
                                "beside the kernel; give the guest more memory", i + 1,
                                (unsigned long long)bytes);
    }
    return true;
}

static bool place_tables(struct image_layout *layout, struct image_plan *plan)
{
    if (plan->mode == ENTRY_REAL)
        return image_layout_low(layout, IMAGE_STACK_BYTES, PAGE_SIZE_4K, &plan->tables);
    return image_layout_any(layout, entry_tables_bytes(plan->mode), PAGE_SIZE_4K, &plan->tables);
}

bool image_place(const struct guest_memory *memory, const struct guest_boot *boot,
                 uint64_t info_bytes, struct image_plan *plan, struct refusal *refusal)
{
    struct image_layout layout = image_layout(memory, plan->begin, plan->end);
    uint64_t sections_bytes;

    plan->info_bytes = info_bytes;
    if (!check_place(memory, plan, refusal) || !place_modules(boot, &layout, plan, refusal) ||
        !image_sections_check(plan, &sections_bytes, refusal))
        return false;
    if (!image_layout_high(&layout, sections_bytes, PAGE_SIZE_4K, &plan->sections) ||
        !image_layout_any(&layout, info_bytes, 16, &plan->info) || !place_tables(&layout, plan))
        return refuse(refusal, "there is no room beside the kernel for what it is told and its "
                      "sections of %llu bytes; give the guest more memory",
                      (unsigned long long)sections_bytes);
    return true;
}

/* ---- Load ---- */

static void load_piece(const struct guest_memory *memory, const struct guest_boot *boot,
                       const struct image_plan *plan)
{
    const struct image_piece *piece = &plan->piece;

    guest_put(memory, plan->begin, boot->kernel.bytes + piece->file_offset, piece->file_bytes);
    guest_put_zeros(memory, plan->begin + piece->file_bytes,
                    piece->memory_bytes - piece->file_bytes);
}

static struct entry_state begin_real(const struct image_plan *plan)
{
    return (struct entry_state){
        .mode = ENTRY_REAL,
        .cs = (uint16_t)((plan->entry & ~REAL_MODE_OFFSET_MASK) >> 4),
        .rip = GPA(plan->entry & REAL_MODE_OFFSET_MASK),
        .ss = (uint16_t)(plan->tables.value >> 4),
        .rsp = GPA(IMAGE_STACK_BYTES),
    };
}

struct entry_state image_load(const struct guest_memory *memory, const struct guest_boot *boot,
                              const struct image_plan *plan)
{
    if (plan->is_elf) {
        elf_load(&plan->elf, memory, plan->moved);
        image_sections_load(memory, plan);
    } else {
        load_piece(memory, boot, plan);
    }
    for (unsigned i = 0; i < boot->module_count; i++)
        guest_put(memory, plan->modules[i].value, boot->modules[i].file.bytes,
                  boot->modules[i].file.size);
    if (plan->mode == ENTRY_REAL)
        return begin_real(plan);
    return entry_tables_load(memory, plan->tables, plan->mode, GPA(plan->entry));
}

uint32_t image_upper_kib(const struct guest_memory *memory)
{
    if (guest_memory_is_identical(memory))
        return 0;
    return (uint32_t)((guest_memory_low_end(memory) - GUEST_BIOS_AREA_END) / KIB(1));
}
