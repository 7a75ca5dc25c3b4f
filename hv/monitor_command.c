/* SPDX-License-Identifier: MIT
 *
 * See monitor_command.h.
 */
#include "hv/monitor_command.h"

#include "hv/config_keys.h"
#include "hv/text.h"

#define WORDS_MAX 5u /* one more than any command takes */
#define WORD_SIZE 48u

const struct monitor_row monitor_rows[MONITOR_COMMAND_COUNT] = {
    [MONITOR_HELP] = { "help", MONITOR_TAKES_NOTHING, "this list", MANAGER_ALL },
    [MONITOR_LIST] = { "list", MONITOR_TAKES_NOTHING,
                       "guests: state, CPUs, memory, uptime, exits a second, restarts", MANAGER_ALL },
    [MONITOR_SHOW] = { "show", MONITOR_TAKES_VM,
                       "its partition, registers, last exits, denied accesses", MANAGER_ALL },
    [MONITOR_START] = { "start", MONITOR_TAKES_VM, "start a stopped guest", MANAGER_ALL },
    [MONITOR_STOP] = { "stop", MONITOR_TAKES_VM, "stop it at once, without asking it",
                       MANAGER_ALL },
    [MONITOR_RESTART] = { "restart", MONITOR_TAKES_VM, "stop it and start it anew",
                          MANAGER_ALL },
    [MONITOR_PAUSE] = { "pause", MONITOR_TAKES_VM, "hold its CPUs; its time goes on",
                        MANAGER_OTHERS },
    [MONITOR_RESUME] = { "resume", MONITOR_TAKES_VM, "let a paused guest go on",
                         MANAGER_ALL },
    [MONITOR_NMI] = { "nmi", MONITOR_TAKES_VM, "send an NMI to its first CPU",
                      MANAGER_ALL },
    [MONITOR_CONSOLE] = { "console", MONITOR_TAKES_VM, "go to its console", MANAGER_MAY_NOT },
    [MONITOR_LOG] = { "log", MONITOR_MAY_TAKE_VM, "the latest lines of the log", MANAGER_ITSELF },
    [MONITOR_STATS] = { "stats", MONITOR_MAY_TAKE_VM, "exits by reason, and what they took",
                        MANAGER_ALL },
    [MONITOR_TRACE] = { "trace", MONITOR_TAKES_VM, "the last exits of each of its CPUs",
                        MANAGER_ITSELF },
    [MONITOR_DEVICES] = { "devices", MONITOR_TAKES_NOTHING, "devices of the machine",
                          MANAGER_ALL },
    [MONITOR_MEMORY] = { "memory", MONITOR_TAKES_NOTHING, "who owns which memory", MANAGER_ALL },
    [MONITOR_DUMP] = { "dump", MONITOR_TAKES_VM_AND_RANGE,
                       "its memory, by guest-physical address", MANAGER_ITSELF },
    [MONITOR_WATCH] = { "watch", MONITOR_TAKES_NOTHING, "what becomes of guests, until Ctrl-C",
                        MANAGER_ALL },
    [MONITOR_JSON] = { "json", MONITOR_TAKES_SWITCH, "answers for programs", MANAGER_ALL },
    [MONITOR_REBOOT] = { "reboot", MONITOR_TAKES_NOTHING, "end all guests, reboot the machine",
                         MANAGER_MAY_NOT },
    [MONITOR_POWEROFF] = { "poweroff", MONITOR_TAKES_NOTHING,
                           "end all guests, switch the machine off", MANAGER_MAY_NOT },
    [MONITOR_EXIT] = { "exit", MONITOR_TAKES_NOTHING, "back to the guest's console (Ctrl-D)",
                       MANAGER_MAY_NOT },
};

bool monitor_is_order(enum monitor_command command)
{
    return command >= MONITOR_START && command <= MONITOR_NMI;
}

const char *monitor_arguments_text(enum monitor_arguments arguments)
{
    switch (arguments) {
    case MONITOR_TAKES_NOTHING: return "";
    case MONITOR_TAKES_VM: return "VM";
    case MONITOR_MAY_TAKE_VM: return "[VM]";
    case MONITOR_TAKES_VM_AND_RANGE: return "VM ADDR LEN";
    case MONITOR_TAKES_SWITCH: return "on|off";
    }
    return "";
}

struct words {
    unsigned count;
    char word[WORDS_MAX][WORD_SIZE]; /* longer ones are cut, and are no word then */
};

static void split(const char *line, struct words *words)
{
    words->count = 0;
    while (words->count < WORDS_MAX) {
        size_t length = 0;
        while (*line == ' ')
            line++;
        if (*line == '\0')
            return;
        for (; *line != '\0' && *line != ' '; line++)
            if (length < WORD_SIZE - 1)
                words->word[words->count][length++] = *line;
        words->word[words->count++][length] = '\0';
    }
}

/* Commands are numbers 0 .. COUNT - 1, as guests are: one way to look them up. */
static const char *choice(const struct monitor_names *names, unsigned i)
{
    if (names != NULL)
        return i < names->count ? names->names[i] : NULL;
    return i < MONITOR_COMMAND_COUNT ? monitor_rows[i].name : NULL;
}

static bool find(const char *word, const struct monitor_names *names, unsigned *index)
{
    for (unsigned i = 0; choice(names, i) != NULL; i++)
        if (text_equal(choice(names, i), word)) {
            *index = i;
            return true;
        }
    return false;
}

static const char *nearest(const char *word, const struct monitor_names *names)
{
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)strlen(word) / 2 + 2;

    for (unsigned i = 0; choice(names, i) != NULL; i++) {
        uint32_t distance = edit_distance(word, choice(names, i));
        if (distance < best_distance) {
            best = choice(names, i);
            best_distance = distance;
        }
    }
    return best;
}

static enum monitor_parse_result unknown(const char *what, const char *word,
                                         const struct monitor_names *names, struct monitor_error *error)
{
    const char *meant = nearest(word, names);

    error->nearest = meant;
    if (meant != NULL)
        text_format(error->what, MONITOR_ERROR_SIZE, "there is no %s \"%s\"; did you mean \"%s\"?", what,
                    word, meant);
    else
        text_format(error->what, MONITOR_ERROR_SIZE, "there is no %s \"%s\"; see \"%s\"", what, word,
                    names != NULL ? "list" : "help");
    return MONITOR_WRONG;
}

/* Decimal, or hexadecimal behind 0x. */
static bool number(const char *word, uint64_t *value)
{
    bool hexadecimal = word[0] == '0' && (word[1] | ' ') == 'x';
    unsigned base = hexadecimal ? 16 : 10;

    *value = 0;
    word += hexadecimal ? 2 : 0;
    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++) {
        int digit = text_digit(*word, base);
        if (digit < 0 || *value > (UINT64_MAX - (unsigned)digit) / base)
            return false;
        *value = *value * base + (unsigned)digit;
    }
    return true;
}

static enum monitor_parse_result parse_range(const struct words *words,
                                             struct monitor_request *request, struct monitor_error *error)
{
    bool good = number(words->word[2], &request->address) &&
                number(words->word[3], &request->length) && request->length >= 1 &&
                request->length <= MONITOR_DUMP_MAX;
    if (good)
        return MONITOR_PARSED;
    text_format(error->what, MONITOR_ERROR_SIZE,
                "ADDR and LEN are numbers, LEN from 1 to %u, as in: dump %s 0x100000 64",
                MONITOR_DUMP_MAX, words->word[1]);
    return MONITOR_WRONG;
}

/* The second word is the caller's own, such as a program's number that nobody guesses. */
static enum monitor_parse_result parse_switch(const struct words *words,
                                              struct monitor_request *request,
                                              struct monitor_error *error)
{
    request->on = text_equal(words->word[1], "on");
    bool fits = words->count < 3 ||
                text_copy(request->token, sizeof request->token, words->word[2]);
    if (fits && (request->on || text_equal(words->word[1], "off")))
        return MONITOR_PARSED;
    text_format(error->what, MONITOR_ERROR_SIZE,
                "write it as: %s on, or %s off; a word of up to %u letters may follow",
                words->word[0], words->word[0], MONITOR_TOKEN_SIZE - 1);
    return MONITOR_WRONG;
}

static bool takes(enum monitor_arguments arguments, unsigned count)
{
    switch (arguments) {
    case MONITOR_TAKES_NOTHING: return count == 0;
    case MONITOR_TAKES_VM: return count == 1;
    case MONITOR_MAY_TAKE_VM: return count <= 1;
    case MONITOR_TAKES_VM_AND_RANGE: return count == 3;
    case MONITOR_TAKES_SWITCH: return count == 1 || count == 2;
    }
    return false;
}

enum monitor_parse_result monitor_parse(const char *line, const struct monitor_names *names,
                                        struct monitor_request *request,
                                        struct monitor_error *error)
{
    struct words words;
    unsigned command = 0;

    error->nearest = NULL;
    split(line, &words);
    if (words.count == 0)
        return MONITOR_EMPTY;
    if (!find(words.word[0], NULL, &command))
        return unknown("command", words.word[0], NULL, error);
    const struct monitor_row *row = &monitor_rows[command];
    *request = (struct monitor_request){ .command = (enum monitor_command)command,
                                         .vm = MONITOR_ANY_VM };
    if (!takes(row->arguments, words.count - 1)) {
        const char *arguments = monitor_arguments_text(row->arguments);
        text_format(error->what, MONITOR_ERROR_SIZE, "write it as: %s%s%s", row->name,
                    arguments[0] != '\0' ? " " : "", arguments);
        return MONITOR_WRONG;
    }
    if (row->arguments == MONITOR_TAKES_SWITCH)
        return parse_switch(&words, request, error);
    if (words.count > 1 && !find(words.word[1], names, &request->vm))
        return unknown("guest", words.word[1], names, error);
    return words.count > 2 ? parse_range(&words, request, error) : MONITOR_PARSED;
}

bool monitor_manager_may(struct monitor_request *request, unsigned manager,
                         struct monitor_error *error)
{
    const struct monitor_row *row = &monitor_rows[request->command];

    switch (row->right) {
    case MANAGER_MAY_NOT:
        text_format(error->what, MONITOR_ERROR_SIZE,
                    "\"%s\" is for the user at the console, not for a manager", row->name);
        return false;
    case MANAGER_ITSELF:
        if (request->vm == MONITOR_ANY_VM)
            request->vm = manager;
        text_format(error->what, MONITOR_ERROR_SIZE, "a manager may \"%s\" itself only; of others, that "
                    "is for the user at the console", row->name);
        return request->vm == manager;
    case MANAGER_OTHERS:
        text_format(error->what, MONITOR_ERROR_SIZE, "a manager cannot \"%s\" itself: it could not take "
                    "that back; the user at the console can", row->name);
        return request->vm != manager;
    case MANAGER_ALL:
        break;
    }
    return true;
}

static bool begins_with(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strlen(text) >= length && memcmp(text, prefix, length) == 0;
}

/* Cuts `common` to what it shares with `text`. */
static void share(char *common, const char *text)
{
    size_t i = 0;

    while (common[i] != '\0' && common[i] == text[i])
        i++;
    common[i] = '\0';
}

static bool names_a_vm(unsigned command)
{
    enum monitor_arguments arguments = monitor_rows[command].arguments;
    return arguments != MONITOR_TAKES_NOTHING && arguments != MONITOR_TAKES_SWITCH;
}

unsigned monitor_complete(const char *line, const struct monitor_names *names,
                          char more[static CONFIG_NAME_SIZE + 1],
                          char candidates[static MONITOR_CANDIDATES_SIZE])
{
    struct words words;
    unsigned command = 0, count = 0;
    size_t listed = 0;
    char common[CONFIG_NAME_SIZE] = "";

    more[0] = candidates[0] = '\0';
    split(line, &words);
    size_t length = strlen(line);
    bool new_word = length == 0 || line[length - 1] == ' ';
    unsigned before = new_word ? words.count : words.count - 1;
    const char *prefix = new_word ? "" : words.word[words.count - 1];
    if (before > 1 || (before == 1 && !(find(words.word[0], NULL, &command) && names_a_vm(command))))
        return 0;

    const struct monitor_names *among = before == 0 ? NULL : names;
    for (unsigned i = 0; choice(among, i) != NULL; i++) {
        if (!begins_with(choice(among, i), prefix))
            continue;
        if (count++ == 0)
            text_copy(common, sizeof common, choice(among, i));
        share(common, choice(among, i));
        listed += text_format(candidates + listed, MONITOR_CANDIDATES_SIZE - listed, "%s%s",
                              listed != 0 ? "  " : "", choice(among, i));
    }
    if (count != 0)
        text_format(more, CONFIG_NAME_SIZE + 1, "%s%s", common + strlen(prefix),
                    count == 1 ? " " : "");
    return count;
}
