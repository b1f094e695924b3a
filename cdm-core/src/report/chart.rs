//! Charts as Vega-Lite 5 specifications, which notebooks show as they are.

use serde_json::{Value, json};

use crate::evaluate::{CurvePoint, Expectation};
use crate::explain::{PairWeight, PartKind};
use crate::model::Parameters;
use crate::plan::Plan;
use crate::probability::MatchWeight;

const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";
const FOR: &str = "#2a7f62";
const AGAINST: &str = "#c0504d";
const TOTAL: &str = "#4c6a92";

/// The parts of a pair's weight, one after the other, and the sum: a waterfall.
///
/// # Examples
/// ```
/// # use cdm_core::{Plan, Record, RecordKey, Run, Table};
/// # let record = |id: &str| Record::new(RecordKey::new("crm", id)).with("email", "ann@li.example");
/// # let plan = Plan::from_json(r#"{"version": 1, "name": "people",
/// #     "fields": [{"name": "email", "kind": "email"}], "blocking": [{"same": ["email"]}],
/// #     "comparisons": [{"name": "email", "fields": ["email"], "levels": [
/// #         {"label": "same", "when": {"same": {"form": "canonical"}}}]}]}"#)?;
/// # let table = Table::from_records(plan.schema().clone(), &[record("1"), record("2")])?;
/// # let model = plan.fit(&table, &Run::new())?;
/// let pair = model.explain(&record("1"), &record("2"), &Run::new())?;
/// let chart = cdm_core::report::waterfall(pair.weight.as_ref().unwrap());
/// assert_eq!(chart["data"]["values"][0]["label"], "any two records");
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[must_use]
pub fn waterfall(weight: &PairWeight) -> Value {
    let mut sum = 0.0;
    let mut bars: Vec<Value> = Vec::new();
    for (order, part) in weight.parts().into_iter().enumerate() {
        let (from, bits) = (sum, part.weight.bits());
        sum += bits;
        let kind = match part.kind {
            PartKind::Prior => "start",
            _ if bits < 0.0 => "against",
            _ => "for",
        };
        bars.push(json!({
            "order": order, "label": part.label, "from": from, "to": sum, "bits": bits, "kind": kind,
        }));
    }
    let bits = weight.match_weight.bits();
    bars.push(json!({
        "order": bars.len(), "label": "match weight", "from": 0.0, "to": bits, "bits": bits,
        "kind": "sum",
    }));
    json!({
        "$schema": SCHEMA,
        "title": format!("probability {:.4}", weight.match_probability),
        "data": {"values": bars},
        "height": {"step": 22}, "width": 480,
        "encoding": {"y": {"field": "label", "type": "nominal", "title": null,
            "sort": {"field": "order"}, "axis": {"labelLimit": 260}}},
        "layer": [
            {"mark": {"type": "bar", "tooltip": true}, "encoding": {
                "x": {"field": "from", "type": "quantitative", "title": "bits"},
                "x2": {"field": "to"},
                "color": {"field": "kind", "type": "nominal", "legend": null, "scale": {
                    "domain": ["start", "for", "against", "sum"],
                    "range": [TOTAL, FOR, AGAINST, TOTAL]}}}},
            {"mark": {"type": "rule", "strokeDash": [3, 3]},
             "encoding": {"x": {"datum": 0}, "y": null}},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": {
                "x": {"field": "to", "type": "quantitative"},
                "text": {"field": "bits", "type": "quantitative", "format": "+.1f"}}},
        ],
    })
}

/// What each level of each comparison weighs, with its m and u: what a model learned.
#[must_use]
pub fn match_weights(plan: &Plan, parameters: &Parameters) -> Value {
    let mut bars = Vec::new();
    for (comparison, levels) in plan.comparisons().iter().zip(&parameters.comparisons) {
        let of_level = levels.m_probability.iter().zip(&levels.u_probability).enumerate();
        for (level, (m, u)) in of_level {
            if !comparison.is_counted(level as u8) {
                continue;
            }
            let bits = MatchWeight::of_odds(*m, *u).bits();
            bars.push(json!({
                "comparison": comparison.name, "level": comparison.label(level as u8),
                "order": level, "bits": bits, "m_probability": m, "u_probability": u,
                "kind": if bits < 0.0 { "against" } else { "for" },
            }));
        }
    }
    json!({
        "$schema": SCHEMA,
        "data": {"values": bars},
        "facet": {"row": {"field": "comparison", "type": "nominal", "title": null, "sort": null,
            "header": {"labelAngle": 0, "labelAlign": "left"}}},
        "resolve": {"scale": {"y": "independent"}},
        "spec": {
            "width": 420, "height": {"step": 16},
            "mark": {"type": "bar", "tooltip": true},
            "encoding": {
                "x": {"field": "bits", "type": "quantitative", "title": "bits: log2(m / u)"},
                "y": {"field": "level", "type": "nominal", "title": null,
                    "sort": {"field": "order"}},
                "color": {"field": "kind", "type": "nominal", "legend": null,
                    "scale": {"domain": ["for", "against"], "range": [FOR, AGAINST]}},
            },
        },
    })
}

/// How the weights of candidate pairs are spread, with the cut at 0.
#[must_use]
pub fn weight_distribution(expectation: &Expectation) -> Value {
    let mut bars = Vec::new();
    for bin in &expectation.weights {
        for (outcome, pairs) in [("apart", bin.pairs - bin.together), ("one entity", bin.together)]
        {
            bars.push(json!({
                "from": bin.from_bits, "to": bin.from_bits + 1, "outcome": outcome,
                "pairs": pairs * expectation.one_in,
            }));
        }
    }
    json!({
        "$schema": SCHEMA,
        "data": {"values": bars},
        "width": 520, "height": 220,
        "layer": [
            {"mark": {"type": "bar", "tooltip": true}, "encoding": {
                "x": {"field": "from", "bin": {"binned": true, "step": 1}, "title": "match weight, bits"},
                "x2": {"field": "to"},
                "y": {"field": "pairs", "type": "quantitative", "title": "candidate pairs",
                    "scale": {"type": "symlog"}, "stack": true},
                "color": {"field": "outcome", "type": "nominal", "title": null, "scale": {
                    "domain": ["one entity", "apart"], "range": [FOR, AGAINST]}}}},
            {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"x": {"datum": 0}}},
        ],
    })
}

/// Precision, recall and F1 if links below a weight were left out.
#[must_use]
pub fn threshold_curve(curve: &[CurvePoint]) -> Value {
    let mut points = Vec::new();
    for point in curve {
        let Some(least) = point.least_weight else { continue };
        for (measure, value) in
            [("precision", point.precision), ("recall", point.recall), ("F1", point.f1)]
        {
            points.push(json!({"least": least.bits(), "measure": measure, "value": value}));
        }
    }
    json!({
        "$schema": SCHEMA,
        "data": {"values": points},
        "width": 520, "height": 240,
        "mark": {"type": "line", "point": true, "tooltip": true},
        "encoding": {
            "x": {"field": "least", "type": "quantitative", "title": "links of at least so many bits"},
            "y": {"field": "value", "type": "quantitative", "title": null,
                "scale": {"zero": false}},
            "color": {"field": "measure", "type": "nominal", "title": null},
        },
    })
}
