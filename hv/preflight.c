/* SPDX-License-Identifier: MIT
 *
 * See preflight.h. Adding a VMX control is adding a row here.
 */
#include "hv/preflight.h"

#include "arch/spec/cr.h"
#include "arch/spec/msr.h"
#include "arch/spec/vmcs.h"
#include "hv/check.h"

/* Which word of the capabilities a row's bits are looked up in. */
enum source {
    SOURCE_VMX,
    SOURCE_FEATURE_CONTROL,
    SOURCE_X2APIC,
    SOURCE_XSAVEC,
    SOURCE_XSAVES,
    SOURCE_BASIC,
    SOURCE_PIN,
    SOURCE_PRIMARY,
    SOURCE_SECONDARY,
    SOURCE_EXIT,
    SOURCE_ENTRY,
    SOURCE_EPT_VPID,
    SOURCE_FIXED_BITS,
    SOURCE_DEMANDED_CONTROLS,
};

struct row {
    const char *name;
    enum source source;
    uint64_t bits;
    enum preflight_need need;
    const char *present;
    const char *absent;
};

/* IA32_VMX_BASIC: SDM Vol. 3D, A.1 "Basic VMX Information" */
#define BASIC_INS_OUTS_INFORMATION (1ull << 54)

/* IA32_VMX_EPT_VPID_CAP: SDM Vol. 3D, A.10 "VPID and EPT Capabilities" */
#define EPT_4_LEVELS (1ull << 6)
#define EPT_WRITE_BACK (1ull << 14)
#define EPT_2M_PAGES (1ull << 16)
#define EPT_1G_PAGES (1ull << 17)
#define EPT_INVEPT (1ull << 20 | 1ull << 25)
#define VPID_INVVPID (1ull << 32 | 1ull << 41)

#define REQUIRED NEED_REQUIRED
#define OPTIONAL NEED_OPTIONAL

static const struct row rows[] = {
    { "VMX", SOURCE_VMX, 0, REQUIRED,
      "guests can run", "this CPU, or the machine it is emulated on, has no VT-x" },
    { "VMX allowed by the firmware", SOURCE_FEATURE_CONTROL, 0, REQUIRED,
      "guests can run",
      "IA32_FEATURE_CONTROL is locked with VMX off: enable VT-x (Virtualization Technology) in the BIOS setup" },
    { "x2APIC", SOURCE_X2APIC, 0, REQUIRED,
      "interrupts reach guests without exits",
      "without it guests cannot own their local APICs: enable x2APIC in the BIOS setup" },
    { "INS and OUTS information", SOURCE_BASIC, BASIC_INS_OUTS_INFORMATION, REQUIRED,
      "exits of string port I/O tell its memory", "string port I/O could not be emulated" },
    { "NMI exiting", SOURCE_PIN, PIN_NMI_EXITING, REQUIRED,
      "a CPU can be called out of its guest", "a CPU could not be called out of its guest" },
    { "virtual NMIs", SOURCE_PIN, PIN_VIRTUAL_NMIS, REQUIRED,
      "guests have NMIs of their own", "guests could have no NMIs of their own" },
    { "VMX-preemption timer", SOURCE_PIN, PIN_PREEMPTION_TIMER, REQUIRED,
      "a CPU can look after work in time", "a CPU could not look after work in time" },
    { "TSC offsetting", SOURCE_PRIMARY, PRIMARY_USE_TSC_OFFSETTING, REQUIRED,
      "guests set their time-stamp counters", "guests could not set their time-stamp counters" },
    { "MSR bitmaps", SOURCE_PRIMARY, PRIMARY_USE_MSR_BITMAPS, REQUIRED,
      "timer and EOI without exits", "every MSR access would exit" },
    { "unconditional I/O exiting", SOURCE_PRIMARY, PRIMARY_UNCONDITIONAL_IO_EXITING, REQUIRED,
      "no port reaches a device of the machine", "guests could reach the machine's ports" },
    { "I/O bitmaps", SOURCE_PRIMARY, PRIMARY_USE_IO_BITMAPS, REQUIRED,
      "a guest's own ports need no exit", "guests could not own ports" },
    { "RDPMC exiting", SOURCE_PRIMARY, PRIMARY_RDPMC_EXITING, REQUIRED,
      "no guest reads the machine's counters", "guests could read the machine's counters" },
    { "MONITOR and MWAIT exiting", SOURCE_PRIMARY, PRIMARY_MONITOR_EXITING | PRIMARY_MWAIT_EXITING,
      REQUIRED, "no guest puts its CPU into deep sleep", "guests could put CPUs into deep sleep" },
    { "secondary controls", SOURCE_PRIMARY, PRIMARY_ACTIVATE_SECONDARY_CONTROLS, REQUIRED,
      "EPT can be turned on", "EPT cannot be turned on" },
    { "EPT", SOURCE_SECONDARY, SECONDARY_ENABLE_EPT, REQUIRED,
      "guests' memory is kept apart", "guests' memory could not be kept apart" },
    { "unrestricted guest", SOURCE_SECONDARY, SECONDARY_UNRESTRICTED_GUEST, REQUIRED,
      "guests may use real mode", "guests could not start their CPUs in real mode" },
    { "WBINVD exiting", SOURCE_SECONDARY, SECONDARY_WBINVD_EXITING, REQUIRED,
      "no guest empties the shared caches", "a guest could empty the others' caches" },
    { "EPT with 4 levels", SOURCE_EPT_VPID, EPT_4_LEVELS, REQUIRED,
      "as the tables are built", "the tables could not be walked" },
    { "EPT tables in write-back memory", SOURCE_EPT_VPID, EPT_WRITE_BACK, REQUIRED,
      "as the tables are kept", "every walk would go to memory" },
    { "EPT pages of 2 MiB", SOURCE_EPT_VPID, EPT_2M_PAGES, REQUIRED,
      "short page walks", "the tables would not fit their pool" },
    { "INVEPT", SOURCE_EPT_VPID, EPT_INVEPT, REQUIRED,
      "changed mappings take effect", "changed mappings could not be made to take effect" },
    { "host address-space size", SOURCE_EXIT, EXIT_HOST_ADDRESS_SPACE_SIZE, REQUIRED,
      "exits arrive in 64-bit mode", "exits would not arrive in 64-bit mode" },
    { "debug controls switched", SOURCE_EXIT, EXIT_SAVE_DEBUG_CONTROLS, REQUIRED,
      "guests have debug registers of their own", "guests' DR7 would be lost" },
    { "IA32_PAT switched", SOURCE_EXIT, EXIT_SAVE_IA32_PAT | EXIT_LOAD_IA32_PAT, REQUIRED,
      "guests have memory types of their own", "guests' PAT would be the hypervisor's" },
    { "IA32_EFER switched", SOURCE_EXIT, EXIT_SAVE_IA32_EFER | EXIT_LOAD_IA32_EFER, REQUIRED,
      "guests change mode without exits", "guests' EFER would be the hypervisor's" },
    { "debug controls loaded", SOURCE_ENTRY, ENTRY_LOAD_DEBUG_CONTROLS, REQUIRED,
      "guests have debug registers of their own", "guests' DR7 would be lost" },
    { "IA32_PAT loaded", SOURCE_ENTRY, ENTRY_LOAD_IA32_PAT, REQUIRED,
      "guests have memory types of their own", "guests' PAT would be the hypervisor's" },
    { "IA32_EFER loaded", SOURCE_ENTRY, ENTRY_LOAD_IA32_EFER, REQUIRED,
      "guests change mode without exits", "guests' EFER would be the hypervisor's" },
    { "fixed bits of CR0 and CR4", SOURCE_FIXED_BITS, 0, REQUIRED,
      "as every VT-x CPU so far has them", "this CPU demands control bits that guests would see" },
    { "controls that can be off", SOURCE_DEMANDED_CONTROLS, 0, REQUIRED,
      "guests run without exits where they can",
      "this CPU demands exits that no guest could go on after" },
    { "VPID", SOURCE_SECONDARY, SECONDARY_ENABLE_VPID, OPTIONAL,
      "exits keep the TLB", "every exit empties the TLB" },
    { "INVVPID", SOURCE_EPT_VPID, VPID_INVVPID, OPTIONAL,
      "a restarted guest gets a clean TLB", "VPID stays off" },
    { "EPT pages of 1 GiB", SOURCE_EPT_VPID, EPT_1G_PAGES, OPTIONAL,
      "shorter page walks", "pages of 2 MiB at most" },
    { "RDTSCP", SOURCE_SECONDARY, SECONDARY_ENABLE_RDTSCP, OPTIONAL,
      "guests have it", "guests do not have it" },
    { "INVPCID", SOURCE_SECONDARY, SECONDARY_ENABLE_INVPCID, OPTIONAL,
      "guests have it", "guests do not have it" },
    { "ENCLS exiting", SOURCE_SECONDARY, SECONDARY_ENCLS_EXITING, OPTIONAL,
      "no guest makes enclaves", "this CPU makes no enclaves" },
    { "ENCLV exiting", SOURCE_SECONDARY, SECONDARY_ENCLV_EXITING, OPTIONAL,
      "no guest swaps enclaves' memory", "this CPU swaps no enclaves' memory" },
    { "XSAVEC", SOURCE_XSAVEC, 0, OPTIONAL,
      "guests have it", "guests do not have it: it is not there, or does not keep its format" },
    { "XSAVES", SOURCE_XSAVES, 0, OPTIONAL,
      "guests have it", "guests do not have it" },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

unsigned preflight_count(void)
{
    return ROW_COUNT;
}

static bool vmx_allowed(const struct vmx_capabilities *c)
{
    if (!c->vmx)
        return false;
    return !(c->feature_control & FEATURE_CONTROL_LOCK)
        || c->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX;
}

/* What hv/cr.c hides from guests: SDM Vol. 3D, A.7 "VMX-Fixed Bits in CR0" and
 * A.8 "VMX-Fixed Bits in CR4". PE and PG are the guest's if it is unrestricted. */
static bool fixed_bits_are_known(const struct vmx_capabilities *c)
{
    return (c->cr0_fixed0 & ~(CR0_PE | CR0_NE | CR0_PG)) == 0 && (c->cr4_fixed0 & ~CR4_VMXE) == 0;
}

/* Each of these asks for exits that hv/exit.c or hv/cr.c take for impossible. No
 * row wants them, and none may be demanded. */
#define PIN_FORBIDDEN PIN_EXTERNAL_INTERRUPT_EXITING
#define PRIMARY_FORBIDDEN                                                                \
    (PRIMARY_HLT_EXITING | PRIMARY_INVLPG_EXITING | PRIMARY_RDTSC_EXITING |              \
     PRIMARY_CR3_LOAD_EXITING | PRIMARY_CR3_STORE_EXITING |                              \
     PRIMARY_ACTIVATE_TERTIARY_CONTROLS | PRIMARY_CR8_LOAD_EXITING |                     \
     PRIMARY_CR8_STORE_EXITING | PRIMARY_USE_TPR_SHADOW | PRIMARY_MOV_DR_EXITING |       \
     PRIMARY_MONITOR_TRAP_FLAG | PRIMARY_PAUSE_EXITING)
#define SECONDARY_FORBIDDEN                                                              \
    (SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_DESCRIPTOR_TABLE_EXITING |           \
     SECONDARY_APIC_REGISTER_VIRTUALIZATION | SECONDARY_VIRTUAL_INTERRUPT_DELIVERY |     \
     SECONDARY_PAUSE_LOOP_EXITING | SECONDARY_RDRAND_EXITING |                           \
     SECONDARY_ENABLE_VM_FUNCTIONS | SECONDARY_RDSEED_EXITING | SECONDARY_ENABLE_PML |   \
     SECONDARY_PASID_TRANSLATION | SECONDARY_SUB_PAGE_WRITE_PERMISSIONS |                \
     SECONDARY_ENABLE_USER_WAIT_PAUSE | SECONDARY_ENABLE_PCONFIG |                       \
     SECONDARY_BUS_LOCK_DETECTION | SECONDARY_INSTRUCTION_TIMEOUT)

static bool demands_no_exit(const struct vmx_capabilities *c)
{
    return !((uint32_t)c->pin & PIN_FORBIDDEN) && !((uint32_t)c->primary & PRIMARY_FORBIDDEN) &&
           !((uint32_t)c->secondary & SECONDARY_FORBIDDEN);
}

static uint32_t may_be_1(uint64_t controls)
{
    return (uint32_t)(controls >> 32);
}

static bool row_present(const struct row *row, const struct vmx_capabilities *c)
{
    switch (row->source) {
    case SOURCE_VMX: return c->vmx;
    case SOURCE_FEATURE_CONTROL: return vmx_allowed(c);
    case SOURCE_X2APIC: return c->x2apic;
    case SOURCE_XSAVEC: return c->xsavec;
    case SOURCE_XSAVES: return preflight_has_xsaves(c);
    case SOURCE_BASIC: return (c->basic & row->bits) == row->bits;
    case SOURCE_PIN: return (may_be_1(c->pin) & row->bits) == row->bits;
    case SOURCE_PRIMARY: return (may_be_1(c->primary) & row->bits) == row->bits;
    case SOURCE_SECONDARY: return (may_be_1(c->secondary) & row->bits) == row->bits;
    case SOURCE_EXIT: return (may_be_1(c->exit) & row->bits) == row->bits;
    case SOURCE_ENTRY: return (may_be_1(c->entry) & row->bits) == row->bits;
    case SOURCE_EPT_VPID: return (c->ept_vpid & row->bits) == row->bits;
    case SOURCE_FIXED_BITS: return c->vmx && fixed_bits_are_known(c);
    case SOURCE_DEMANDED_CONTROLS: return c->vmx && demands_no_exit(c);
    }
    CHECK(!"a preflight source that no case names");
    return false;
}

struct preflight_finding preflight_finding(const struct vmx_capabilities *capabilities,
                                           unsigned number)
{
    CHECK(number < ROW_COUNT);
    const struct row *row = &rows[number];
    bool present = row_present(row, capabilities);
    return (struct preflight_finding){
        .name = row->name,
        .need = row->need,
        .present = present,
        .consequence = present ? row->present : row->absent,
    };
}

bool preflight_passes(const struct vmx_capabilities *capabilities)
{
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (rows[i].need == NEED_REQUIRED && !row_present(&rows[i], capabilities))
            return false;
    return true;
}

/* SDM Vol. 3C, 24.7 "Enabling and Entering VMX Operation". */
static const char *vmx_advice(const struct vmx_capabilities *c)
{
    if (!c->vmx)
        return "this CPU shows no VT-x. An Intel processor since 2010 has it: enable \"Intel "
               "Virtualization Technology\" (also VT-x or VMX) in the BIOS setup. In a virtual "
               "machine, let its host offer nested VMX";
    if (vmx_allowed(c))
        return NULL;
    if (c->feature_control & FEATURE_CONTROL_VMX_IN_SMX)
        return "the firmware allows VT-x under Trusted Execution only: disable \"Intel TXT\" (also "
               "Trusted Execution Technology) in the BIOS setup, leave VT-x enabled, and switch "
               "the machine off and on";
    return "the firmware has locked VT-x off: enable \"Intel Virtualization Technology\" (also VT-x "
           "or VMX) in the BIOS setup, save, and switch the machine off and on";
}

static bool lacks_what_no_setup_gives(const struct vmx_capabilities *c)
{
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (rows[i].source != SOURCE_VMX && rows[i].source != SOURCE_FEATURE_CONTROL
            && rows[i].source != SOURCE_X2APIC && rows[i].need == NEED_REQUIRED
            && !row_present(&rows[i], c))
            return true;
    return false;
}

unsigned preflight_advice(const struct vmx_capabilities *c,
                          const char *advice[static PREFLIGHT_ADVICE_MAX])
{
    unsigned count = 0;
    const char *vmx = vmx_advice(c);

    if (vmx != NULL)
        advice[count++] = vmx;
    if (!c->x2apic)
        advice[count++] = "the CPU's x2APIC is missing or hidden: enable \"x2APIC\" in the BIOS setup, "
                          "and disable \"x2APIC opt-out\" if it is there";
    if (c->vmx && lacks_what_no_setup_gives(c))
        advice[count++] = "this processor cannot do what is marked NO, and no setting changes that: use "
                          "an Intel processor since 2011 with EPT and unrestricted guests. In a "
                          "virtual machine, let its host offer them";
    return count;
}

/* What must be 1, and the wanted bits that may be. */
static uint32_t controls_for(uint64_t capability, enum source source)
{
    uint32_t controls = (uint32_t)capability;
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (rows[i].source == source)
            controls |= (uint32_t)rows[i].bits & may_be_1(capability);
    return controls;
}

struct vmx_controls preflight_controls(const struct vmx_capabilities *capabilities)
{
    struct vmx_controls controls = {
        .pin = controls_for(capabilities->pin, SOURCE_PIN),
        .primary = controls_for(capabilities->primary, SOURCE_PRIMARY),
        .secondary = controls_for(capabilities->secondary, SOURCE_SECONDARY),
        .exit = controls_for(capabilities->exit, SOURCE_EXIT),
        .entry = controls_for(capabilities->entry, SOURCE_ENTRY),
    };
    /* Armed only while there is work. */
    controls.pin &= ~(uint32_t)PIN_PREEMPTION_TIMER;
    /* Turned on only for a guest that owns ports. */
    controls.primary &= ~(uint32_t)PRIMARY_USE_IO_BITMAPS;
    if (!preflight_has_vpid(capabilities))
        controls.secondary &= ~(uint32_t)SECONDARY_ENABLE_VPID;
    if (preflight_has_xsaves(capabilities))
        controls.secondary |= SECONDARY_ENABLE_XSAVES;
    return controls;
}

bool preflight_has_vpid(const struct vmx_capabilities *capabilities)
{
    return may_be_1(capabilities->secondary) & SECONDARY_ENABLE_VPID
        && (capabilities->ept_vpid & VPID_INVVPID) == VPID_INVVPID;
}

bool preflight_has_1g_pages(const struct vmx_capabilities *capabilities)
{
    return capabilities->ept_vpid & EPT_1G_PAGES;
}

/* It saves in the format of XSAVEC. */
bool preflight_has_xsaves(const struct vmx_capabilities *capabilities)
{
    return capabilities->xsavec && may_be_1(capabilities->secondary) & SECONDARY_ENABLE_XSAVES;
}
