//! Where there is no folder for the file.
#![cfg(target_os = "linux")]

use std::alloc::System;
use std::io::ErrorKind;
use std::process::Command;
use std::{env, fs};

use cdm_memory::{Limit, Spilling};

#[global_allocator]
static ALLOCATOR: Spilling<System> = Spilling::over(System);

/// What a process with this `TMPDIR` is answered: this test, run again.
fn answered(folder: &str) -> String {
    let test = env::current_exe().unwrap();
    let output = Command::new(test)
        .args(["--exact", "says_why_no_limit_can_be_set", "--nocapture"])
        .env("TMPDIR", folder)
        .env("CDM_MEMORY_ASKED", "1")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn says_why_no_limit_can_be_set() {
    if env::var_os("CDM_MEMORY_ASKED").is_some() {
        println!(
            "answer: {:?}",
            Limit::new(1 << 30).map_err(|error| (error.kind(), error.to_string()))
        );
        return;
    }
    let missing = answered("/nowhere/at/all");
    assert!(missing.contains(&format!("{:?}", ErrorKind::NotFound)), "{missing}");
    assert!(
        missing.contains("no temporary file in /nowhere/at/all (TMPDIR names another folder)"),
        "{missing}"
    );
    // A folder that is memory itself is none to spare memory with.
    if fs::read_to_string("/proc/mounts").is_ok_and(|mounts| mounts.contains(" /dev/shm tmpfs ")) {
        let memory = answered("/dev/shm");
        assert!(memory.contains("it lies in memory"), "{memory}");
    }
    // The system ends a process that makes a file longer than it may be.
    let test = env::current_exe().unwrap();
    let said = "ulimit -f 1000 && exec \"$0\" --exact says_why_no_limit_can_be_set --nocapture";
    let output = Command::new("sh")
        .args(["-c", said])
        .arg(test)
        .env("CDM_MEMORY_ASKED", "1")
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("answer: Err((FileTooLarge"),
        "{output:?}"
    );
    let folder = env::current_exe().unwrap().parent().unwrap().display().to_string();
    assert!(answered(&folder).contains("answer: Ok("), "{}", answered(&folder));
    assert!(
        fs::read_dir(&folder)
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with(".tmp") }),
        "the file has no name"
    );
}
