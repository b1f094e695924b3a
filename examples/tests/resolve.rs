//! The program as a person meets it: what it says and what it leaves behind, above all where
//! something is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cdm_core::Plan;
use tempfile::TempDir;

const FILES: [&str; 9] = [
    "entities.csv",
    "golden.csv",
    "golden.jsonl",
    "lineage.jsonl",
    "links.jsonl",
    "model.json",
    "plan.json",
    "quality.json",
    "read.json",
];

const PLAN: &str = r#"{
    "version": 1,
    "name": "people",
    "fields": [
        {"name": "email", "kind": "email"},
        {"name": "family_name", "kind": "family_name"}
    ],
    "sources": [
        {"name": "crm", "mapping": {"id": "id", "fields": [
            {"field": "email", "columns": ["email"]},
            {"field": "family_name", "columns": ["name"]}
        ]}}
    ],
    "rules": [{"name": "same e-mail", "decision": "match", "same": ["email"]}]
}"#;

const RECORDS: &str =
    "id,email,name\n1,li@example.org,Li\n2,li@example.org,Li\n3,bo@example.org,Bo\n";

/// A folder with a plan, in which the program is run.
struct Desk(TempDir);

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder"));
        desk.with("plan.json", PLAN)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).expect("the file is written");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_resolve"));
        command.current_dir(self.0.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Run with `plan.json`, into `out`.
    fn run(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["--plan", "plan.json"], arguments].concat();
        Ran::of(self.command(&arguments).output().expect("the program runs"))
    }

    /// Run and fail: with code 1, one line, and nothing written. Gives the line without its end.
    fn fail(&self, arguments: &[&str]) -> String {
        let before = tree(self.0.path());
        let Ran { code, stdout, stderr } = self.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        let line = stderr.strip_suffix('\n').expect("a line");
        assert!(line.starts_with("error [") && !line.contains(['\n', '\r']), "{stderr}");
        assert_eq!(tree(self.0.path()), before, "{line}");
        line.to_owned()
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    fn succeeded(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }
}

/// Every file and folder with what it holds.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                let content = fs::read(&path).expect("the file");
                found.insert(path, content);
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let names = tree(folder).into_keys().filter(|path| path.parent() == Some(folder));
    names.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// A table of that many people, each in it twice.
fn people(records: usize) -> String {
    let mut table = String::from("id,email,name\n");
    for record in 0..records {
        let person = record / 2;
        table.push_str(&format!("{record},person.{person}@example.org,Name{person}\n"));
    }
    table
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn the_sample_is_resolved_counted_and_measured() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/sample.json");
    let desk = Desk::new().with("plan.json", fs::read(plan).expect("the plan"));
    let inputs = ["crm.csv", "shop.jsonl", "support.csv", "loyalty.csv"]
        .map(|name| format!("{}={}", name.split('.').next().unwrap_or_default(), sample(name)));
    let truth = sample("truth.csv");
    let mut arguments = vec!["--out", "results/today", "--truth", &truth];
    arguments.extend(inputs.iter().map(String::as_str));
    let summary = desk.run(&arguments).succeeded();
    for part in [
        "Read 6,000 records from 4 files\n",
        "crm.csv, UTF-8: 1,417 records\n",
        "support.csv, windows-1252: 939 records\n",
        "6,000 records make ",
        "Against the truth, over 6,000 records\n",
        " precision 0.9",
        ", recall 0.",
        "Written to results/today in ",
    ] {
        assert!(summary.contains(part), "{part:?} is not in\n{summary}");
    }
    assert_eq!(summary.matches(" 2 rows rejected: 1 ").count(), 4, "{summary}");

    let out = desk.path("results/today");
    assert_eq!(names(&out), FILES);
    let records = |path: &Path, columns: usize| -> BTreeSet<Vec<String>> {
        let mut reader = csv::Reader::from_path(path).expect("the file");
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.expect("a row").iter().take(columns).map(str::to_owned).collect())
            .collect();
        let distinct: BTreeSet<Vec<String>> = rows.iter().cloned().collect();
        assert_eq!(distinct.len(), rows.len(), "{path:?} has a record twice");
        distinct
    };
    assert_eq!(records(&out.join("entities.csv"), 2), records(Path::new(&truth), 2));
    let golden = records(&out.join("golden.csv"), 1).len();
    for name in ["golden.jsonl", "lineage.jsonl"] {
        let lines = fs::read_to_string(out.join(name)).expect("the file").lines().count();
        assert_eq!(lines, golden, "{name}");
    }
}

#[test]
fn neither_the_order_of_files_nor_the_number_of_threads_changes_a_byte() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/sample.json");
    let desk = Desk::new().with("plan.json", fs::read(plan).expect("the plan"));
    let files = [("crm", "crm.csv"), ("shop", "shop.jsonl"), ("support", "support.csv")];
    let mut inputs = files.map(|(source, name)| format!("{source}={}", sample(name)));
    let mut run = |out: &str, threads: &str| {
        let mut arguments = vec!["--out", out, "--threads", threads];
        arguments.extend(inputs.iter().map(String::as_str));
        desk.run(&arguments).succeeded();
        inputs.rotate_left(1);
        let mut files = tree(&desk.path(out));
        // What was read is told in the order in which it was asked for.
        files.remove(&desk.path(out).join("read.json"));
        let files = files.into_iter();
        files.map(|(path, bytes)| (path.file_name().map(ToOwned::to_owned), bytes)).collect()
    };
    let first: BTreeMap<_, _> = run("first", "1");
    assert_eq!(first.len(), FILES.len() - 1);
    for (out, threads) in [("second", "2"), ("third", "8")] {
        let again: BTreeMap<_, _> = run(out, threads);
        for (name, bytes) in &first {
            assert!(again.get(name) == Some(bytes), "{name:?} with {threads} threads");
        }
    }
}

#[test]
fn a_limit_of_memory_that_is_too_low_is_told_before_anything_is_written() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/sample.json");
    let desk = Desk::new().with("plan.json", fs::read(plan).expect("the plan"));
    let input = format!("crm={}", sample("crm.csv"));
    let message = desk.fail(&["--memory-limit", "20", &input]);
    assert!(message.starts_with("error [MEMORY_LIMIT]: the memory limit of 20 MiB"), "{message}");
    desk.run(&["--memory-limit", "4000", &input]).succeeded();
}

#[test]
fn every_plan_that_is_shipped_is_sound_and_what_is_written_can_be_used_again() {
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    for entry in fs::read_dir(plans).expect("the plans") {
        let path = entry.expect("an entry").path();
        let plan = fs::read_to_string(&path).expect("the plan");
        Plan::from_json(&plan).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
    let desk = Desk::new().with("crm.csv", RECORDS);
    desk.run(&["crm=crm.csv"]).succeeded();
    let first = tree(&desk.path("out"));
    // By the plan as it was written, over the results of the first run.
    let arguments = ["--plan", "out/plan.json", "crm=crm.csv", "--quiet"];
    let again = Ran::of(desk.command(&arguments).output().expect("the program runs"));
    assert_eq!(again.succeeded(), "");
    assert_eq!(tree(&desk.path("out")), first);
    // What a run leaves out must not be there from another one.
    desk.run(&["crm=crm.csv", "--no-lineage"]).succeeded();
    assert!(!desk.path("out/lineage.jsonl").exists());
}

#[test]
fn inputs_that_cannot_be_read_are_named() {
    let desk = Desk::new().with("empty.csv", "").with("crm.csv", RECORDS);
    fs::create_dir(desk.path("folder")).expect("a folder");
    let missing = desk.fail(&["crm=crm.csv", "shop=a b.csv"]);
    assert!(missing.starts_with("error [READ_FILE]: cannot read \"a b.csv\": "), "{missing}");
    assert!(desk.fail(&["crm=folder"]).contains("it is a folder, and a file is wanted"));
    assert_eq!(
        desk.fail(&["crm=empty.csv"]),
        "error [EMPTY_INPUT]: \"empty.csv\" is empty: wanted a header row and at least one record"
    );
    #[cfg(unix)]
    assert!(desk.fail(&["crm=/dev/zero"]).contains("cannot be read twice; save it to a file"));
    for option in ["--truth", "--decisions"] {
        let missing = desk.fail(&["crm=crm.csv", option, "nowhere"]);
        assert!(missing.starts_with("error [READ_FILE]: cannot read \"nowhere\": "), "{missing}");
    }
    let column = desk.fail(&["crm=crm.csv", "--truth", "crm.csv"]);
    assert!(column.contains("\"crm.csv\" has no column \"source\""), "{column}");
}

#[test]
fn a_header_alone_is_a_table_without_records() {
    let desk = Desk::new().with("crm.csv", "id,email,name\n");
    let summary = desk.run(&["crm=crm.csv"]).succeeded();
    assert!(summary.contains("\n0 records make 0 entities"), "{summary}");
    let entities = fs::read(desk.path("out/entities.csv")).expect("the file");
    assert_eq!(entities, b"source,id,entity_id\n");
}

#[test]
fn encodings_are_told_and_binary_data_refused() {
    let text = RECORDS.replace("Bo\n", "Böll\n");
    let wide = |unit: u16| unit.to_le_bytes();
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(wide).collect();
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let marked = [b"\xff\xfe".as_slice(), &utf_16].concat();
    for (bytes, encoding) in [(utf_16, "UTF-16LE"), (marked, "UTF-16LE"), (latin, "windows-1252")] {
        let desk = Desk::new().with("crm.csv", bytes);
        let summary = desk.run(&["crm=crm.csv"]).succeeded();
        assert!(summary.contains(&format!("crm.csv, {encoding}: 3 records")), "{summary}");
        let golden = fs::read_to_string(desk.path("out/golden.csv")).expect("the file");
        assert!(golden.contains("Böll"), "{golden}");
    }
    let noise: Vec<u8> =
        (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let desk = Desk::new().with("crm.csv", noise).with("crm.xlsx", b"PK\x03\x04rest");
    assert_eq!(
        desk.fail(&["crm=crm.csv"]),
        "error [MALFORMED_INPUT]: \"crm.csv\" is not readable as CSV: it holds binary data, not text"
    );
    assert!(desk.fail(&["crm=crm.xlsx"]).ends_with("or a spreadsheet; save it as CSV first"));
}

#[test]
fn rows_that_cannot_be_used_are_counted_with_their_reason_and_line() {
    let rows = "4,few@example.org\n5,many@example.org,Many,more\n1,again@example.org,Again\n\
                ,nobody@example.org,Nobody\n6,\"open@example.org,Open\n7,last@example.org,Last\n";
    let desk = Desk::new().with("crm.csv", format!("{RECORDS}{rows}"));
    let summary = desk.run(&["crm=crm.csv"]).succeeded();
    for part in [
        "crm.csv, UTF-8: 4 records\n",
        " 5 rows rejected: ",
        "2 with too few or too many cells (first on line 5)",
        "1 whose id another row has (first on line 7)",
        "1 without an id (first on line 8)",
        "1 with a quote left open (first on line 9)",
    ] {
        assert!(summary.contains(part), "{part:?} is not in\n{summary}");
    }
    let lines = "{\"id\": 1, \"email\": \"li@example.org\"}\n{\"id\": 2, \"email\": \"bo@exam";
    let desk = desk.with("crm.jsonl", lines).with("cut.jsonl", &lines[40..]);
    let summary = desk.run(&["crm=crm.jsonl"]).succeeded();
    assert!(
        summary.contains(" 1 row rejected: 1 that are not JSON (first on line 2)"),
        "{summary}"
    );
    assert!(summary.contains(" columns in no record: name\n"), "{summary}");
    // Nothing of it is left: results with a whole source must not be replaced by some without.
    assert_eq!(
        desk.fail(&["crm=crm.csv", "shop=cut.jsonl"]),
        "error [MALFORMED_INPUT]: \"cut.jsonl\" is not readable as JSON lines: it has no row that \
         can be used, but rows that are not JSON (first on line 1)"
    );
}

#[test]
fn slips_in_the_plan_are_answered_with_place_and_suggestion() {
    let desk = Desk::new().with("crm.csv", RECORDS);
    for (right, wrong, line) in [
        (
            "\"columns\": [\"name\"]",
            "\"columns\": [\"nmae\"]",
            "error [UNKNOWN_COLUMN]: \"crm.csv\" has no column \"nmae\", did you mean \"name\"? \
             Its columns are \"id\", \"email\", \"name\"",
        ),
        (
            "\"same\": [\"email\"]",
            "\"same\": [\"emial\"]",
            "error [INVALID_DOCUMENT]: plan at rules[0].same[0]: field \"emial\" is not in schema \
             \"people\", did you mean \"email\"?",
        ),
        ("\"kind\": \"email\"", "\"kind\": \"emial\"", "did you mean \"email\"?"),
        ("\"rules\"", "\"rulse\"", "did you mean \"rules\"?"),
        ("\"version\": 1", "\"version\": 9", "plan has version 9; this library reads version 1"),
        ("{\n    \"version\"", "\n    \"version\"", "plan at the top level: "),
    ] {
        assert!(PLAN.contains(right));
        fs::write(desk.path("plan.json"), PLAN.replacen(right, wrong, 1)).expect("written");
        let error = desk.fail(&["crm=crm.csv"]);
        assert!(error.contains(line), "{error}");
    }
    let utf_16: Vec<u8> = PLAN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let desk = desk.with("plan.json", utf_16);
    assert!(desk.fail(&["crm=crm.csv"]).contains("is not UTF-8 text; save it as UTF-8"));
}

#[test]
fn places_that_cannot_be_written_to_are_refused_before_the_work() {
    let desk = Desk::new().with("crm.csv", RECORDS).with("file", "");
    for (out, why) in [
        ("file", "\"file\": there is a file of that name, and a folder is wanted"),
        ("file/x/y", "\"file/x/y\": \"file\" is a file, and a folder is wanted"),
        #[cfg(target_os = "linux")]
        ("/proc/out", "\"/proc/out\": No such file or directory (os error 2)"),
    ] {
        // The input is not there either, but that comes later.
        let error = desk.fail(&["crm=nowhere.csv", "--out", out]);
        assert_eq!(
            error,
            format!("error [WRITE_FILE]: cannot write {why}; nothing was written there")
        );
    }
    // Results must not replace what they are made from.
    let error = desk.fail(&["crm=crm.csv", "--out", "."]);
    assert!(error.contains("\"plan.json\": it is read by this run, so choose another"), "{error}");
    // A run that fails for another reason leaves no folder, nor the folders above it.
    desk.fail(&["crm=nowhere.csv", "--out", "some/deep/folder"]);
}

#[test]
fn names_cannot_break_the_line_or_command_the_terminal() {
    let table = "id,email,\"na\nme\u{1b}[2J\"\n1,li@example.org,Li\n";
    let desk = Desk::new().with("crm.csv", table);
    let error = desk.fail(&["crm=crm.csv"]);
    assert!(error.ends_with(r#"Its columns are "id", "email", "na\nme\u{1b}[2J""#), "{error}");
    let summary = desk.run(&["shop=crm.csv"]).succeeded();
    assert!(!summary.contains('\u{1b}'), "{summary:?}");
}

#[test]
fn a_file_of_one_enormous_line_is_refused_within_bounded_memory() {
    let line = vec![b'x'; 1 << 20].repeat(64);
    let desk =
        Desk::new().with("crm.csv", &line).with("crm.jsonl", [b"{\"id\":\"", &line[..]].concat());
    for name in ["crm.csv", "crm.jsonl"] {
        let input = format!("crm={name}");
        let arguments = ["--plan", "plan.json", &input];
        let mut child = desk.command(&arguments).spawn().expect("the program runs");
        let mut peak_kilobytes = 0;
        while child.try_wait().expect("a state").is_none() {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
            let status = status.unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
            peak_kilobytes = peak_kilobytes.max(peak.unwrap_or(0));
        }
        assert!(peak_kilobytes < 150 << 10, "{peak_kilobytes} kB");
        let ran = Ran::of(child.wait_with_output().expect("its output"));
        assert_eq!(ran.code, Some(1));
        let start = format!(
            "error [RECORD_TOO_LONG]: {name:?} line 1: the record is longer than 16777216 bytes"
        );
        assert!(ran.stderr.starts_with(&start), "{}", ran.stderr);
        assert_eq!(names(desk.0.path()), ["crm.csv", "crm.jsonl", "plan.json"]);
    }
}

/// Start a run over earlier results, and stop it by `signal` while it writes.
///
/// Gives how it ended, the earlier results and what is there now.
#[cfg(unix)]
fn stopped(desk: &Desk, signal: &str) -> (Ran, [BTreeMap<PathBuf, Vec<u8>>; 2]) {
    let out = desk.path("out");
    desk.run(&["crm=few.csv"]).succeeded();
    let before = tree(&out);
    let arguments = ["--plan", "plan.json", "crm=many.csv"];
    let mut child = desk.command(&arguments).spawn().expect("the program runs");
    let is_writing = || {
        let hidden = |path: &&PathBuf| path.parent() != Some(&out) && path.ends_with("golden.csv");
        listed(&out).iter().find(hidden).is_some()
    };
    while !is_writing() {
        assert!(
            child.try_wait().expect("a state").is_none(),
            "it ended before it could be stopped"
        );
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
    let ran = Ran::of(child.wait_with_output().expect("its output"));
    (ran, [before, tree(&out)])
}

/// The files in a folder and in the folders in it, however they come and go meanwhile.
#[cfg(unix)]
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    entries(folder).iter().flat_map(|path| entries(path)).collect()
}

#[test]
#[cfg(unix)]
fn a_run_that_is_interrupted_leaves_earlier_results_whole_and_nothing_else() {
    let desk = Desk::new().with("few.csv", RECORDS).with("many.csv", people(30_000));
    for signal in ["-INT", "-TERM"] {
        let (ran, [before, after]) = stopped(&desk, signal);
        assert_eq!(ran.code, Some(130), "{}", ran.stderr);
        let line =
            "error [CANCELLED]: cancelled: the work was stopped, and nothing of it was kept\n";
        assert_eq!((ran.stderr.as_str(), ran.stdout.as_str()), (line, ""));
        assert!(before == after, "{:?}", after.keys());
    }
}

#[test]
#[cfg(unix)]
fn a_run_that_is_killed_leaves_earlier_results_whole() {
    let desk = Desk::new().with("few.csv", RECORDS).with("many.csv", people(30_000));
    let (ran, [before, mut after]) = stopped(&desk, "-KILL");
    assert_eq!(ran.code, None);
    after.retain(|path, _| !path.to_string_lossy().contains("/.partial-"));
    assert!(before == after, "{:?}", after.keys());
    // What it left does not trouble the next one.
    desk.run(&["crm=many.csv"]).succeeded();
}

#[test]
fn without_a_plan_one_is_inferred_and_written_out() {
    let desk = Desk::new().with("crm.csv", people(200));
    let ran = desk.command(&["--quiet", "crm=crm.csv"]).output().expect("the program runs");
    Ran::of(ran).succeeded();
    let plan = fs::read_to_string(desk.path("out/plan.json")).expect("the plan");
    let plan = Plan::from_json(&plan).expect("it is sound");
    assert!(!plan.blocking().is_empty() && !plan.comparisons().is_empty());
    let entities = fs::read_to_string(desk.path("out/entities.csv")).expect("the entities");
    assert_eq!(entities.lines().count(), 201);
}
