/* SPDX-License-Identifier: MIT
 *
 * In place of hv/denied.c and hv/vm_life.c: remembers what was refused to a
 * guest, and with which words one was ended.
 */
#pragma once

#include "hv/denied.h"
#include "hv/vm_life.h"

struct fake_reports {
    unsigned denied_count;
    unsigned expected_count; /* of them, by denied_report_expected */
    enum denied_kind denied_kind; /* of the last one */
    uint64_t denied_where;
    uint64_t denied_rip;
    const char *crash; /* NULL: no guest ended */
};

extern struct fake_reports fake_reports;

void fake_reports_reset(void);
