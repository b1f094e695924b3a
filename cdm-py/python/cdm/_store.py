"""The live store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, NamedTuple, Optional, Union

from cdm import _core, _progress, _read, _rows
from cdm._errors import InvalidError
from cdm._frames import Data
from cdm._plan import Model

class StoredGolden(NamedTuple):
    """The golden record of an entity, and where each of its values came from.

    >>> import cdm
    >>> plan = cdm.Plan({"version": 1, "name": "people", "fields": [{"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
    >>> with cdm.Store(None, model=plan.fit([{"email": "x@li.example"}])) as store:
    ...     ann = store.upsert({"email": "ann@li.example"}, source="crm", id=1)
    ...     record, lineage = store.golden(ann)
    >>> record["fields"]["email"], lineage["fields"]["email"]["values"][0]["from"]["id"]
    (['ann@li.example'], '1')
    """

    record: dict[str, Any]
    lineage: dict[str, Any]


class Store:
    """A live, durable population of records, kept resolved by one model.

    Records come, change and go; after each call the entities are those that a batch run over the
    records would find. Entity ids are stable, and every change is an event in a log that can be
    replayed. It is a context manager; one process has a store open at a time, and its threads may share it.

    Args:
        path: The folder of the store, which is made where there is none; in memory where ``None``.
        model: The model that resolves it; where the store is there already it may be left out.
        durability: When a change is on the disk: ``"every_call"``, at most so many seconds later (many
            changes then share one write), or ``"by_hand"`` with `flush`.
        key: 32 bytes that encrypt what the store holds.
        cached_records: Of how many records at least, those that were asked for last, what they are told
            apart by is kept in memory, at about a kilobyte each; of up to twice as many it may be. A
            candidate that is not among them is read from the file.
        cached_bytes: How many bytes of the index and of the keys are kept in memory at most; three quarters
            are for the keys. What does not fit is read from the files.

    >>> import cdm
    >>> plan = cdm.Plan({"version": 1, "name": "people",
    ...     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    ...     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]})
    >>> with cdm.Store(None, model=plan.fit([{"email": "x@li.example"}])) as store:
    ...     ann = store.upsert({"name": "Ann Archer", "email": "ann@li.example"}, source="crm", id=1)
    ...     same = store.upsert({"email": "ANN@li.example"}, source="shop", id="a")
    ...     hits = store.search({"email": "Ann@Li.example"})
    ...     kinds = [next(iter(event["change"])) for event in store.events()]
    >>> same == ann == hits[0]["entity"]
    True
    >>> kinds
    ['created', 'joined', 'golden_changed']
    """

    __slots__ = ("_inner",)
    _inner: _core.Store

    def __init__(
        self,
        path: Optional[Union[str, os.PathLike[str]]],
        *,
        model: Optional[Model] = None,
        durability: Union[Literal["every_call", "by_hand"], float] = "every_call",
        key: Optional[bytes] = None,
        cached_records: int = 1_000_000,
        cached_bytes: int = 2 << 30,
    ) -> None:
        seconds = {"every_call": 0.0, "by_hand": -1.0}.get(durability) if isinstance(durability, str) else float(durability)
        if seconds is None or (not isinstance(durability, str) and not seconds > 0.0):
            raise InvalidError(
                f"durability {durability!r}: wanted 'every_call', 'by_hand', or seconds above 0", "UNKNOWN_CHOICE"
            )
        if model is not None and not isinstance(model, Model):
            raise TypeError("model is a cdm.Model")
        settings = {
            "group_seconds": seconds,
            "key": key,
            "cached_records": cached_records,
            "cached_bytes": cached_bytes,
        }
        self._inner = _core.Store(path, model._inner if model else None, settings)

    @classmethod
    def open(cls, path: Union[str, os.PathLike[str]], **options: Any) -> Store:
        """The same as ``cdm.Store(path, ...)``."""
        return cls(path, **options)

    def upsert(self, record: Mapping[str, Any], *, source: str, id: Union[str, int], time: Optional[str] = None) -> str:
        """Take a record in, new or changed: values, or lists of them, by field. Returns its entity's id.

        `time` says when it was last changed in its source, as ISO 8601.
        """
        return self._inner.upsert(_record(record, source, str(id), time))

    def upsert_many(
        self,
        data: Data,
        *,
        id: Optional[_read.Column] = None,
        source: Optional[_read.Column] = None,
        time: Optional[_read.Column] = None,
        progress: _progress.Progress = True,
    ) -> int:
        """Take many records in; how many were new or changed. The options are those of `cdm.resolve`."""
        with _progress.callback(progress) as callback:
            plan = self.model.plan._inner
            read = _read.read(data, id=id, source=source, time=time, plan=plan, progress=callback)
            return self._inner.upsert_many(read.records, callback)

    def delete(self, key: tuple[str, Union[str, int]]) -> bool:
        """Take a record out; whether it was there. The log keeps its key."""
        return self._inner.delete(*_key(key))

    def forget(self, key: tuple[str, Union[str, int]]) -> bool:
        """Take a record out and erase it: none of its values, nor its key, is in the files any more."""
        return self._inner.forget(*_key(key))

    def must_link(self, one: tuple[str, Union[str, int]], other: tuple[str, Union[str, int]]) -> bool:
        """Say that two records are one customer, whether they are there yet or not; whether that was news."""
        return self._inner.decide("must", _key(one), _key(other))

    def cannot_link(self, one: tuple[str, Union[str, int]], other: tuple[str, Union[str, int]]) -> bool:
        """Say that two records are not one customer; whether that was news."""
        return self._inner.decide("cannot", _key(one), _key(other))

    def withdraw_must_link(self, one: tuple[str, Union[str, int]], other: tuple[str, Union[str, int]]) -> bool:
        """Take back what was said with `must_link`; whether it had been."""
        return self._inner.decide("no_must", _key(one), _key(other))

    def withdraw_cannot_link(self, one: tuple[str, Union[str, int]], other: tuple[str, Union[str, int]]) -> bool:
        """Take back what was said with `cannot_link`; whether it had been."""
        return self._inner.decide("no_cannot", _key(one), _key(other))

    def get(self, key: tuple[str, Union[str, int]]) -> Optional[dict[str, Any]]:
        """A record as it was given, with `source`, `id`, `time` and `fields`."""
        found: Optional[dict[str, Any]] = _loads(self._inner.get_json(*_key(key)))
        return found

    def entity_of(self, key: tuple[str, Union[str, int]]) -> Optional[str]:
        """The entity of a record."""
        return self._inner.entity_of(*_key(key))

    def entity(self, entity: str) -> list[dict[str, Any]]:
        """The entity of that id with the keys of its records; where it is no more, those that have its records."""
        return _loads(self._inner.entity_json(entity)) or []

    def golden(self, entity: str) -> Optional[StoredGolden]:
        """The golden record of an entity, or of the one that has its records now."""
        found = self._inner.golden_json(entity)
        return None if found is None else StoredGolden(json.loads(found[0]), json.loads(found[1]))

    def search(self, record: Mapping[str, Any], *, most: int = 5) -> list[dict[str, Any]]:
        """Who a record, perhaps of a few fields only, may be, the likeliest first; nothing is stored.

        Each hit has the `entity`, the `record` of it that is most like, the `rule` that holds, the
        `match_weight` in bits, the `match_probability`, and the `levels` that the two reach.
        """
        return _loads(self._inner.search_json(_record(record, "", "", None), most)) or []

    def events(self, since: int = 0, *, most: int = 10_000) -> list[dict[str, Any]]:
        """The events after number `since`, in order, each with its `sequence` and its `change`."""
        return _loads(self._inner.events_json(since, most)) or []

    def subscribe(self, since: int = 0, *, timeout: float = 1.0) -> Iterator[dict[str, Any]]:
        """Events as they come, until none came for `timeout` seconds; go on after the last one's `sequence`."""
        while True:
            events = _loads(self._inner.wait_json(since, 1000, timeout))
            if not events:
                return
            for event in events:
                since = event["sequence"]
                yield event

    def stats(self) -> dict[str, int]:
        """How much there is."""
        stats: dict[str, int] = json.loads(self._inner.stats_json())
        return stats

    @property
    def model(self) -> Model:
        """The model that resolves the store, with the keys that have grown hot."""
        return Model._of(self._inner.model())

    def verify(self, *, progress: _progress.Progress = True) -> dict[str, Any]:
        """Read everything, resolve it in batch, and compare; `problems` is empty where all is well."""
        with _progress.callback(progress) as callback:
            found: dict[str, Any] = json.loads(self._inner.verify_json(callback))
            return found

    def preview(self, model: Model, *, progress: _progress.Progress = True) -> dict[str, int]:
        """What `adopt` would change."""
        with _progress.callback(progress) as callback:
            found: dict[str, int] = json.loads(self._inner.adopt_json(model._inner, False, callback))
            return found

    def adopt(self, model: Model, *, progress: _progress.Progress = True) -> dict[str, int]:
        """Resolve the store by another model from now on; entities live on as ever. What that changed."""
        with _progress.callback(progress) as callback:
            found: dict[str, int] = json.loads(self._inner.adopt_json(model._inner, True, callback))
            return found

    def backup(self, path: Union[str, os.PathLike[str]]) -> None:
        """Make a copy of the store at `path`, which is not there yet, while others read and write."""
        self._inner.backup(os.fspath(path))

    def compact(self) -> None:
        """Make the files as small as can be; no other thread may be using the store."""
        self._inner.compact()

    def flush(self) -> None:
        """Wait until every change is on the disk."""
        self._inner.flush()

    def close(self) -> None:
        """Let go of the store; what is not on the disk yet is put there."""
        self._inner.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _key(key: Any) -> tuple[str, str]:
    if not isinstance(key, (tuple, list)) or len(key) != 2:
        raise InvalidError("a record is named (source, id)", "INVALID_DOCUMENT")
    return str(key[0]), str(key[1])


def _record(record: Mapping[str, Any], source: str, id: str, time: Optional[str]) -> str:
    if not isinstance(record, Mapping):
        raise TypeError("record is a dict of values by field")
    fields: dict[str, list[str]] = {}
    for name, value in record.items():
        values = value if isinstance(value, (list, tuple, set)) else [value]
        fields[str(name)] = [_rows.clean_text(str(one))[0] for one in values if not _rows.is_null(one)]
    document: dict[str, Any] = {"source": source, "id": id, "fields": fields}
    if time is not None:
        document["time"] = str(time)
    return json.dumps(document)


def _loads(text: Optional[str]) -> Any:
    return None if text is None else json.loads(text)


for _class in (Store, StoredGolden):
    _class.__module__ = "cdm"
