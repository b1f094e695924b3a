"""Answers of the core as dicts that notebooks can show, and charts."""

from __future__ import annotations

import json
from typing import Any, Callable, Optional

_VEGA_LITE = "application/vnd.vegalite.v5+json"


class Chart:
    """A chart as a Vega-Lite specification. A notebook shows it; `spec` is the dict to do more with.

    >>> import cdm
    >>> cdm.Chart({"mark": "bar"}).spec
    {'mark': 'bar'}
    """

    __slots__ = ("spec",)

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def __repr__(self) -> str:
        return "<cdm.Chart: its spec is Vega-Lite>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {_VEGA_LITE: self.spec, "text/plain": repr(self)}


class Explanation(dict[str, Any]):
    """An answer of `why`, `why_not` or `how`: a dict, and plain words.

    `sentence` is the answer for people; a notebook shows it with a waterfall chart where two records
    were weighed.

    >>> import cdm
    >>> print(cdm.Explanation({"sentence": "They are one customer."}))
    They are one customer.
    """

    __slots__ = ("_chart",)

    def __init__(self, answer: dict[str, Any], chart: Optional[Callable[[], Optional[Chart]]] = None) -> None:
        super().__init__(answer)
        self._chart = chart

    @property
    def sentence(self) -> str:
        """The answer in plain words."""
        text: str = self["sentence"]
        return text

    @property
    def chart(self) -> Optional[Chart]:
        """The parts of the pair's weight as a waterfall; `None` where nothing was weighed."""
        return self._chart() if self._chart is not None else None

    def __str__(self) -> str:
        return self.sentence

    def __reduce__(self) -> tuple[Any, ...]:
        return Explanation, (dict(self),)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.sentence}
        chart = self.chart
        if chart is not None:
            bundle[_VEGA_LITE] = {**chart.spec, "title": {"text": _lines(self.sentence), "anchor": "start", "fontSize": 11}}
        return bundle


def chart(document: str) -> Optional[Chart]:
    """The chart of a JSON text; `None` where there is nothing to show."""
    spec = json.loads(document)
    return None if spec is None else Chart(spec)


def _lines(text: str, width: int = 100) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


for _public in (Chart, Explanation):
    _public.__module__ = "cdm"
