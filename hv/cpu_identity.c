/* SPDX-License-Identifier: MIT
 *
 * See cpu_identity.h. IA32_ARCH_CAPABILITIES: SDM Vol. 4, 2.1 "Architectural
 * MSRs"; what the names mean: Intel's "CPUID Enumeration and Architectural MSRs"
 * for software developers.
 */
#include "hv/cpu_identity.h"

#include "arch/spec/cpuid.h"
#include "arch/spec/msr.h"
#include "hv/log_row.h"
#include "hv/text.h"

struct bit_name {
    uint8_t bit;
    char name[15];
};

/* Of IA32_ARCH_CAPABILITIES, ..._NO: an attack that does not work on it. */
static const struct bit_name capabilities[] = {
    { 0, "RDCL_NO" }, { 4, "SSB_NO" }, { 5, "MDS_NO" }, { 6, "PSCHANGE_MC_NO" }, { 8, "TAA_NO" },
    { 13, "SBDR_SSDP_NO" }, { 14, "FBSDP_NO" }, { 15, "PSDP_NO" }, { 20, "BHI_NO" },
    { 24, "PBRSB_NO" }, { 26, "GDS_NO" }, { 27, "RFDS_NO" }, { 1, "IBRS_ALL" }, { 17, "FB_CLEAR" },
    { 28, "RFDS_CLEAR" },
};

/* Of leaf 7's EDX. */
static const struct bit_name features[] = {
    { 26, "IBRS_IBPB" }, { 27, "STIBP" }, { 31, "SSBD" }, { 28, "L1D_FLUSH" }, { 10, "MD_CLEAR" },
};

#define COUNT(rows) (sizeof rows / sizeof rows[0])

struct cpu_model {
    unsigned family, model, stepping;
};

/* SDM Vol. 2A, CPUID, "INPUT EAX = 01H: Returns Model, Family, Stepping
 * Information" */
static struct cpu_model model_of(uint32_t signature)
{
    struct cpu_model model = { .family = signature >> 8 & 0xF, .model = signature >> 4 & 0xF,
                               .stepping = signature & 0xF };
    if (model.family == 6 || model.family == 0xF)
        model.model |= signature >> 12 & 0xF0;
    if (model.family == 0xF)
        model.family += signature >> 20 & 0xFF;
    return model;
}

static void add_names(struct log_row *row, const struct bit_name *names, size_t count,
                      uint64_t bits)
{
    for (size_t i = 0; i < count; i++) {
        if (!(bits >> names[i].bit & 1))
            continue;
        if (row->length == 0)
            log_row_add(row, "  against speculation:");
        log_row_add(row, "%s", names[i].name);
    }
}

void cpu_identity_print(const struct cpu_identity *identity, unsigned number)
{
    struct cpu_model model = model_of(identity->signature);
    struct log_row row = { .length = 0 };

    log_row_add(&row, "  cpu %u: %s", number, identity->brand);
    log_row_add(&row, "%02x-%02x-%02x", model.family, model.model, model.stepping);
    log_row_add(&row, "microcode %x", identity->microcode);
    log_row_end(&row);
    add_names(&row, features, COUNT(features), identity->features);
    add_names(&row, capabilities, COUNT(capabilities), identity->arch_capabilities);
    log_row_end(&row);
}

/* The cores of Atom and of Xeon Phi never had it: Intel's "CVE-2018-12207: Machine Check
 * Error Avoidance on Page Size Change". */
static const uint8_t models_without_erratum[] = {
    0x37, 0x4A, 0x4C, 0x4D, 0x57, 0x5A, 0x5C, 0x5D, 0x5F, 0x75, 0x7A, 0x85, 0x86, 0x96, 0x9C,
};

bool cpu_identity_has_page_size_erratum(const struct cpu_identity *identity)
{
    struct cpu_model model = model_of(identity->signature);

    for (size_t i = 0; i < COUNT(models_without_erratum); i++)
        if (model.model == models_without_erratum[i])
            return false;
    return model.family == 6 && !(identity->arch_capabilities & ARCH_CAPABILITIES_PSCHANGE_MC_NO);
}

bool cpu_identity_same(const struct cpu_identity *a, const struct cpu_identity *b)
{
    return a->signature == b->signature && a->microcode == b->microcode
        && a->features == b->features && a->arch_capabilities == b->arch_capabilities;
}
