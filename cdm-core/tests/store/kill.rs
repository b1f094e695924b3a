//! `kill -9` under load: what was acknowledged is there, and nothing is half there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cdm_core::store::{Durability, Options, Store};
use cdm_core::{Record, RecordKey, Run};

use super::people::rules;

/// Says to the child where its store is, and with which number to go on; and whether it groups changes.
const PLACE: &str = "CDM_STORE_KILL_AT";

/// After so many grouped steps the child flushes.
const FLUSH: u64 = 64;

/// The index gets what changed while others write, but for every third number to go on with.
fn options(is_grouped: bool, number: u64) -> Options {
    let grouped = Durability::Grouped { at_most: Duration::from_millis(5) };
    let durability = if is_grouped { grouped } else { Durability::EveryCall };
    let recent_bytes = if number.is_multiple_of(3) { Options::new().recent_bytes } else { 10_000 };
    Options { durability, recent_bytes, ..Options::new() }
}

fn record(number: u64) -> Record {
    Record::new(RecordKey::new("desk", number.to_string()))
        .with("email", format!("e{}@example.org", number / 3))
        .with("family_name", "Smith")
}

/// What the child does, in numbered steps: two upserts, then one taken out again, or forgotten, which makes
/// it last.
fn step(store: &Store, number: u64, is_grouped: bool) -> cdm_core::Result<()> {
    match number % 4 {
        2 => store.delete(&record(number - 2).key).map(|_| ()),
        3 if is_grouped => store.delete(&record(number - 2).key).map(|_| ()),
        3 => store.forget(&record(number - 2).key).map(|_| ()),
        _ => store.upsert(&record(number)).map(|_| ()),
    }
}

/// The records that are there after so many steps.
fn after(steps: u64) -> Vec<u64> {
    (steps.saturating_sub(2)..steps).filter(|number| number % 4 < 2).collect()
}

/// A copy of the files of a store, beside it.
fn copy_of(path: &Path) -> PathBuf {
    let copy = path.with_extension("copy");
    fs::create_dir_all(&copy).unwrap();
    for file in ["index", "log", "keys", "cells"] {
        fs::copy(path.join(file), copy.join(file)).unwrap();
    }
    copy
}

/// Not a test by itself: the process that is killed.
#[test]
fn child_that_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [path, number, is_grouped] = place.split('|').collect::<Vec<_>>()[..] else { panic!() };
    let is_grouped = is_grouped == "true";
    let first = number.parse::<u64>().unwrap();
    let store = Store::open(path, &rules(100), &options(is_grouped, first)).unwrap();
    let mut out = std::io::stdout();
    for number in first.. {
        step(&store, number, is_grouped).unwrap();
        if is_grouped && number % FLUSH == 0 {
            store.flush().unwrap();
            writeln!(out, "flushed {number}").unwrap();
        } else {
            writeln!(out, "acknowledged {number}").unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_outlasts_a_kill() {
    outlasts_a_kill(false);
}

#[test]
fn what_was_flushed_outlasts_a_kill_and_of_what_was_grouped_whole_steps_do() {
    outlasts_a_kill(true);
}

fn outlasts_a_kill(is_grouped: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let cycles = super::people::cases(6);
    let mut done = 0;
    for cycle in 0..u64::from(cycles) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_that_is_killed", "--nocapture"])
            .env(PLACE, format!("{}|{done}|{is_grouped}", path.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        // Once something was acknowledged, and every third time at a moment that nothing is waited
        // for, while the store is being opened perhaps.
        let some = if is_grouped { 1 + cycle * 29 % 300 } else { 1 + cycle % 11 };
        let wanted = done + if cycle % 3 == 2 { u64::MAX / 2 } else { some };
        let (told, enough) = std::sync::mpsc::channel();
        let killer = std::thread::spawn(move || {
            let patience = if wanted >= u64::MAX / 2 { 20 + cycle * 37 % 400 } else { 60_000 };
            let _ = enough.recv_timeout(Duration::from_millis(patience));
            std::thread::sleep(Duration::from_micros(cycle * 977 % 20_000));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        let (mut acknowledged, mut lasting) = (done, done);
        for line in out.lines().map_while(Result::ok) {
            let after = |word| {
                let (_, number) = line.rsplit_once(word)?;
                number.parse::<u64>().ok().map(|number| number + 1)
            };
            let flushed = after("flushed ");
            lasting = flushed.unwrap_or(lasting);
            acknowledged = flushed.or(after("acknowledged ")).unwrap_or(acknowledged);
            if acknowledged >= wanted {
                let _ = told.send(());
            }
        }
        drop(told);
        killer.join().unwrap();
        if !is_grouped {
            lasting = acknowledged;
        }
        // Every other one is looked at as it is; of the others a copy, so that the next child opens what fell.
        let looked_at = if cycle % 2 == 0 { path.clone() } else { copy_of(&path) };
        let store = Store::open(&looked_at, &rules(100), &options(is_grouped, done)).unwrap();
        let is_there = |number: &u64| store.get(&record(*number).key).unwrap().is_some();
        let holds = |steps: &u64| {
            let there = after(*steps);
            store.stats().unwrap().records == there.len() as u64 && there.iter().all(is_there)
        };
        // The step that was under way is there as a whole or not at all. Where nobody is there, it does not
        // matter after which step that is.
        let Some(found) = (lasting..=acknowledged + 1).rev().find(holds) else {
            panic!("cycle {cycle}: {acknowledged} steps were acknowledged, {lasting} for good");
        };
        done = found;
        let verified = store.verify(&Run::new()).unwrap();
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    }
    assert!(done > 0, "nothing was ever acknowledged");
}
