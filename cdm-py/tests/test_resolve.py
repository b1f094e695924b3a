"""Whatever frame comes in, the same entities come out; and what the nouns promise."""

import gc
import json
import os
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cdm

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "examples" / "sample"

PEOPLE = [
    {"id": 17, "name": "Robert Smith", "email": "r@smith.example", "seen": "2024-01-01"},
    {"id": 4, "name": "SMITH, Bob", "email": "R@Smith.example", "seen": "2024-02-01"},
    {"id": 9, "name": "Ann Li", "email": "ann@li.example", "seen": None},
    {"id": 3, "name": "Bob Smith", "email": "bob@smith.example", "seen": None},
]
DOCUMENT = {
    "version": 1,
    "name": "people",
    "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}],
}
PLAN = cdm.Plan(DOCUMENT)


def frames(tmp_path, rows):
    """The same rows as everything that is read."""
    arrow = pa.Table.from_pylist(rows)
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "people.csv", index=False)
    frame.to_json(tmp_path / "people.jsonl", orient="records", lines=True)
    pq.write_table(arrow, tmp_path / "people.parquet")
    return {
        "pandas": frame,
        "pandas on Arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "polars": pl.DataFrame(rows),
        "polars, lazy": pl.LazyFrame(rows),
        "pyarrow": arrow,
        "a batch": arrow.to_batches()[0],
        "a reader": arrow.to_reader(),
        "DuckDB": duckdb.from_arrow(arrow),
        "rows": rows,
        "a generator": iter(rows),
        "CSV": tmp_path / "people.csv",
        "JSON lines": str(tmp_path / "people.jsonl"),
        "Parquet": tmp_path / "people.parquet",
    }


def test_every_frame_gives_the_same_entities(tmp_path):
    answers = {
        name: cdm.resolve({"crm": frame}, plan=PLAN, progress=False) for name, frame in frames(tmp_path, PEOPLE).items()
    }
    golden = answers["rows"].golden_records.to_pylist()
    assert [record["records"] for record in golden] == [2, 1, 1]
    for name, answer in answers.items():
        text = name in ("CSV", "JSON lines", "Parquet")
        ids = [row["id"] for row in answer.entities.to_pylist()]
        assert ids == [str(person["id"]) if text else person["id"] for person in PEOPLE], name
        assert answer.golden_records.to_pylist() == golden, name
        assert answer.summary == answers["rows"].summary, name


def test_results_are_arrow_for_whoever_asks():
    resolution = cdm.resolve(PEOPLE, plan=PLAN, progress=False)
    entities = resolution.entities
    assert entities.column_names == ["id", "source", "entity_id"]
    expected = entities.to_pylist()
    assert pl.DataFrame(entities).to_dicts() == expected
    assert pa.table(entities).to_pylist() == expected == entities.to_arrow().to_pylist()
    assert entities.to_polars().to_dicts() == expected
    assert entities.to_pandas().to_dict("records") == expected
    assert duckdb.sql("select count(distinct entity_id) from entities").fetchall() == [(3,)]
    assert pa.schema(entities).names == entities.column_names
    assert pa.table(entities).schema.field("id").type == pa.int64()
    links = resolution.links.to_pylist()
    assert links == [
        {
            "left_source": "records",
            "left_id": 17,
            "right_source": "records",
            "right_id": 4,
            "match_weight": None,
            "match_probability": None,
            "rule": "e-mail",
        }
    ]
    assert resolution.lineage.to_polars().filter(pl.col("outcome") == "survived").height == 6
    assert resolution.quality.to_polars()["field"].to_list() == ["name", "email"]
    assert "<td>ann@li.example</td>" in resolution.golden_records._repr_html_()
    assert resolution.golden_records is resolution.golden_records


def test_the_entities_of_a_pandas_frame_have_its_index():
    frame = pd.DataFrame(PEOPLE, index=["a", "b", "c", "d"])
    frame["entity_id"] = cdm.resolve(frame, plan=PLAN, progress=False).entities.to_pandas()["entity_id"]
    assert frame["entity_id"].notna().all() and frame["entity_id"].nunique() == 3
    picked = frame[frame["name"] != "Ann Li"]
    assert list(cdm.resolve(picked, plan=PLAN, progress=False).entities.to_pandas().index) == ["a", "b", "d"]
    named = frame.set_index("id")
    resolution = cdm.resolve(named, plan=PLAN, progress=False)
    assert [row["id"] for row in resolution.entities.to_pylist()] == [17, 4, 9, 3]
    assert resolution.entities.to_pandas().index.name == "id"


def test_pandas_without_pyarrow_is_read_all_the_same(monkeypatch):
    frame = pd.DataFrame(PEOPLE)
    expected = cdm.resolve(frame, plan=PLAN, progress=False)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    answer = cdm.resolve(frame, plan=PLAN, progress=False)
    assert answer.entities.to_pylist() == expected.entities.to_pylist()
    assert answer.entities.to_pandas()["id"].tolist() == [17, 4, 9, 3]


def test_ids_keep_the_type_of_numbers_only_where_all_sources_have_it():
    numbers = pl.DataFrame({"id": [1, 2], "email": ["a@b.example", "c@d.example"]})
    small = numbers.with_columns(pl.col("id").cast(pl.UInt8))
    texts = numbers.with_columns(pl.col("id").cast(pl.String))
    floats = pd.DataFrame({"id": [1.0, None], "email": ["a@b.example"] * 2})

    def kind(data, **options):
        return pa.table(PLAN.resolve(data, progress=False, **options).entities).schema.field("id").type

    assert kind(numbers) == pa.int64()
    assert kind(small) == pa.uint8()
    assert kind(texts) == pa.large_string()
    assert kind({"a": numbers, "b": numbers}) == pa.int64()
    assert kind({"a": numbers, "b": texts}) == pa.large_string()
    assert kind(floats, id="id") == pa.float64()
    assert kind(numbers.select("email")) == pa.large_string()


def test_sources_come_as_a_dict_a_list_or_a_column(tmp_path):
    crm, shop = PEOPLE[:2], PEOPLE[2:]
    of_dict = cdm.resolve({"crm": crm, "shop": pl.DataFrame(shop)}, plan=PLAN, progress=False)
    assert of_dict.summary["sources"] == {"crm": 2, "shop": 2}
    of_list = cdm.resolve([pd.DataFrame(crm), pl.DataFrame(shop)], plan=PLAN, progress=False)
    assert of_list.summary["sources"] == {"records_1": 2, "records_2": 2}
    frame = pl.DataFrame([dict(row, origin="crm" if row in crm else "shop") for row in PEOPLE])
    of_column = cdm.resolve(frame, plan=PLAN, source="origin", progress=False)
    assert of_column.golden_records.to_pylist() == of_dict.golden_records.to_pylist()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        pd.DataFrame(crm).to_csv(tmp_path / folder / "crm.csv", index=False)
    paths = [tmp_path / "a" / "crm.csv", tmp_path / "b" / "crm.csv"]
    assert cdm.resolve(paths, plan=PLAN, progress=False).summary["sources"] == {"crm": 2, "crm_2": 2}
    linked = cdm.resolve({"crm": crm, "shop": shop}, plan=PLAN, link_type="link", progress=False)
    assert len(linked) == 4, "both Smiths are of one source"


def test_columns_are_named_for_all_sources_or_for_each():
    crm = [{"no": 1, "key": "x", "mail": "a@b.example"}, {"no": 2, "key": "y", "mail": "A@b.example"}]
    shop = [{"customer": 7, "email": "a@b.example"}]
    plan = cdm.Plan({**DOCUMENT, "fields": DOCUMENT["fields"], "rules": [{"name": "e", "decision": "match", "same": ["email"]}]})
    answer = plan.resolve({"crm": crm, "shop": shop}, id={"crm": "key", "shop": "customer"}, progress=False)
    assert [row["id"] for row in answer.entities.to_pylist()] == ["x", "y", "7"]
    assert len(answer) == 1
    with pytest.raises(cdm.InvalidError, match="did you mean 'shop'") as caught:
        plan.resolve({"crm": crm, "shop": shop}, id={"shpo": "customer"}, progress=False)
    assert caught.value.code == "UNKNOWN_CHOICE"


@pytest.mark.parametrize("make", [list, pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("option", ["id", "source", "time", "fields"])
def test_a_wrong_column_name_is_answered_with_the_right_one(make, option):
    value = ["emial"] if option == "fields" else "emial"
    plan = {} if option == "fields" else {"plan": PLAN}
    with pytest.raises(cdm.UnknownNameError, match='no column "emial", did you mean "email"?') as caught:
        cdm.resolve(make(PEOPLE), progress=False, **plan, **{option: value})
    assert caught.value.code == "UNKNOWN_COLUMN"


def test_a_wrong_kind_is_answered_with_the_right_one():
    with pytest.raises(cdm.InvalidError, match='did you mean "email"') as caught:
        cdm.resolve(PEOPLE, fields={"email": "emial"}, progress=False)
    assert caught.value.code == "UNKNOWN_CHOICE"


def test_options_of_the_wrong_type_are_refused():
    for options in ({"id": 5}, {"id": {"records": 5}}, {"fields": "email"}, {"fields": {"email": 5}}, {"fields": [5]}):
        with pytest.raises(TypeError):
            cdm.resolve(PEOPLE, progress=False, **options)
    with pytest.raises(TypeError, match="plan is"):
        cdm.resolve(PEOPLE, plan=5)
    for options in ({"fields": []}, {"fields": ["email"], "plan": PLAN}):
        with pytest.raises(cdm.InvalidError):
            cdm.resolve(PEOPLE, progress=False, **options)
    with pytest.raises(cdm.InvalidError, match="link_type"):
        cdm.resolve(PEOPLE, plan=PLAN, link_type="deduplicate", progress=False)


def test_a_plan_is_a_noun_a_dict_a_file_or_a_model(tmp_path):
    path = tmp_path / "plan.json"
    PLAN.save(path)
    model = PLAN.fit(PEOPLE, progress=False)
    model.save(tmp_path / "model.json")
    assert cdm.Plan.load(path) == PLAN and cdm.Model.load(tmp_path / "model.json") == model
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["model.json", "plan.json"]
    expected = cdm.resolve(PEOPLE, plan=PLAN, progress=False).golden_records.to_pylist()
    for plan in (DOCUMENT, path, str(path), model):
        assert cdm.resolve(PEOPLE, plan=plan, progress=False).golden_records.to_pylist() == expected
    for options in ({"link_type": "link"}, {"fields": ["email"]}):
        with pytest.raises(cdm.InvalidError, match="a model has its"):
            cdm.resolve(PEOPLE, plan=model, progress=False, **options)
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(cdm.FileError) as caught:
            cdm.Plan.load(wrong)
        assert caught.value.code == "READ_FILE"
    with pytest.raises(cdm.FileError) as caught:
        PLAN.save(tmp_path / "none" / "plan.json")
    assert caught.value.code == "WRITE_FILE"
    with pytest.raises(cdm.InvalidError) as caught:
        cdm.Model.from_json('{"version": 99}')
    assert caught.value.code == "DOCUMENT_VERSION"


def test_a_plan_is_inspected_and_changed_into_another():
    assert PLAN.name == "people"
    assert PLAN.fields == {"name": "full_name", "email": "email"}
    german = PLAN.replace(region="DE")
    assert german != PLAN and german.replace(region=None) == PLAN
    assert cdm.Plan(PLAN.to_dict()) == PLAN == cdm.Plan(PLAN.to_json())
    assert PLAN != PLAN.to_dict()
    assert len({PLAN, cdm.Plan(DOCUMENT), german}) == 2
    model = PLAN.fit(PEOPLE, progress=False)
    assert model.plan == PLAN and model.to_dict()["plan"] == PLAN.to_dict()
    assert repr(PLAN) == "<cdm.Plan 'people': 2 fields, 1 rule>"
    assert "people" in repr(model)
    assert "same email" in PLAN._repr_html_()
    hostile = PLAN.replace(name="<script>")
    assert "<script>" not in hostile._repr_html_()


def test_decisions_outweigh_rules():
    must = {"must_link": [(9, 3)]}
    assert len(cdm.resolve(PEOPLE, plan=PLAN, decisions=must, progress=False)) == 2
    never = {"cannot_link": [(("records", 17), {"source": "records", "id": "4"})]}
    apart = cdm.resolve(PEOPLE, plan=PLAN, decisions=never, progress=False)
    assert len(apart) == 4
    (refusal,) = apart.refusals.to_pylist()
    assert (refusal["left_id"], refusal["right_id"], refusal["reason"]) == (17, 4, "cannot_link")
    as_json = json.dumps({"version": 1, "must_link": [[{"source": "records", "id": "9"}, {"source": "records", "id": "3"}]]})
    assert len(cdm.resolve(PEOPLE, plan=PLAN, decisions=as_json, progress=False)) == 2
    unknown = cdm.resolve(PEOPLE, plan=PLAN, decisions={"must_link": [(9, 99)]}, progress=False)
    assert any("1 records that are not in the data" in warning for warning in unknown.warnings)
    for wrong in ({"must_lnik": []}, {"must_link": [9]}, {"must_link": [(9, (1, 2, 3))]}):
        with pytest.raises(cdm.InvalidError) as caught:
            cdm.resolve(PEOPLE, plan=PLAN, decisions=wrong, progress=False)
        assert caught.value.code == "INVALID_DOCUMENT"
    with pytest.raises(cdm.InvalidError, match="of any source"):
        cdm.resolve({"a": PEOPLE, "b": PEOPLE}, plan=PLAN, decisions=must, progress=False)


def test_rows_that_are_not_taken_in_are_counted_located_and_null():
    rows = [*PEOPLE, dict(PEOPLE[0], name="again"), {"id": None, "name": "nobody"}, {}]
    resolution = cdm.resolve(rows, plan=PLAN, id="id", progress=False)
    entities = resolution.entities.to_pylist()
    assert [row["id"] for row in entities] == [17, 4, 9, 3, None, None, None]
    (report,) = resolution.reports
    assert (report["rows_read"], report["rows_accepted"], report["rows_blank"]) == (6, 4, 1)
    assert [rejection["reason"] for rejection in report["rejections"]] == ["duplicate_key", "missing_id"]
    (warning,) = resolution.warnings
    assert warning == "records: 2 of 6 rows rejected: 1 duplicate key (first in row 5); 1 missing id (first in row 6)"
    assert warning in repr(resolution) and "To be looked at" in resolution._repr_html_()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame = frame.with_columns(cdm.resolve(frame, plan=PLAN, id="id", progress=False).entities.to_polars()["entity_id"])
    assert frame["entity_id"].null_count() == 3


def test_no_result_holds_markup_of_the_data():
    rows = [{"id": "<b>", "name": "<i>Ann</i> Li", "email": "ann@li.example"}]
    resolution = cdm.resolve({"<u>": rows}, plan=PLAN, progress=False)
    for result in (resolution, resolution.entities, resolution.golden_records, resolution.lineage):
        shown = result._repr_html_()
        assert not {"<b>Ann", "<i>", "<u>"} & {tag for tag in ("<b>Ann", "<i>", "<u>") if tag in shown}


@pytest.fixture(scope="module")
def sample():
    plan = cdm.Plan.load(REPOSITORY / "examples" / "plans" / "sample.json")
    files = {"crm": "crm.csv", "shop": "shop.jsonl", "support": "support.csv", "loyalty": "loyalty.csv"}
    return cdm.resolve({name: SAMPLE / file for name, file in files.items()}, plan=plan, progress=False)


def test_the_sample_project_is_what_rust_makes_of_it(sample):
    # The very figures of the README, which the Rust program prints.
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    summary = sample.summary
    assert f"{summary['records']:,} records make {summary['entities']:,} entities" in readme
    for rule, count in summary["links_by_rule"]:
        assert f"{count:,} joined by: {rule}" in readme
    assert len(sample.golden_records) == len(sample) == summary["entities"]
    assert len(sample.links) == summary["records"] - summary["entities"]
    assert len(sample.refusals) == summary["refusals"]
    assert len(sample.entities) == sum(report["rows_read"] for report in sample.reports)


def test_a_resolution_is_measured_against_the_truth(sample):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    score = sample.evaluate(SAMPLE / "truth.csv")
    assert f"precision {score['precision']:.4f}, recall {score['recall']:.4f}, F1 {score['f1']:.4f}" in readme
    perfect = sample.evaluate(sample.entities, id="id", source="source")
    assert perfect["f1"] == 1.0 and perfect["records"] == sample.summary["records"]
    with pytest.raises(cdm.UnknownNameError, match='did you mean "entity_id"'):
        sample.evaluate(SAMPLE / "truth.csv", entity="entityid")


def test_columns_that_are_named_are_the_ones_that_are_read():
    # Until a plan is inferred from them, what is read is seen through the core.
    from cdm import _read

    read = _read.read(PEOPLE, fields=["name", "email"])
    (report,) = json.loads(read.records.reports_json)
    assert [entry["field"] for entry in report["mapping"]["fields"]] == ["name", "email"]
    assert report["unused_columns"] == ["seen"]


def test_labels_teach_and_bind_nobody():
    people = [
        {"id": 1, "name": "Ann Li", "email": "li@lotus.example", "born": "1970-01-02"},
        {"id": 2, "name": "A. Li", "email": "li@lotus.example", "born": "1970-01-02"},
        {"id": 3, "name": "Bo Li", "email": "li@lotus.example", "born": "1999-03-04"},
    ]
    labels = [(1, 2, True), (1, 3, False)]
    taught = cdm.resolve(people, labels=labels, progress=False)
    assert taught.model.to_dict()["parameters"]["diagnostics"]["labelled_pairs"] == 2
    fitted = taught.plan.fit(people, labels=labels, progress=False)
    assert fitted == taught.model
    with pytest.raises(cdm.UnknownNameError) as unknown:
        cdm.resolve(people, labels=[(1, 99, True)], progress=False)
    assert unknown.value.code == "UNKNOWN_RECORD"
    with pytest.raises(cdm.InvalidError, match="a model has learned already"):
        cdm.resolve(people, plan=taught.model, labels=labels, progress=False)
    with pytest.raises(cdm.InvalidError, match=r"labels\[0\]: wanted \(left, right"):
        cdm.resolve(people, labels=[(1, 2)], progress=False)


def test_a_limit_of_memory_is_kept_or_said_to_be_too_low_beforehand():
    people = [{**person, "id": number} for number in range(50) for person in PEOPLE]
    plan = cdm.Plan.infer(people, progress=False)
    estimate = plan.estimate(people, progress=False)
    enough = estimate["least_memory_bytes"]
    assert enough <= estimate["peak_memory_bytes"]
    whole = cdm.resolve(people, progress=False)
    for limit in (enough, 1 << 31):
        limited = cdm.resolve(people, memory_limit=limit, progress=False)
        assert limited.entities.to_pylist() == whole.entities.to_pylist()
    model = plan.fit(people, memory_limit=enough, progress=False)
    for low in (
        lambda: cdm.resolve(people, memory_limit=1_000_000, progress=False),
        lambda: cdm.resolve(people, plan=model, memory_limit=1_000_000, progress=False),
        lambda: plan.fit(people, memory_limit=0, progress=False),
        lambda: plan.resolve(people, memory_limit=1_000_000, progress=False),
    ):
        with pytest.raises(cdm.CdmError) as caught:
            low()
        assert caught.value.code == "MEMORY_LIMIT"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_was_made_with_a_limit_of_memory_outlives_it_here_and_in_a_fork():
    # Large enough for pieces of memory that lie in the file.
    people = [{"id": n, "name": f"Ann Lee {n % 997}", "email": f"ann{n % 1499}@lee.example"} for n in range(20_000)]
    plan = {
        "version": 1,
        "name": "people",
        "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
        "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}],
    }
    whole = cdm.resolve(people, plan=plan, progress=False).entities.to_pylist()
    limited = cdm.resolve(people, plan=plan, memory_limit=1 << 30, progress=False)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if limited.entities.to_pylist() == whole:
                del limited
                gc.collect()
                again = cdm.resolve(people, plan=plan, memory_limit=1 << 30, progress=False)
                code = 0 if again.entities.to_pylist() == whole else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert limited.entities.to_pylist() == whole
    assert len(limited.golden_records.to_pylist()) == len(limited)
