//! The report as a page: whole, closed, quiet about what it must not say, and usable in a browser.

mod sample;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cdm_core::evaluate::Truth;
use cdm_core::report::{Report, ReportOptions};
use cdm_core::review::{ReviewOptions, ReviewReason};
use cdm_core::{Decisions, Run};

fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let truth = Some(Truth::entities(sample::truth()));
        let options = ReportOptions { truth, ..ReportOptions::default() };
        sample::resolved().report(&options, &Run::new()).unwrap()
    })
}

fn html(report: &Report) -> String {
    let model = sample::resolved().model();
    report.html(model.plan(), model.parameters())
}

const SECTIONS: [&str; 9] = [
    "summary",
    "quality",
    "model",
    "weights",
    "thresholds",
    "entities",
    "pairs",
    "golden",
    "review",
];

#[test]
fn the_page_has_every_section_and_asks_nobody_for_anything() {
    let page = html(report());
    for section in SECTIONS {
        assert!(page.contains(&format!("<section id={section} ")), "{section}");
        assert!(page.contains(&format!("href=\"#{section}\"")), "{section}");
    }
    for reference in ["http://", "https://", "src=", "@import", "url(", "fetch(", "localStorage"] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    // For people to look at.
    fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report.html"), &page).unwrap();
    assert!(page.contains("measured") && page.contains("match weight"));
}

#[test]
fn a_redacted_report_holds_no_value_of_any_record() {
    let resolution = sample::resolved();
    let options = ReportOptions { redact: true, ..ReportOptions::default() };
    let report = resolution.report(&options, &Run::new()).unwrap();
    let page = html(&report);
    let json = serde_json::to_string(&report).unwrap();
    let table = resolution.table();
    let names = ["email", "phone", "street", "date_of_birth", "address"];
    let mut values = std::collections::BTreeSet::new();
    for (position, field) in table.schema().fields().iter().enumerate() {
        if !names.iter().any(|name| field.name.contains(name)) {
            continue;
        }
        for row in 0..table.len() {
            values.extend(table.column(position).values(row).filter(|value| value.len() > 7));
        }
    }
    assert!(values.len() > 1000, "{}", values.len());
    // Those that a report with values shows are what matters; of the rest, some.
    let open = html(self::report());
    let mut shown = 0;
    for (number, value) in values.into_iter().enumerate() {
        let is_shown = open.contains(value);
        shown += usize::from(is_shown);
        if is_shown || number % 20 == 0 {
            assert!(!page.contains(value) && !json.contains(value), "a value is shown");
        }
    }
    assert!(shown > 100, "{shown}");
}

#[test]
fn the_queue_asks_what_matters_once_and_answers_are_honoured() {
    let resolution = sample::resolved();
    let queue = resolution.review(&ReviewOptions { most: 30 }, &Run::new()).unwrap();
    assert_eq!(queue.len(), 30);
    assert!(queue.windows(2).all(|two| two[0].impact >= two[1].impact));
    let entity = |key| resolution.entities()[resolution.table().row(key).unwrap()];
    for item in &queue {
        assert_eq!(entity(&item.pair.left) == entity(&item.pair.right), item.together);
        assert_eq!(item.together, item.reason == ReviewReason::MayBeTwo);
        assert!(item.groups.0.contains(&item.pair.left) || item.sizes.0 > 16);
        assert!(item.question.ends_with('.') && item.impact > 0.0);
    }
    let truth = sample::truth();
    let mut decisions = Decisions::new();
    for item in &queue {
        let (left, right) = (item.pair.left.clone(), item.pair.right.clone());
        let is_one = truth[&left] == truth[&right];
        decisions.decide(left, right, is_one);
    }
    let decisions = Decisions::from_json(&decisions.to_json()).unwrap();
    let again = resolution.model().resolve(resolution.table(), &decisions, &Run::new()).unwrap();
    let entity = |key| again.entities()[again.table().row(key).unwrap()];
    for (left, right) in &decisions.must_link {
        assert_eq!(entity(left), entity(right));
    }
    for (left, right) in &decisions.cannot_link {
        assert_ne!(entity(left), entity(right));
    }
    let (before, after) = (resolution, &again);
    let f1 = |of: &cdm_core::Resolution| {
        of.evaluate(&Truth::entities(truth.clone()), &Run::new()).unwrap().whole.f1
    };
    assert!(f1(after) > f1(before), "{} {}", f1(after), f1(before));
    // What was answered is not asked again.
    let next = again.review(&ReviewOptions { most: 30 }, &Run::new()).unwrap();
    let asked = |item: &&cdm_core::review::ReviewItem| {
        queue.iter().any(|q| (&q.pair.left, &q.pair.right) == (&item.pair.left, &item.pair.right))
    };
    assert!(next.iter().find(asked).is_none());
}

/// A browser, where the machine has one.
fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CDM_BROWSER").map(PathBuf::from);
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let mut found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .filter(|file| file.is_file());
    named.or_else(|| found.next())
}

/// Works the page like a person: answers by mouse and by key, saves, and notes what it saved and
/// what went wrong.
const PERSON: &str = r#"<script>
const log = { errors: [], saved: null, sections: 0, wide: 0 };
window.addEventListener("error", (event) => log.errors.push(String(event.message)));
window.addEventListener("securitypolicyviolation", (event) => log.errors.push(event.violatedDirective));
URL.createObjectURL = (blob) => { blob.text().then((text) => { log.saved = text; done(); }); return "blob:x"; };
HTMLAnchorElement.prototype.click = function () { log.name = this.download; };
const done = () => {
  const out = document.createElement("pre");
  out.id = "log";
  out.textContent = JSON.stringify(log);
  document.body.append(out);
};
window.addEventListener("load", () => {
  const questions = [...document.querySelectorAll(".question")];
  questions[0].querySelector("[data-answer=yes]").click();
  questions[1].focus();
  const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("n");
  log.moved = document.activeElement === questions[2];
  press("s");
  press("k");
  log.back = document.activeElement === questions[2];
  questions[4].querySelector("[data-answer=yes]").click();
  questions[4].querySelector("[data-answer=yes]").click();
  log.progress = document.getElementById("progress").textContent;
  log.sections = document.querySelectorAll("main > section").length;
  log.empty = [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().height < 10 && !svg.closest("details")).length;
  log.asked = performance.getEntriesByType("resource").length;
  log.wide = document.documentElement.scrollWidth - window.innerWidth;
  document.getElementById("save").click();
});
</script>"#;

#[test]
fn the_page_works_in_a_browser_and_its_decisions_are_read_back() {
    let Some(browser) = browser() else {
        eprintln!(
            "NOTE: no Chromium on this machine, so the page was not opened (make setup-browser)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = html(report()).replacen("</header>", &format!("</header>{PERSON}"), 1);
    let file = folder.path().join("report.html");
    fs::write(&file, page).unwrap();
    for (width, scheme) in [(1200, "light"), (390, "dark")] {
        let output = Command::new(&browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("--window-size={width},900"))
            .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme == "light")))
            .arg(format!("--user-data-dir={}", folder.path().join(scheme).display()))
            .arg(format!("file://{}", file.display()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let dom = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{console:?}");
        let log = dom.split("<pre id=\"log\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let log = log.unwrap_or_else(|| panic!("the page did not finish: {said}"));
        let log = log.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let log: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(log["errors"], serde_json::json!([]));
        assert_eq!(log["sections"], SECTIONS.len());
        assert_eq!((&log["moved"], &log["back"]), (&true.into(), &true.into()), "{log}");
        assert_eq!(log["progress"], format!("2 of {} decided", report().review.len()));
        assert_eq!((&log["empty"], &log["name"]), (&0.into(), &"decisions.json".into()), "{log}");
        assert!(log["wide"].as_i64().unwrap() <= 0, "wider than the screen of {width}: {log}");
        let decisions = Decisions::from_json(log["saved"].as_str().unwrap()).unwrap();
        let pair =
            |item: &cdm_core::review::ReviewItem| (item.pair.left.clone(), item.pair.right.clone());
        assert_eq!(decisions.must_link, [pair(&report().review[0])]);
        assert_eq!(decisions.cannot_link, [pair(&report().review[1])]);
        assert_eq!(log["asked"], 0, "the page asked for something");
    }
}
