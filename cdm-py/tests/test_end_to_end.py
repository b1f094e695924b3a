"""The run from files to golden records of which every language must give the same bytes."""

import json
from pathlib import Path

import cdm

FOLDER = Path(__file__).parents[2] / "cdm-core" / "testdata" / "end_to_end"
DATA = {"crm": str(FOLDER / "crm.csv"), "shop": str(FOLDER / "shop.jsonl")}


def text(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def rows(name):
    return [json.loads(line) for line in text(name).splitlines()]


def plain(table):
    """Rows with moments as JSON has them."""
    moment = "time" in table.column_names
    return [
        {**row, "time": row["time"] and row["time"].isoformat().replace("+00:00", "Z")} if moment else row
        for row in table.to_pylist()
    ]


def test_documents_are_the_same_to_the_byte_and_rows_to_the_last_digit():
    plan = cdm.Plan.infer(DATA, region="GB", progress=False)
    assert plan.to_json() == text("plan.json")
    model = plan.fit(DATA, progress=False)
    assert model.to_json() == text("model.json")
    resolution = cdm.Model(text("model.json")).resolve(DATA, progress=False)
    assert plain(resolution.entities) == rows("entities.jsonl")
    assert plain(resolution.links) == rows("links.jsonl")
    assert plain(resolution.golden_records) == rows("golden_records.jsonl")
    assert resolution.summary == json.loads(text("summary.json"))
