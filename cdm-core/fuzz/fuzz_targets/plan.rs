//! Any text as a plan, a model, decisions, an expression or a context: an error or a document that
//! is read back the same from what it writes, never a panic.

#![no_main]

use cdm_core::features::Expression;
use cdm_core::normalize::Context;
use cdm_core::{Decisions, Model, Plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(plan) = Plan::from_json(text) {
        let again = Plan::from_json(&plan.to_json()).expect("a plan reads what it wrote");
        assert_eq!(again, plan);
    }
    if let Ok(model) = Model::from_json(text) {
        let again = Model::from_json(&model.to_json()).expect("a model reads what it wrote");
        assert_eq!(again, model);
    }
    if let Ok(decisions) = Decisions::from_json(text) {
        let json = serde_json::to_string(&decisions).expect("decisions are always JSON");
        let again = Decisions::from_json(&json).expect("decisions read what they wrote");
        assert_eq!(again, decisions);
    }
    if let Ok(context) = Context::from_json(text) {
        let json = serde_json::to_string(&context).expect("a context is always JSON");
        assert_eq!(Context::from_json(&json).expect("a context reads what it wrote"), context);
    }
    // An expression a line, so that one input can hold many.
    for line in text.lines() {
        if let Ok(expression) = line.parse::<Expression>() {
            let again = expression.to_string().parse::<Expression>();
            assert_eq!(again.expect("an expression reads what it wrote"), expression);
        }
    }
});
