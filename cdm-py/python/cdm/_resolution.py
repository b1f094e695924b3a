"""The outcome: which records are one entity, and what they say together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Optional

from cdm import _core, _html, _progress, _read
from cdm._frames import Data
from cdm._table import ArrowTable

if TYPE_CHECKING:
    from cdm._plan import Model, Plan


class Resolution:
    """Which records are one entity, by which links, and what they say together.

    Each result is an `ArrowTable`, made when it is first asked for.

    >>> import cdm
    >>> plan = cdm.Plan({"version": 1, "name": "people",
    ...     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}]})
    >>> resolution = plan.resolve([
    ...     {"id": 1, "name": "Robert Smith", "email": "r@smith.example"},
    ...     {"id": 2, "name": "SMITH, Bob", "email": "R@Smith.example"},
    ...     {"id": 3, "name": "Ann Li", "email": "ann@li.example"}])
    >>> resolution
    <cdm.Resolution: 3 records make 2 entities: 1 of one record, 1 of several, the largest of 2
      1 joined by: e-mail>
    >>> [row["left_id"] for row in resolution.links.to_pylist()]
    [1]
    """

    __slots__ = ("_inner", "_index", "_notes", "_tables", "_documents")

    def __init__(self, inner: _core.Resolution, read: _read.Read) -> None:
        self._inner = inner
        self._index = read.index
        self._notes = read.notes
        self._tables: dict[str, ArrowTable] = {}
        self._documents: dict[str, Any] = {}

    def _table(self, title: str, make: Callable[[], _core.Batches], index: Any = None) -> ArrowTable:
        table = self._tables.get(title)
        if table is None:
            table = self._tables.setdefault(title, ArrowTable(make(), title, index))
        return table

    def _document(self, name: str, make: Callable[[], str]) -> Any:
        if name not in self._documents:
            self._documents[name] = json.loads(make())
        return self._documents[name]

    @property
    def entities(self) -> ArrowTable:
        """Which record is which entity: `id`, `source`, `entity_id`; a row for each row that came in.

        Rows come in the order of the data, one source after the other. A row that could not be used
        (see `reports`) is null in all columns, so that ``frame["entity_id"] =
        resolution.entities.to_polars()["entity_id"]`` always fits. Ids have the type they had where they
        are numbers, else they are text.
        """
        return self._table("entities", self._inner.entities, self._index)

    @property
    def links(self) -> ArrowTable:
        """What joined records: `left_source`, `left_id`, `right_source`, `right_id`, `match_weight` (bits)
        and `match_probability` (both null where a rule or a person decided), and the `rule`.
        """
        return self._table("links", self._inner.links)

    @property
    def refusals(self) -> ArrowTable:
        """The links that were refused: the two records, the `rule` that wanted them joined, the `reason`
        (`cannot_link`, `never_rule`, `limit`, `one_per_source`, `outweighed`) and its `detail`.
        """
        return self._table("refusals", self._inner.refusals)

    @property
    def golden_records(self) -> ArrowTable:
        """One merged record for each entity: `entity_id`, `records` (how many), `sources`, `time`, and a
        column for each field; a list where all values survive.
        """
        return self._table("golden records", self._inner.golden_records)

    @property
    def lineage(self) -> ArrowTable:
        """Where every value went: its `entity_id`, `field`, `outcome` (`survived`, `agreed`, `lost`), the
        surviving `value`, the `strategy`, and the `source`, `id`, `time`, `raw` value, `status` and
        `issues` of the record it came from.
        """
        return self._table("lineage", self._inner.lineage)

    @property
    def quality(self) -> ArrowTable:
        """How well each field is filled: records `filled` and `usable`; values `valid`, `doubtful`,
        `unusable`, `placeholders`; `distinct` texts; and the `issues` with their counts.
        """
        return self._table("quality", self._inner.quality)

    @property
    def quality_report(self) -> dict[str, Any]:
        """All that is known of the quality of the values, with examples. It quotes frequent values."""
        document: dict[str, Any] = self._document("quality", self._inner.quality_json)
        return document

    @property
    def reports(self) -> list[dict[str, Any]]:
        """For each source, what was read: its columns and their `mapping` to fields, the rows that were
        accepted and rejected, and the first of those, with the reason.
        """
        document: list[dict[str, Any]] = self._document("reports", lambda: self._inner.reports_json)
        return document

    @property
    def summary(self) -> dict[str, Any]:
        """The counts: `records`, `entities`, `singletons`, `sources`, the `largest` entities, links by what
        made them (`links_by_rule`, `links_by_weight`, `links_by_decision`), `refusals`, the records that
        decisions name and nobody knows (`unknown_in_decisions`), and the model's own `doubts`.
        """
        document: dict[str, Any] = self._document("summary", self._inner.summary_json)
        return document

    @property
    def warnings(self) -> list[str]:
        """What a person should look at, in sentences; empty where all is well."""
        documents = self._documents
        if "warnings" not in documents:
            documents["warnings"] = self._notes + self._inner.warnings()
        return list(documents["warnings"])

    @property
    def model(self) -> Model:
        """The `Model` that resolved."""
        from cdm._plan import Model  # which makes resolutions, and so comes after them

        return Model._of(self._inner.model)

    @property
    def plan(self) -> Plan:
        """The `Plan` by which it was done."""
        return self.model.plan

    def evaluate(
        self,
        truth: Data,
        *,
        entity: str = "entity_id",
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        progress: _progress.Progress = False,
    ) -> dict[str, float]:
        """How good the entities are, against those of `truth`, whose column `entity` says which is which.

        `truth` names its records like the data did: by the same columns, or by `id` and `source`. Records
        that it does not name do not count. Pairs and entities are counted; `precision`, `recall`, `f1`
        are of pairs, `b_cubed_f1` is a mean over records.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example", "is": "Ann"},
        ...           {"id": "b", "email": "Ann@Li.example", "is": "Ann"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> plan.resolve(people).evaluate(people, entity="is")["f1"]
        1.0
        """
        with _progress.callback(progress) as callback:
            read = _read.read(truth, id=id, source=source, fields={entity: "text"}, progress=callback)
        result: dict[str, float] = json.loads(self._inner.evaluate_json(read.records))
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Resolution holds all records and does not pickle: send its tables, by to_arrow() or to_pylist()")

    def __len__(self) -> int:
        """How many entities there are."""
        return len(self._inner)

    def _headline(self) -> str:
        summary = self.summary
        records, entities, single = summary["records"], summary["entities"], summary["singletons"]
        text = f"{_many(records, 'record')} make {_many(entities, 'entity', 'entities')}"
        if single < entities:
            largest = summary["largest"][0][1]
            text += f": {single:,} of one record, {entities - single:,} of several, the largest of {largest:,}"
        return text

    def _links(self) -> list[tuple[str, int]]:
        """What joined records, and how often."""
        links = [("people", self.summary["links_by_decision"]), *self.summary["links_by_rule"]]
        links.append(("the weight of the evidence", self.summary["links_by_weight"]))
        return [(what, count) for what, count in links if count]

    def __repr__(self) -> str:
        lines = [f"<cdm.Resolution: {self._headline()}"]
        links = self._links()
        width = max((len(f"{count:,}") for _, count in links), default=0)
        lines += [f"  {count:{width},} joined by: {what}" for what, count in links]
        if self.summary["refusals"]:
            lines.append(f"  {_many(self.summary['refusals'], 'link')} refused")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{_html.escape(self._headline())}</b></p>"]
        if self.warnings:
            items = "".join(f"<li>{_html.escape(warning)}</li>" for warning in self.warnings)
            parts.append(f"<p>To be looked at:</p><ul>{items}</ul>")
        links = [(f"{count:,}", what) for what, count in self._links()]
        if self.summary["refusals"]:
            links.append((f"{self.summary['refusals']:,}", "refused"))
        parts.append(_html.table(("links", "joined by"), links))
        largest = [(entity, f"{size:,}") for entity, size in self.summary["largest"]]
        parts.append(_html.table(("largest entities", "records"), largest))
        quality = [
            (
                field["field"],
                *(f"{field[count]:,}" for count in ("filled", "valid", "doubtful", "unusable")),
                ", ".join(f"{issue['values']:,} {issue['issue']}" for issue in _first(field["issues"])),
            )
            for field in self.quality_report["fields"]
        ]
        head = ("field", "filled", "valid", "doubtful", "unusable", "most frequent issues")
        parts.append(_html.table(head, quality))
        return "".join(parts)


def _first(issues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(issues, key=lambda issue: -issue["values"])[:3]


def _many(number: int, one: str, many: Optional[str] = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


Resolution.__module__ = "cdm"
