//! Pairs of plain objects, weighed by a model that was made ready once.

use std::collections::HashMap;
use std::sync::Arc;

use cdm_core::Result;
use cdm_core::bound::{BoundModel, BoundRecord};
use cdm_core::rule::Decision;

use crate::model::Score;
use crate::names::Names;

/// How many bytes of JSON the records that are kept ready have, at the most about twice that.
const KEPT_BYTES: usize = 2 << 20;

/// A model, ready for pairs.
pub(crate) struct Pairs {
    model: BoundModel,
    ready: Ready,
}

/// Records that were made ready, by their JSON: those asked for lately and those before. Who compares
/// one record with many, or many with few, has each made ready once.
struct Ready {
    names: Names,
    lately: HashMap<String, Arc<BoundRecord>>,
    before: HashMap<String, Arc<BoundRecord>>,
    /// Of the JSON in `lately`.
    bytes: usize,
}

impl Pairs {
    pub(crate) fn new(model: &cdm_core::Model) -> Result<Self> {
        let names = Names::new(model.plan().schema());
        let (lately, before) = (HashMap::new(), HashMap::new());
        Ok(Self { model: model.bind()?, ready: Ready { names, lately, before, bytes: 0 } })
    }

    pub(crate) fn score(&mut self, left: &str, right: &str) -> Result<Score> {
        let (left, right) =
            (self.ready.get(&self.model, left)?, self.ready.get(&self.model, right)?);
        let (left, right) = if left.key() <= right.key() { (left, right) } else { (right, left) };
        let rules = self.model.model().plan().rules();
        let rule = self.model.decide(&left, &right).map(|rule| &rules[rule]);
        let weight = self.model.weight(&left, &right);
        Ok(Score {
            match_weight: weight.map(|weight| weight.bits()),
            match_probability: weight.map(|weight| weight.probability()),
            rule: rule.map(|rule| rule.name.clone()),
            decision: rule.map(|rule| match rule.decision {
                Decision::Match => "match".to_owned(),
                Decision::Never => "never".to_owned(),
            }),
        })
    }

    pub(crate) fn score_json(&mut self, left: &str, right: &str) -> Result<String> {
        let (left, right) =
            (self.ready.get(&self.model, left)?, self.ready.get(&self.model, right)?);
        let score = self.model.score_prepared(&left, &right);
        // A score is of strings, numbers and lists, which always serialise.
        Ok(serde_json::to_string(&score).unwrap_or_default())
    }
}

impl Ready {
    /// A record, ready to be weighed.
    fn get(&mut self, model: &BoundModel, json: &str) -> Result<Arc<BoundRecord>> {
        if let Some(known) = self.lately.get(json) {
            return Ok(Arc::clone(known));
        }
        if self.bytes > KEPT_BYTES {
            (self.before, self.bytes) = (std::mem::take(&mut self.lately), 0);
        }
        let (json, record) = match self.before.remove_entry(json) {
            Some(known) => known,
            None => (json.to_owned(), Arc::new(model.prepare_light(&self.names.record(json)?)?)),
        };
        self.bytes += json.len();
        self.lately.insert(json, Arc::clone(&record));
        Ok(record)
    }
}
