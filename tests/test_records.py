"""Records: what is written comes back, what was changed does not, and errors say where and what."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from slotenv import records
from slotenv.records import Count, Damaged, Text


@dataclass(frozen=True)
class Inner:
    __pydantic_config__ = records.STRICT

    count: Count
    scores: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Outer:
    __pydantic_config__ = records.STRICT

    name: Text
    inner: Inner
    share: float | None = None
    format: Count = 1


class Anything(TypedDict):
    __pydantic_config__ = records.OPEN

    name: NotRequired[Text]


WHOLE = Outer(name="é\udc80\n", inner=Inner(count=3, scores=[0.1, 1e300, -0.0]), share=2.5)


def load(text: str | bytes, kind: type = Outer, **more: Any) -> Any:
    return records.loads(text, kind, where="file.json", remedy="delete it", **more)


def test_a_record_comes_back_as_it_was():
    back = load(records.dumps(WHOLE))
    assert back.inner == WHOLE.inner
    assert back.share == 2.5
    assert back.name == "é\\udc80\n"  # what is no text is written so that it can be read


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_value_survives_writing_and_reading(value):
    assert load(records.dumps({"value": value}), Anything)["value"] == value


@given(st.data())
def test_a_record_with_one_changed_character_is_the_same_or_refused(data):
    """The digest: no other number passes for the one that was written."""
    text = records.dumps(WHOLE)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters(codec="utf-8")) + text[at + 1 :]
    with contextlib.suppress(Damaged):
        assert load(changed) == load(text)


def test_numpy_numbers_tuples_and_paths_become_plain():
    record = {"a": np.int64(3), "b": np.float32(0.5), "c": (1, np.arange(2)), "d": Path("x/y")}
    back = load(records.dumps(record), Anything)
    assert back == {"a": 3, "b": 0.5, "c": [1, [0, 1]], "d": "x/y"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("-inf"), object(), {1}])
def test_what_has_no_json_form_is_refused_when_it_is_written(value):
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        records.dumps({"value": [value]})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": 3}, r"field 'name' is 3, should be a valid string: delete it"),
        ({"name": None}, r"field 'name' is None, should be a valid string"),
        ({"inner": {"count": True}}, r"field 'inner.count' is True, should be a valid integer"),
        ({"inner": {"count": 3.5}}, r"field 'inner.count' is 3.5, should be a valid integer"),
        ({"inner": {"count": "3"}}, r"field 'inner.count' is '3'"),
        ({"inner": {"count": -1}}, r"'inner.count' is -1, should be greater than or equal to 0"),
        ({"inner": {"count": 2**60}}, r"'inner.count' is 1152921504606846976, should be less than"),
        ({"inner": {"count": 1, "scores": ["x"]}}, r"field 'inner.scores.0' is 'x'"),
        ({"inner": [1]}, r"field 'inner' is \[1\]"),
        ({"inner": {}}, r"field 'inner.count' is missing"),
        ({"colour": 1}, r"there is no field 'colour'"),
        ({"colour": 1, "name": 3}, r"\(and 1 more\)"),
        ({"name": "x" * 100_001}, r"field 'name' is 'xxxx.*\.\.\..*at most 100000"),
        ({"share": 10**400}, r"is out of the range of numbers: delete it"),
    ],
)
def test_errors_name_the_field_what_came_and_what_is_needed(changes, words):
    record = {"name": "a", "inner": {"count": 1}, **changes}
    for text in (json.dumps(record), json.dumps({**record, "digest": "0" * 32})):
        with pytest.raises(Damaged, match=rf"^file\.json.*{words}") as caught:
            load(text)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "3",
        "null",
        b"\xff\xfe{",
        b"\xef\xbb\xbf{}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": %s}' % ("9" * 6000),
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"a": "\\udc80"}',
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text):
    with pytest.raises(Damaged, match=r"^file\.json.*: delete it$"):
        load(text, Anything)


def test_without_a_digest_only_the_first_format_is_read():
    plain = {"name": "a", "inner": {"count": 1}}
    assert load(json.dumps(plain)).name == "a"
    assert load(json.dumps({**plain, "format": 1}), newest=2).name == "a"
    with pytest.raises(Damaged, match="has no 'digest', so that it cannot be trusted"):
        load(json.dumps({**plain, "format": 2}), newest=2)
    with pytest.raises(Damaged, match=r"has format 3, written by a newer slotenv.*up to 2"):
        load(records.dumps({**plain, "format": 3}), newest=2)
    with pytest.raises(Damaged, match=r"was changed since it was written"):
        load(json.dumps({**plain, "digest": "0" * 32}))


def test_lines_are_numbered_and_a_growing_file_may_end_in_half_a_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    records.write_lines(path, [Inner(count=number) for number in range(3)])
    read = {"kind": Inner, "remedy": "delete it"}
    assert [row.count for row in records.read_lines(path, **read)] == [0, 1, 2]
    text = path.read_text()
    for end in range(len(text) - 20, len(text)):
        path.write_text(text[:end])
        assert len(records.read_lines(path, **read, growing=True)) == 2
    path.write_text(text[:-10])
    with pytest.raises(Damaged, match=r"rows\.jsonl, line 3 is not valid JSON"):
        records.read_lines(path, **read)
    path.write_text(text.replace('"count": 1', '"count": 7'))
    with pytest.raises(Damaged, match=r"rows\.jsonl, line 2 was changed"):
        records.read_lines(path, **read, growing=True)
    path.write_text("\n" + text + "\n\n")
    assert len(records.read_lines(path, **read)) == 3


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        records.read(tmp_path / "nothing.json", Inner, remedy="delete it")
    with pytest.raises(Damaged, match="is not a regular file: delete it"):
        records.read(tmp_path, Inner, remedy="delete it")


def test_a_file_of_one_record_comes_back_and_is_one_line_if_asked(tmp_path):
    path = tmp_path / "file.json"
    for indent, lines in ((2, 8), (None, 1)):
        records.write(path, WHOLE, indent=indent)
        assert len(path.read_text().splitlines()) >= lines
        assert path.read_text().endswith("}\n")
        assert records.read(path, Outer, remedy="delete it").inner == WHOLE.inner
    assert len(path.read_text().splitlines()) == 1
