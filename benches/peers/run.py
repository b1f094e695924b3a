"""Our zero-config resolution beside Splink: the same generated customers, whole processes, in turn.

    python3 benches/peers/run.py --records 10000 100000 1000000 --runs 3

Makes an environment with Splink beside this file, builds the generator, `resolve` and `cleaned`, generates
customers, runs both on them in turn, and prints a table: wall time, processor time, peak memory, pairs
(those that Splink scored, and those that ours learned from), pairwise F1, and the ratios. Ours reads the
four files as they are, and writes entities and golden records; Splink reads the columns that ours made of
them, cleaned beforehand in no time of its own, and writes entities.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import venv
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "peers"
PYTHON = HERE / ".venv" / "bin" / "python"
COLUMNS = {
    "given": "given_name",
    "family": "family_name",
    "first": "given_name.first",
    "first_sound": "given_name.first.phonetic",
    "born": "date_of_birth",
    "email": "email",
    "phone": "phone",
    "street": "address.street",
    "house_number": "address.house_number",
    "city": "address.city",
    "address_postcode": "address.postcode",
    "postcode": "postcode",
}
FILES = {"crm": "crm.csv", "loyalty": "loyalty.csv", "shop": "shop.jsonl", "support": "support.csv"}


def environment() -> None:
    if not PYTHON.exists():
        venv.create(PYTHON.parent.parent, with_pip=True)
    wanted = HERE / "requirements.txt"
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", wanted], check=True)


def build() -> None:
    wanted = ["-p", "cdm-examples", "-p", "cdm-benches", "--bin", "generate", "--bin", "resolve", "--bin", "cleaned"]
    subprocess.run(["cargo", "build", "--release", "--locked", *wanted], cwd=ROOT, check=True)


def customers(records: int, seed: int) -> Path:
    folder = WORK / f"customers-{records}-{seed}"
    if not (folder / "truth.csv").exists():
        generate = ROOT / "target" / "release" / "generate"
        numbers = ["--records", str(records), "--seed", str(seed)]
        subprocess.run([generate, *numbers, "--out", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


def inputs(folder: Path) -> list:
    return [f"{source}={folder / name}" for source, name in FILES.items()]


def cleaned(folder: Path) -> Path:
    file = folder / "cleaned.csv"
    if not file.exists():
        program = ROOT / "target" / "release" / "cleaned"
        columns = [f"--column={name}={made_of}" for name, made_of in COLUMNS.items()]
        # What was interrupted is not taken for whole.
        part = file.with_suffix(".part")
        subprocess.run([program, "--out", part, *columns, *inputs(folder)], check=True)
        part.rename(file)
    return file


def measured(command: list) -> dict:
    """Wall and processor seconds and peak memory in MiB of a whole process, and what it printed."""
    started = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return {
        "wall": time.monotonic() - started,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
        "printed": printed.decode(),
    }


def ours(folder: Path, threads: int) -> dict:
    out = WORK / "out-ours"
    shutil.rmtree(out, ignore_errors=True)
    resolve = ROOT / "target" / "release" / "resolve"
    limit = ["--threads", threads] if threads else []
    outcome = measured([resolve, "--quiet", "--no-lineage", *limit, "--out", out, *inputs(folder)])
    model = json.loads((out / "model.json").read_text())
    pairs = (model.get("parameters") or {}).get("diagnostics", {}).get("candidate_pairs")
    return {**outcome, "entities": out / "entities.csv", "pairs": pairs}


def splink(folder: Path, threads: int) -> dict:
    out = WORK / "splink.csv"
    limit = ["--threads", threads] if threads else []
    outcome = measured([PYTHON, HERE / "splink_customers.py", cleaned(folder), out, *limit])
    return {**outcome, "entities": out, "pairs": json.loads(outcome["printed"])["pairs"]}


def rows(path: Path, delimiter: str = ",") -> list:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def f1(entities: Path, folder: Path) -> float:
    """Over the pairs of records within one entity."""
    truth = {(row["source"], row["id"]): row["entity_id"] for row in rows(folder / "truth.csv")}
    found = {}
    # Where nobody said which column has the ids, records of a file are numbered.
    cards = [row["card_no"].strip() for row in rows(folder / "loyalty.csv", "\t")]
    for row in rows(entities):
        key = (row["source"], row["id"])
        if key not in truth and key[0] == "loyalty" and key[1].isdigit():
            number = int(key[1]) - 1
            key = ("loyalty", cards[number] if number < len(cards) else key[1])
        found[key] = row["entity_id"]

    def pairs(groups: Counter) -> int:
        return sum(size * (size - 1) // 2 for size in groups.values())

    known = {key: entity for key, entity in truth.items() if key in found}
    right = pairs(Counter((entity, found[key]) for key, entity in known.items()))
    return 2 * right / (pairs(Counter(truth.values())) + pairs(Counter(found.values())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of each; all cores where 0")
    parser.add_argument("--no-build", action="store_true")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    environment()
    if not options.no_build:
        build()
    print("| records | who | wall, s (least to most) | processor, s | peak memory, MiB | pairs | F1 |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for records in options.records:
        folder = customers(records, options.seed)
        peers = {"cdm, no settings": ours, "Splink": splink}
        runs = {name: [] for name in peers}
        for _ in range(options.runs):
            for name, run in peers.items():
                runs[name].append(run(folder, options.threads))
        medians = {}
        for name, outcomes in runs.items():
            median = {
                key: statistics.median(outcome[key] for outcome in outcomes)
                for key in ("wall", "processor", "memory")
            }
            medians[name] = median
            walls = [outcome["wall"] for outcome in outcomes]
            last = outcomes[-1]
            print(
                f"| {records:,} | {name} | {median['wall']:.1f} ({min(walls):.1f} to {max(walls):.1f}) "
                f"| {median['processor']:.1f} | {median['memory']:,.0f} | {last['pairs'] or 0:,} "
                f"| {f1(last['entities'], folder):.4f} |",
                flush=True,
            )
        mine, theirs = medians["cdm, no settings"], medians["Splink"]
        ratio = {key: theirs[key] / mine[key] for key in mine}
        print(
            f"| {records:,} | Splink / cdm | {ratio['wall']:.2f} | {ratio['processor']:.2f} "
            f"| {ratio['memory']:.2f} | | |",
            flush=True,
        )


if __name__ == "__main__":
    main()
