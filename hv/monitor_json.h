/* SPDX-License-Identifier: MIT
 *
 * The monitor's answers for programs: each of these makes one object, whose "type"
 * says which. docs/monitor-json.md is the reader's description.
 */
#pragma once

#include "hv/changes.h"
#include "hv/denied.h"
#include "hv/json.h"
#include "hv/monitor_state.h"
#include "hv/owners.h"

/* The envelope: what begins a session, ends an answer, or is one. */
void monitor_json_hello(struct json *json, const struct monitor *monitor);
void monitor_json_done(struct json *json, const struct monitor *monitor, bool interrupted);
void monitor_json_ordered(struct json *json, const struct monitor *monitor, const struct vm *vm,
                          const char *what);
void monitor_json_error(struct json *json, const struct monitor_error *error);
void monitor_json_not_in(struct json *json, const struct vm *vm);

/* `what` of which so many are missing here. */
void monitor_json_lost(struct json *json, const char *what, uint64_t count);

void monitor_json_command(struct json *json, const struct monitor_row *row);
void monitor_json_guest(struct json *json, struct monitor *monitor, const struct vm *vm);
void monitor_json_partition(struct json *json, const struct vm *vm);
void monitor_json_watchdog(struct json *json, const struct vm *vm);

/* Part `number` of the machine, counted over all kinds. False: it owns fewer. */
bool monitor_json_part(struct json *json, const struct vm *vm, unsigned number);

void monitor_json_vcpu(struct json *json, const struct vcpu *vcpu, const struct snapshot *snapshot);
void monitor_json_exit(struct json *json, const struct vcpu *vcpu, const struct exit_record *record,
                       unsigned back, uint64_t ago_us);
void monitor_json_denied(struct json *json, const struct vm *vm, enum denied_kind kind,
                         uint64_t where);
void monitor_json_withheld(struct json *json, const struct vm *vm);
void monitor_json_line(struct json *json, uint64_t number, const char *text);
void monitor_json_exits(struct json *json, const struct vcpu *vcpu, unsigned row);
void monitor_json_function(struct json *json, const struct pci_function *function,
                           const char *owner, bool is_quarantined);
void monitor_json_memory(struct json *json, const struct owned *piece);
void monitor_json_bytes(struct json *json, const struct vm *vm, gpa_t from, const uint8_t *bytes,
                        size_t count);
void monitor_json_change(struct json *json, uint64_t number, const struct change *change);
