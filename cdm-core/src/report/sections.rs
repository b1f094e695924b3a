//! The sections of the page.

use std::fmt::Write;

use super::data::{EntityPicture, GoldenLine, PairPicture, Report};
use super::html::{escape, json_within, number, table};
use super::svg::{self, Bar};
use crate::explain::{FieldPair, FieldValue, PairExplanation, PairWeight, percent};
use crate::model::Parameters;
use crate::normalize::Status;
use crate::plan::Plan;
use crate::probability::MatchWeight;
use crate::resolve::ResolvedLink;
use crate::review::{ReviewItem, ReviewReason};

/// How many of the values of a cell are shown.
const VALUES: usize = 4;

pub(super) fn summary(report: &Report) -> String {
    let tile = |value: String, label: &str| {
        format!("<div class=tile><b>{value}</b><span>{label}</span></div>")
    };
    let single = report.sizes.get(&1).copied().unwrap_or_default();
    let largest = report.sizes.keys().next_back().copied().unwrap_or_default();
    let mut html = String::from("<div class=tiles>");
    html += &tile(number(report.summary.records as u64), "records");
    html += &tile(number(report.summary.entities as u64), "entities");
    html += &tile(number(single as u64), "of one record");
    html += &tile(number(largest as u64), "records in the largest");
    if let Some(expectation) = &report.expectation {
        html += &tile(percent(expectation.expected_precision), "of pairs right, the model expects");
        html += &tile(percent(expectation.expected_recall), "of matches found, the model expects");
    }
    if let Some(evaluation) = &report.evaluation {
        html += &tile(format!("{:.4}", evaluation.whole.precision), "precision, measured");
        html += &tile(format!("{:.4}", evaluation.whole.recall), "recall, measured");
        html += &tile(format!("{:.4}", evaluation.whole.f1), "F1, measured");
    }
    html += "</div>";
    if report.redacted {
        html += "<p class=note>Values are left out of this report: equal numbers are equal values. \
                 Record keys are not.</p>";
    }
    if !report.summary.doubts.is_empty() {
        html += "<h3>To be looked at</h3><ul>";
        report
            .summary
            .doubts
            .iter()
            .for_each(|doubt| html += &format!("<li>{}</li>", escape(doubt)));
        html += "</ul>";
    }
    let rows = |counts: &mut dyn Iterator<Item = (String, usize)>| -> Vec<Vec<String>> {
        counts.map(|(what, count)| vec![escape(&what), number(count as u64)]).collect()
    };
    html += "<div class=tables>";
    let by_rule =
        report.summary.links_by_rule.iter().map(|(rule, n)| (format!("rule: {rule}"), *n));
    let others = [
        ("the weight of the evidence".to_owned(), report.summary.links_by_weight),
        ("people's decisions".to_owned(), report.summary.links_by_decision),
    ];
    let links = rows(&mut by_rule.chain(others).filter(|(_, count)| *count > 0));
    if !links.is_empty() {
        html += &table(&["joined by", "links"], &links);
    }
    let refused =
        rows(&mut report.refusals.iter().map(|(reason, count)| ((*reason).to_owned(), *count)));
    if !refused.is_empty() {
        html += &table(&["links refused because", "links"], &refused);
    }
    let sources = rows(&mut report.quality.sources.iter().map(|(s, count)| (s.clone(), *count)));
    html += &table(&["source", "records"], &sources);
    let sizes = rows(&mut report.sizes.iter().take(20).map(|(size, count)| {
        (format!("{size} record{}", if *size == 1 { "" } else { "s" }), *count)
    }));
    html + &table(&["size of entity", "entities"], &sizes) + "</div>"
}

pub(super) fn quality(report: &Report) -> String {
    let records = report.summary.records.max(1) as f64;
    let bar = |part: usize, class: &str| {
        let share = 100.0 * part as f64 / records;
        format!(
            "<span class=meter title=\"{} of {}\"><i class={class} style=\"width:{share:.1}%\"></i>\
             </span> {share:.0}&nbsp;%",
            number(part as u64),
            number(report.summary.records as u64)
        )
    };
    let row = |field: &crate::quality::FieldQuality| {
        let mut issues: Vec<_> = field.issues.iter().collect();
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.values));
        let issues: Vec<String> = issues
            .iter()
            .take(3)
            .map(|issue| format!("{} {}", number(issue.values as u64), escape(issue.issue)))
            .collect();
        let top: Vec<String> = field
            .top
            .iter()
            .take(3)
            .map(|top| format!("{} ({})", escape(&top.value), number(top.records as u64)))
            .collect();
        vec![
            format!("<b>{}</b><br><small>{}</small>", escape(&field.field), field.kind),
            bar(field.filled, "for"),
            bar(field.usable, "for"),
            number(field.doubtful as u64),
            number(field.unusable as u64),
            number(field.distinct_canonical as u64),
            issues.join("<br>"),
            top.join("<br>"),
        ]
    };
    let rows: Vec<Vec<String>> = report.quality.fields.iter().map(row).collect();
    let head = [
        "field",
        "filled",
        "usable",
        "doubtful",
        "unusable",
        "distinct",
        "most frequent issues",
        "most frequent values",
    ];
    table(&head, &rows)
}

pub(super) fn model(plan: &Plan, parameters: Option<&Parameters>) -> String {
    let Some(parameters) = parameters else {
        return "<p>The plan compares nothing: rules alone join records.</p>".to_owned();
    };
    let mut html = String::from(
        "<p>For each level of each comparison: how often records of one customer reach it \
         (<i>m</i>), how often strangers do (<i>u</i>), and what it therefore weighs, log2(m / u) \
         bits. To the right it speaks for one customer, to the left against it.</p>",
    );
    let mut rows = Vec::new();
    for (comparison, levels) in plan.comparisons().iter().zip(&parameters.comparisons) {
        let mut bars = Vec::new();
        for (level, (m, u)) in levels.m_probability.iter().zip(&levels.u_probability).enumerate() {
            if !comparison.is_counted(level as u8) {
                continue;
            }
            let (bits, label) =
                (MatchWeight::of_odds(*m, *u).bits(), comparison.label(level as u8));
            let class = if bits < 0.0 { "against" } else { "for" };
            let label = label.to_owned();
            bars.push(Bar {
                label: label.clone(),
                from: 0.0,
                to: bits,
                class,
                note: format!("{bits:+.1}"),
            });
            rows.push(vec![
                escape(&comparison.name),
                escape(&label),
                share(*m),
                share(*u),
                format!("{bits:+.2}"),
            ]);
        }
        let title = format!("Weights of {}", comparison.name);
        let _ = write!(
            html,
            "<figure><figcaption>{}</figcaption>{}</figure>",
            escape(&comparison.name),
            svg::bars_along(&bars, &title)
        );
    }
    html += "<details><summary>The same as a table</summary>";
    html += &table(&["comparison", "level", "m", "u", "bits"], &rows);
    html += "</details>";
    if !parameters.coincidences.is_empty() {
        html += "<h3>Coincidences</h3><p>Ways in which two different customers come to agree, and \
                 how often among all pairs of records.</p>";
        let rows: Vec<Vec<String>> = plan
            .coincidences()
            .iter()
            .zip(&parameters.coincidences)
            .map(|(coincidence, learned)| {
                vec![
                    escape(&coincidence.name),
                    escape(&coincidence.shares.join(", ")),
                    share(learned.share),
                ]
            })
            .collect();
        html += &table(&["coincidence", "shares", "of all pairs"], &rows);
    }
    html
}

/// A share as people read it: in percent where it is not tiny.
fn share(share: f64) -> String {
    match share {
        0.0 => "0".to_owned(),
        s if s < 1e-4 => format!("1 in {}", number(libm::round(1.0 / s).min(1e18) as u64)),
        s => format!("{:.2}&nbsp;%", s * 100.0),
    }
}

pub(super) fn weights(report: &Report) -> String {
    let Some(expectation) = &report.expectation else {
        return "<p>Nothing was weighed.</p>".to_owned();
    };
    let sampled = match expectation.one_in {
        1 => format!("All {} candidate pairs", number(expectation.candidate_pairs)),
        one_in => format!(
            "A sample: one in {} of about {} candidate pairs",
            number(one_in),
            number(expectation.candidate_pairs * one_in)
        ),
    };
    format!(
        "<p>{sampled}, by match weight. Heights grow with the logarithm. <span class=\"key for\">\
         in one entity</span> <span class=\"key against\">apart</span></p><figure>{}</figure>",
        svg::weights(expectation)
    )
}

pub(super) fn thresholds(report: &Report) -> String {
    let mut html = String::new();
    if let Some(expectation) = &report.expectation {
        let total = expectation.expected_matches.max(1e-9);
        let (mut pairs, mut matches) = (0_u64, 0.0);
        let (mut precision, mut recall) = (Vec::new(), Vec::new());
        for bin in expectation.weights.iter().rev().take_while(|bin| bin.from_bits >= -20) {
            pairs += bin.pairs;
            matches += bin.expected_matches;
            let bits = f64::from(bin.from_bits);
            precision.push((bits, matches / pairs.max(1) as f64));
            recall.push((bits, matches / total));
        }
        precision.reverse();
        recall.reverse();
        html += "<p>What the model expects of the candidate pairs that weigh at least so many bits, \
                 each taken for itself.</p><figure>";
        let lines = [("precision", "one", precision), ("recall", "two", recall)];
        html += &svg::curve(&lines, "Expected precision and recall by least weight");
        html += "</figure>";
    }
    if let Some(evaluation) = &report.evaluation {
        let line = |of: fn(&crate::evaluate::CurvePoint) -> f64| {
            let points = evaluation.curve.iter().rev();
            points.filter_map(|p| Some((p.least_weight?.bits(), of(p)))).collect::<Vec<_>>()
        };
        let lines = [
            ("precision", "one", line(|point| point.precision)),
            ("recall", "two", line(|point| point.recall)),
            ("F1", "three", line(|point| point.f1)),
        ];
        html += "<p>Measured: how good the entities would be if links of fewer bits were left \
                 out.</p><figure>";
        html += &svg::curve(&lines, "Measured precision, recall and F1 by least weight of a link");
        html += "</figure>";
        let rows: Vec<Vec<String>> = evaluation
            .segments
            .iter()
            .map(|segment| {
                let of = &segment.evaluation;
                let mut row = vec![format!("{}: {}", segment.by, escape(&segment.value))];
                row.push(number(of.records));
                row.extend([of.precision, of.recall, of.f1].map(|share| format!("{share:.4}")));
                row
            })
            .collect();
        html += &table(&["segment", "records", "precision", "recall", "F1"], &rows);
    }
    if html.is_empty() { "<p>Nothing was weighed.</p>".to_owned() } else { html }
}

pub(super) fn entities(report: &Report) -> String {
    let mut html = String::from("<h3>The largest</h3>");
    html += &pictures(&report.largest);
    html += "<h3>The most doubtful</h3><p>They hang together by little evidence, and most of it \
             would be wrong if they were two.</p>";
    html + &pictures(&report.doubtful)
}

fn pictures(pictures: &[EntityPicture]) -> String {
    if pictures.is_empty() {
        return "<p>There is none.</p>".to_owned();
    }
    pictures.iter().map(picture).collect()
}

fn picture(picture: &EntityPicture) -> String {
    let how = &picture.how;
    let keys = &how.records[..picture.shown];
    let place = |key| keys.iter().position(|known| known == key);
    let mut edges = Vec::new();
    for step in &how.steps {
        if let (Some(left), Some(right)) = (place(&step.link.left), place(&step.link.right)) {
            let is_bridge = how.bridge.as_ref().is_some_and(|bridge| bridge.link == step.link);
            let class = match (&step.link.match_weight, is_bridge) {
                (_, true) => "bridge",
                (Some(_), _) => "weighed",
                (None, _) => "ruled",
            };
            edges.push((left, right, class, link_note(&step.link)));
        }
    }
    let labels: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let mut html = format!(
        "<article><h4>{} <small>{} records</small></h4><p>{}</p>",
        how.entity_id,
        number(how.records.len() as u64),
        escape(&how.sentence)
    );
    let title = format!("The links of entity {}", how.entity_id);
    let _ =
        write!(html, "<div class=side><figure>{}</figure>", svg::graph(&labels, &edges, &title));
    let mut head = vec!["record".to_owned()];
    head.extend(picture.fields.iter().map(|(field, _)| escape(field)));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = keys
        .iter()
        .enumerate()
        .map(|(row, key)| {
            let values = picture.fields.iter().map(|(_, values)| cell(&values[row]));
            std::iter::once(escape(&key.to_string())).chain(values).collect()
        })
        .collect();
    html += &table(&head, &rows);
    html += "</div>";
    if how.records.len() > picture.shown {
        let _ = write!(html, "<p class=note>The first {} records are shown.</p>", picture.shown);
    }
    html + "</article>"
}

fn link_note(link: &ResolvedLink) -> String {
    let by = match (&link.rule, link.match_weight) {
        (Some(rule), _) => format!("rule {rule}"),
        (None, Some(weight)) => format!("{:+.1} bits", weight.bits()),
        (None, None) => "decided".to_owned(),
    };
    format!("{} – {}: {by}", link.left, link.right)
}

/// The values of one cell; raw where they are not as they are matched.
fn cell(values: &[FieldValue]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(VALUES)
        .map(|value| {
            let class = match value.status {
                Status::Valid => "",
                Status::Doubtful => " class=doubtful title=doubtful",
                Status::Unusable | Status::Missing => " class=unusable title=\"not usable\"",
            };
            format!("<span{class}>{}</span>", escape(value.raw.as_str()))
        })
        .collect();
    let more = values.len().saturating_sub(VALUES);
    let more = if more > 0 { format!("<br>and {more} more") } else { String::new() };
    shown.join("<br>") + &more
}

pub(super) fn pairs(report: &Report) -> String {
    let pair = |PairPicture { title, sentence, pair }: &PairPicture| {
        format!(
            "<article><h3>{}</h3><p>{}</p>{}{}</article>",
            escape(title),
            escape(sentence),
            waterfall(pair.weight.as_ref()),
            side_by_side(pair)
        )
    };
    match report.pairs.is_empty() {
        true => "<p>No two records were joined.</p>".to_owned(),
        false => report.pairs.iter().map(pair).collect(),
    }
}

fn waterfall(weight: Option<&PairWeight>) -> String {
    weight.map_or_else(String::new, |weight| {
        let drawn = svg::waterfall(&weight.parts(), weight.match_weight.bits());
        format!("<figure>{drawn}</figure>")
    })
}

fn side_by_side(pair: &PairExplanation) -> String {
    let (left, right) = (escape(&pair.left.to_string()), escape(&pair.right.to_string()));
    let levels = pair.weight.as_ref().map(|weight| &weight.comparisons[..]).unwrap_or_default();
    let row = |field: &FieldPair| {
        let same = |one: &FieldValue, two: &FieldValue| {
            one.normalized.is_some() && one.normalized == two.normalized
        };
        let agree = field.left.iter().any(|one| field.right.iter().any(|two| same(one, two)));
        let mark = match (agree, field.left.is_empty() || field.right.is_empty()) {
            (true, _) => "<span class=agrees>same</span>",
            (_, true) => "",
            _ => "<span class=differs>other</span>",
        };
        let level = levels.iter().find(|level| level.comparison == field.field);
        let level = level.and_then(|level| level.label.as_deref()).map(escape);
        vec![
            format!("<b>{}</b>", escape(&field.field)),
            cell(&field.left),
            cell(&field.right),
            level.unwrap_or_else(|| mark.to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> = pair.fields.iter().map(row).collect();
    table(&["field", &left, &right, "compared"], &rows)
}

pub(super) fn golden(report: &Report) -> String {
    let mut html =
        String::from("<p>What survives of the largest entities, and where it came from.</p>");
    for golden in &report.golden {
        let row = |line: &GoldenLine| {
            let lost: Vec<String> = line
                .lost
                .iter()
                .take(VALUES)
                .map(|(key, value)| {
                    format!(
                        "{} <small>{}</small>",
                        escape(value.as_str()),
                        escape(&key.to_string())
                    )
                })
                .collect();
            let more = line.lost.len().saturating_sub(VALUES);
            let more = if more > 0 { format!("<br>and {more} more") } else { String::new() };
            vec![
                escape(&line.field),
                format!("<b>{}</b>", escape(line.value.as_str())),
                escape(&line.from.to_string()),
                escape(&line.strategy.replace('_', " ")),
                number(line.agreed as u64),
                lost.join("<br>") + &more,
            ]
        };
        let rows: Vec<Vec<String>> = golden.fields.iter().map(row).collect();
        let head = ["field", "value", "from", "chosen as", "records that agree", "lost"];
        let _ = write!(
            html,
            "<article><h3>{} <small>{} records</small></h3>{}</article>",
            golden.entity_id,
            number(golden.records as u64),
            table(&head, &rows)
        );
    }
    html
}

pub(super) fn review(report: &Report) -> String {
    if report.review.is_empty() {
        return "<p>Nothing is in doubt enough to ask.</p>".to_owned();
    }
    let mut html = format!(
        "<p>The {} questions whose answers are expected to put most right. Answer as many as you \
         like, then save the file and hand it to the library as decisions: they hold for ever. \
         Keys: <kbd>y</kbd> one customer, <kbd>n</kbd> two, <kbd>s</kbd> skip, <kbd>j</kbd> and \
         <kbd>k</kbd> next and previous.</p>\
         <div class=toolbar><span id=progress role=status aria-live=polite></span>\
         <button type=button id=save>Save decisions</button></div>\
         <p id=saved role=status aria-live=polite></p>",
        report.review.len()
    );
    report.review.iter().enumerate().for_each(|(number, item)| html += &question(number, item));
    html
}

fn question(place: usize, item: &ReviewItem) -> String {
    let reason = match item.reason {
        ReviewReason::MayBeOne => "may be one",
        ReviewReason::MayBeTwo => "may be two",
        ReviewReason::Conflict => "conflict",
    };
    let pair = escape(&json_within(&[&item.pair.left, &item.pair.right]));
    format!(
        "<article class=question tabindex=0 id=q{place} data-pair=\"{pair}\">\
         <h3><span class=\"tag {class}\">{reason}</span> {question}</h3>\
         {values}<details><summary>Why: {weight}</summary>{waterfall}<p>{sentence}</p></details>\
         <div class=answers role=group aria-label=\"Your answer\">\
         <button type=button data-answer=yes aria-pressed=false>One customer</button>\
         <button type=button data-answer=no aria-pressed=false>Two customers</button>\
         <button type=button data-answer=skip aria-pressed=false>Skip</button></div></article>",
        class = reason.replace(' ', "-"),
        question = escape(&item.question),
        values = side_by_side(&item.pair),
        weight = item.pair.weight.as_ref().map_or_else(
            || "no weight".to_owned(),
            |weight| format!("{:+.1} bits", weight.match_weight.bits())
        ),
        waterfall = waterfall(item.pair.weight.as_ref()),
        sentence = escape(&item.pair.sentence()),
    )
}
