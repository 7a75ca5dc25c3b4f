/* SPDX-License-Identifier: MIT
 *
 * What the values of keys mean. The type of a value is already what its key
 * takes; these functions judge its content, and report at the value's place. A
 * value that is wrong leaves its field as it was.
 */
#pragma once

#include "hv/config.h"
#include "hv/findings.h"
#include "hv/toml.h"

void config_set_hypervisor(struct hypervisor_config *hypervisor, enum hypervisor_key key,
                           const struct toml_value *value, struct findings *findings);

/* Lists come element by element through the functions below instead. */
void config_set_vm(struct vm_config *vm, enum vm_key key, const struct toml_value *value,
                   struct findings *findings);

/* One element of `cpus = [...]`. */
void config_add_cpu(struct vm_config *vm, const struct toml_value *value,
                    struct findings *findings);

/* One element of `after = [...]`. */
void config_add_after(struct vm_config *vm, const struct toml_value *value,
                      struct findings *findings);

/* One element of `modules = [...]`. */
void config_add_module(struct vm_config *vm, const struct toml_value *value,
                       struct findings *findings);
