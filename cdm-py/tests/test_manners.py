"""What a guest in somebody's process owes: it stops, shares, travels and says how far it is."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest

import cdm

PLAN = cdm.Plan(
    {
        "version": 1,
        "name": "people",
        "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
        "rules": [
            {"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]},
            {"name": "name", "decision": "match", "same": ["name"]},
        ],
    }
)


def people(count):
    rows = range(count)
    return pa.table(
        {
            "id": list(rows),
            "name": [f"Ann{n % 977} Li{n // 2}" for n in rows],
            "email": [f"p{n // 2}@li{n % 89}.example" for n in rows],
        }
    )


def answer(table):
    return PLAN.resolve(table, progress=False).entities.to_pylist()


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
@pytest.mark.parametrize(
    ("plan", "records", "after"),
    [(PLAN, 100_000, 0.05), (PLAN, 100_000, 0.3), (PLAN, 100_000, 0.8), (None, 3000, 0.4), (None, 3000, 1.2)],
)
def test_ctrl_c_stops_within_200_ms(plan, records, after):
    table = people(records)
    sent = []
    # Where the tests run in the background, the shell has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                cdm.resolve(table, plan=plan, progress=False)
        took = time.monotonic() - sent[0]
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert took < 0.2
    # Nothing is left in a state that the next call would feel.
    assert len(answer(people(10))) == 10


def test_other_threads_run_on_meanwhile():
    table = people(100_000)
    steps, stop = [], threading.Event()

    def count():
        while not stop.wait(0.005):
            steps.append(time.monotonic())

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    began = time.monotonic()
    PLAN.resolve(table, progress=False)
    ended = time.monotonic()
    stop.set()
    counter.join()
    meanwhile = [step for step in steps if began < step < ended]
    assert len(meanwhile) > (ended - began) / 0.005 / 10


def test_threads_share_plans_models_and_results():
    table, expected = people(2000), answer(people(2000))
    model = PLAN.fit(table, progress=False)
    shared = PLAN.resolve(table, progress=False)
    answers = []

    def work():
        answers.append(model.resolve(table, progress=False).entities.to_pylist())
        answers.append(shared.entities.to_pylist())
        assert len(shared.lineage) == 4000

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(answers) == 16 and all(answer == expected for answer in answers)


def test_progress_is_told_in_order_and_its_errors_stop_the_work():
    told = []
    PLAN.resolve(people(60_000), progress=lambda *step: told.append(step))
    assert {"read", "normalize"} & {stage for stage, _, _ in told}
    for (one, before, _), (other, after, total) in zip(told, told[1:]):
        assert one != other or before <= after
        assert after <= total or total == 0

    def fail(stage, done, total):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        PLAN.resolve(people(60_000), progress=fail)
    with pytest.raises(TypeError, match="progress"):
        PLAN.resolve(people(2), progress="yes")


def test_a_bar_is_drawn_where_a_person_watches(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr("cdm._progress._is_watched", lambda: True)
    monkeypatch.setattr("cdm._progress._DELAY", 0.0)
    PLAN.resolve(people(60_000))
    assert "it/s" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    PLAN.resolve(people(10))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plans_and_models_travel(protocol):
    model = PLAN.fit(people(10), progress=False)
    for noun in (PLAN, model):
        other = pickle.loads(pickle.dumps(noun, protocol))
        assert other == noun and hash(other) == hash(noun) and other.to_json() == noun.to_json()
    assert pickle.loads(pickle.dumps(model, protocol)).resolve(people(10), progress=False).entities.to_pylist() == answer(people(10))


def test_a_resolution_does_not_travel_and_says_so():
    with pytest.raises(TypeError, match="to_arrow"):
        pickle.dumps(PLAN.resolve(people(2), progress=False))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
# Python warns of forks where there are threads, which this is all about.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_other_processes_answer_alike(method):
    expected = answer(people(500))
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(answer, [people(500)] * 3).get(timeout=60) == [expected] * 3


def test_import_is_quick_and_loads_few_modules_and_no_frame_library():
    code = (
        # The processor's time, whatever else the machine is doing, beside what the processor takes for a
        # loop: 50 ms beside some 17 where that is quick.
        "import sys, time; before = set(sys.modules); began = time.process_time(); import cdm;"
        "took = time.process_time() - began; loaded = sorted(set(sys.modules) - before);"
        "began = time.process_time(); sum(n * n for n in range(300_000)); loop = time.process_time() - began;"
        "import json; print(json.dumps([took / loop, loaded]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    for _, loaded in runs:
        assert {"pandas", "polars", "pyarrow", "duckdb", "numpy", "tqdm"} & set(loaded) == set()
        assert len(loaded) < 100
    assert min(took for took, _ in runs) < 3


def test_no_python_object_is_made_for_a_row():
    def left(table):
        PLAN.resolve(table, progress=False).entities.to_arrow()  # whatever is made once
        before = sys.getallocatedblocks()
        resolution = PLAN.resolve(table, progress=False)
        results = [resolution.entities.to_arrow(), resolution.links.to_arrow(), resolution.golden_records.to_arrow()]
        return sys.getallocatedblocks() - before, results

    few, _ = left(people(100))
    many, _ = left(people(20_000))
    assert abs(many - few) < 500
