//! Models.

use std::sync::Arc;

use cdm_core::report::match_weights;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answers::{Explained, json_of};
use crate::error::{closed, raise};
use crate::input::Records;
use crate::names::{Names, named};
use crate::pairs::Pairs;
use crate::plan::{Plan, decisions};
use crate::resolution::Resolution;
use crate::run::{Job, off_loop};

/// A plan and what was learned by it.
#[napi]
pub struct Model {
    model: Option<Arc<cdm_core::Model>>,
    /// Made when the first pair is scored.
    pairs: Option<Pairs>,
}

impl Model {
    pub(crate) fn new(model: cdm_core::Model) -> Self {
        Self::shared(Arc::new(model))
    }

    pub(crate) fn shared(model: Arc<cdm_core::Model>) -> Self {
        Self { model: Some(model), pairs: None }
    }

    pub(crate) fn get(&self) -> napi::Result<&Arc<cdm_core::Model>> {
        self.model.as_ref().ok_or_else(|| closed("model"))
    }

    fn pairs(&mut self) -> napi::Result<&mut Pairs> {
        if self.pairs.is_none() {
            self.pairs = Some(Pairs::new(self.get()?).map_err(raise)?);
        }
        self.pairs.as_mut().ok_or_else(|| closed("model"))
    }
}

/// What a model says of two records.
#[napi(object)]
pub struct Score {
    /// log2 of the odds that they are one; `undefined` where the plan compares nothing.
    pub match_weight: Option<f64>,
    /// The same as a probability.
    pub match_probability: Option<f64>,
    /// The first rule that holds for them.
    pub rule: Option<String>,
    /// What that rule says: `match` or `never`.
    pub decision: Option<String>,
}

#[napi]
impl Model {
    /// Read a model from JSON, strictly.
    #[napi(factory)]
    pub fn from_json(json: String) -> napi::Result<Self> {
        cdm_core::Model::from_json(&json).map(Self::new).map_err(raise)
    }

    /// The same, off the event loop: a model of many records is long.
    #[napi(ts_return_type = "Promise<Model>")]
    pub fn read_json<'e>(env: &'e Env, json: String) -> napi::Result<PromiseRaw<'e, Model>> {
        off_loop(env, None, move |_| cdm_core::Model::from_json(&json).map(Self::new))
    }

    /// The model as JSON, indented.
    #[napi]
    pub fn to_json(&self) -> napi::Result<String> {
        Ok(self.get()?.to_json())
    }

    /// The plan that was fitted.
    #[napi(getter)]
    pub fn plan(&self) -> napi::Result<Plan> {
        Ok(Plan(Arc::new(self.get()?.plan().clone())))
    }

    /// Resolve these records into entities.
    #[napi(ts_return_type = "Promise<Resolution>")]
    pub fn resolve<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
        decisions_json: Option<String>,
    ) -> napi::Result<PromiseRaw<'e, Resolution>> {
        let decisions = decisions(decisions_json)?;
        let (model, read) = (Arc::clone(self.get()?), records.get()?);
        off_loop(env, Some(job), move |run| {
            Ok(Resolution::new(model.resolve(&read.table, &decisions, run)?, read))
        })
    }

    /// What the model says of two records, each a JSON object of fields, with all that adds up to it.
    #[napi(ts_return_type = "Promise<Explained>")]
    pub fn explain<'e>(
        &self,
        env: &'e Env,
        left: String,
        right: String,
    ) -> napi::Result<PromiseRaw<'e, Explained>> {
        let model = Arc::clone(self.get()?);
        off_loop(env, None, move |run| {
            let names = Names::new(model.plan().schema());
            let left = named(names.record(&left)?, "left");
            let right = named(names.record(&right)?, "right");
            let pair = model.explain(&left, &right, run)?;
            Ok(Explained::new(&pair, pair.sentence(), &pair))
        })
    }

    /// What each level of each comparison weighs, as a chart in JSON; `null` without comparisons.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn chart_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        let model = Arc::clone(self.get()?);
        off_loop(env, None, move |_| {
            let learned = model.parameters();
            Ok(json_of(&learned.map(|learned| match_weights(model.plan(), learned))))
        })
    }

    /// What is to be said of two records, each a JSON object of fields.
    #[napi]
    pub fn score(&mut self, left: String, right: String) -> napi::Result<Score> {
        self.pairs()?.score(&left, &right).map_err(raise)
    }

    /// The same with the levels that they reach, as JSON.
    #[napi]
    pub fn score_json(&mut self, left: String, right: String) -> napi::Result<String> {
        self.pairs()?.score_json(&left, &right).map_err(raise)
    }

    /// Let go of the model.
    #[napi]
    pub fn close(&mut self) {
        (self.model, self.pairs) = (None, None);
    }
}
