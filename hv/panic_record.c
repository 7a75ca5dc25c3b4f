/* SPDX-License-Identifier: MIT
 *
 * See panic_record.h. Lines come from the log's ring: all that a panic says goes
 * there, whatever the console is. Nothing is looked at where it lies but copied
 * first, as a device may write to memory until VT-d is on.
 */
#include "hv/panic_record.h"

#include "hv/log.h"
#include "hv/log_ring.h"
#include "hv/machine.h"
#include "hv/memory_map.h"
#include "hv/text.h"

#define VERSION 1
#define LINES_BEFORE 8 /* what led to it */

static const hpa_t places[] = { { 0x90000 }, { 0x60000 } };
static const uint8_t magic[8] = "BHpanic";
static struct panic_record *page;
static uint64_t first_line;

/* FNV-1a: a change of one byte always changes it. */
static uint32_t hash(uint32_t so_far, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        so_far = (so_far ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return so_far;
}

static uint32_t checksum(const struct panic_record *record)
{
    uint32_t sum = hash(2166136261u, &record->version, sizeof record->version);
    sum = hash(sum, &record->length, sizeof record->length);
    return hash(sum, record->text, record->length);
}

static bool is_printable(char character)
{
    return character >= ' ' && character <= '~';
}

static bool is_text(const char *text, size_t length)
{
    unsigned lines = 0;
    char last = '\0';
    for (size_t i = 0; i < length; i++) {
        last = text[i];
        if (last == '\n')
            lines++;
        else if (!is_printable(last))
            return false;
    }
    return last == '\n' && lines <= PANIC_RECORD_LINES_MAX;
}

static bool is_valid(const struct panic_record *record)
{
    return memcmp(record->magic, magic, sizeof magic) == 0 && record->version == VERSION
        && record->length <= sizeof record->text
        && record->checksum == checksum(record) && is_text(record->text, record->length);
}

hpa_t panic_record_place(const struct memory_map *map)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (memory_map_holds(map, places[i], sizeof(struct panic_record)))
            return places[i];
    return HPA(0);
}

void panic_record_use(struct panic_record *at)
{
    page = at;
}

static void show(const struct panic_record *record)
{
    log_line(LOG_ERROR, "the hypervisor stopped before this boot; its last lines were:");
    for (size_t at = 0; at < record->length;) {
        size_t end = at;
        while (record->text[end] != '\n')
            end++;
        log_line(LOG_ERROR, "  | %.*s", (int)(end - at), record->text + at);
        at = end + 1;
    }
}

void panic_record_show(void)
{
    static struct panic_record found;
    if (page == NULL)
        return;
    memcpy(&found, page, sizeof found);
    memset(page, 0, sizeof *page);
    machine_memory_publish(page, sizeof *page);
    if (is_valid(&found))
        show(&found);
}

void panic_record_begin(void)
{
    uint64_t next = log_ring_next();
    first_line = next > LINES_BEFORE ? next - LINES_BEFORE : 0;
}

/* The last lines count most. */
static uint64_t first_that_fits(uint64_t next)
{
    char line[LOG_RING_TEXT];
    size_t room = PANIC_RECORD_TEXT;
    uint64_t number = next;
    while (number > first_line && next - number < PANIC_RECORD_LINES_MAX
           && log_ring_read(number - 1, line) && strlen(line) < room) {
        room -= strlen(line) + 1;
        number--;
    }
    return number;
}

static void put(char character)
{
    if (page->length < PANIC_RECORD_TEXT)
        page->text[page->length++] = character;
}

static void append(const char *line)
{
    for (; *line != '\0'; line++)
        put(is_printable(*line) ? *line : '?');
    put('\n');
}

void panic_record_write(void)
{
    char line[LOG_RING_TEXT];
    if (page == NULL)
        return;
    uint64_t next = log_ring_next();
    page->version = VERSION;
    page->length = 0;
    for (uint64_t number = first_that_fits(next); number < next; number++)
        if (log_ring_read(number, line))
            append(line);
    page->checksum = checksum(page);
    memcpy(page->magic, magic, sizeof magic);
    /* A reset forgets what is in the caches only. */
    machine_memory_publish(page, sizeof *page);
}
