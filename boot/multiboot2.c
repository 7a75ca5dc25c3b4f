/* SPDX-License-Identifier: MIT
 *
 * Multiboot2 Specification 2.0, "3.6 Boot information". A tag is looked at only
 * after its whole length was found to lie inside the structure, and a field
 * only after the tag was found long enough for it. Unknown tags are skipped, as
 * "3.6.1 Boot information format" asks.
 */
#include "boot/multiboot2.h"

#include "hv/bytes.h"
#include "hv/text.h"

/* A whole tag, header included. */
struct tag {
    const uint8_t *bytes;
    uint32_t size;
};

/* The string that starts at an offset, or NULL if the tag ends before it does. */
static const char *tag_string(struct tag tag, uint32_t offset)
{
    for (uint32_t i = offset; i < tag.size; i++)
        if (tag.bytes[i] == '\0')
            return (const char *)tag.bytes + offset;
    return NULL;
}

static enum multiboot2_status parse_command_line(struct tag tag, struct boot_info *out)
{
    const char *text = tag_string(tag, MULTIBOOT2_TAG_HEADER_BYTES);
    if (text == NULL)
        return MULTIBOOT2_UNTERMINATED;
    out->command_line_cut = !text_copy(out->command_line, sizeof out->command_line, text);
    return MULTIBOOT2_OK;
}

static enum multiboot2_status parse_loader_name(struct tag tag, struct boot_info *out)
{
    const char *text = tag_string(tag, MULTIBOOT2_TAG_HEADER_BYTES);
    if (text == NULL)
        return MULTIBOOT2_UNTERMINATED;
    (void)text_copy(out->loader_name, sizeof out->loader_name, text); /* for display: may be cut */
    return MULTIBOOT2_OK;
}

static void copy_first_word(struct boot_module *module, const char *text)
{
    size_t length = 0;
    while (length < BOOT_MODULE_NAME_MAX - 1 && text[length] != '\0' && text[length] != ' ') {
        module->name[length] = text[length];
        length++;
    }
    module->name[length] = '\0';
    module->name_cut = text[length] != '\0' && text[length] != ' ';
}

static enum multiboot2_status parse_module(struct tag tag, struct boot_info *out)
{
    if (tag.size < MULTIBOOT2_MODULE_STRING)
        return MULTIBOOT2_TAG_SIZE;
    uint32_t start = little_32(tag.bytes + MULTIBOOT2_MODULE_START);
    uint32_t end = little_32(tag.bytes + MULTIBOOT2_MODULE_END);
    const char *text = tag_string(tag, MULTIBOOT2_MODULE_STRING);
    if (text == NULL)
        return MULTIBOOT2_UNTERMINATED;
    if (end < start)
        return MULTIBOOT2_MODULE_RANGE;
    if (out->module_count == BOOT_MODULES_MAX) {
        out->modules_ignored++;
        return MULTIBOOT2_OK;
    }

    struct boot_module *module = &out->modules[out->module_count++];
    module->start = HPA(start);
    module->end = HPA(end);
    copy_first_word(module, text);
    return MULTIBOOT2_OK;
}

/* Goes on where the range before ended, as one and the same? */
static bool extends(const struct memory_range *last, const struct memory_range *next)
{
    return last->type == next->type && next->base.value >= last->base.value &&
           next->base.value - last->base.value == last->bytes &&
           next->bytes <= UINT64_MAX - last->bytes;
}

/* Losing a usable range costs memory. Losing an unusable one could let it be
 * used where a usable one overlaps it, so that is an error. */
static enum multiboot2_status add_range(struct memory_range range, struct boot_info *out)
{
    if (range.bytes == 0)
        return MULTIBOOT2_OK;
    if (out->memory_count > 0 && extends(&out->memory[out->memory_count - 1], &range)) {
        out->memory[out->memory_count - 1].bytes += range.bytes;
        return MULTIBOOT2_OK;
    }
    if (out->memory_count < BOOT_MEMORY_RANGES_MAX) {
        out->memory[out->memory_count++] = range;
        return MULTIBOOT2_OK;
    }
    if (range.type != MEMORY_USABLE)
        return MULTIBOOT2_MEMORY_RANGES;
    out->memory_ignored++;
    return MULTIBOOT2_OK;
}

static enum multiboot2_status parse_memory_map(struct tag tag, struct boot_info *out)
{
    if (tag.size < MULTIBOOT2_MAP_ENTRIES)
        return MULTIBOOT2_TAG_SIZE;
    uint32_t entry_bytes = little_32(tag.bytes + MULTIBOOT2_MAP_ENTRY_SIZE);
    uint32_t all_bytes = tag.size - MULTIBOOT2_MAP_ENTRIES;
    if (entry_bytes < MULTIBOOT2_ENTRY_BYTES_MIN || all_bytes % entry_bytes != 0)
        return MULTIBOOT2_ENTRY_SIZE;

    uint32_t entry_count = all_bytes / entry_bytes;
    for (uint32_t i = 0; i < entry_count; i++) {
        const uint8_t *entry = tag.bytes + MULTIBOOT2_MAP_ENTRIES + (size_t)i * entry_bytes;
        struct memory_range range = {
            .base = HPA(little_64(entry + MULTIBOOT2_ENTRY_BASE)),
            .bytes = little_64(entry + MULTIBOOT2_ENTRY_LENGTH),
            .type = little_32(entry + MULTIBOOT2_ENTRY_TYPE),
        };
        enum multiboot2_status status = add_range(range, out);
        if (status != MULTIBOOT2_OK)
            return status;
    }
    return MULTIBOOT2_OK;
}

static struct boot_color color(const uint8_t *at)
{
    return (struct boot_color){ .position = at[0], .bits = at[1] };
}

static enum multiboot2_status parse_framebuffer(struct tag tag, struct boot_info *out)
{
    if (tag.size < MULTIBOOT2_FRAMEBUFFER_BYTES_MIN)
        return MULTIBOOT2_TAG_SIZE;
    struct boot_framebuffer framebuffer = {
        .present = true,
        .address = HPA(little_64(tag.bytes + MULTIBOOT2_FRAMEBUFFER_ADDRESS)),
        .pitch_bytes = little_32(tag.bytes + MULTIBOOT2_FRAMEBUFFER_PITCH),
        .width = little_32(tag.bytes + MULTIBOOT2_FRAMEBUFFER_WIDTH),
        .height = little_32(tag.bytes + MULTIBOOT2_FRAMEBUFFER_HEIGHT),
        .bits_per_pixel = tag.bytes[MULTIBOOT2_FRAMEBUFFER_BPP],
        .type = tag.bytes[MULTIBOOT2_FRAMEBUFFER_TYPE],
    };
    if (framebuffer.type == MULTIBOOT2_FRAMEBUFFER_RGB) {
        if (tag.size < MULTIBOOT2_FRAMEBUFFER_RGB_BYTES_MIN)
            return MULTIBOOT2_TAG_SIZE;
        framebuffer.red = color(tag.bytes + MULTIBOOT2_FRAMEBUFFER_COLORS);
        framebuffer.green = color(tag.bytes + MULTIBOOT2_FRAMEBUFFER_COLORS + 2);
        framebuffer.blue = color(tag.bytes + MULTIBOOT2_FRAMEBUFFER_COLORS + 4);
    }
    out->framebuffer = framebuffer;
    return MULTIBOOT2_OK;
}

static enum multiboot2_status parse_rsdp(struct tag tag, uint8_t version, size_t bytes,
                                         struct boot_info *out)
{
    if (tag.size < MULTIBOOT2_TAG_HEADER_BYTES + bytes)
        return MULTIBOOT2_TAG_SIZE;
    if (out->rsdp.version >= version)
        return MULTIBOOT2_OK;
    memcpy(out->rsdp.bytes, tag.bytes + MULTIBOOT2_TAG_HEADER_BYTES, bytes);
    out->rsdp.size = bytes;
    out->rsdp.version = version;
    return MULTIBOOT2_OK;
}

static enum multiboot2_status parse_efi(struct tag tag, size_t pointer_bytes, struct boot_info *out)
{
    if (tag.size < MULTIBOOT2_TAG_HEADER_BYTES + pointer_bytes)
        return MULTIBOOT2_TAG_SIZE;
    const uint8_t *pointer = tag.bytes + MULTIBOOT2_TAG_HEADER_BYTES;
    out->efi = true;
    out->efi_system_table = HPA(pointer_bytes == 8 ? little_64(pointer) : little_32(pointer));
    return MULTIBOOT2_OK;
}

static enum multiboot2_status parse_tag(uint32_t type, struct tag tag, struct boot_info *out)
{
    switch (type) {
    case MULTIBOOT2_TAG_COMMAND_LINE:
        return parse_command_line(tag, out);
    case MULTIBOOT2_TAG_LOADER_NAME:
        return parse_loader_name(tag, out);
    case MULTIBOOT2_TAG_MODULE:
        return parse_module(tag, out);
    case MULTIBOOT2_TAG_MEMORY_MAP:
        return parse_memory_map(tag, out);
    case MULTIBOOT2_TAG_FRAMEBUFFER:
        return parse_framebuffer(tag, out);
    case MULTIBOOT2_TAG_EFI32_SYSTEM_TABLE:
        return parse_efi(tag, 4, out);
    case MULTIBOOT2_TAG_EFI64_SYSTEM_TABLE:
        return parse_efi(tag, 8, out);
    case MULTIBOOT2_TAG_ACPI_OLD:
        return parse_rsdp(tag, 1, 20, out);
    case MULTIBOOT2_TAG_ACPI_NEW:
        return parse_rsdp(tag, 2, BOOT_RSDP_MAX, out);
    case MULTIBOOT2_TAG_EFI_BOOT_SERVICES:
        out->efi_boot_services = true;
        return MULTIBOOT2_OK;
    default:
        return MULTIBOOT2_OK;
    }
}

static enum multiboot2_status parse_tags(const uint8_t *info, size_t total, struct boot_info *out)
{
    size_t offset = MULTIBOOT2_INFO_HEADER_BYTES;
    size_t tags_max = total / MULTIBOOT2_TAG_HEADER_BYTES;
    for (size_t i = 0; i < tags_max; i++) {
        out->error_offset = offset;
        if (offset > total || total - offset < MULTIBOOT2_TAG_HEADER_BYTES)
            return MULTIBOOT2_NO_END;
        uint32_t type = little_32(info + offset);
        struct tag tag = { info + offset, little_32(info + offset + 4) };
        if (tag.size < MULTIBOOT2_TAG_HEADER_BYTES || tag.size > total - offset)
            return MULTIBOOT2_TAG_SIZE;
        if (type == MULTIBOOT2_TAG_END)
            return MULTIBOOT2_OK;
        enum multiboot2_status status = parse_tag(type, tag, out);
        if (status != MULTIBOOT2_OK)
            return status;
        offset = align_up(offset + tag.size, MULTIBOOT2_ALIGNMENT);
    }
    return MULTIBOOT2_NO_END;
}

enum multiboot2_status multiboot2_parse(const uint8_t *info, size_t size, struct boot_info *out)
{
    memset(out, 0, sizeof *out);
    if (size < MULTIBOOT2_INFO_HEADER_BYTES)
        return MULTIBOOT2_TOTAL_SIZE;
    uint32_t total = little_32(info);
    if (total < MULTIBOOT2_INFO_HEADER_BYTES || total > size)
        return MULTIBOOT2_TOTAL_SIZE;

    out->total_bytes = total;
    enum multiboot2_status status = parse_tags(info, total, out);
    if (status == MULTIBOOT2_OK)
        out->error_offset = 0;
    return status;
}

const char *multiboot2_status_text(enum multiboot2_status status)
{
    switch (status) {
    case MULTIBOOT2_OK:
        return "no error";
    case MULTIBOOT2_TOTAL_SIZE:
        return "its total size is impossible";
    case MULTIBOOT2_NO_END:
        return "it has no end tag";
    case MULTIBOOT2_TAG_SIZE:
        return "a tag's size is impossible";
    case MULTIBOOT2_UNTERMINATED:
        return "a string has no end";
    case MULTIBOOT2_MODULE_RANGE:
        return "a module ends before it starts";
    case MULTIBOOT2_ENTRY_SIZE:
        return "the memory map's entries have an impossible size";
    case MULTIBOOT2_MEMORY_RANGES:
        return "the memory map has too many entries";
    }
    return "unknown error";
}
