/* SPDX-License-Identifier: MIT
 *
 * Can this CPU run guests, and how? The capability MSRs come in as values; the
 * answer is a table of findings for the user and the VMX controls for the
 * VMCS. One list of rows makes both, so what is demanded and what is used
 * cannot drift apart.
 *
 * SDM Vol. 3D, Appendix A "VMX Capability Reporting Facility".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What arch/vmx.c read on one CPU. All zero from `feature_control` on if there
 * is no VMX to ask; secondary, EPT and VPID words are zero if absent. */
struct vmx_capabilities {
    bool vmx;
    bool x2apic;
    bool xsavec; /* it is there, and was tried */
    uint64_t feature_control;
    uint64_t basic;
    uint64_t pin; /* low half: bits that must be 1; high half: bits that may be 1 */
    uint64_t primary;
    uint64_t secondary;
    uint64_t exit;
    uint64_t entry;
    uint64_t misc;
    uint64_t ept_vpid;
    uint64_t cr0_fixed0, cr0_fixed1;
    uint64_t cr4_fixed0, cr4_fixed1;
};

struct vmx_controls {
    uint32_t pin, primary, secondary, exit, entry;
};

enum preflight_need { NEED_REQUIRED, NEED_OPTIONAL };

struct preflight_finding {
    const char *name;
    enum preflight_need need;
    bool present;
    const char *consequence; /* of how it is here, for the user */
};

/* Findings are numbered from 0 to preflight_count() - 1. */
unsigned preflight_count(void);
struct preflight_finding preflight_finding(const struct vmx_capabilities *capabilities,
                                           unsigned number);

/* Every required feature is there. */
bool preflight_passes(const struct vmx_capabilities *capabilities);

/* What the user can do about a machine that fails, a sentence each, at most
 * PREFLIGHT_ADVICE_MAX; returns how many. One at least, if it fails. */
#define PREFLIGHT_ADVICE_MAX 3
unsigned preflight_advice(const struct vmx_capabilities *capabilities,
                          const char *advice[static PREFLIGHT_ADVICE_MAX]);

/* For capabilities that pass. Optional controls are on where they exist. */
struct vmx_controls preflight_controls(const struct vmx_capabilities *capabilities);

/* Optional features that other parts ask about. */
bool preflight_has_vpid(const struct vmx_capabilities *capabilities);
bool preflight_has_1g_pages(const struct vmx_capabilities *capabilities);
bool preflight_has_xsaves(const struct vmx_capabilities *capabilities);
