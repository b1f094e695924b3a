//! Sign-ups into a live store: who is this, who was merged, who was taken apart again; with a restart
//! of the service in between.
//!
//! ```text
//! cargo run -p cdm-examples --bin live
//! ```

use std::error::Error;
use std::path::Path;

use cdm_core::store::{Change, Event, Options, Store};
use cdm_core::{Model, Plan, Record, RecordKey, Run, Table};

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

const PLAN: &str = r#"{
  "version": 1, "name": "sign-ups",
  "fields": [
    {"name": "name", "kind": "full_name"},
    {"name": "email", "kind": "email"},
    {"name": "phone", "kind": "phone", "region": "GB"}
  ],
  "rules": [
    {"name": "same e-mail", "decision": "match", "same": ["email"]},
    {"name": "same phone and name", "decision": "match", "same": ["phone", "name.family.phonetic"]}
  ],
  "guards": {"max_records_per_key": 50}
}"#;

fn sign_up(id: &str, name: &str, email: &str, phone: &str) -> Record {
    let record = Record::new(RecordKey::new("web", id)).with("name", name);
    record.with("email", email).with("phone", phone)
}

/// What a consumer of the log does: here it only tells.
fn tell(event: &Event) {
    let what = match &event.change {
        Change::Created { entity, records } => {
            format!("{entity} is new, with {} record(s)", records.len())
        }
        Change::Joined { entity, record } => format!("record {} joins {entity}", record.number),
        Change::Left { entity, record } => format!("record {} leaves {entity}", record.number),
        Change::Merged { entity, absorbed } => {
            let absorbed: Vec<&str> = absorbed.iter().map(|id| id.as_str()).collect();
            format!("{} was {entity} all along", absorbed.join(", "))
        }
        Change::Split { entity, parts } => {
            let parts: Vec<&str> = parts.iter().map(|part| part.entity.as_str()).collect();
            format!("{entity} was several: {} is somebody else", parts.join(", "))
        }
        Change::Deleted { entity } => format!("{entity} is gone"),
        Change::GoldenChanged { entity } => format!("{entity} has a new golden record"),
        other => format!("{other:?}"),
    };
    println!("  {:>3}  {what}", event.sequence);
}

/// One run of the service, which has seen the events up to `seen`; up to where it has now.
fn serve(
    path: &Path,
    model: &Model,
    seen: u64,
    work: impl FnOnce(&Store) -> cdm_core::Result<()>,
) -> cdm_core::Result<u64> {
    let store = Store::open(path, model, &Options::new())?;
    work(&store)?;
    let events = store.events(seen, usize::MAX)?;
    events.iter().for_each(tell);
    Ok(events.last().map_or(seen, |event| event.sequence))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("customers");
    let plan = Plan::from_json(PLAN)?;
    // Rules alone have nothing to learn; else this is `Plan::infer(&table)` and `plan.fit(&table)`.
    let model = plan.fit(&Table::from_records(plan.schema().clone(), [])?, &Run::new())?;

    println!(
        "Monday: three sign-ups, of which the last shows that the first two are one customer."
    );
    let seen = serve(&path, &model, 0, |store| {
        store.upsert(&sign_up("1", "Ann Archer", "ann@example.org", ""))?;
        store.upsert(&sign_up("2", "Anne Archer", "", "020 7946 0018"))?;
        store.upsert(&sign_up("3", "A. Archer", "Ann@Example.org", "+44 20 7946 0018"))?;
        Ok(())
    })?;

    println!("Tuesday, after a restart: who calls? Then the phone turns out to be her sister's.");
    let seen = serve(&path, &model, seen, |store| {
        let caller = Record::new(RecordKey::new("", "")).with("phone", "020 7946 0018");
        let caller = caller.with("name", "Archer");
        for hit in store.search(&caller, 3)? {
            println!(
                "  perhaps {}, by the rule {:?}",
                hit.entity,
                hit.score.rule.unwrap_or_default()
            );
        }
        store.upsert(&sign_up("3", "A. Archer", "Ann@Example.org", ""))?;
        Ok(())
    })?;

    println!("Wednesday: the sister wants to be forgotten.");
    serve(&path, &model, seen, |store| {
        store.forget(&RecordKey::new("web", "2"))?;
        let ann = store
            .entity_of(&RecordKey::new("web", "1"))?
            .ok_or_else(|| cdm_core::Error::UnknownRecord { key: "web:1".to_owned() })?;
        if let Some(golden) = store.golden(&ann)? {
            println!("  {} has {} records", ann, golden.record()?.rows.len());
        }
        Ok(())
    })?;
    Ok(())
}
