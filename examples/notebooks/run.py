"""Run notebooks without Jupyter: every code cell in order, in one namespace.

    python run.py first_steps.ipynb            # as the tests do: fails where a cell fails
    python run.py first_steps.ipynb --write    # and keeps what the cells show, for readers
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def cells(path: Path) -> list[str]:
    """The code of a notebook, cell by cell."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, name: str, namespace: dict[str, Any]) -> tuple[str, Any]:
    """Run one cell; what it printed, and what its last line shows."""
    tree = ast.parse(source, filename=name)
    shown = None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), namespace)
            shown = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
        else:
            exec(compile(tree, name, "exec"), namespace)
    return printed.getvalue(), shown


def run(path: Path) -> list[tuple[str, Any]]:
    """Run a notebook; for each code cell what it printed and what its last line shows."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    return [
        run_cell(source, f"{path.name}, code cell {number}", namespace)
        for number, source in enumerate(cells(path), start=1)
    ]


def outputs(printed: str, shown: Any) -> list[dict[str, Any]]:
    """What a cell showed, as notebooks keep it."""
    kept: list[dict[str, Any]] = []
    if printed:
        kept.append({"output_type": "stream", "name": "stdout", "text": printed.splitlines(True)})
    if shown is not None:
        data: dict[str, Any] = {"text/plain": repr(shown).splitlines(True)}
        bundle = getattr(shown, "_repr_mimebundle_", None)
        for kind, value in (bundle() if bundle is not None else {}).items():
            data[kind] = value.splitlines(True) if isinstance(value, str) else value
        as_html = getattr(shown, "_repr_html_", None)
        if as_html is not None and as_html():
            data["text/html"] = as_html().splitlines(True)
        kept.append({"output_type": "display_data", "metadata": {}, "data": data})
    return kept


def main(names: list[str], write: bool) -> None:
    for name in names:
        path = Path(name)
        results = iter(run(path))
        if write:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    cell["outputs"] = outputs(*next(results))
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name != "--write"], "--write" in sys.argv)
