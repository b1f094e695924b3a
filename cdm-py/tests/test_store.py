"""The live store from Python: converted right, and closed, locked and encrypted as promised."""

import threading

import pytest

import cdm

PLAN = {
    "version": 1,
    "name": "people",
    "fields": [
        {"name": "name", "kind": "full_name"},
        {"name": "email", "kind": "email"},
        {"name": "phone", "kind": "phone", "region": "GB"},
    ],
    "rules": [
        {"name": "e-mail", "decision": "match", "same": ["email"]},
        {"name": "phone", "decision": "match", "same": ["phone"]},
    ],
}
PEOPLE = [
    {"id": 1, "name": "Ann Archer", "email": "ann@li.example", "phone": None},
    {"id": 2, "name": "Bo Berg", "email": "bo@li.example", "phone": "020 7946 0018"},
    {"id": 3, "name": "A. Archer", "email": "ANN@li.example", "phone": ""},
]


@pytest.fixture(scope="module")
def model():
    return cdm.Plan(PLAN).fit(PEOPLE)


def test_a_store_outlasts_its_process_and_has_what_batch_has(tmp_path, model):
    with cdm.Store(tmp_path / "store", model=model) as store:
        assert store.upsert_many({"crm": PEOPLE}, progress=False) == 3
        ann = store.entity_of(("crm", 1))
        assert ann == store.entity_of(("crm", 3)) != store.entity_of(("crm", 2))
        assert store.get(("crm", 2))["fields"]["phone"] == ["020 7946 0018"]
    with cdm.Store.open(tmp_path / "store") as store:
        assert [record["id"] for record in store.entity(ann)[0]["records"]] == ["1", "3"]
        golden = store.golden(ann)
        assert golden.record["entity_id"] == ann
        assert golden.record["fields"]["email"] == ["ann@li.example"]
        assert golden.lineage["fields"]["email"]["values"][0]["from"]["id"] == "1"
        assert store.verify(progress=False)["problems"] == []
        assert store.model == model
        assert store.stats()["records"] == 3


def test_records_come_change_and_go_and_the_log_says_so(model):
    with cdm.Store(None, model=model) as store:
        ann = store.upsert({"name": "Ann", "email": ["ann@li.example", None]}, source="web", id=1)
        bo = store.upsert({"phone": "020 7946 0018"}, source="web", id=2, time="2024-05-01")
        assert ann != bo
        assert store.upsert({"email": "Ann@li.example", "phone": "+44 20 7946 0018"}, source="web", id=3) == ann
        assert store.entity(bo)[0]["id"] == ann
        seen = list(store.subscribe(timeout=0.0))
        assert [event["sequence"] for event in seen] == list(range(1, len(seen) + 1))
        assert any("merged" in event["change"] for event in seen)
        assert store.cannot_link(("web", 1), ("web", 2)) and not store.cannot_link(("web", 2), ("web", 1))
        assert len(store.entity(ann)) == 1 and store.entity_of(("web", 1)) != store.entity_of(("web", 2))
        assert store.withdraw_cannot_link(("web", 1), ("web", 2))
        assert store.delete(("web", 3)) and not store.delete(("web", 3))
        assert store.must_link(("web", 1), ("web", 2)) and store.withdraw_must_link(("web", 1), ("web", 2))
        assert store.forget(("web", 1)) and store.get(("web", 1)) is None
        assert store.entity_of(("web", 1)) is None
        more = store.events(seen[-1]["sequence"])
        assert more[0]["sequence"] == seen[-1]["sequence"] + 1
        assert store.golden(store.entity_of(("web", 2))).record["time"] is not None


def test_a_search_ranks_and_stores_nothing(model):
    with cdm.Store(None, model=model) as store:
        store.upsert_many({"crm": PEOPLE}, progress=False)
        hit = store.search({"email": "ann@LI.example"}, most=1)[0]
        assert hit["entity"] == store.entity_of(("crm", 1)) and hit["rule"] == "e-mail"
        assert store.search({"email": "nobody@li.example"}) == []
        assert store.stats()["records"] == 3


def test_another_model_is_previewed_and_adopted(model):
    other = cdm.Plan({**PLAN, "rules": PLAN["rules"][1:]}).fit(PEOPLE)
    with cdm.Store(None, model=model) as store:
        store.upsert_many({"crm": PEOPLE}, progress=False)
        preview = store.preview(other, progress=False)
        assert (preview["entities_before"], preview["entities_after"], preview["split"]) == (2, 3, 1)
        assert store.adopt(other, progress=False) == preview
        assert store.model == other and store.stats()["entities"] == 3


def test_copies_and_keys(tmp_path, model):
    key = bytes(range(32))
    with cdm.Store(tmp_path / "one", model=model, key=key, durability=0.01) as store:
        store.upsert_many({"crm": PEOPLE}, progress=False)
        store.delete(("crm", 2))
        store.backup(tmp_path / "two")
        store.compact()
        assert store.stats()["garbage_bytes"] == 0
        with pytest.raises(cdm.FileError) as locked:
            cdm.Store(tmp_path / "one", key=key)
        assert locked.value.code == "STORE_LOCKED"
    for wrong in (None, bytes(32)):
        with pytest.raises(cdm.InvalidError) as refused:
            cdm.Store(tmp_path / "two", key=wrong)
        assert refused.value.code == "STORE_KEY"
    with cdm.Store(tmp_path / "two", key=key) as store:
        assert store.stats()["records"] == 2
    for path in (tmp_path / "two").iterdir():
        assert b"ann@li" not in path.read_bytes()


def test_how_much_is_kept_in_memory_changes_nothing_else(tmp_path, model):
    for cached in (0, 1 << 20):
        with cdm.Store(tmp_path / str(cached), model=model, cached_records=cached, cached_bytes=cached) as store:
            store.upsert_many({"crm": PEOPLE}, progress=False)
            store.compact()
            hits = store.search({"email": "ann@li.example"})
            assert [hit["entity"] for hit in hits] == [store.entity_of(("crm", 1))]
            assert store.verify(progress=False)["problems"] == []
    for wrong in (-1, "much"):
        with pytest.raises((OverflowError, TypeError)):
            cdm.Store(None, model=model, cached_bytes=wrong)


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({}, cdm.FileError, "STORE_FORMAT"),
        ({"durability": "sometimes"}, cdm.InvalidError, "UNKNOWN_CHOICE"),
        ({"durability": -1.0}, cdm.InvalidError, "UNKNOWN_CHOICE"),
        ({"key": b"short"}, ValueError, None),
    ],
)
def test_what_cannot_be_is_told(options, error, code):
    with pytest.raises(error) as refused:
        cdm.Store(None, **options)
    assert getattr(refused.value, "code", None) == code


def test_slips_are_told(model):
    store = cdm.Store(None, model=model)
    with pytest.raises(cdm.UnknownNameError, match="did you mean"):
        store.upsert({"emial": "x"}, source="web", id=1)
    with pytest.raises(cdm.InvalidError):
        store.get("web")
    with pytest.raises(cdm.InvalidError):
        store.entity("no id")
    with pytest.raises(cdm.UnknownNameError):
        store.entity("0" * 16)
    store.close()
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.stats()


def test_threads_share_a_store(model):
    with cdm.Store(None, model=model) as store:
        def write(name):
            for number in range(50):
                store.upsert({"email": f"{number}@li.example"}, source=name, id=number)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.stats()["records"] == 200 and store.stats()["entities"] == 50
