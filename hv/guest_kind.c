/* SPDX-License-Identifier: MIT
 *
 * See guest_kind.h.
 */
#include "hv/guest_kind.h"

#include "hv/check.h"
#include "hv/flat.h"
#include "hv/multiboot1.h"
#include "hv/multiboot2.h"
#include "hv/multiboot2_header.h"
#include "hv/pvh.h"

const char *guest_kind_name(enum guest_kind kind)
{
    switch (kind) {
    case GUEST_KIND_LINUX:
        return "Linux";
    case GUEST_KIND_MULTIBOOT2:
        return "Multiboot2";
    case GUEST_KIND_MULTIBOOT:
        return "Multiboot";
    case GUEST_KIND_PVH:
        return "PVH";
    case GUEST_KIND_FLAT:
        return "flat";
    case GUEST_KIND_ANY:
        break;
    }
    CHECK(!"a kind that has a name");
    return NULL;
}

/* The order counts for a file that is of several kinds: docs/configuration.md. */
static enum guest_kind detect(struct span kernel)
{
    if (linux_is_bzimage(kernel))
        return GUEST_KIND_LINUX;
    if (multiboot2_is(kernel))
        return GUEST_KIND_MULTIBOOT2;
    if (multiboot1_is(kernel))
        return GUEST_KIND_MULTIBOOT;
    if (elf_is(kernel))
        return GUEST_KIND_PVH;
    return GUEST_KIND_ANY;
}

/* Nothing that the configuration names is left out in silence. */
static bool check_parts(const struct guest_boot *boot, enum guest_kind kind,
                        struct refusal *refusal)
{
    if (boot->initrd.size > 0 && kind == GUEST_KIND_FLAT)
        return refuse_about(refusal, ABOUT_INITRD, "a flat image has no initrd, for it is told "
                            "nothing; remove this line");
    if (boot->initrd.size > 0 && kind != GUEST_KIND_LINUX)
        return refuse_about(refusal, ABOUT_INITRD, "an initrd is for a Linux bzImage, and the "
                            "kernel is %s; list the file in \"modules\"", guest_kind_name(kind));
    if (boot->module_count > 0 && kind == GUEST_KIND_LINUX)
        return refuse_about(refusal, ABOUT_MODULES, "the kernel is a Linux bzImage, which takes no "
                            "modules; it can have one \"initrd\"");
    if (boot->module_count > 0 && kind == GUEST_KIND_FLAT)
        return refuse_about(refusal, ABOUT_MODULES, "a flat image has no modules, for it is told "
                            "nothing; remove this line");
    if (boot->cmdline[0] != '\0' && kind == GUEST_KIND_FLAT)
        return refuse_about(refusal, ABOUT_CMDLINE, "a flat image has no command line, for it is "
                            "told nothing; remove this line");
    return true;
}

static bool prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                    struct guest_plan *plan, struct refusal *refusal)
{
    switch (plan->kind) {
    case GUEST_KIND_ANY:
        return refuse(refusal, "the file is no kernel that Bulkhead knows: no Linux bzImage, no ELF "
                      "file, and without a header of Multiboot or Multiboot2");
    case GUEST_KIND_LINUX:
        return linux_prepare(memory, boot, &plan->bzimage, refusal);
    case GUEST_KIND_MULTIBOOT2:
        return multiboot2_prepare(memory, boot, &plan->image, refusal);
    case GUEST_KIND_MULTIBOOT:
        return multiboot1_prepare(memory, boot, &plan->image, refusal);
    case GUEST_KIND_PVH:
        return pvh_prepare(memory, boot, &plan->image, refusal);
    case GUEST_KIND_FLAT:
        return flat_prepare(memory, boot, &plan->image, refusal);
    }
    CHECK(!"a kind that can be prepared");
    return false;
}

bool guest_kind_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct guest_plan *plan, struct refusal *refusal)
{
    CHECK(guest_memory_is_valid(memory));
    plan->kind = boot->kind != GUEST_KIND_ANY ? boot->kind : detect(boot->kernel);
    return prepare(memory, boot, plan, refusal) && check_parts(boot, plan->kind, refusal);
}

struct entry_state guest_kind_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct guest_plan *plan)
{
    switch (plan->kind) {
    case GUEST_KIND_LINUX:
        return linux_load(memory, boot, &plan->bzimage);
    case GUEST_KIND_MULTIBOOT2:
        return multiboot2_load(memory, boot, &plan->image);
    case GUEST_KIND_MULTIBOOT:
        return multiboot1_load(memory, boot, &plan->image);
    case GUEST_KIND_PVH:
        return pvh_load(memory, boot, &plan->image);
    case GUEST_KIND_FLAT:
        return flat_load(memory, boot, &plan->image);
    case GUEST_KIND_ANY:
        break;
    }
    CHECK(!"a kind that can be loaded");
    return (struct entry_state){ .mode = ENTRY_REAL };
}
