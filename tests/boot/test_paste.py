# SPDX-License-Identifier: MIT
"""Much is pasted into two guests' consoles in one go, with the key between that
switches: each gets every byte of its own and none of the other's, and what they say
again arrives whole.
"""

import random
import re

PASTE_BYTES = 32 << 10

CONFIG = """\
[hypervisor]
when_all_stopped = "poweroff"

[[vm]]
name = "upper"
cpus = 1
memory = "16M"
kernel = "echo.bin"

[[vm]]
name = "lower"
cpus = 1
memory = "16M"
kernel = "echo.bin"
cmdline = "slow=1"
"""


def paste(letters, seed):
    chosen = random.Random(seed).choices(letters, k=PASTE_BYTES - PASTE_BYTES // 64)
    lines = ["".join(chosen[at:at + 63]) for at in range(0, len(chosen), 63)]
    return ("\n".join(lines) + "\n").encode()


def sum_of(data):
    total = 2166136261
    for byte in data:
        total = (total ^ byte) * 16777619 & 0xFFFFFFFF
    return total


def said_again(rig, letters):
    """Of what guests said, the bytes that one of them alone can say."""
    received = bytes(rig.console.received)
    received = received[received.index(b"\n", received.rindex(b"guests start")):]
    without = re.sub(rb"\[bulkhead[^\r\n]*\r\n", b"", received)
    without = re.sub(rb"echo: [^\r\n]*\r\n", b"", without)
    return bytes(byte for byte in without if byte in letters.encode())


def letters_of(data):
    return data.replace(b"\n", b"")


def test_two_pastes_at_once_lose_nothing(machine, guests):
    rig = machine(CONFIG, {"echo.bin": guests / "echo.bin"}, cpus=3, memory_mib=128).announced()
    rig.expect("^echo: listens", 60)
    upper, lower = paste("ABCDEFGHIJKLMNOP", 1), paste("abcdefghijklmnop", 2)
    half = PASTE_BYTES // 2
    rig.send(upper[:half] + b"\x1d2" + lower[:half] + b"\x1d1" + upper[half:] + b"\x04\x1d2" +
             lower[half:] + b"\x04")
    for key, data in (("2", lower), ("1", upper)):
        rig.send(f"\x1d{key}")
        total = f"echo: {len(data)} bytes, sum {sum_of(data):x}\n"
        rig.wait_until(lambda wanted=total: wanted in rig.text(), 240, f"guest {key} to add up")
    assert said_again(rig, "ABCDEFGHIJKLMNOP") == letters_of(upper)
    assert said_again(rig, "abcdefghijklmnop") == letters_of(lower)
    assert "lost" not in rig.text()
    rig.send("\x1dq")
    rig.expect_end("end: ok")
