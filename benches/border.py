"""What the border between Python and the core costs: columns in, columns out, no row in between.

    python benches/border.py [--records 1000000] [--plan rules|inferred]

Needs the package built in release mode (`maturin develop --release -m cdm-py/Cargo.toml`), pyarrow, and about 2 GB.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any, Callable, TypeVar

import pyarrow

import cdm
from cdm import _frames, _read

T = TypeVar("T")

RULES = {
    "version": 1,
    "name": "border",
    "region": "GB",
    "fields": [
        {"name": "given_name", "kind": "given_name"},
        {"name": "family_name", "kind": "family_name"},
        {"name": "email", "kind": "email"},
        {"name": "phone", "kind": "phone"},
        {"name": "postcode", "kind": "postcode"},
    ],
    "rules": [
        {"name": "e-mail", "decision": "match", "same": ["email", "given_name.nickname"]},
        {"name": "phone", "decision": "match", "same": ["phone", "family_name.phonetic"]},
        {"name": "place", "decision": "match", "same": ["postcode", "given_name", "family_name"]},
    ],
}


def customers(records: int) -> pyarrow.Table:
    """So many records of two thirds as many customers, the same in every run."""
    chance = random.Random(20240501)
    given = ["Robert", "Bob", "Ann", "Margaret", "Peggy", "José", "Li", "Thomas", "Sofia", "Karl"]
    family = ["".join(chance.choices("aeiourstlnmk", k=6)).title() for _ in range(20_000)]
    columns: dict[str, list[str | None]] = {name: [] for name in ("id", "given_name", "family_name", "email", "phone", "postcode")}
    for number in range(records):
        person = random.Random(chance.randrange(records * 2 // 3))
        first, last = person.choice(given), person.choice(family)
        columns["id"].append(f"C{number:08}")
        columns["given_name"].append(first)
        columns["family_name"].append(last if chance.random() > 0.02 else last[:-1])
        email = f"{first}.{last}{person.randrange(1000)}@mail.example".lower()
        columns["email"].append(email if chance.random() > 0.3 else None)
        columns["phone"].append(f"07700 {person.randrange(10**6):06}" if chance.random() > 0.3 else None)
        columns["postcode"].append(f"M{person.randrange(1, 50)} {person.randrange(10)}AA")
    return pyarrow.table(columns)


def timed(what: str, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the seconds it took."""
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    print(f"{what:<44}{seconds:>9.3f} s", flush=True)
    return result, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--plan", choices=["rules", "inferred"], default="rules")
    arguments = parser.parse_args()
    table = customers(arguments.records)
    print(f"{table.num_rows:,} records, {table.nbytes / 1e6:,.0f} MB in Arrow")

    objects = sys.getallocatedblocks()
    _, border_in = timed("border: columns handed in", lambda: _frames.inputs(table))
    plan = cdm.Plan(RULES) if arguments.plan == "rules" else None
    read, reading = timed("core: records read, dictionary-encoded", lambda: _read.read(table, plan=plan._inner if plan else None))
    resolution, resolving = timed("all of resolve", lambda: cdm.resolve(table, plan=plan, progress=False))
    print(f"    {len(resolution):,} entities; the rest of it is normalising, matching, clustering")
    results: list[tuple[str, Callable[[], Any]]] = [
        ("entities", lambda: resolution.entities),
        ("links", lambda: resolution.links),
        ("golden records", lambda: resolution.golden_records),
    ]
    border_out = 0.0
    for name, make in results:
        made, seconds = timed(f"core: {name} made", make)
        arrow, handed = timed(f"border: {name} handed out", made.to_arrow)
        assert arrow.num_rows == len(made)
        # Entities and links come straight out of the resolution; merging golden records is work of its own.
        border_out += handed + (seconds if name != "golden records" else 0.0)
        del arrow
    objects = sys.getallocatedblocks() - objects
    cost = border_in + border_out
    print(f"border, in and out: {cost:.3f} s, {cost / resolving:.1%} of {resolving:.2f} s")
    print(f"Python objects that are left: {objects:,}")
    del read, reading


if __name__ == "__main__":
    main()
