# SPDX-License-Identifier: MIT
"""The image: what is loaded, how it is protected, how it branches."""

import subprocess

import pytest
import rules


@pytest.fixture(scope="module")
def image(root):
    path = root / "build" / "bulkhead.elf"
    assert path.exists(), "make builds it"
    return path


def build(directory, source):
    (directory / "bad.c").write_text(source)
    subprocess.run(["gcc", "-O1", "-nostdlib", "-static", "-fcf-protection=none", "-Wl,-N",
                    "-Wl,-e,start", "bad.c", "-o", "bad.elf"],
                   cwd=directory, check=True, capture_output=True)
    return directory / "bad.elf"


def test_there_is_no_indirect_branch(image):
    assert not rules.branch_complaints(image)


def test_an_indirect_branch_is_seen(tmp_path):
    bad = build(tmp_path, "void (*volatile f)(void); void start(void) { f(); f(); }")
    assert len(rules.branch_complaints(bad)) == 2


def test_what_is_loaded_is_small_and_never_writable_and_executable(image):
    loaded = rules.segments(image)
    assert len(loaded) >= 3
    assert not rules.segment_complaints(loaded)


def test_a_writable_executable_segment_is_seen(tmp_path):
    bad = build(tmp_path, "int data[] = {1}; void start(void) { data[0]++; }")
    assert "writable and executable" in rules.segment_complaints(rules.segments(bad))[0]


def test_a_large_image_is_seen():
    assert rules.segment_complaints([(rules.LOADED_BYTES_MAX, "RE"), (1, "R")])
    assert not rules.segment_complaints([(rules.LOADED_BYTES_MAX, "RE")])


def test_grub_takes_the_image(root):
    stripped = root / "build" / "bulkhead.stripped.elf"
    done = subprocess.run(["grub-file", "--is-x86-multiboot2", stripped], check=False)
    assert done.returncode == 0
