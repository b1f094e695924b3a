//! Plans.

use std::sync::Arc;

use cdm_core::Decisions;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answers::json_of;
use crate::error::raise;
use crate::input::Records;
use crate::model::Model;
use crate::resolution::Resolution;
use crate::run::{Job, off_loop};

/// A plan that was checked.
#[napi]
pub struct Plan(pub(crate) Arc<cdm_core::Plan>);

#[napi]
impl Plan {
    /// Read a plan from JSON, strictly.
    #[napi(factory)]
    pub fn from_json(json: String) -> napi::Result<Self> {
        cdm_core::Plan::from_json(&json).map(|plan| Self(Arc::new(plan))).map_err(raise)
    }

    /// The JSON Schema of plans.
    #[napi]
    pub fn json_schema() -> String {
        cdm_core::Plan::json_schema()
    }

    /// The given plan, with what it leaves open inferred from these records.
    #[napi(ts_return_type = "Promise<Plan>")]
    pub fn infer<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
    ) -> napi::Result<PromiseRaw<'e, Plan>> {
        let (read, given) = (records.get()?, Arc::clone(&self.0));
        off_loop(env, Some(job), move |run| {
            let inferred = cdm_core::Plan::infer_with(&read.table, &given, run)?;
            Ok(Plan(Arc::new(inferred.plan)))
        })
    }

    /// The plan as JSON, indented.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Learn from these records what needs a look at all of them, and from the pairs that people
    /// labelled.
    #[napi(ts_return_type = "Promise<Model>")]
    pub fn fit<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
        labels_json: Option<String>,
    ) -> napi::Result<PromiseRaw<'e, Model>> {
        let labels = decisions(labels_json)?;
        let (plan, read) = (Arc::clone(&self.0), records.get()?);
        off_loop(env, Some(job), move |run| {
            plan.fit_labelled(&read.table, &labels, run).map(Model::new)
        })
    }

    /// What fitting to these records and resolving them would take, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn estimate_json<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let (plan, read) = (Arc::clone(&self.0), records.get()?);
        off_loop(env, Some(job), move |run| Ok(json_of(&plan.estimate(&read.table, run)?)))
    }

    /// Infer what the plan leaves open, fit, to the pairs that people labelled as well, and resolve in
    /// one go.
    #[napi(ts_return_type = "Promise<Resolution>")]
    pub fn infer_and_resolve<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
        labels_json: Option<String>,
        decisions_json: Option<String>,
    ) -> napi::Result<PromiseRaw<'e, Resolution>> {
        let (labels, decisions) = (decisions(labels_json)?, decisions(decisions_json)?);
        let (given, read) = (Arc::clone(&self.0), records.get()?);
        off_loop(env, Some(job), move |run| {
            let resolution =
                cdm_core::Plan::infer_and_resolve(&read.table, &given, &labels, &decisions, run)?;
            Ok(Resolution::new(resolution, read))
        })
    }

    /// Fit, to the pairs that people labelled as well, and resolve in one go.
    #[napi(ts_return_type = "Promise<Resolution>")]
    pub fn resolve<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        records: &Records,
        labels_json: Option<String>,
        decisions_json: Option<String>,
    ) -> napi::Result<PromiseRaw<'e, Resolution>> {
        let (labels, decisions) = (decisions(labels_json)?, decisions(decisions_json)?);
        let (plan, read) = (Arc::clone(&self.0), records.get()?);
        off_loop(env, Some(job), move |run| {
            let resolution = plan.resolve_labelled(&read.table, &labels, &decisions, run)?;
            Ok(Resolution::new(resolution, read))
        })
    }
}

/// Decisions from JSON; none where there is no document.
pub(crate) fn decisions(json: Option<String>) -> napi::Result<Decisions> {
    match json {
        None => Ok(Decisions::new()),
        Some(json) => Decisions::from_json(&json).map_err(raise),
    }
}
