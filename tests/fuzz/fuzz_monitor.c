/* SPDX-License-Identifier: MIT
 *
 * Any bytes as keys at the monitor: the line stays a line, can be drawn, and is
 * parsed and completed at each step.
 */
#include <stdlib.h>
#include <string.h>

#include "hv/monitor_command.h"
#include "hv/monitor_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct monitor_names names = { 3, { "web-1", "web-2", "control" } };

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_line(const struct monitor_line *line)
{
    char drawn[MONITOR_DRAW_SIZE];
    struct monitor_error error;
    char more[CONFIG_NAME_SIZE + 1], listed[MONITOR_CANDIDATES_SIZE];
    struct monitor_request request;

    require(line->length <= MONITOR_LINE_MAX && line->cursor <= line->length);
    require(strlen(line->text) == line->length);
    require(monitor_line_draw(line, drawn) < MONITOR_DRAW_SIZE - 1);
    if (monitor_parse(line->text, &names, &request, &error) == MONITOR_PARSED)
        require(request.command < MONITOR_COMMAND_COUNT &&
                (request.vm < names.count || request.vm == MONITOR_ANY_VM));
    (void)monitor_complete(line->text, &names, more, listed);
    require(strlen(more) <= CONFIG_NAME_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct monitor_line line = { .length = 0 };

    for (size_t i = 0; i < size; i++) {
        if (monitor_line_key(&line, data[i]) == MONITOR_KEY_ENTER)
            monitor_line_next(&line);
        require_line(&line);
    }
    return 0;
}
