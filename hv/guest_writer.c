/* SPDX-License-Identifier: MIT
 *
 * See guest_writer.h.
 */
#include "hv/guest_writer.h"

#include "hv/guest_put.h"
#include "hv/text.h"

void writer_put(const struct guest_writer *writer, uint64_t at, const void *bytes, size_t size)
{
    if (writer->memory != NULL)
        guest_put(writer->memory, at, bytes, size);
}

uint64_t writer_skip(struct guest_writer *writer, size_t size)
{
    uint64_t at = writer->at;

    writer->at += size;
    return at;
}

uint64_t writer_bytes(struct guest_writer *writer, const void *bytes, size_t size)
{
    writer_put(writer, writer->at, bytes, size);
    return writer_skip(writer, size);
}

uint64_t writer_32(struct guest_writer *writer, uint32_t value)
{
    return writer_bytes(writer, &value, sizeof value);
}

uint64_t writer_string(struct guest_writer *writer, const char *text)
{
    return writer_bytes(writer, text, strlen(text) + 1);
}

void writer_align(struct guest_writer *writer, uint64_t alignment)
{
    writer->at = align_up(writer->at, alignment);
}
