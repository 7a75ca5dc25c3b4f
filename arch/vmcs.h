/* SPDX-License-Identifier: MIT
 *
 * Typed access to the current VMCS. Reading a field by the accessor of another
 * width does not compile; a field that the processor refuses stops the machine
 * with the field's encoding, because only our own bug can name one.
 */
#pragma once

#include "arch/vmx_insn.h"

static inline uint16_t vmcs_read_16(enum vmcs_field_16 f) { return (uint16_t)vmx_read(f); }
static inline uint32_t vmcs_read_32(enum vmcs_field_32 f) { return (uint32_t)vmx_read(f); }
static inline uint64_t vmcs_read_64(enum vmcs_field_64 f) { return vmx_read(f); }
static inline uint64_t vmcs_read_natural(enum vmcs_field_natural f) { return vmx_read(f); }
static inline void vmcs_write_16(enum vmcs_field_16 f, uint16_t v) { vmx_write(f, v); }
static inline void vmcs_write_32(enum vmcs_field_32 f, uint32_t v) { vmx_write(f, v); }
static inline void vmcs_write_64(enum vmcs_field_64 f, uint64_t v) { vmx_write(f, v); }
static inline void vmcs_write_natural(enum vmcs_field_natural f, uint64_t v) { vmx_write(f, v); }
