"""What is written about the package is true: examples run, types hold, notebooks work."""

import doctest
import inspect
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import cdm

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent
VEGA_LITE = "application/vnd.vegalite.v5+json"
NOTEBOOKS = sorted((REPOSITORY / "examples" / "notebooks").glob("*.ipynb"))
RUN = runpy.run_path(str(REPOSITORY / "examples" / "notebooks" / "run.py"))


def public():
    """Every public thing, its members among them, by name."""
    yield "cdm", cdm
    for name in cdm.__all__:
        noun = getattr(cdm, name)
        if inspect.isclass(noun) or inspect.isfunction(noun):
            yield f"cdm.{name}", noun
        if inspect.isclass(noun):
            for member, value in vars(noun).items():
                value = getattr(value, "__func__", value)
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    yield f"cdm.{name}.{member}", value
    for name in cdm.normalize.__all__:
        value = getattr(cdm.normalize, name)
        if inspect.isfunction(value):
            yield f"cdm.normalize.{name}", value


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_says_what_it_is(name):
    assert inspect.getdoc(PUBLIC[name])


def test_every_noun_and_function_has_an_example_and_all_of_them_run():
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    without = []
    for name, thing in PUBLIC.items():
        tests = finder.find(thing, name, module=False, globs={})
        examples = sum(len(test.examples) for test in tests)
        if not examples:
            without.append(name)
        for test in tests:
            assert runner.run(test).failed == 0, name
    # Errors are shown where they are raised; members by the example of their class.
    whole = [name for name in without if name.count(".") < 2 and not name.endswith("Error")]
    assert whole == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_from_their_first_cell_to_their_last(notebook):
    RUN["run"](notebook)


def test_notebooks_show_the_waterfall_and_what_the_model_learned():
    path = next(path for path in NOTEBOOKS if path.stem == "first_steps")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    kept = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    run = [output for printed, shown in RUN["run"](path) for output in RUN["outputs"](printed, shown)]
    # As it is kept for readers, and as it comes out today.
    for outputs in (kept, run):
        charts = [output["data"][VEGA_LITE] for output in outputs if VEGA_LITE in output.get("data", {})]
        waterfall, learned = charts
        bars = waterfall["data"]["values"]
        assert bars[0]["label"] == "any two records" and bars[-1]["label"] == "match weight"
        assert bars[-2]["to"] == bars[-1]["bits"] == bars[-1]["to"]
        assert {"comparison", "level", "bits"} <= set(learned["data"]["values"][0])


def check_types(*arguments):
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=PACKAGE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_and_its_examples_are_typed_strictly(tmp_path):
    for notebook in NOTEBOOKS:
        (tmp_path / f"{notebook.stem}.py").write_text("\n".join(RUN["cells"](notebook)), encoding="utf-8")
    cache = REPOSITORY / "target" / "mypy"
    examples = [str(path) for path in tmp_path.iterdir()]
    scripts = [str(REPOSITORY / "examples" / "notebooks" / "run.py"), str(REPOSITORY / "benches" / "border.py")]
    check_types("mypy", "--cache-dir", str(cache), "python/cdm", *scripts, *examples)


def test_the_stubs_are_what_the_core_has():
    check_types("mypy.stubtest", "cdm._core", "--mypy-config-file", "pyproject.toml")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "duckdb", "rows"])
def test_the_snippet_of_the_readme_gives_the_same_whatever_the_frame(library, tmp_path, monkeypatch):
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    monkeypatch.chdir(tmp_path)
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    namespace = {}
    for block in readme.split("```python\n")[1:]:
        exec(block.split("```")[0], namespace)
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert cdm.Plan.load("plan.json") == namespace["resolution"].plan
    customers = namespace["customers"]
    pairs = customers.groupby("entity_id")["id"].apply(list)
    assert sorted(pairs) == [[17, 18], [19, 20], [21], [22]]
    given = customers.drop(columns="entity_id")
    frames = {
        "pandas": given,
        "polars": pl.from_pandas(given),
        "pyarrow": pa.Table.from_pandas(given),
        "duckdb": duckdb.from_arrow(pa.Table.from_pandas(given)),
        "rows": given.to_dict("records"),
    }
    again = cdm.resolve(frames[library], region="GB", progress=False)
    assert again.entities.to_pylist() == namespace["resolution"].entities.to_pylist()
    assert again.golden_records.to_pylist() == namespace["resolution"].golden_records.to_pylist()
    assert again.model == namespace["resolution"].model
