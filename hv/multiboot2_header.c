/* SPDX-License-Identifier: MIT
 *
 * See multiboot2_header.h. Multiboot2 Specification 2.0, "3.1 OS image format".
 */
#include "hv/multiboot2_header.h"

#include "arch/spec/multiboot2.h"
#include "hv/addr.h"
#include "hv/bytes.h"

static bool find_header(struct span kernel, uint64_t *offset)
{
    for (uint64_t at = 0; at + MULTIBOOT2_HEADER_BYTES <= MULTIBOOT2_SEARCH_BYTES &&
                          span_has(kernel, at, MULTIBOOT2_HEADER_BYTES);
         at += MULTIBOOT2_ALIGNMENT) {
        const uint8_t *header = kernel.bytes + at;
        uint32_t magic = little_32(header);

        *offset = at;
        if (magic == MULTIBOOT2_HEADER_MAGIC &&
            little_32(header + MULTIBOOT2_HEADER_ARCHITECTURE) == 0 &&
            magic + little_32(header + MULTIBOOT2_HEADER_LENGTH) +
                little_32(header + MULTIBOOT2_HEADER_CHECKSUM) == 0)
            return true;
    }
    return false;
}

bool multiboot2_is(struct span kernel)
{
    uint64_t offset;

    return find_header(kernel, &offset);
}

/* A tag of the header, all of which is in the file. */
struct tag {
    const uint8_t *bytes;
    uint64_t offset;
    uint32_t type;
    bool optional;
    uint32_t size;
};

/* "... TEXT NUMBER": all that is said about a tag begins alike. */
static bool refuse_tag(struct refusal *refusal, uint64_t offset, const char *text, uint32_t number)
{
    return refuse(refusal, "the Multiboot2 header's tag at offset %llxh %s %u",
                  (unsigned long long)offset, text, number);
}

static bool read_tag(struct span kernel, uint64_t offset, struct tag *tag,
                     struct refusal *refusal)
{
    if (!span_has(kernel, offset, MULTIBOOT2_TAG_HEADER_BYTES) || offset > MULTIBOOT2_SEARCH_BYTES)
        return refuse(refusal, "the Multiboot2 header has no end: at offset %llxh another tag "
                      "should be", (unsigned long long)offset);
    tag->bytes = kernel.bytes + offset;
    tag->offset = offset;
    tag->type = little_16(tag->bytes);
    tag->optional = little_16(tag->bytes + MULTIBOOT2_HEADER_TAG_FLAGS) &
                    MULTIBOOT2_HEADER_TAG_OPTIONAL;
    tag->size = little_32(tag->bytes + MULTIBOOT2_HEADER_TAG_SIZE);
    if (tag->size < MULTIBOOT2_TAG_HEADER_BYTES || !span_has(kernel, offset, tag->size))
        return refuse_tag(refusal, offset, "is damaged: its bytes number", tag->size);
    return true;
}

/* Information that we know the meaning of is given if there is any. */
static bool check_information(const struct tag *tag, struct refusal *refusal)
{
    for (uint32_t at = MULTIBOOT2_INFORMATION_TYPES; at + 4 <= tag->size && !tag->optional;
         at += 4) {
        uint32_t type = little_32(tag->bytes + at);
        if (type > MULTIBOOT2_TAG_LAST)
            return refuse_tag(refusal, tag->offset, "requires what Bulkhead does not know: "
                              "information of type", type);
    }
    return true;
}

static bool check_console(const struct tag *tag, struct refusal *refusal)
{
    if (tag->optional || !(tag->bytes[MULTIBOOT2_CONSOLE_FLAGS] & MULTIBOOT2_CONSOLE_REQUIRED))
        return true;
    return refuse_tag(refusal, tag->offset, "requires a screen, and a guest has a serial port "
                      "only: console flags", tag->bytes[MULTIBOOT2_CONSOLE_FLAGS]);
}

static bool check_unknown(const struct tag *tag, struct refusal *refusal)
{
    return tag->optional ||
           refuse_tag(refusal, tag->offset, "is required, and Bulkhead does not know its type:",
                      tag->type);
}

/* What a tag has at least, whose content matters. */
static uint32_t size_min(uint32_t type)
{
    switch (type) {
    case MULTIBOOT2_HEADER_TAG_ADDRESS:
        return MULTIBOOT2_ADDRESS_BYTES;
    case MULTIBOOT2_HEADER_TAG_ENTRY:
        return MULTIBOOT2_ENTRY_BYTES;
    case MULTIBOOT2_HEADER_TAG_CONSOLE:
        return MULTIBOOT2_CONSOLE_BYTES;
    case MULTIBOOT2_HEADER_TAG_RELOCATABLE:
        return MULTIBOOT2_RELOCATABLE_BYTES;
    default:
        return MULTIBOOT2_TAG_HEADER_BYTES;
    }
}

static bool obey_tag(const struct tag *tag, struct multiboot2_header *header,
                     struct refusal *refusal)
{
    if (tag->size < size_min(tag->type))
        return refuse_tag(refusal, tag->offset, "is damaged: its bytes number", tag->size);
    switch (tag->type) {
    case MULTIBOOT2_HEADER_TAG_INFORMATION:
        return check_information(tag, refusal);
    case MULTIBOOT2_HEADER_TAG_ADDRESS:
        header->address_tag = tag->offset;
        return true;
    case MULTIBOOT2_HEADER_TAG_ENTRY:
        header->entry_tag = tag->offset;
        return true;
    case MULTIBOOT2_HEADER_TAG_CONSOLE:
        return check_console(tag, refusal);
    case MULTIBOOT2_HEADER_TAG_RELOCATABLE:
        header->relocatable_tag = tag->offset;
        return true;
    case MULTIBOOT2_HEADER_TAG_FRAMEBUFFER:
    case MULTIBOOT2_HEADER_TAG_MODULE_ALIGN: /* they always are */
    case MULTIBOOT2_HEADER_TAG_EFI_BOOT_SERVICES:
    case MULTIBOOT2_HEADER_TAG_ENTRY_EFI32:
    case MULTIBOOT2_HEADER_TAG_ENTRY_EFI64:
        return true;
    default:
        return check_unknown(tag, refusal);
    }
}

/* Each round consumes a tag's header, and the search ends with 32 KiB. */
bool multiboot2_read_header(struct span kernel, struct multiboot2_header *header,
                            struct refusal *refusal)
{
    struct tag tag;

    *header = (struct multiboot2_header){ .offset = 0 };
    if (!find_header(kernel, &header->offset))
        return refuse(refusal, "the file has no Multiboot2 header in its first %u bytes",
                      MULTIBOOT2_SEARCH_BYTES);
    uint64_t at = header->offset + MULTIBOOT2_HEADER_BYTES;
    for (;;) {
        if (!read_tag(kernel, at, &tag, refusal))
            return false;
        if (tag.type == MULTIBOOT2_HEADER_TAG_END)
            return true;
        if (!obey_tag(&tag, header, refusal))
            return false;
        at += align_up(tag.size, MULTIBOOT2_ALIGNMENT);
    }
}
