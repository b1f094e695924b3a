use crate::block::{Blocking, Conjunction, PairScope, StopKeys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Expression, Features};
use crate::model::Parameters;
use crate::plan::Model;
use crate::rule::{BoundRules, Decision};
use crate::schema::Record;
use crate::score::Scorer;
use crate::table::Table;

use super::pair::StoppedKey;
use super::personal::Personal;

/// A few records as a model looks at them, apart from all others.
///
/// That nothing else matters is the law; so no time is spent on the table they came from.
pub(crate) struct Scene<'m> {
    pub(super) model: &'m Model,
    pub(super) table: Table,
    pub(super) features: Features,
}

impl<'m> Scene<'m> {
    /// The records of some rows, in that order.
    pub(crate) fn of_rows(
        model: &'m Model,
        table: &Table,
        rows: impl IntoIterator<Item = usize>,
        run: &Run,
    ) -> Result<Self> {
        let records: Vec<Record> = rows.into_iter().map(|row| table.record(row)).collect();
        Self::of(model, table.schema(), &records, run)
    }

    pub(super) fn of(
        model: &'m Model,
        schema: &crate::schema::Schema,
        records: &[Record],
        run: &Run,
    ) -> Result<Self> {
        let table = Table::from_records(schema.clone(), records)?;
        let features = model.features(&table, &run.quiet())?;
        Ok(Self { model, table, features })
    }

    /// Bind all that the model asks of pairs.
    pub(crate) fn view(&self, run: &Run) -> Result<View<'_>> {
        let (plan, rows, features) = (self.model.plan(), self.table.len(), &self.features);
        let scorer = |parameters| {
            let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
            let schema = self.table.schema();
            Scorer::new(parameters, comparisons, coincidences, schema, features, rows)
        };
        let scope = plan.scope(&self.table);
        let (blocking, run) = (scope.clone(), run.quiet());
        Ok(View {
            parameters: self.model.parameters(),
            scorer: self.model.parameters().map(scorer).transpose()?,
            rules: BoundRules::new(plan.rules(), features)?,
            blocking: self.model.blocking(&self.table, features, blocking, &run)?,
            scope,
            scene: self,
        })
    }
}

/// What a model says of any two records of a scene.
pub(crate) struct View<'s> {
    pub(super) scene: &'s Scene<'s>,
    pub(super) parameters: Option<&'s Parameters>,
    pub(crate) scorer: Option<Scorer<'s>>,
    pub(super) rules: BoundRules<'s>,
    pub(super) blocking: Blocking,
    pub(super) scope: PairScope,
}

/// The keys of rules that two records share.
pub(super) struct SharedByTwo {
    /// Too common to find anybody.
    pub(super) stopped: Vec<StoppedKey>,
    /// The first match rule of which they share a key that is not, by position in the plan.
    pub(super) linking_rule: Option<usize>,
}

impl View<'_> {
    /// The keys of match rules and of blocking rules that two records share.
    pub(super) fn shared(&self, left: usize, right: usize, run: &Run) -> Result<SharedByTwo> {
        let (plan, model) = (self.scene.model.plan(), self.scene.model);
        let rules = plan.rules().iter().enumerate();
        let matching = rules.filter(|(_, rule)| rule.decision == Decision::Match);
        let matching = matching
            .map(|(at, rule)| (Some(at), rule.name.clone(), &rule.same[..], model.stop_keys()));
        let blocking = plan
            .blocking()
            .iter()
            .map(|rule| (None, rule.to_string(), &rule.same[..], model.blocking_stop_keys()));
        // What no key of is stopped need not be looked at for stopped keys.
        let asked: Vec<_> = matching
            .chain(blocking)
            .filter(|(at, name, _, stop_keys)| at.is_some() || stop_keys.contains_key(name))
            .collect();
        let lists: Vec<&[Expression]> = asked.iter().map(|(_, _, same, _)| *same).collect();
        let bound = Conjunction::bind(lists, &self.scene.features)?;
        let mut found = SharedByTwo { stopped: Vec::new(), linking_rule: None };
        for ((at, rule, _, stop_keys), conjunction) in asked.into_iter().zip(bound) {
            let stops = StopKeys::new(stop_keys.get(&rule));
            let keys = conjunction.keys(self.scene.table.len(), &run.quiet())?;
            for key in keys.shared() {
                let has = |row: usize| key.rows().any(|other| other as usize == row);
                if !has(left) || !has(right) {
                    continue;
                }
                if stops.contains(key) {
                    let key = key.texts().map(Personal::from).collect();
                    found.stopped.push(StoppedKey { rule: rule.clone(), key });
                } else if found.linking_rule.is_none() {
                    found.linking_rule = at;
                }
            }
        }
        found.stopped.sort();
        Ok(found)
    }
}
