# SPDX-License-Identifier: MIT
"""What the monitor says to programs, as another reader of JSON reads it, and as the
documentation lists it. The lines are those of build/unit/test_monitor."""

import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/unit/test_monitor"
PAGE = ROOT / "docs/monitor-json.md"
ALWAYS_MISSING = {"hello"}      # its line is compared as a whole in the program
END = {"cause", "reason", "status"}


@pytest.fixture(scope="module", name="objects")
def fixture_objects(tmp_path_factory):
    path = tmp_path_factory.mktemp("monitor") / "lines"
    done = subprocess.run([PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=300,
                          check=False, env={**os.environ, "MONITOR_JSON_LINES": str(path)})
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in path.read_bytes().split(b"\n") if line.startswith(b"{")]
    assert len(lines) > 150
    for line in lines:
        assert re.fullmatch(rb"[ -~]+", line), line
    return [json.loads(line) for line in lines]


def documented():
    """What an object of each type may have."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows if name != "type"}


def test_every_object_has_the_members_that_are_documented(objects):
    page = documented()
    for found in objects:
        assert found["type"] in page, found
        extra = set(found) - {"type"} - page[found["type"]]
        assert not extra, f"{found['type']} has {extra}, which the page does not name"


def test_every_type_that_is_documented_is_seen(objects):
    assert {found["type"] for found in objects} == set(documented()) - ALWAYS_MISSING


def test_texts_come_through(objects):
    guests = [found for found in objects if found["type"] == "guest"]
    ends = [guest["last_end"] for guest in guests if guest["last_end"]]
    assert {"cause": "crash", "reason": 'a "bad" \u00e9 \ufffd end', "status": 7} in ends
    assert all(set(end) == END for end in ends)
    assert any(found.get("text", "").endswith('guest-a: said "this\\that" \u20ac \ufffd')
               for found in objects)
    assert any(found.get("owner") == 'a "quoted\\owner"' for found in objects)


def test_a_histogram_adds_up(objects):
    rows = [found for found in objects if found["type"] == "exits"
            and all(count < 2**32 for _, count in found["histogram"])]
    assert rows
    for row in rows:
        assert sum(count for _, count in row["histogram"]) == row["count"]
        assert row["min_ticks"] <= row["max_ticks"] <= row["sum_ticks"]
