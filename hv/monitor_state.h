/* SPDX-License-Identifier: MIT
 *
 * A monitor's session, for the files hv/monitor*.c: what is being answered, and
 * how far the answer is. Only the CPU of its seat touches it.
 */
#pragma once

#include "hv/config.h"
#include "hv/json.h"
#include "hv/log.h"
#include "hv/monitor_command.h"
#include "hv/monitor_line.h"
#include "hv/monitor_seat.h"
#include "hv/pci_function.h"
#include "hv/quota.h"
#include "hv/vcpu.h"

/* One line of an answer, without its end. The longest object is that of the registers
 * of a vCPU, or a line of the log that is nothing but escapes. */
#define MONITOR_OBJECT_MAX 1280u

struct monitor_text {
    struct json json; /* begun, where the session speaks JSON */
    size_t length;
    char text[MONITOR_OBJECT_MAX];
};

void monitor_say(struct monitor_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum monitor_step {
    MONITOR_LINE, /* here is one, more may follow */
    MONITOR_SKIP, /* none here */
    MONITOR_WAIT, /* another CPU is asked; come again */
    MONITOR_DONE, /* the answer was complete before this */
};

/* How far an answer is; what each counts is the command's own. */
struct monitor_place {
    unsigned stage, vm, vcpu, item;
    uint64_t at;
    uint64_t until; /* TSC until which an answer is waited for */
    uint64_t asked; /* TSC when records were asked for */
    const struct exit_record *last; /* and the newest one then */
    unsigned overwritten;           /* of those, by newer ones */
    uint32_t taken[CONFIG_VCPUS_MAX]; /* snapshots before this one */
};

/* For exits a second: since the last "list". */
struct monitor_rate {
    uint64_t exits, tsc;
    unsigned starts; /* of which life */
};

struct monitor {
    enum monitor_seat seat;
    struct monitor_line line;
    struct monitor_request request;
    struct monitor_place place;
    bool answering;
    bool json; /* objects for a program, and no drawing */
    bool was_open;
    unsigned life;        /* of the manager; see manager_lives() */
    struct quota orders;  /* of the manager */
    struct monitor_rate rates[CONFIG_VMS_MAX];
};

/* Makes the next line of an answer. The place begins as zero. */
enum monitor_step monitor_help_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_list_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_show_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_log_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_stats_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_trace_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_devices_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_memory_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_dump_step(struct monitor *monitor, struct monitor_text *text);
enum monitor_step monitor_watch_step(struct monitor *monitor, struct monitor_text *text);

/* What boot found, or NULL. */
extern const struct pci_inventory *monitor_pci;

/* The ticks of a second. */
uint64_t monitor_hz(void);

/* A guest's raw parts: line 0 of 2 has ports and interrupts, line 1 addresses. */
enum monitor_step monitor_say_parts(struct monitor_text *text, const struct config_parts *parts,
                                    unsigned line);

uint64_t monitor_microseconds(uint64_t ticks);

/* 0 for a TSC that is over. */
uint64_t monitor_seconds_until(uint64_t tsc);

/* Of a guest: "running", ... */
const char *monitor_state_word(const struct vm *vm);
uint64_t monitor_uptime_seconds(const struct vm *vm, uint64_t now);
const char *monitor_policy_word(enum restart_policy policy);

/* Since the last question of this session, or since this life began. */
uint64_t monitor_exits_a_second(struct monitor *monitor, const struct vm *vm, uint64_t now);

/* Of a row of the recorder. */
const char *monitor_exit_name(unsigned row);

#define MONITOR_DUMP_LINE_BYTES 16u

/* Says the record `back` ones before the newest one that there was when the place was
 * at its first. False: there is none, or it has given way meanwhile. */
bool monitor_say_exit(struct monitor *monitor, struct monitor_text *text,
                      const struct vcpu *vcpu, unsigned back);
