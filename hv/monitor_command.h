/* SPDX-License-Identifier: MIT
 *
 * The monitor's vocabulary: commands and guests' names, what a line means, what
 * was probably meant, and how a word can go on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/config.h"

enum monitor_command {
    MONITOR_HELP,
    MONITOR_LIST,
    MONITOR_SHOW,
    MONITOR_START,
    MONITOR_STOP,
    MONITOR_RESTART,
    MONITOR_PAUSE,
    MONITOR_RESUME,
    MONITOR_NMI,
    MONITOR_CONSOLE,
    MONITOR_LOG,
    MONITOR_STATS,
    MONITOR_TRACE,
    MONITOR_DEVICES,
    MONITOR_MEMORY,
    MONITOR_DUMP,
    MONITOR_WATCH,
    MONITOR_JSON,
    MONITOR_REBOOT,
    MONITOR_POWEROFF,
    MONITOR_EXIT,
    MONITOR_COMMAND_COUNT
};

enum monitor_arguments { MONITOR_TAKES_NOTHING, MONITOR_TAKES_VM, MONITOR_MAY_TAKE_VM,
                         MONITOR_TAKES_VM_AND_RANGE, MONITOR_TAKES_SWITCH };

/* Whom a manager may give a command about. It is trusted with the lives of the
 * others, not with what is theirs, nor with the machine. */
enum monitor_right { MANAGER_MAY_NOT, MANAGER_ITSELF, MANAGER_OTHERS, MANAGER_ALL };

struct monitor_row {
    const char *name;
    enum monitor_arguments arguments;
    const char *help;
    enum monitor_right right;
};

extern const struct monitor_row monitor_rows[MONITOR_COMMAND_COUNT];

/* It changes a guest's life. */
bool monitor_is_order(enum monitor_command command);

/* "VM", "[VM]", ... */
const char *monitor_arguments_text(enum monitor_arguments arguments);

#define MONITOR_ANY_VM CONFIG_VMS_MAX
#define MONITOR_DUMP_MAX 65536u
#define MONITOR_TOKEN_SIZE 33u

struct monitor_request {
    enum monitor_command command;
    unsigned vm; /* MONITOR_ANY_VM: none was named */
    uint64_t address, length;
    bool on;                        /* of a switch, and */
    char token[MONITOR_TOKEN_SIZE]; /* what is answered with it; empty: nothing */
};

/* The guests' names, by VM index. */
struct monitor_names {
    unsigned count;
    const char *names[CONFIG_VMS_MAX];
};

#define MONITOR_ERROR_SIZE 160u

struct monitor_error {
    char what[MONITOR_ERROR_SIZE]; /* and what would be right */
    const char *nearest;           /* the word that was probably meant, or NULL */
};

enum monitor_parse_result { MONITOR_PARSED, MONITOR_EMPTY, MONITOR_WRONG };

/* WRONG: `error` is filled. */
enum monitor_parse_result monitor_parse(const char *line, const struct monitor_names *names,
                                        struct monitor_request *request,
                                        struct monitor_error *error);

/* Whether the manager, the guest of that index, may ask for this. False: `error` says
 * why not. Where no guest need be named it means itself, if that is all it may see. */
bool monitor_manager_may(struct monitor_request *request, unsigned manager,
                         struct monitor_error *error);

/* How the word at the end of `line` can go on: what all that it may become have in
 * common, with a space if there is one only, goes to `more`; returns how many there
 * are, listed in `candidates`. */
#define MONITOR_CANDIDATES_SIZE 320u
unsigned monitor_complete(const char *line, const struct monitor_names *names,
                          char more[static CONFIG_NAME_SIZE + 1],
                          char candidates[static MONITOR_CANDIDATES_SIZE]);
