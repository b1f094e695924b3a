//! The labelled data sets: where their records are, by which plan they are read, what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cdm_core::plan::{LinkType, Source};
use cdm_core::read::FieldMapping;
use cdm_core::{Error, Field, Input, Kind, Mapping, Plan, ReadReport, RecordKey, Run, Schema};
use cdm_core::{Table, infer_schema, read};

/// Records of which it is known who they are.
pub(crate) struct DataSet {
    /// As tables and `--only` call it.
    pub(crate) name: String,
    /// The name of its plan, where somebody wrote one.
    plan: Option<&'static str>,
    /// What is said of it where nothing else is: which pairs may be linked, whether its sources hold
    /// each customer once, and the columns that are not to be looked at.
    zero_config: ZeroConfig,
    /// Source and file.
    files: Vec<(String, PathBuf)>,
    pub(crate) truth: Truth,
}

/// All that is said of a data set whose plan is inferred.
#[derive(Clone, Copy)]
struct ZeroConfig {
    link_type: LinkType,
    duplicate_free: bool,
    /// Fields that must not help.
    without: &'static [&'static str],
    /// By source, the column of the ids, where the name of the column does not say so.
    ids: &'static [(&'static str, &'static str)],
}

const ONE_LIST: ZeroConfig =
    ZeroConfig { link_type: LinkType::Dedupe, duplicate_free: false, without: &[], ids: &[] };
const TWO_LISTS: ZeroConfig =
    ZeroConfig { link_type: LinkType::Link, duplicate_free: true, without: &[], ids: &[] };
const SOURCES: ZeroConfig = ZeroConfig {
    link_type: LinkType::LinkAndDedupe,
    duplicate_free: false,
    without: &[],
    ids: &[],
};
/// `soc_sec_id` all but solves FEBRL.
const WITHOUT_SSN: &[&str] = &["ssn"];

/// Where the truth about the records stands.
pub(crate) enum Truth {
    /// In a column of the records themselves.
    Column(&'static str),
    /// In the first number of a column of the records themselves: `rec-17-org`, `rec-17-dup-0`.
    NumberIn(&'static str),
    /// In a file with columns for source, record id and entity.
    File(PathBuf, [&'static str; 3]),
    /// In a file of pairs: for each of two sources the column of its ids, and the column that says
    /// `1` of a true pair. A record in no true pair is alone.
    Pairs(PathBuf, [(&'static str, &'static str); 2], &'static str),
}

/// The public data sets, as they lie in the folder `data`.
pub(crate) fn public(data: &Path) -> Vec<DataSet> {
    let set = |name: &str, plan, zero_config, files: &[(&'static str, &str)], truth| {
        let files = files.iter().map(|(source, file)| ((*source).to_owned(), data.join(file)));
        let files = files.collect();
        DataSet { name: name.to_owned(), plan: Some(plan), zero_config, files, truth }
    };
    vec![
        set(
            "febrl3",
            "febrl",
            ZeroConfig { without: WITHOUT_SSN, ..ONE_LIST },
            &[("febrl3", "febrl/dataset3.csv")],
            Truth::NumberIn("rec_id"),
        ),
        set(
            "febrl4",
            "febrl",
            ZeroConfig { without: WITHOUT_SSN, ..TWO_LISTS },
            &[("febrl4a", "febrl/dataset4a.csv"), ("febrl4b", "febrl/dataset4b.csv")],
            Truth::NumberIn("rec_id"),
        ),
        set(
            "fake_1000",
            "fake_1000",
            ONE_LIST,
            &[("fake_1000", "fake_1000.csv")],
            Truth::Column("cluster"),
        ),
        set(
            "chicago_childcare",
            "chicago_childcare",
            ONE_LIST,
            &[("chicago", "chicago_childcare.csv")],
            Truth::Column("True Id"),
        ),
        set(
            "restaurants",
            "restaurants",
            TWO_LISTS,
            &[("fodors", "restaurants/fodors.csv"), ("zagats", "restaurants/zagats.csv")],
            Truth::Pairs(
                data.join("restaurants/matches.csv"),
                [("fodors", "fodors_id"), ("zagats", "zagats_id")],
                "gold",
            ),
        ),
        set(
            "senzing",
            "senzing",
            SOURCES,
            &[
                ("CUSTOMERS", "senzing/customers.jsonl"),
                ("REFERENCE", "senzing/reference.jsonl"),
                ("WATCHLIST", "senzing/watchlist.jsonl"),
            ],
            Truth::File(
                data.join("senzing/actual_truthset_key.csv"),
                ["DATA_SOURCE", "RECORD_ID", "CLUSTER_ID"],
            ),
        ),
    ]
}

/// The sample that is part of the project, and the generated customers in the subfolders of each of
/// `folders`, by name.
pub(crate) fn generated(folders: &[PathBuf]) -> Vec<DataSet> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample");
    let subfolders: BTreeSet<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("truth.csv").is_file())
        .collect();
    [sample].into_iter().chain(subfolders).map(|folder| customers(&folder)).collect()
}

/// The tables of each of `folders` that have their truth in a column `entity`, by name: `x.csv` is
/// a list with repeats, `x_a.csv` and `x_b.csv` are two without, to be linked.
pub(crate) fn labelled(folders: &[PathBuf]) -> Vec<DataSet> {
    let files: BTreeSet<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut sets = Vec::new();
    for path in &files {
        let name = stem(path);
        let of_set = |part: &str| path.with_file_name(format!("{part}.csv"));
        let (zero_config, parts) = match (name.strip_suffix("_a"), name.strip_suffix("_b")) {
            (Some(set), _) if files.contains(&of_set(&format!("{set}_b"))) => {
                (TWO_LISTS, vec![format!("{set}_a"), format!("{set}_b")])
            }
            (_, Some(set)) if files.contains(&of_set(&format!("{set}_a"))) => continue,
            _ => (SOURCES, vec![name.clone()]),
        };
        let files: Vec<(String, PathBuf)> =
            parts.into_iter().map(|part| (part.clone(), of_set(&part))).collect();
        let zero_config = ZeroConfig { without: &["entity"], ..zero_config };
        let name = name.strip_suffix("_a").filter(|_| files.len() > 1).unwrap_or(&name).to_owned();
        sets.push(DataSet { name, plan: None, zero_config, files, truth: Truth::Column("entity") });
    }
    sets
}

fn customers(folder: &Path) -> DataSet {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    let files = [
        ("crm", "crm.csv"),
        ("loyalty", "loyalty.csv"),
        ("shop", "shop.jsonl"),
        ("support", "support.csv"),
    ];
    DataSet {
        name,
        plan: Some("sample"),
        zero_config: ZeroConfig {
            without: &["card_no"],
            ids: &[("loyalty", "card_no")],
            ..SOURCES
        },
        files: files.map(|(source, file)| (source.to_owned(), folder.join(file))).to_vec(),
        truth: Truth::File(folder.join("truth.csv"), ["source", "id", "entity_id"]),
    }
}

impl DataSet {
    /// The first of its files that is not there.
    pub(crate) fn missing(&self) -> Option<&Path> {
        let truth = match &self.truth {
            Truth::File(path, _) | Truth::Pairs(path, ..) => Some(path),
            Truth::Column(_) | Truth::NumberIn(_) => None,
        };
        let mut files = self.files.iter().map(|(_, path)| path).chain(truth);
        files.find(|path| !path.is_file()).map(PathBuf::as_path)
    }

    /// The plan that somebody wrote for it.
    pub(crate) fn plan(&self, plans: &Path) -> Option<Result<Plan, Error>> {
        let path = plans.join(format!("{}.json", self.plan?));
        let json = fs::read_to_string(&path).map_err(|source| Error::ReadFile { path, source });
        Some(json.and_then(|json| Plan::from_json(&json)))
    }

    /// The plan that says nothing but what its fields are, as inferred from its files, and which
    /// of its records may be linked.
    pub(crate) fn bare_plan(&self, run: &Run) -> Result<Plan, Error> {
        let ZeroConfig { link_type, duplicate_free, without, .. } = self.zero_config;
        let inputs: Vec<Input> =
            self.files.iter().map(|(source, path)| Input::file(source, path)).collect();
        let schema = infer_schema(&inputs, run)?;
        let mut plan = Plan::builder(&self.name).link_type(link_type);
        for field in schema.fields().iter().filter(|f| !without.contains(&f.name.as_str())) {
            plan = plan.field(field.clone());
        }
        for (source, _) in &self.files {
            plan =
                plan.source(Source { name: source.clone(), duplicate_free, ..Source::default() });
        }
        plan.build()
    }

    /// Its files, to be read as `plan` says.
    pub(crate) fn inputs(&self, plan: &Plan, run: &Run) -> Result<Vec<Input>, Error> {
        let input = |(source, path): &(String, PathBuf)| {
            let known = plan.sources().iter().find(|known| known.name == *source);
            let Source { mapping, reading, .. } = known.cloned().unwrap_or_default();
            let input = Input { mapping, options: reading, ..Input::file(source, path) };
            let id = self.zero_config.ids.iter().find(|(known, _)| *known == source.as_str());
            match id.filter(|_| input.mapping.is_none()) {
                Some((_, id)) => with_id(&input, id, plan.schema(), run),
                None => Ok(input),
            }
        };
        self.files.iter().map(input).collect()
    }
}

/// The input, mapped as it would be of itself, but for the column of its ids.
fn with_id(input: &Input, id: &str, schema: &Schema, run: &Run) -> Result<Input, Error> {
    let (_, reports) = read(std::slice::from_ref(input), schema, run)?;
    let mut mapping = reports.into_iter().next().map(|report| report.mapping).unwrap_or_default();
    mapping.id = Some(id.to_owned());
    Ok(input.clone().with_mapping(mapping))
}

impl Truth {
    /// The true entity of each row of `table`, which was read from `inputs`.
    pub(crate) fn read(
        &self,
        inputs: &[Input],
        reports: &[ReadReport],
        table: &Table,
        run: &Run,
    ) -> Result<Vec<Option<u32>>, Error> {
        let of_key: BTreeMap<RecordKey, String> = match self {
            Truth::Column(column) => in_column(column, inputs, reports, run)?,
            Truth::NumberIn(column) => in_column(column, inputs, reports, run)?
                .into_iter()
                .map(|(key, value)| (key, first_number(&value)))
                .collect(),
            Truth::File(path, [source, id, entity]) => {
                let mapping = Mapping {
                    id: Some((*id).to_owned()),
                    source: Some((*source).to_owned()),
                    time: None,
                    fields: vec![FieldMapping::new("entity", *entity)],
                };
                entities(&[Input::file("truth", path).with_mapping(mapping)], run)?
            }
            Truth::Pairs(path, ids, is_true) => {
                let paired = pairs(path, ids, is_true, run)?;
                let alone = (0..table.len()).map(|row| table.key(row));
                let alone = alone.map(|key| (key.clone(), format!("{}:{}", key.source, key.id)));
                alone.chain(paired).collect()
            }
        };
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let number = |row| {
            let next = numbers.len() as u32;
            of_key.get(&table.key(row)).map(|entity| *numbers.entry(entity).or_insert(next))
        };
        Ok((0..table.len()).map(number).collect())
    }
}

fn first_number(text: &str) -> String {
    let digits = text.chars().skip_while(|c| !c.is_ascii_digit());
    digits.take_while(char::is_ascii_digit).collect()
}

/// What stands in a column of the records that was not read as a field.
fn in_column(
    column: &str,
    inputs: &[Input],
    reports: &[ReadReport],
    run: &Run,
) -> Result<BTreeMap<RecordKey, String>, Error> {
    let of_column = |(input, report): (&Input, &ReadReport)| {
        let fields = vec![FieldMapping::new("entity", column)];
        input.clone().with_mapping(Mapping { time: None, fields, ..report.mapping.clone() })
    };
    let inputs: Vec<Input> = inputs.iter().zip(reports).map(of_column).collect();
    entities(&inputs, run)
}

fn entities(inputs: &[Input], run: &Run) -> Result<BTreeMap<RecordKey, String>, Error> {
    let schema = Schema::new("truth", vec![Field::new("entity", Kind::Text)])?;
    let (table, _) = read(inputs, &schema, run)?;
    let entity = |row| Some((table.key(row), table.column(0).values(row).next()?.to_owned()));
    Ok((0..table.len()).filter_map(entity).collect())
}

/// The records of the true pairs, each pair an entity of its own.
fn pairs(
    path: &Path,
    ids: &[(&str, &str); 2],
    is_true: &str,
    run: &Run,
) -> Result<Vec<(RecordKey, String)>, Error> {
    let names = ["left", "right", "is_true"];
    let fields = names.map(|name| Field::new(name, Kind::Text)).to_vec();
    let schema = Schema::new("pairs", fields)?;
    let columns = [ids[0].1, ids[1].1, is_true];
    let fields = names.iter().zip(columns).map(|(name, column)| FieldMapping::new(*name, column));
    let mapping = Mapping { fields: fields.collect(), ..Mapping::default() };
    let (table, _) = read(&[Input::file("pairs", path).with_mapping(mapping)], &schema, run)?;
    let mut members = Vec::new();
    for row in 0..table.len() {
        let value = |field| table.column(field).values(row).next();
        if let (Some(left), Some(right), Some("1")) = (value(0), value(1), value(2)) {
            for ((source, _), id) in ids.iter().zip([left, right]) {
                members.push((RecordKey::new(*source, id), format!("pair {row}")));
            }
        }
    }
    Ok(members)
}
