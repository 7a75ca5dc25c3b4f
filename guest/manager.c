/* SPDX-License-Identifier: MIT
 *
 * The manager, good or bad. A line typed at its console goes to the monitor on COM2,
 * and what that answers is shown, each line behind "| ", until it has been silent for
 * a while. A line that begins with '!' is one of the ways to behave badly, which it
 * goes on with until a key is typed.
 */
#include "guest/lib.h"

#include "hv/guest_ports.h"

const char guest_name[] = "manager";

#define LINE_SIZE 240
#define COM2_DATA GUEST_PORT_COM2
#define COM2_STATUS (GUEST_PORT_COM2 + 5)
#define COM2_MODEM_STATUS (GUEST_PORT_COM2 + 6)

enum { STATUS_DATA = 1u << 0, STATUS_EMPTY = 1u << 5, CARRIER = 1u << 7 };

static char line[LINE_SIZE];

/* False: there is no room, for a while. */
static bool send(const char *text)
{
    for (; *text != '\0'; text++) {
        uint64_t began = rdtsc();
        while (!(in8(COM2_STATUS) & STATUS_EMPTY))
            if (rdtsc() - began > tsc_hz() / 20)
                return false;
        out8(COM2_DATA, (uint8_t)*text);
    }
    return true;
}

/* Without asking whether there is room. */
static void blurt(const char *text)
{
    for (; *text != '\0'; text++)
        out8(COM2_DATA, (uint8_t)*text);
}

static void drain(void)
{
    while (in8(COM2_STATUS) & STATUS_DATA)
        (void)in8(COM2_DATA);
}

/* Returns when nothing has come for a while. */
static void show_answer(void)
{
    uint64_t heard = rdtsc();
    unsigned length = 0;

    while (rdtsc() - heard < tsc_hz() / 20) {
        if (!(in8(COM2_STATUS) & STATUS_DATA))
            continue;
        char byte = (char)in8(COM2_DATA);
        heard = rdtsc();
        if (byte != '\n' && byte != '\r' && length < sizeof line - 1)
            line[length++] = byte;
        if (byte != '\n')
            continue;
        line[length] = '\0';
        say("| %s", line);
        length = 0;
    }
    line[length] = '\0';
    say("> %s", line);
}

static void read_line(void)
{
    unsigned length = 0;

    for (;;) {
        int byte = read_typed();
        if (byte == '\r' || byte == '\n')
            break;
        if (byte >= ' ' && length < sizeof line - 2)
            line[length++] = (char)byte;
    }
    line[length] = '\0';
}

static void misbehave(char how)
{
    for (bool room = true; read_typed() < 0 && room; ) {
        switch (how) {
        case 'g': out8(COM2_DATA, (uint8_t)(rdtsc() * 167 >> 3)); break; /* garbage */
        case 'c': blurt("list\rshow manager\rlog\rmemory\rwatch\r"); break;
        case 'p': room = send("show manager\rtrace manager\r"); break; /* and reads nothing */
        case 'o': /* as many as there may be: it reads the answers away */
            drain();
            blurt("restart triple\rstop triple\rstart triple\rpause triple\rnmi triple\r");
            break;
        case 'r': /* ends with an answer half made */
            (void)send("trace manager\rlog\r");
            reboot();
        default: say("g garbage, c commands, p polite ones, o orders, r restart"); return;
        }
    }
    say("misbehaved %c", how);
}

void guest_main(void)
{
    say("COM2 is %s", in8(COM2_MODEM_STATUS) & CARRIER ? "connected" : "not connected");
    say("ready");
    for (;;) {
        read_line();
        if (line[0] == '!') {
            say("misbehaving %c", line[1]);
            misbehave(line[1]);
            continue;
        }
        (void)(send(line) && send("\r"));
        show_answer();
    }
}
