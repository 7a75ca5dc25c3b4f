/* SPDX-License-Identifier: MIT
 *
 * The version that the first line on the console names.
 */
#pragma once

#define BULKHEAD_VERSION "0.1"
