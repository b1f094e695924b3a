"""The normalisers, by the vectors that Rust and Node run as well."""

import inspect
import json
import typing
from pathlib import Path

import pytest

import cdm
from cdm import _core, normalize

REPOSITORY = Path(__file__).resolve().parents[2]
VECTORS = REPOSITORY / "cdm-core" / "testdata" / "normalize"


def vectors():
    for file in sorted(VECTORS.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        for case in document["cases"]:
            function = document["function"]
            yield pytest.param(function, case, id=f"{function}: {case['name']}")


CASES = list(vectors())


def test_there_are_vectors():
    assert CASES


@pytest.mark.parametrize(("function", "case"), CASES)
def test_every_vector_holds(function, case):
    answer = getattr(normalize, function)(case["input"], **case.get("context", {}))
    assert answer == case["expected"]
    if function in _core.KINDS:
        assert normalize.value(function, case["input"], **case.get("context", {})) == answer


def test_there_is_a_function_for_each_kind_and_it_says_what_it_does():
    assert _core.KINDS == typing.get_args(normalize.Kind)
    for kind in _core.KINDS:
        function = getattr(normalize, kind)
        assert kind in normalize.__all__
        assert function.__name__ == kind
        assert function.__doc__
        options = list(inspect.signature(function).parameters)[1:]
        assert options == list(inspect.signature(normalize.value).parameters)[2:]


def test_the_types_name_every_form_of_the_core():
    named = tuple(normalize.Forms.__annotations__)
    assert named == _core.FORMS, "Forms in python/cdm/normalize.py lists what Form::ALL lists"


def test_forms_keep_the_order_of_the_core():
    document = _core.normalize_json("text", "b  A")
    assert document == json.dumps(normalize.text("b  A"), separators=(",", ":"))


@pytest.mark.parametrize(
    "raw", ["", "\0", "\u202e", "e\u0301" * 40_000, "🙂", "𝔘𝔫𝔦", "\ufeff\u200b", '"' * 99, "\r\n"]
)
@pytest.mark.parametrize("kind", _core.KINDS)
def test_any_text_is_answered(kind, raw):
    answer = normalize.value(kind, raw)
    assert answer["status"] in typing.get_args(normalize.Status)
    assert ("canonical" in answer["forms"]) == (answer["status"] in ("valid", "doubtful"))
    assert set(answer["issues"]) <= set(_core.ISSUES)


def test_what_is_not_text_is_a_type_error_without_the_value_in_it():
    for call in (normalize.phone, normalize.nickname_classes, normalize.phonetic_codes):
        with pytest.raises(TypeError) as caught:
            call(5551234)
        assert "5551234" not in str(caught.value)
    with pytest.raises(TypeError):
        normalize.phone(None)
    # A lone surrogate is no text that UTF-8 could carry.
    with pytest.raises(UnicodeEncodeError):
        normalize.phone("\ud800")


def test_an_unknown_kind_is_answered_with_the_nearest():
    with pytest.raises(cdm.InvalidError, match='did you mean "email"') as caught:
        normalize.value("emial", "a@example.org")
    assert caught.value.code == "UNKNOWN_CHOICE"


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"region": "de"}, "region"),
        ({"region": 49}, "region"),
        ({"date_order": "year_first"}, "date_order"),
        ({"latest_two_digit_year": -1}, "latest_two_digit_year"),
        ({"latest_two_digit_year": 2029.5}, "latest_two_digit_year"),
    ],
)
def test_a_wrong_option_is_named(options, where):
    with pytest.raises(cdm.InvalidError, match=f"context at {where}: ") as caught:
        normalize.date("03/04/2001", **options)
    assert caught.value.code == "INVALID_DOCUMENT"


def test_options_go_by_name_only():
    with pytest.raises(TypeError):
        normalize.phone("030 901820", "DE")
