//! What a resolution answers when it is asked why, how good it is, and what people should decide.

use cdm_core::evaluate::{Evaluation, SamplingPlan, Truth, compare, estimate};
use cdm_core::explain::PairExplanation;
use cdm_core::report::{self, waterfall, weight_distribution};
use cdm_core::review;
use cdm_core::{Decisions, Error, RecordKey, Result, Run};
use napi::Env;
use napi::bindgen_prelude::{Int32Array, PromiseRaw};
use napi_derive::napi;
use serde::Serialize;

use crate::error::raise;
use crate::input::Records;
use crate::plan::decisions;
use crate::resolution::Resolution;
use crate::run::{Job, off_loop};

/// An answer about two records.
#[napi(object)]
pub struct Explained {
    /// The answer as JSON.
    pub json: String,
    /// The answer in plain words.
    pub sentence: String,
    /// The parts of the pair's weight as a chart in JSON; left out where nothing was weighed.
    pub chart: Option<String>,
}

/// What of a report can be chosen.
#[napi(object)]
pub struct ReportOptions {
    /// What it is called.
    pub title: Option<String>,
    /// Whether values are left out.
    pub redact: Option<bool>,
    /// How many entities of each sort, and how many pairs, are shown.
    pub examples: Option<u32>,
    /// How many questions the review queue holds.
    pub review: Option<u32>,
}

impl Explained {
    pub(crate) fn new(answer: &impl Serialize, sentence: String, pair: &PairExplanation) -> Self {
        let chart = pair.weight.as_ref().map(|weight| json_of(&waterfall(weight)));
        Self { json: json_of(answer), sentence, chart }
    }
}

#[napi]
impl Resolution {
    /// Why two records are one customer.
    #[napi(ts_return_type = "Promise<Explained>")]
    pub fn why<'e>(
        &self,
        env: &'e Env,
        left: (String, String),
        right: (String, String),
    ) -> napi::Result<PromiseRaw<'e, Explained>> {
        self.ask(env, None, move |resolution, run| {
            let why = resolution.why(&key(left), &key(right), run)?;
            Ok(Explained::new(&why, why.sentence.clone(), &why.pair))
        })
    }

    /// Why two records are not one customer.
    #[napi(ts_return_type = "Promise<Explained>")]
    pub fn why_not<'e>(
        &self,
        env: &'e Env,
        left: (String, String),
        right: (String, String),
    ) -> napi::Result<PromiseRaw<'e, Explained>> {
        self.ask(env, None, move |resolution, run| {
            let why_not = resolution.why_not(&key(left), &key(right), run)?;
            Ok(Explained::new(&why_not, why_not.sentence.clone(), &why_not.pair))
        })
    }

    /// How an entity came together, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn how_json<'e>(
        &self,
        env: &'e Env,
        entity_id: String,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, None, move |resolution, run| {
            resolution.how(&entity_id, run).map(|how| json_of(&how))
        })
    }

    /// How the entity of a record came together, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn how_of_json<'e>(
        &self,
        env: &'e Env,
        record: (String, String),
    ) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, None, move |resolution, run| {
            let record = key(record);
            let Some(row) = resolution.table().row(&record) else {
                return Err(Error::UnknownRecord { key: record.to_string() });
            };
            let entity = resolution.entity_id(resolution.entities()[row]).to_string();
            resolution.how(&entity, run).map(|how| json_of(&how))
        })
    }

    /// How good the entities are, by records whose only field says which is which, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn evaluate_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        truth: &Records,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let truth = truth.get()?.table;
        self.ask(env, Some(job), move |resolution, run| {
            resolution.evaluate(&Truth::of_table(&truth), run).map(|report| json_of(&report))
        })
    }

    /// How pairs fare that people labelled, as JSON; or all pairs that are one customer.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn evaluate_pairs_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        labels_json: String,
        complete: bool,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let labels = decisions(Some(labels_json))?;
        self.ask(env, Some(job), move |resolution, run| {
            let truth = match complete {
                true => Truth::all_pairs(labels.must_link),
                false => Truth::labelled_pairs(labels_of(labels)),
            };
            resolution.evaluate(&truth, run).map(|report| json_of(&report))
        })
    }

    /// What the model believes of the candidate pairs, as JSON; `null` without weights.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn expect_json<'e>(&self, env: &'e Env, job: &Job) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, Some(job), |resolution, run| resolution.expect(run).map(|e| json_of(&e)))
    }

    /// How the weights of candidate pairs are spread, as a chart in JSON; `null` without weights.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn weights_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, Some(job), |resolution, run| {
            Ok(json_of(&resolution.expect(run)?.as_ref().map(weight_distribution)))
        })
    }

    /// Pairs to look at for an estimate of precision, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn sampling_plan_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        size: u32,
        seed: f64,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, Some(job), move |resolution, run| {
            resolution.sampling_plan(size as usize, seed as u64, run).map(|plan| json_of(&plan))
        })
    }

    /// What is worth a person's minute, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn review_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        most: u32,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let options = review::ReviewOptions { most: most as usize };
        self.ask(env, Some(job), move |resolution, run| {
            resolution.review(&options, run).map(|queue| json_of(&queue))
        })
    }

    /// What is different in another resolution, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn compare_json<'e>(
        &self,
        env: &'e Env,
        after: &Resolution,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let after = after.get()?;
        self.ask(env, None, move |before, _| Ok(json_of(&compare(before, &after.resolution))))
    }

    /// The report as one HTML page; with `truth`, records whose only field says which is which.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn report_html<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        options: ReportOptions,
        truth: Option<&Records>,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let truth = truth.map(Records::get).transpose()?;
        let none = report::ReportOptions::default();
        let count = |given: Option<u32>, usual| given.map_or(usual, |count| count as usize);
        let options = report::ReportOptions {
            title: options.title,
            redact: options.redact.unwrap_or(none.redact),
            truth: truth.map(|truth| Truth::of_table(&truth.table)),
            examples: count(options.examples, none.examples),
            review: count(options.review, none.review),
        };
        self.ask(env, Some(job), move |resolution, run| {
            let (report, model) = (resolution.report(&options, run)?, resolution.model());
            Ok(report.html(model.plan(), model.parameters()))
        })
    }

    /// The decisions that were honoured, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn decisions_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        self.ask(env, None, |resolution, _| Ok(resolution.decisions().to_json()))
    }
}

impl Resolution {
    /// Ask the core, off the event loop.
    fn ask<'e, T: napi::bindgen_prelude::ToNapiValue + Send + 'static>(
        &self,
        env: &'e Env,
        job: Option<&Job>,
        ask: impl FnOnce(&cdm_core::Resolution, &Run) -> Result<T> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'e, T>> {
        let outcome = self.get()?;
        off_loop(env, job, move |run| ask(&outcome.resolution, run))
    }
}

/// What a sample says of all pairs, as JSON.
#[napi(ts_return_type = "Promise<string>")]
pub fn estimate_json(
    env: &Env,
    plan_json: String,
    labels_json: String,
) -> napi::Result<PromiseRaw<'_, String>> {
    let plan = SamplingPlan::from_json(&plan_json).map_err(raise)?;
    let labels = decisions(Some(labels_json))?;
    off_loop(env, None, move |_| Ok(json_of(&estimate(&plan, labels_of(labels)))))
}

/// How good a partition is, by the found and the true entity of each record, -1 where the latter is
/// not known, as JSON.
#[napi(ts_return_type = "Promise<string>")]
pub fn evaluate_partition_json<'e>(
    env: &'e Env,
    found: Int32Array,
    truth: Int32Array,
) -> napi::Result<PromiseRaw<'e, String>> {
    let found: Vec<u32> = found.iter().map(|entity| *entity as u32).collect();
    let truth: Vec<Option<u32>> = truth.iter().map(|entity| u32::try_from(*entity).ok()).collect();
    off_loop(env, None, move |_| Ok(json_of(&Evaluation::new(found.into_iter().zip(truth)))))
}

fn key((source, id): (String, String)) -> RecordKey {
    RecordKey::new(source, id)
}

/// Decisions as labels of pairs.
fn labels_of(decisions: Decisions) -> impl Iterator<Item = (RecordKey, RecordKey, bool)> {
    let is = decisions.must_link.into_iter().map(|(left, right)| (left, right, true));
    is.chain(decisions.cannot_link.into_iter().map(|(left, right)| (left, right, false)))
}

/// What is made of strings, numbers and lists, which always serialise.
pub(crate) fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
