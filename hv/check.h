/* SPDX-License-Identifier: MIT
 *
 * CHECK: for our own bugs only. Always compiled in; a failure names itself and
 * stops the machine. Nothing that a guest, a configuration, an image or a
 * firmware table says can make a CHECK fail: for those there are statuses,
 * findings and verdicts.
 */
#pragma once

#define CHECK(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

_Noreturn void check_failed(const char *expression, const char *file, unsigned line);
