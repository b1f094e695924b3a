"""The outcome: which records are one entity, and what they say together."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from cdm import _core, _decisions, _explain, _files, _html, _progress, _read
from cdm._explain import Chart, Explanation
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

    __slots__ = ("_inner", "_index", "_notes", "_sources", "_tables", "_documents")

    def __init__(self, inner: _core.Resolution, read: _read.Read) -> None:
        self._inner = inner
        self._index = read.index
        self._notes = read.notes
        self._sources = read.sources
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
    ) -> dict[str, Any]:
        """How good the entities are, against those of `truth`, whose column `entity` says which is which.

        `truth` names its records like the data did: by the same columns, or by `id` and `source`. Records
        that it does not name do not count. Pairs and entities are counted; `precision`, `recall`, `f1`
        are of pairs, `b_cubed_f1` is a mean over records, `exact_rate` the share of true entities that
        were found with exactly their records. `blocking_recall` is what could be found at all; the worst
        entities are in `worst_over_merged` and `worst_over_split`, `curve` tells what leaving out weak
        links would do, `segments` the same by source and by completeness of the records.

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
        result: dict[str, Any] = json.loads(self._inner.evaluate_json(read.records))
        return result

    def evaluate_pairs(self, labels: Iterable[tuple[Any, Any, bool]], *, complete: bool = False) -> dict[str, Any]:
        """How good the entities are, by pairs of records that people labelled: `(left, right, is_match)`.

        Each record is `(source, id)`, or its id alone where there is one source. Nothing is known of other
        pairs: `labelled_pairs` has the measures. With `complete`, the matches among `labels` are all there
        are, and every record in none of them is a customer of its own.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> plan.resolve(people).evaluate_pairs([("a", "b", True)])["labelled_pairs"]["recall"]
        1.0
        """
        document = _decisions.labels(labels, self._sources)
        result: dict[str, Any] = json.loads(self._inner.evaluate_pairs_json(document, complete))
        return result

    def why(self, left: _decisions.Key, right: _decisions.Key) -> Explanation:
        """Why two records are one customer: what is said for and against it, and the links between them.

        Each record is `(source, id)`, or its id alone where there is one source. `weight` has the parts
        that add up to the match weight exactly; a notebook shows them as a waterfall.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> why = plan.resolve({"crm": people}).why("a", "b")
        >>> why["together"], why["rule"]
        (True, {'name': 'e-mail', 'decision': 'match'})
        """
        keys = self._key(left), self._key(right)
        return Explanation(json.loads(self._inner.why_json(*keys)), lambda: self._waterfall(*keys))

    def why_not(self, left: _decisions.Key, right: _decisions.Key) -> Explanation:
        """Why two records are not one customer: the `cause`, and all other `obstacles`.

        The cause is one of `out_of_scope`, `cannot_link`, `never_rule`, `no_rule_holds`,
        `only_stopped_keys`, `not_a_candidate`, `below_the_cut` and `refused`.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "bo@li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> plan.resolve({"crm": people}).why_not("a", "b")["cause"]
        {'cause': 'no_rule_holds'}
        """
        keys = self._key(left), self._key(right)
        return Explanation(json.loads(self._inner.why_not_json(*keys)), lambda: self._waterfall(*keys))

    def how(self, entity: _decisions.Key) -> Explanation:
        """How an entity came together: the steps, the link that holds it (`bridge`), its nearest `neighbour`.

        `entity` is its id, or `(source, id)` of one of its records.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> how = plan.resolve({"crm": people}).how(("crm", "b"))
        >>> len(how["records"]), how["steps"][0]["rule"]
        (2, 'e-mail')
        """
        entity_id = entity if isinstance(entity, str) else self._inner.entity_of(self._key(entity))
        return Explanation(json.loads(self._inner.how_json(entity_id)))

    def expect(self) -> Optional[dict[str, Any]]:
        """What the model believes of the outcome where nobody knows the truth.

        `expected_precision` and `expected_recall` are of candidate pairs; `weights` tells how those are
        spread. It is as good as the model. `None` where the plan compares nothing.

        >>> import cdm
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> plan.resolve([{"id": "a", "email": "ann@li.example"}]).expect() is None
        True
        """
        result: Optional[dict[str, Any]] = json.loads(self._inner.expect_json())
        return result

    @property
    def weights(self) -> Optional[Chart]:
        """How the weights of candidate pairs are spread, as a chart; `None` where nothing was weighed."""
        return _explain.chart(self._inner.weights_json())

    def sample(self, size: int = 150, *, seed: int = 1) -> dict[str, Any]:
        """Which pairs to look at to learn how many of the pairs put together are right.

        Hand the answers to `cdm.estimate`. Of doubtful pairs more are drawn than of sure ones.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> sample = plan.resolve({"crm": people}).sample()
        >>> [pair["right"] for pair in sample["sample"]]
        [{'source': 'crm', 'id': 'b'}]
        >>> cdm.estimate(sample, [(("crm", "a"), ("crm", "b"), True)])["precision"]
        1.0
        """
        result: dict[str, Any] = json.loads(self._inner.sampling_plan_json(size, seed))
        return result

    def review(self, most: int = 50) -> list[dict[str, Any]]:
        """What is worth a person's minute, the most first: questions about two records and their groups.

        Each has the `question` in plain words, the `reason` (`may_be_one`, `may_be_two`, `conflict`), the
        `impact` (pairs of records that the answer is expected to put right), and all that `why` tells of
        the two. Answers go back as `decisions`, to `resolve` and as labels to `fit`.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> plan.resolve(people).review()
        []
        """
        result: list[dict[str, Any]] = json.loads(self._inner.review_json(most))
        return result

    def compare(self, after: Resolution) -> dict[str, Any]:
        """What is different in another resolution: of a new model, or of new data.

        Entities of `after` are `unchanged`, `merged`, `split`, `mixed` or `new`; `examples` are those that
        change the most pairs.

        >>> import cdm
        >>> people = [{"id": "a", "email": "ann@li.example"}, {"id": "b", "email": "Ann@Li.example"}]
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> before = plan.resolve({"crm": people})
        >>> after = plan.resolve({"crm": people}, decisions={"cannot_link": [("a", "b")]})
        >>> before.compare(after)["split"]
        2
        """
        result: dict[str, Any] = json.loads(self._inner.compare_json(after._inner))
        return result

    def report(
        self,
        path: Union[str, os.PathLike[str], None] = None,
        *,
        title: Optional[str] = None,
        redact: bool = False,
        truth: Optional[Data] = None,
        entity: str = "entity_id",
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        examples: int = 6,
        review: int = 50,
        progress: _progress.Progress = False,
    ) -> str:
        """The outcome as one HTML page that needs no network, written to `path` where one is given.

        It shows the quality of the data, what the model learned, how weights are spread, entities and
        pairs to look at, golden records, and the review queue: answers given in the page are saved as a
        file of decisions, which `resolve` takes as a text. With `redact`, values are left out; record keys
        stay. `truth` is as for `evaluate`. Returns the page.

        >>> import cdm
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> page = plan.resolve([{"id": "a", "email": "ann@li.example"}]).report(title="Customers")
        >>> page[:15], "Customers" in page
        ('<!doctype html>', True)
        """
        with _progress.callback(progress) as callback:
            known = None
            if truth is not None:
                read = _read.read(truth, id=id, source=source, fields={entity: "text"}, progress=callback)
                known = read.records
            page = self._inner.report_html(title, redact, examples, review, known, callback)
        if path is not None:
            _files.save(path, page)
        return page

    @property
    def decisions(self) -> dict[str, Any]:
        """What people decided and was honoured; `json.dump` it to keep it."""
        document: dict[str, Any] = self._document("decisions", lambda: self._inner.decisions_json)
        return document

    def _key(self, record: _decisions.Key) -> tuple[str, str]:
        return _decisions.key(record, self._sources)

    def _waterfall(self, left: tuple[str, str], right: tuple[str, str]) -> Optional[Chart]:
        return _explain.chart(self._inner.waterfall_json(left, right))

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
