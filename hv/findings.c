/* SPDX-License-Identifier: MIT
 *
 * The list of findings: kept sorted as it grows, so that it can be shown at any
 * time and so that being full cuts off the end of the file and not the start.
 */
#include "hv/findings.h"

#include "hv/check.h"
#include "hv/log.h"
#include "hv/text.h"

_Static_assert(FINDING_LINE_SIZE <= LOG_LINE_MAX, "a finding is one line of the log");
_Static_assert(FINDINGS_MAX > 0, "the list holds a finding");

static bool place_before(struct place a, struct place b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

/* Behind all findings of the same place: arrival decides there. */
static uint32_t position_for(const struct findings *findings, struct place place)
{
    uint32_t position = findings->count;

    while (position > 0 && place_before(place, findings->list[position - 1].place))
        position--;
    return position;
}

/* Makes a gap at `position`; of a full list the last finding leaves. */
static void shift_from(struct findings *findings, uint32_t position)
{
    CHECK(position < FINDINGS_MAX);
    if (findings->count == FINDINGS_MAX)
        findings->omitted++;
    else
        findings->count++;
    for (uint32_t i = findings->count - 1; i > position; i--)
        findings->list[i] = findings->list[i - 1];
}

void findings_clear(struct findings *findings)
{
    findings->count = 0;
    findings->omitted = 0;
    findings->error_count = 0;
    findings->warning_count = 0;
}

void findings_add(struct findings *findings, enum severity severity, struct place place,
                  const char *guest, const char *format, ...)
{
    uint32_t position = position_for(findings, place);
    va_list arguments;

    CHECK(findings->count <= FINDINGS_MAX);
    if (severity == SEVERITY_ERROR)
        findings->error_count++;
    else
        findings->warning_count++;

    if (position == FINDINGS_MAX) {
        findings->omitted++;
        return;
    }
    shift_from(findings, position);

    struct finding *finding = &findings->list[position];
    finding->severity = severity;
    finding->place = place;
    text_copy(finding->guest, sizeof(finding->guest), guest);
    va_start(arguments, format);
    text_format_list(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
}

void findings_name_guest(struct findings *findings, uint32_t first, uint32_t last,
                         const char *guest)
{
    for (uint32_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->list[i];
        uint32_t line = finding->place.line;

        if (line >= first && line <= last && finding->guest[0] == '\0')
            text_copy(finding->guest, sizeof(finding->guest), guest);
    }
}

struct excerpt excerpt(const char *text, size_t length)
{
    struct excerpt result;
    size_t room = sizeof(result.text) - 1;
    size_t kept = length <= room ? length : room - 3;
    size_t i = 0;

    for (; i < kept; i++)
        result.text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    result.text[i] = '\0';
    if (kept < length)
        text_copy(result.text + i, sizeof(result.text) - i, "...");
    return result;
}

size_t finding_format(char *to, size_t size, const struct finding *finding, const char *file)
{
    const char *severity = finding->severity == SEVERITY_ERROR ? "error" : "warning";
    bool has_guest = finding->guest[0] != '\0';
    char place[32] = "";

    if (finding->place.line != 0)
        text_format(place, sizeof(place), ":%u:%u", finding->place.line, finding->place.column);
    return text_format(to, size, "%s%s: %s: %s%s%s%s", file, place, severity,
                       has_guest ? "vm \"" : "", finding->guest, has_guest ? "\": " : "",
                       finding->text);
}
