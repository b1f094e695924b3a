//! The rooms of the crate stand in layers: a room imports rooms of lower rows only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up, one row a line. A room may import the rooms of the rows above it
/// in this list, never its own row's or a later one's. A room that is not built yet is no failure.
const ROWS: &[&[&str]] = &[
    &["error"],
    &["cancel", "probability"],
    &["schema"],
    &["normalize", "privacy"],
    &["table", "compare"],
    &["read", "features"],
    &["quality", "block"],
    &["rule", "model"],
    &["score"],
    &["cluster", "merge"],
    &["plan"],
    &["bound"],
    &["resolve"],
    &["explain", "evaluate", "summary", "write"],
    &["review"],
    &["report"],
    &["store"],
];

#[test]
fn every_room_imports_lower_rooms_only_and_by_their_front_door() {
    let rooms = Room::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(rooms.len() > 2, "the rooms are read from the wrong place");
    let failures: Vec<String> = rooms.values().flat_map(|room| room.faults(&rooms)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn row(room: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&room))
}

/// A top-level module: one file, or a folder with all beneath it.
struct Room {
    name: String,
    /// Each file's path below `src`, and its tokens.
    files: Vec<(PathBuf, Vec<String>)>,
}

impl Room {
    /// Every room below `src`; `lib.rs` is the front page and none.
    fn all(src: &Path) -> BTreeMap<String, Room> {
        let mut rooms = BTreeMap::new();
        let mut paths = vec![src.to_owned()];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|e| e == "rs") && path != src.join("lib.rs") {
                let below = path.strip_prefix(src).unwrap().to_owned();
                let name = modules(&below).remove(0);
                let room =
                    rooms.entry(name.clone()).or_insert_with(|| Room { name, files: Vec::new() });
                room.files.push((below, tokens(&fs::read_to_string(&path).unwrap())));
            }
        }
        rooms.values_mut().for_each(|room| room.files.sort());
        rooms
    }

    /// What breaks the order in this room, each as one line for a person.
    fn faults(&self, rooms: &BTreeMap<String, Room>) -> Vec<String> {
        let Some(own) = row(&self.name) else {
            return vec![format!(
                "room `{}` has no row: give it one in ROWS of tests/layers.rs",
                self.name
            )];
        };
        let mut faults = Vec::new();
        for (file, tokens) in &self.files {
            for path in paths(&modules(file), tokens) {
                let shown = format!("src/{}: crate::{}", file.display(), path.join("::"));
                let room = path[0].as_str();
                if room == self.name {
                    continue;
                }
                match row(room) {
                    None => faults.push(format!("{shown}: `{room}` is no room; name the room")),
                    Some(other) if other >= own => faults.push(format!(
                        "{shown}: `{room}` does not lie beneath `{}`: see ROWS in tests/layers.rs",
                        self.name
                    )),
                    Some(_) => {
                        let part = path.get(1).map_or("", String::as_str);
                        if rooms.get(room).is_some_and(|room| room.keeps_to_itself(part)) {
                            faults.push(format!("{shown}: `{part}` is an internal of `{room}`"));
                        }
                    }
                }
            }
        }
        faults
    }

    /// Whether `name` is a module of this room that the room does not make public.
    fn keeps_to_itself(&self, name: &str) -> bool {
        let front = [format!("{}.rs", self.name), format!("{}/mod.rs", self.name)];
        self.files.iter().any(|(file, tokens)| {
            front.iter().any(|front| Path::new(front) == file)
                && tokens.windows(2).enumerate().any(|(position, pair)| {
                    pair[0] == "mod"
                        && pair[1] == name
                        && (position == 0 || tokens[position - 1] != "pub")
                })
        })
    }
}

/// The modules that a file below `src` is, outermost first: `normalize/date.rs` is `normalize`,
/// `date`.
fn modules(file: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// Every path to an item that `tokens` names from the crate's root, in `use` and elsewhere, without
/// `crate` itself; `super` is resolved. `modules` are the modules that the file is.
fn paths(modules: &[String], tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut inline: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate() {
        let before = if position == 0 { "" } else { tokens[position - 1].as_str() };
        match token.as_str() {
            "{" => {
                depth += 1;
                if position > 1 && tokens[position - 2] == "mod" {
                    inline.push((depth, before.to_owned()));
                }
            }
            "}" => {
                inline.retain(|(opened, _)| *opened < depth);
                depth = depth.saturating_sub(1);
            }
            "crate" | "super" if !continues(&tokens[..position]) => {
                let here: Vec<String> =
                    modules.iter().cloned().chain(inline.iter().map(|m| m.1.clone())).collect();
                tree(&tokens[position..], &here, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Whether what follows `before` is no path of its own: it goes on with one (`self::` only begins
/// one), or stands in a visibility such as `pub(in crate::a)`.
fn continues(before: &[String]) -> bool {
    match before {
        [.., word, colons] if colons == "::" => is_segment(word) && word != "self",
        [.., open, word] => open == "(" && word == "in",
        _ => false,
    }
}

/// Add the paths of the path or `use` tree at the head of `tokens`, which starts with `crate` or
/// `super`, to `found`; `here` is the module it stands in.
fn tree(tokens: &[String], here: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = if tokens[0] == "crate" { Vec::new() } else { here.to_vec() };
    let mut rest = tokens;
    while let [head, tail @ ..] = rest {
        if head == "super" {
            path.pop();
        } else if head != "crate" {
            break;
        }
        match tail {
            [colons, after @ ..] if colons == "::" => rest = after,
            _ => return, // `pub(crate)`, `pub(super)`: a visibility
        }
    }
    branches(rest, &path, found);
}

/// Add the paths at the head of `tokens`, each below `prefix`, to `found`; returns what follows.
fn branches<'t>(
    mut tokens: &'t [String],
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> &'t [String] {
    let mut path = prefix.to_vec();
    loop {
        match tokens {
            [open, rest @ ..] if open == "{" => {
                tokens = rest;
                while let [head, rest @ ..] = tokens {
                    match head.as_str() {
                        "}" => return rest,
                        "," => tokens = rest,
                        _ => tokens = branches(tokens, &path, found),
                    }
                }
                return tokens;
            }
            [name, colons, rest @ ..] if colons == "::" && is_segment(name) => {
                path.push(name.clone());
                tokens = rest;
            }
            [name, rest @ ..] => {
                if name == "*" || is_segment(name) && name != "self" {
                    path.push(name.clone());
                }
                if !path.is_empty() {
                    found.push(path);
                }
                // `as other` belongs to the branch.
                return match rest {
                    [word, _, rest @ ..] if word == "as" => rest,
                    _ => rest,
                };
            }
            [] => return tokens,
        }
    }
}

fn is_segment(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tokens of Rust source as far as paths need them: words, `::`, and single characters;
/// comments and literals are left out.
fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let at = |position: usize| text.get(position).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < text.len() {
        match text[i] {
            '/' if at(i + 1) == '/' => {
                while i < text.len() && text[i] != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => i = after_block_comment(&text, i),
            '"' => i = after_string(&text, i),
            // A character, unless it is a lifetime: those have no second quote.
            '\'' if at(i + 1) == '\\' => {
                i = (i + 3..text.len()).find(|end| at(*end) == '\'').unwrap_or(i) + 1;
            }
            '\'' => i += if at(i + 2) == '\'' { 3 } else { 1 },
            ':' if at(i + 1) == ':' => {
                tokens.push("::".to_owned());
                i += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let start = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = text[start..i].iter().collect();
                let hashes = (i..text.len()).take_while(|j| at(*j) == '#').count();
                match word.as_str() {
                    "r" | "br" | "cr" if at(i + hashes) == '"' => {
                        i = after_raw_string(&text, i + hashes, hashes);
                    }
                    "r" if hashes == 1 => i += 1, // `r#type`: a word that is a keyword too
                    "b" | "c" if at(i) == '"' || at(i) == '\'' => {}
                    _ => tokens.push(word),
                }
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

fn after_block_comment(text: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start, 0);
    while i < text.len() {
        match &text[i..text.len().min(i + 2)] {
            ['/', '*'] => (depth, i) = (depth + 1, i + 2),
            ['*', '/'] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn after_string(text: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn after_raw_string(text: &[char], quote: usize, hashes: usize) -> usize {
    let ends = |i: usize| text[i] == '"' && (1..=hashes).all(|h| text.get(i + h) == Some(&'#'));
    (quote + 1..text.len()).find(|i| ends(*i)).map_or(text.len(), |i| i + 1 + hashes)
}

/// The paths that `source` names, each joined, in a file of these modules.
fn names(modules: &[&str], source: &str) -> Vec<String> {
    let modules: Vec<String> = modules.iter().map(|name| (*name).to_owned()).collect();
    paths(&modules, &tokens(source)).iter().map(|path| path.join("::")).collect()
}

#[test]
fn paths_are_found_in_trees_in_code_and_through_super() {
    for (source, wanted) in [
        ("use crate::error::{Error, Result};", vec!["error::Error", "error::Result"]),
        ("use crate::{a, b::{c, d::*}, e as f};", vec!["a", "b::c", "b::d::*", "e"]),
        ("use crate::a::{self, b as c};", vec!["a", "a::b"]),
        ("pub(crate) use crate::a::b;", vec!["a::b"]),
        ("fn f(x: &crate::a::B<crate::c::D>) {}", vec!["a::B", "c::D"]),
        ("for x in crate::a::ALL {}", vec!["a::ALL"]),
        ("let x = crate::a::f(1); $crate::b::g!()", vec!["a::f", "b::g"]),
        (
            "use super::{a, b}; use {super::c, crate::d};",
            vec!["room::a", "room::b", "room::c", "d"],
        ),
        ("use super::super::other::X;", vec!["other::X"]),
        ("use self::super::super::other::X;", vec!["other::X"]),
        ("mod tests { use super::super::super::other::X; }", vec!["other::X"]),
        ("mod tests { fn f() {} } use super::super::other::X;", vec!["other::X"]),
        ("pub(super) fn f() {} pub(crate) struct S; pub(in crate::room) mod m;", vec![]),
        ("// crate::a\n/* crate::b /* x */ crate::c */ /// crate::d", vec![]),
        (
            r##"let s = "crate::a"; let r = r#"" crate::b"#; let c = ('"', '\'', '\\', b'"');"##,
            vec![],
        ),
        ("fn f<'a>(x: &'a str) -> crate::a::B<'a> {}", vec!["a::B"]),
        (r"let c = '\u{41}'; crate::a::f()", vec!["a::f"]),
    ] {
        assert_eq!(names(&["room", "part"], source), wanted, "{source}");
    }
}

#[test]
fn an_import_upwards_sideways_of_an_internal_or_of_the_front_page_is_a_fault() {
    let room = |name: &str, source: &str| {
        let file = (PathBuf::from(format!("{name}/mod.rs")), tokens(source));
        (name.to_owned(), Room { name: name.to_owned(), files: vec![file] })
    };
    let normalize = "pub mod open; mod hidden; pub(crate) mod half; use crate::error::Error;";
    for (name, source, wanted) in [
        ("table", "use crate::normalize::{text, open::X};", None),
        ("table", "use crate::table::column;", None),
        (
            "table",
            "use crate::normalize::hidden::X;",
            Some("`hidden` is an internal of `normalize`"),
        ),
        ("table", "use crate::normalize::{half::X};", Some("`half` is an internal of `normalize`")),
        (
            "table",
            "mod tests { use crate::store::Store; }",
            Some("`store` does not lie beneath `table`"),
        ),
        ("read", "fn f(x: crate::features::F) {}", Some("`features` does not lie beneath `read`")),
        ("table", "use super::read::R;", Some("`read` does not lie beneath `table`")),
        ("table", "use crate::Record;", Some("`Record` is no room")),
        ("attic", "", Some("room `attic` has no row")),
    ] {
        let rooms = BTreeMap::from([room("normalize", normalize), room(name, source)]);
        let faults = rooms[name].faults(&rooms);
        match wanted {
            None => assert_eq!(faults, [""; 0], "{source}"),
            Some(part) => {
                assert!(faults.len() == 1 && faults[0].contains(part), "{source}: {faults:?}");
            }
        }
    }
}
