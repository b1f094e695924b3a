"""Plans and models: what to do, and what was learned by it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Optional, Union

from cdm import _core, _decisions, _explain, _files, _html, _progress, _read
from cdm._explain import Chart, Explanation
from cdm._frames import Data
from cdm._resolution import Resolution

LinkType = Literal["dedupe", "link", "link_and_dedupe"]
"""Which pairs of records may be linked: any two, two of different sources, or any two of several."""


class Plan:
    """What to do with records: their fields, the rules by which they match, which values survive.

    Made from a dict or from JSON, and checked as a whole: what is misspelt is named, with where it is
    and what was meant. A plan never changes; `replace` makes another.

    >>> import cdm
    >>> plan = cdm.Plan({
    ...     "version": 1,
    ...     "name": "people",
    ...     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}],
    ... })
    >>> plan
    <cdm.Plan 'people': 2 fields, 1 rule>
    >>> cdm.Plan({"version": 1, "name": "people", "feilds": []})
    Traceback (most recent call last):
    ...
    cdm.InvalidError: plan at feilds: unknown field `feilds`, expected one of ...
    """

    __slots__ = ("_inner",)
    _inner: _core.Plan

    def __init__(self, document: Union[str, Mapping[str, Any]]) -> None:
        text = document if isinstance(document, str) else json.dumps(dict(document))
        self._inner = _core.Plan.from_json(text)

    @classmethod
    def _of(cls, inner: _core.Plan) -> Plan:
        plan = cls.__new__(cls)
        plan._inner = inner
        return plan

    @classmethod
    def infer(
        cls,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        fields: Optional[_read.Fields] = None,
        given: Optional[Plan] = None,
        region: Optional[str] = None,
        link_type: Optional[LinkType] = None,
        progress: _progress.Progress = True,
    ) -> Plan:
        """The plan that suits `data`: to be read, changed and kept.

        What `given` says stays as it is: its fields, rules, guards, survivorship; of what it compares and
        by which keys pairs are found, whatever it leaves open is inferred. The other options are those of
        `cdm.resolve`.

        >>> import cdm
        >>> people = [{"name": "Ann Li", "email": "ann@li.example"}, {"name": "Bo Ek", "email": "bo@ek.example"}]
        >>> plan = cdm.Plan.infer(people)
        >>> plan.fields
        {'given_name': 'given_name', 'family_name': 'family_name', 'email': 'email'}
        >>> [comparison["fields"] for comparison in plan.to_dict()["comparisons"]][-1]
        ['email']
        """
        with _progress.callback(progress) as callback:
            inner = given._inner if given is not None else None
            read = _read.read(data, id=id, source=source, time=time, fields=fields, plan=inner, progress=callback)
            return infer(read.records, given, region, link_type, callback)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read a plan from JSON.

        >>> import cdm
        >>> cdm.Plan.from_json('{"version": 1, "name": "p", "fields": [{"name": "a", "kind": "text"}]}').name
        'p'
        """
        return cls._of(_core.Plan.from_json(text))

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]]) -> Plan:
        """Read a plan from a file of JSON."""
        return cls.from_json(_files.text_of(path))

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON Schema of plans, for editors and other tools.

        >>> import cdm
        >>> cdm.Plan.json_schema()["title"]
        'cdm plan, version 1'
        """
        schema: dict[str, Any] = json.loads(_core.Plan.json_schema())
        return schema

    def to_json(self) -> str:
        """The plan as JSON, indented; `from_json` reads it back the same."""
        return self._inner.to_json()

    def to_dict(self) -> dict[str, Any]:
        """The plan as a dict, to be looked at or changed; ``cdm.Plan(dict)`` checks it again."""
        document: dict[str, Any] = json.loads(self.to_json())
        return document

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the plan to a file, whole or not at all."""
        _files.save(path, self.to_json())

    def replace(self, **members: Any) -> Plan:
        """The same plan with other top-level members, such as `region`, `rules` or `guards`.

        A member given as None is left out.

        >>> import cdm
        >>> plan = cdm.Plan({"version": 1, "name": "p", "fields": [{"name": "a", "kind": "phone"}]})
        >>> plan.replace(region="DE").to_dict()["region"]
        'DE'
        """
        document = {**self.to_dict(), **members}
        return Plan({name: member for name, member in document.items() if member is not None})

    @property
    def name(self) -> str:
        """The plan's own name."""
        return str(self.to_dict()["name"])

    @property
    def fields(self) -> dict[str, str]:
        """The fields, in order, and their kinds.

        >>> import cdm
        >>> cdm.Plan({"version": 1, "name": "p", "fields": [{"name": "a", "kind": "phone"}]}).fields
        {'a': 'phone'}
        """
        return {field["name"]: field["kind"] for field in self.to_dict()["fields"]}

    def fit(
        self,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        labels: Optional[Iterable[_decisions.Label]] = None,
        progress: _progress.Progress = True,
        memory_limit: Optional[int] = None,
    ) -> Model:
        """Learn from `data` what needs a look at all records; the model resolves these and others.

        `labels` are pairs that somebody looked at, ``(left, right, whether they are one)``, each record
        as ``(source, id)``, or its id alone where there is one source. A few help already. `memory_limit`
        is that of `cdm.resolve`.

        >>> import cdm
        >>> plan = cdm.Plan({"version": 1, "name": "p", "fields": [{"name": "born", "kind": "date"}]})
        >>> plan.fit([{"born": "31/12/2000"}]).to_dict()["date_orders"]
        {'records': {'born': 'day_first'}}
        """
        with _progress.callback(progress) as callback:
            read = _read.read(
                data, id=id, source=source, time=time, plan=self._inner, progress=callback, memory_limit=memory_limit
            )
            said = _decisions.labels(labels or [], read.sources)
            return Model._of(self._inner.fit(read.records, said, callback, memory_limit))

    def estimate(
        self,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        progress: _progress.Progress = True,
    ) -> dict[str, Any]:
        """What resolving `data` by this plan would take: `candidate_pairs`, `peak_memory_bytes`, `seconds`.

        Of a large table a sample is looked at, so that it takes a small part of the time of the run; pairs
        are then right within some percent, memory and time within a third or so. `new_pairs_by_rule` says
        which blocking rules the pairs come from, `least_memory_bytes` which `memory_limit` can be kept.

        >>> import cdm
        >>> people = [{"email": "ann@li.example"}, {"email": "bo@ek.example"}, {"email": "Ann@Li.example"}]
        >>> estimate = cdm.Plan.infer(people).estimate(people)
        >>> estimate["records"], estimate["candidate_pairs"]
        (3, 1)
        """
        with _progress.callback(progress) as callback:
            read = _read.read(data, id=id, source=source, time=time, plan=self._inner, progress=callback)
            estimate: dict[str, Any] = json.loads(self._inner.estimate_json(read.records, callback))
            return estimate

    def resolve(
        self,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        labels: Optional[Iterable[_decisions.Label]] = None,
        decisions: Optional[Union[_decisions.Decisions, str]] = None,
        progress: _progress.Progress = True,
        memory_limit: Optional[int] = None,
    ) -> Resolution:
        """Fit this plan to `data` and resolve it, in one go. The options are those of `cdm.resolve`."""
        with _progress.callback(progress) as callback:
            read = _read.read(
                data, id=id, source=source, time=time, plan=self._inner, progress=callback, memory_limit=memory_limit
            )
            decided = _decisions.to_json(decisions, read.sources)
            said = _decisions.labels(labels or [], read.sources)
            return Resolution(self._inner.resolve(read.records, said, decided, callback, memory_limit), read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        document = self.to_dict()
        parts = [
            _count(len(document.get(member, [])), noun)
            for member, noun in (("fields", "field"), ("rules", "rule"), ("comparisons", "comparison"))
            if document.get(member)
        ]
        return f"<cdm.Plan {document['name']!r}: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        document = self.to_dict()
        fields = [(field["name"], field["kind"]) for field in document["fields"]]
        rules = [(rule["name"], rule["decision"], _conditions(rule)) for rule in document.get("rules", [])]
        caption = f"<p>{_html.escape(repr(self)[1:-1])}</p>"
        tables = _html.table(("field", "kind"), fields) + _html.table(("rule", "decision", "where"), rules)
        return caption + tables


class Model:
    """A plan, and what was learned by it from data. Made by `Plan.fit`; one JSON document.

    It holds some keys of records in clear, so treat it like the records themselves.

    >>> import cdm
    >>> plan = cdm.Plan({"version": 1, "name": "people",
    ...     "fields": [{"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
    >>> model = plan.fit([{"email": "a@example.org"}])
    >>> len(model.resolve([{"email": "b@example.org"}, {"email": "B@EXAMPLE.org"}]))
    1
    """

    __slots__ = ("_inner",)
    _inner: _core.Model

    def __init__(self, document: Union[str, Mapping[str, Any]]) -> None:
        text = document if isinstance(document, str) else json.dumps(dict(document))
        self._inner = _core.Model.from_json(text)

    @classmethod
    def _of(cls, inner: _core.Model) -> Model:
        model = cls.__new__(cls)
        model._inner = inner
        return model

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read a model from JSON; one of another version, or a damaged one, is an error."""
        return cls._of(_core.Model.from_json(text))

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]]) -> Model:
        """Read a model from a file of JSON."""
        return cls.from_json(_files.text_of(path))

    @property
    def plan(self) -> Plan:
        """The plan that was fitted."""
        return Plan._of(self._inner.plan)

    def explain(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> Explanation:
        """What the model says of two records, whatever data they are in.

        Each is a dict of its `source`, its `id` and its `fields`, a list of values each.

        >>> import cdm
        >>> plan = cdm.Plan({"version": 1, "name": "people",
        ...     "fields": [{"name": "email", "kind": "email"}],
        ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
        >>> model = plan.fit([{"email": "a@example.org"}])
        >>> pair = model.explain({"source": "crm", "id": "1", "fields": {"email": ["ann@li.example"]}},
        ...                      {"source": "crm", "id": "2", "fields": {"email": ["Ann@Li.example"]}})
        >>> pair["rule"]["decision"]
        'match'
        """
        found, sentence = self._inner.explain_json(json.dumps(dict(left)), json.dumps(dict(right)))
        return Explanation({**json.loads(found), "sentence": sentence})

    @property
    def chart(self) -> Optional[Chart]:
        """What each level of each comparison weighs, as a chart; `None` where the plan compares nothing."""
        return _explain.chart(self._inner.chart_json())

    def to_json(self) -> str:
        """The model as JSON, indented; `from_json` reads it back the same."""
        return self._inner.to_json()

    def to_dict(self) -> dict[str, Any]:
        """The model as a dict: its `plan`, and what was learned."""
        document: dict[str, Any] = json.loads(self.to_json())
        return document

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the model to a file, whole or not at all."""
        _files.save(path, self.to_json())

    def resolve(
        self,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        decisions: Optional[Union[_decisions.Decisions, str]] = None,
        progress: _progress.Progress = True,
        memory_limit: Optional[int] = None,
    ) -> Resolution:
        """Resolve `data` by this model. The options are those of `cdm.resolve`."""
        plan = self._inner.plan
        with _progress.callback(progress) as callback:
            read = _read.read(
                data, id=id, source=source, time=time, plan=plan, progress=callback, memory_limit=memory_limit
            )
            decided = _decisions.to_json(decisions, read.sources)
            return Resolution(self._inner.resolve(read.records, decided, callback, memory_limit), read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        learned = [name.replace("_", " ") for name, value in self.to_dict().items() if name not in ("version", "plan") and value]
        what = f"learned {', '.join(learned)}" if learned else "nothing to learn"
        return f"<cdm.Model of {self.plan!r}: {what}>"


def infer(
    records: _core.Records,
    given: Optional[Plan],
    region: Optional[str],
    link_type: Optional[str],
    callback: Optional[_progress.Callback],
) -> Plan:
    """What `given` leaves open, inferred from the records; where nothing is given, all."""
    given = bare(records, region, link_type) if given is None else with_options(given, region, link_type)
    return Plan._of(_core.Plan.infer(records, given._inner, callback))


def bare(records: _core.Records, region: Optional[str], link_type: Optional[str]) -> Plan:
    """A plan of the records' fields and nothing else: all is left open."""
    plan = Plan({"version": 1, "name": "inferred", "fields": json.loads(records.fields_json)})
    return with_options(plan, region, link_type)


def with_options(plan: Plan, region: Optional[str], link_type: Optional[str]) -> Plan:
    """The plan, with what was said beside it."""
    said = {"region": region, "link_type": link_type}
    changes = {name: value for name, value in said.items() if value is not None}
    return plan.replace(**changes) if changes else plan


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _conditions(rule: Mapping[str, Any]) -> str:
    same = [f"same {expression}" for expression in rule.get("same", [])]
    return ", ".join(same + [f"different {expression}" for expression in rule.get("differ", [])])


for _class in (Plan, Model):
    _class.__module__ = "cdm"
