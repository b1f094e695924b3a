//! What tests of several rooms of the store share.

use crate::cancel::Run;
use crate::plan::{Model, Plan};
use crate::table::Table;

/// A model of that name by which one e-mail address is one customer.
pub(super) fn one_per_email(name: &str) -> Model {
    let plan = r#"{"version": 1, "name": "NAME", "fields": [{"name": "email", "kind": "email"}],
        "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]}"#;
    let plan = Plan::from_json(&plan.replace("NAME", name)).unwrap();
    let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
    plan.fit(&nobody, &Run::new()).unwrap()
}
