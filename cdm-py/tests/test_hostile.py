"""Whatever comes in: an answer, a counted rejection or a clear error; never a crash."""

import datetime
import decimal
import enum
import uuid

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cdm

PLAN = cdm.Plan(
    {
        "version": 1,
        "name": "hostile",
        "fields": [
            {"name": "name", "kind": "full_name"},
            {"name": "email", "kind": "email"},
            {"name": "phone", "kind": "phone"},
            {"name": "born", "kind": "date"},
        ],
        "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}],
    }
)
GOOD = {"id": 1, "name": "Ann Li", "email": "ann@li.example", "phone": "020 7946 0018", "born": "1980-02-03"}
LONE = "Ann \ud800 Li"
LONG = "x" * 1_000_000
CIRCLE = {}
CIRCLE["name"] = CIRCLE
DEEP = {"name": "x"}
for _ in range(5000):
    DEEP = {"name": DEEP}


class Colour(enum.Enum):
    RED = 1


class Odd:
    def __str__(self):
        raise RuntimeError("no text")


def column(values, type=None):
    return pa.table({"id": pa.array(range(len(values))), "email": pa.array(values, type=type)})


def table(**columns):
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def objects(*values):
    """A pandas column of Python objects, whatever they are."""
    return pd.DataFrame({"id": range(len(values)), "email": pd.Series(list(values), dtype=object)})


def batches(schema, *rows):
    return pa.RecordBatchReader.from_batches(schema, [pa.RecordBatch.from_pylist(r, schema=schema) for r in rows])


def nested(depth):
    kind = pa.string()
    for _ in range(depth):
        kind = pa.struct([("a", kind)])
    return pa.table({"id": pa.array([1, 2]), "email": pa.nulls(2, kind)})


def failing():
    schema = pa.schema([("id", pa.int64()), ("email", pa.string())])

    def rows():
        yield pa.RecordBatch.from_pylist([{"id": 1, "email": "ann@li.example"}], schema=schema)
        raise ValueError("the database went away")

    return pa.RecordBatchReader.from_batches(schema, rows())


class NoStream:
    def __arrow_c_stream__(self, requested_schema=None):
        return object()


class Raises:
    def __arrow_c_stream__(self, requested_schema=None):
        raise ValueError("no stream today")


class OtherCapsule:
    def __arrow_c_stream__(self, requested_schema=None):
        return pa.schema([]).__arrow_c_schema__()


SECOND = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.timezone.utc)

# What is read, and how many records of it are accepted.
ACCEPTED = {
    "one row": ([GOOD], 1),
    "one column": ([{"email": "ann@li.example"}], 1),
    "no column that is known": ([{"colour": "red"}], 1),
    "all of it null": ([{"id": 1, "email": None}], 1),
    "null in every way": ([{"id": n, "email": v} for n, v in enumerate([None, np.nan, pd.NA, pd.NaT, ""])], 5),
    "rows with different members": ([{"id": 1}, {"id": 2, "email": "a@b.example"}, {"id": 3, "x": 1}], 3),
    "a million letters": ([{"id": 1, "email": LONG}], 1),
    "a million letters in Arrow": (column([LONG, "ann@li.example"]), 2),
    "a million letters as an id": ([{"id": LONG, "email": "ann@li.example"}], 1),
    "a lone surrogate": ([{"id": 1, "name": LONE}], 1),
    "a lone surrogate in pandas": (objects(LONE, "ann@li.example"), 2),
    "a lone surrogate as a key": ([{"id": 1, "\ud800": "x"}], 1),
    "surrogates that belong together": ([{"id": 1, "name": "\ud83d\ude42"}], 1),
    "NUL": ([{"id": 1, "name": "Ann\0Li", "email": "\0"}], 1),
    "right-to-left marks": ([{"id": 1, "name": "\u202eAnn"}], 1),
    "bytes": ([{"id": 1, "email": b"ann@li.example"}], 1),
    "bytes that are no text": ([{"id": 1, "email": b"\xff\xfe"}], 1),
    "lists": ([{"id": 1, "email": ["ann@li.example", "li@ann.example", None]}], 1),
    "tuples and sets": ([{"id": 1, "email": ("a@li.example",), "phone": {"1", "2"}}], 1),
    "a numpy array": ([{"id": 1, "email": np.array(["ann@li.example"])}], 1),
    "numpy scalars": ([{"id": np.int64(1), "email": np.str_("ann@li.example"), "phone": np.float32(2.5)}], 1),
    "dicts within": ([{"id": 1, "contact": {"email": "ann@li.example"}}], 1),
    "lists of dicts": ([{"id": 1, "emails": [{"email": "ann@li.example"}, {"email": None}]}], 1),
    "decimals": ([{"id": decimal.Decimal("1.50"), "phone": decimal.Decimal("NaN")}], 1),
    "a signalling NaN": ([{"id": 1, "phone": decimal.Decimal("sNaN")}], 1),
    "infinity": ([{"id": 1, "phone": float("inf")}], 1),
    "dates": ([{"id": 1, "born": datetime.date(1980, 2, 3)}, {"id": 2, "born": SECOND}], 2),
    "a UUID as an id": ([{"id": uuid.UUID(int=1), "email": "ann@li.example"}], 1),
    "an enum": ([{"id": 1, "email": Colour.RED}], 1),
    "a complex number": ([{"id": 1, "phone": 1 + 2j}], 1),
    "numbers as keys": ([{"id": 1, 7: "x", (1, 2): "y"}], 1),
    "huge integers": ([{"id": 10**30, "email": "ann@li.example"}], 1),
    "booleans as ids": ([{"id": True, "email": "a@b.example"}, {"id": False, "email": "c@d.example"}], 2),
    "a generator": ((dict(GOOD, id=n) for n in range(3)), 3),
    "mixed types in pandas": (objects("ann@li.example", 5, 2.5, None, np.nan, True, b"x", ["a"], {"a": 1}), 9),
    "dicts in pandas": (objects({"a": "ann@li.example"}, None), 2),
    "lists in pandas": (objects(["ann@li.example"], None, "li@ann.example"), 3),
    "dates and texts in pandas": (objects(datetime.date(1980, 2, 3), "x", pd.NaT), 3),
    "categories": (pd.DataFrame({"id": [1, 2], "email": pd.Categorical(["ann@li.example", None])}), 2),
    "nullable integers": (pd.DataFrame({"id": pd.array([1, 2], dtype="Int64"), "phone": pd.array([1, None], dtype="Int64")}), 2),
    "zones in pandas": (pd.DataFrame({"id": [1], "born": [pd.Timestamp("2024-05-01", tz="Europe/Berlin")]}), 1),
    "NaT": (pd.DataFrame({"id": [1, 2], "born": [pd.NaT, pd.Timestamp("1980-02-03")]}), 2),
    "periods and intervals": (pd.DataFrame({"id": [1], "born": pd.period_range("2024", periods=1), "x": pd.interval_range(0, 1)}), 1),
    "sparse columns": (pd.DataFrame({"id": [1, 2], "phone": pd.arrays.SparseArray([0, 5])}), 2),
    "repeated column names": (pd.DataFrame([[1, "ann@li.example", "b@c.example"]], columns=["id", "email", "email"]), 1),
    "column names that are numbers": (pd.DataFrame([[1, 2]]), 1),
    "columns in levels": (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "id"), ("a", "email")])), 1),
    "an index in levels": (pd.DataFrame({"email": ["ann@li.example"]}, index=pd.MultiIndex.from_tuples([(1, 2)], names=["id", None])), 1),
    "a repeated index": (pd.DataFrame({"id": [1, 2]}, index=[0, 0]), 2),
    "an index called like a column": (pd.DataFrame({"id": [1, 2]}, index=pd.Index([1, 2], name="id")), 2),
    "repeated names in Arrow": (pa.table([pa.array([1]), pa.array(["a@b.example"]), pa.array(["c"])], names=["id", "email", "email"]), 1),
    "columns without a name": (pa.table([pa.array([1]), pa.array(["a"])], names=["", ""]), 1),
    "a name with NUL": (pa.table([pa.array([1]), pa.array(["a"])], names=["id", " \t\x01"]), 1),
    "a null column": (column([None, None], pa.null()), 2),
    "a dictionary": (column(pa.array(["ann@li.example", None, "ann@li.example"]).dictionary_encode()), 3),
    "a dictionary of numbers": (column(pa.array([5, None, 5]).dictionary_encode()), 3),
    "large text": (column(["ann@li.example"], pa.large_string()), 1),
    "views": (column(["ann@li.example", "a-text-too-long-to-be-inlined@li.example"], pa.string_view()), 2),
    "binary": (column([b"ann@li.example", b"\xff"], pa.binary()), 2),
    "fixed-size binary": (column([b"ab", b"\xff\xfe"], pa.binary(2)), 2),
    "decimals in Arrow": (column([decimal.Decimal("1.50"), None], pa.decimal128(10, 2)), 2),
    "wide decimals": (column([decimal.Decimal("1.50")], pa.decimal256(60, 2)), 1),
    "halves": (column([np.float16(1.5), None], pa.float16()), 2),
    "dates in Arrow": (table(id=[1], born=[datetime.date(1980, 2, 3)]), 1),
    "zones in Arrow": (pa.table({"id": pa.array([1]), "born": pa.array([SECOND], pa.timestamp("us", "Asia/Tokyo"))}), 1),
    "a zone by offset": (pa.table({"id": pa.array([1]), "born": pa.array([SECOND], pa.timestamp("ns", "+05:30"))}), 1),
    "a zone that nobody knows": (pa.table({"id": pa.array([1]), "born": pa.array([SECOND], pa.timestamp("us", "Mars/Olympus"))}), 1),
    "moments out of range": (pa.table({"id": pa.array([1, 2]), "born": pa.array([2**63 - 1, -(2**63)], pa.timestamp("s"))}), 2),
    "times of day": (pa.table({"id": pa.array([1]), "born": pa.array([datetime.time(1, 2)], pa.time64("us"))}), 1),
    "durations": (column([datetime.timedelta(days=2)], pa.duration("ms")), 1),
    "intervals": (column([(1, 2, 3)], pa.month_day_nano_interval()), 1),
    "lists in Arrow": (column([["ann@li.example", None], [], None], pa.list_(pa.string())), 3),
    "large lists": (column([["ann@li.example"]], pa.large_list(pa.large_string())), 1),
    "fixed-size lists": (column([["a@b.example", "c@d.example"]], pa.list_(pa.string(), 2)), 1),
    "views of lists": (column([["ann@li.example"]], pa.list_view(pa.string())), 1),
    "lists of lists": (column([[["ann@li.example"]]]), 1),
    "lists of structs": (column([[{"email": "ann@li.example"}]]), 1),
    "structs": (column([{"email": "ann@li.example"}, None]), 2),
    "structs of nothing": (column([None], pa.struct([])), 1),
    "structs to the brim": (nested(30), 2),
    "structs beyond it": (nested(80), 2),
    "maps": (column([[("a", "b")]], pa.map_(pa.string(), pa.string())), 1),
    "unions": (pa.table({"id": pa.array([1, 2]), "email": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array(["a", "b"]), pa.array([1, 2])])}), 2),
    "runs": (pa.table({"id": pa.array([1, 2]), "email": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a@b.example"]))}), 2),
    "an extension type": (pa.table({"id": pa.array([1]), "email": pa.array([b"1" * 16], pa.uuid())}), 1),
    "chunks": (pa.chunked_array([["a@b.example"], [], ["c@d.example"]]), None),
    "a table of chunks": (pa.table({"email": pa.chunked_array([["a@b.example"], [], ["c@d.example"]])}), 2),
    "a slice": (column([f"m{n}@li.example" for n in range(9)]).slice(3, 4), 4),
    "a slice of lists": (column([[f"m{n}@li.example"] for n in range(9)]).slice(3, 4), 4),
    "a slice of structs": (column([{"email": f"m{n}@li.example"} for n in range(9)]).slice(3, 4), 4),
    "one batch": (pa.RecordBatch.from_pylist([GOOD]), 1),
    "no batch": (batches(pa.schema([("id", pa.int64())])), 0),
    "empty batches": (batches(pa.schema([("id", pa.int64()), ("email", pa.string())]), [], [{"id": 1}], []), 1),
    "an empty frame": (pd.DataFrame({"id": [], "email": []}), 0),
    "an empty polars frame": (pl.DataFrame(schema={"id": pl.Int64, "email": pl.String}), 0),
    "polars of every kind": (pl.DataFrame({"id": [1], "email": [["a@b.example"]], "o": [{"a": 1}], "d": [datetime.date(1980, 1, 1)], "c": pl.Series(["x"], dtype=pl.Categorical), "b": [b"\xff"]}), 1),
    "polars enums and arrays": (pl.DataFrame({"id": [1], "email": pl.Series(["a"], dtype=pl.Enum(["a"])), "x": pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2))}), 1),
    "DuckDB of every kind": (duckdb.sql("select 1 as id, ['a@b.example'] as email, {'a': 1} as o, 1.5::decimal(9,2) as p, uuid() as u, map{'a': 1} as m, interval 1 day as i, 'x'::blob as b, 170141183460469231731687303715884105727::hugeint as h"), 1),
    "nothing but null in polars": (pl.DataFrame({"id": [1, 2], "email": [None, None]}), 2),
    "null within null in polars": (pl.DataFrame({"id": [1], "email": [[None]], "o": [{"a": None, "b": [{"c": None}]}], "x": pl.Series([[None]], dtype=pl.Array(pl.Null, 1))}), 1),
    "an empty DuckDB relation": (duckdb.sql("select 1 as id, 'x' as email where false"), 0),
    "ids that repeat": (pd.DataFrame({"id": [1, 1, 2], "email": ["a@b.example"] * 3}), 2),
    "ids that are missing": (pd.DataFrame({"id": [1, None, 2], "email": ["a@b.example"] * 3}), 2),
    "a row with nothing in it": ([GOOD, {}, {"id": None}], 1),
    "rows of two hundred columns": ([{f"c{n}": n for n in range(200)}], 1),
    "more values than a field holds": ([{"id": 1, "email": [f"m{n}@li.example" for n in range(300)]}], 0),
    "a list of frames": ([pd.DataFrame([GOOD]), pl.DataFrame([GOOD]), [GOOD]], 3),
    "a dict of everything": ({"crm": pd.DataFrame([GOOD]), "shop": [GOOD], "web": pa.Table.from_pylist([GOOD])}, 3),
}


def options(name):
    # What ids do is at stake, not whether they are found.
    return {"id": "id"} if name.startswith("ids ") or name == "a row with nothing in it" else {}


@pytest.mark.parametrize("name", [name for name, (_, accepted) in ACCEPTED.items() if accepted is not None])
def test_it_is_read_and_every_row_is_accounted_for(name):
    data, accepted = ACCEPTED[name]
    resolution = PLAN.resolve(data, progress=False, **options(name))
    reports = resolution.reports
    assert resolution.summary["records"] == accepted
    assert sum(report["rows_accepted"] for report in reports) == accepted
    blank = sum(report["rows_blank"] for report in reports)
    read = sum(report["rows_read"] for report in reports)
    assert len(resolution.entities) == read + blank
    known = [row for row in resolution.entities.to_pylist() if row["entity_id"] is not None]
    assert len(known) == accepted
    assert len(resolution.golden_records) == len(resolution)
    for result in (resolution.links, resolution.refusals, resolution.lineage, resolution.quality):
        assert pa.table(result).num_rows == len(result)
    assert "cdm.Resolution" in repr(resolution) and resolution._repr_html_()


REFUSED = {
    "nothing": (None, TypeError, "got a NoneType"),
    "a number": (5, TypeError, "got a int"),
    "an empty list": ([], cdm.InvalidError, "empty"),
    "an empty dict": ({}, cdm.InvalidError, "empty"),
    "a generator of nothing": (iter([]), cdm.InvalidError, "empty"),
    "a list of texts that are no files": (["a", "b"], cdm.FileError, "cannot read"),
    "a list of numbers": ([1, 2], TypeError, "list of int"),
    "a list of tuples": ([(1, "x")], TypeError, "list of tuple"),
    "rows and numbers": ([GOOD, 5], TypeError, "list of int"),
    "a generator of numbers": (iter([1]), TypeError, "row 0"),
    "a dict of columns": ({"id": [1, 2], "email": ["a", "b"]}, TypeError, "source 'id'"),
    "a dict of numbers": ({"crm": 5}, TypeError, "source 'crm'"),
    "a dict by numbers": ({5: [GOOD]}, TypeError, "names"),
    "a set": ({1, 2}, TypeError, "got a set"),
    "a column of polars": (pl.Series("a", [1, 2]), cdm.InvalidError, "Arrow"),
    "a column of Arrow": (pa.chunked_array([["a"]]), cdm.InvalidError, "Arrow"),
    "no columns": (pd.DataFrame(), cdm.InvalidError, "empty"),
    "no columns in Arrow": (pa.table({}), cdm.InvalidError, "empty"),
    "a circle": ([CIRCLE], cdm.InvalidError, "levels deep"),
    "a hole without ground": ([DEEP], cdm.InvalidError, "levels deep"),
    "a path that is none": ("/no/such/file.csv", cdm.FileError, "cannot read"),
    "a path with NUL": ("a\0.csv", cdm.FileError, "cannot read"),
    "a folder": ("/", cdm.FileError, "cannot read"),
    "a path of bytes": (b"a.csv", TypeError, "got a bytes"),
    "a stream that fails": (failing(), cdm.InvalidError, "the database went away"),
    "no capsule": (NoStream(), TypeError, "capsule"),
    "another capsule": (OtherCapsule(), TypeError, "capsule"),
    "a stream that is not to be had": (Raises(), ValueError, "no stream today"),
    "an object without text": ([{"id": 1, "email": Odd()}], RuntimeError, "no text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_what_was_wanted(name):
    data, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        PLAN.resolve(data, progress=False)


def test_a_stream_is_read_once():
    class Once:
        capsule = column(["ann@li.example"]).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.capsule

    assert len(PLAN.resolve(Once(), progress=False)) == 1
    with pytest.raises(cdm.InvalidError, match="consumed before"):
        PLAN.resolve(Once(), progress=False)


def test_there_are_a_hundred():
    assert len(ACCEPTED) + len(REFUSED) >= 100


def test_lone_surrogates_are_counted():
    for data in ([{"id": 1, "name": LONE}], objects(LONE, 5)):
        (warning,) = [w for w in PLAN.resolve(data, progress=False).warnings if "surrogates" in w]
        assert "1 values" in warning


def test_no_person_is_in_a_message():
    secret = "wolpertinger"
    for data in ([(secret,)], {"crm": secret}, [{"id": 1, "email": Odd(), "name": secret}], [secret]):
        try:
            PLAN.resolve(data, progress=False)
        except cdm.FileError:
            continue  # which names the path it was given
        except Exception as error:
            assert secret not in str(error)


def test_many_ways_to_say_the_same_give_the_same():
    values = ["ann@li.example", None, "li@ann.example"]
    ways = [
        column(values),
        column(values, pa.large_string()),
        column(values, pa.string_view()),
        column(pa.array(values).dictionary_encode()),
        column([[value] if value else [] for value in values]),
        objects(*values),
        objects(values[0], np.nan, values[2]),
        objects(values[0], pd.NA, values[2]),
        pl.DataFrame({"id": range(3), "email": values}),
        [{"id": n, "email": value} for n, value in enumerate(values)],
    ]
    one, *others = [PLAN.resolve(way, progress=False) for way in ways]
    for other in others:
        assert one.golden_records.to_pylist() == other.golden_records.to_pylist()
        assert one.entities.to_pylist() == other.entities.to_pylist()
