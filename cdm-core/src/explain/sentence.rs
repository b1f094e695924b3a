//! Answers in plain words.

use super::entity::EntityExplanation;
use super::pair::PairExplanation;
use super::weight::{PairWeight, Part, PartKind};
use super::why::{HandDecision, Obstacle, Why, WhyNot};
use crate::cluster::Weight;
use crate::resolve::{RefusalReason, RefusedLink, ResolvedLink};

/// How many parts for, and how many against, a sentence names.
const NAMED: usize = 4;

/// `+3.1 bits`.
pub(crate) fn bits(weight: Weight) -> String {
    format!("{:+.1} bits", weight.bits())
}

/// A probability in percent, with as many digits as tell it from certainty.
pub(crate) fn percent(probability: f64) -> String {
    match probability {
        p if p > 0.9999 => "more than 99.99 %".to_owned(),
        p if p < 0.0001 => "less than 0.01 %".to_owned(),
        p if !(0.01..=0.99).contains(&p) => format!("{:.2} %", p * 100.0),
        p => format!("{:.0} %", p * 100.0),
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

pub(super) fn of_pair(pair: &PairExplanation) -> String {
    let mut text = format!("{} and {}", pair.left, pair.right);
    match &pair.weight {
        Some(weight) => {
            text += &format!(
                " weigh {}: one customer with a probability of {}.",
                bits(weight.match_weight),
                percent(weight.match_probability)
            );
            text += &evidence(weight);
        }
        None => text += " are not compared: the plan has no comparisons.",
    }
    if let Some(rule) = &pair.rule {
        let says = match rule.decision {
            crate::rule::Decision::Match => "one customer",
            crate::rule::Decision::Never => "never one customer",
        };
        text += &format!(" Rule \"{}\" says that they are {says}.", rule.name);
    }
    text
}

/// What speaks for a match and what against, the most first.
fn evidence(weight: &PairWeight) -> String {
    let parts = weight.parts();
    let listed = |is_listed: &dyn Fn(&Part) -> bool| {
        let mut parts: Vec<&Part> = parts.iter().filter(|part| is_listed(part)).collect();
        // Sorting is stable: of two that weigh the same, the first of the plan.
        parts.sort_by(|one, two| two.weight.bits().abs().total_cmp(&one.weight.bits().abs()));
        let more = parts.len().saturating_sub(NAMED);
        let named = parts.iter().take(NAMED);
        let mut named: Vec<String> =
            named.map(|part| format!("{} ({:+.1})", part.label, part.weight.bits())).collect();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        named.join(", ")
    };
    let said = |part: &Part| matches!(part.kind, PartKind::Comparison | PartKind::TermFrequency);
    let mut text = String::new();
    let speaks_for = listed(&|part| said(part) && part.weight > Weight::ZERO);
    if !speaks_for.is_empty() {
        text += &format!(" For it: {speaks_for}.");
    }
    let against = listed(&|part| said(part) && part.weight < Weight::ZERO);
    if !against.is_empty() {
        text += &format!(" Against it: {against}.");
    }
    text += &format!(" Any two records start at {}.", bits(weight.prior));
    if let Some(coincidence) = &weight.coincidence
        && coincidence.weight.bits() < -0.05
    {
        let taken = bits(coincidence.weight);
        text += &match &coincidence.name {
            Some(name) if !coincidence.agree_in.is_empty() => format!(
                " Two customers may agree in {} by a coincidence (\"{name}\"): {taken}.",
                coincidence.agree_in.join(", ")
            ),
            Some(name) => format!(" It may be a coincidence (\"{name}\"): {taken}."),
            None => format!(" Other coincidences may explain it too: {taken}."),
        };
    }
    text
}

pub(super) fn why(why: &Why) -> String {
    let (left, right) = (&why.pair.left, &why.pair.right);
    let mut text = match why.together {
        true => format!("{left} and {right} are one customer, {}.", why.entities.0),
        false => format!(
            "{left} and {right} are two customers, {} and {}.",
            why.entities.0, why.entities.1
        ),
    };
    text += match why.decision {
        Some(HandDecision::MustLink) => " A person decided that they are one.",
        Some(HandDecision::CannotLink) => " A person decided that they are two.",
        None => "",
    };
    match &why.path[..] {
        [] => {}
        [link] => text += &format!(" They were joined by {}.", by(link)),
        [first, .., last] => {
            text += &format!(
                " They came together by way of {}: first {} and {} ({}), last {} and {} ({}).",
                count(why.path.len() - 1, "other record", "other records"),
                first.left,
                first.right,
                by(first),
                last.left,
                last.right,
                by(last)
            );
        }
    }
    text + " By themselves, " + &of_pair(&why.pair)
}

fn by(link: &ResolvedLink) -> String {
    match (&link.rule, link.match_weight) {
        (Some(rule), _) => format!("rule \"{rule}\""),
        (None, Some(weight)) => format!("the weight of the evidence, {}", bits(weight)),
        (None, None) => "a person's decision".to_owned(),
    }
}

pub(super) fn why_not(why_not: &WhyNot) -> String {
    let (left, right) = (&why_not.pair.left, &why_not.pair.right);
    if why_not.together {
        return format!("{left} and {right} are one customer, {}.", why_not.entities.0);
    }
    let mut text = format!("{left} and {right} are two customers");
    match &why_not.cause {
        Some(cause) => text += &format!(" because {}.", obstacle(cause, why_not)),
        None => text += ", and nothing was found that keeps them apart.",
    }
    for also in why_not.obstacles.iter().skip(1) {
        text += &format!(" Besides, {}.", obstacle(also, why_not));
    }
    if let Some(weight) = &why_not.pair.weight {
        if !matches!(why_not.cause, Some(Obstacle::BelowTheCut { .. })) {
            text += &format!(
                " Their own evidence weighs {}, a probability of {}.",
                bits(weight.match_weight),
                percent(weight.match_probability)
            );
        }
        text += &evidence(weight);
        if let Some(change) =
            weight.turned_by.as_ref().filter(|_| weight.match_weight <= Weight::ZERO)
        {
            text += &format!(
                " It would suffice if {} were \"{}\" instead of \"{}\" ({}).",
                change.comparison,
                change.to,
                change.from,
                bits(change.match_weight)
            );
        }
    }
    text
}

fn obstacle(obstacle: &Obstacle, why_not: &WhyNot) -> String {
    match obstacle {
        Obstacle::OutOfScope { source: Some(source) } => {
            format!("source {source} holds each customer once")
        }
        Obstacle::OutOfScope { source: None } => {
            "the plan links records of different sources only".to_owned()
        }
        Obstacle::CannotLink => "a person decided so".to_owned(),
        Obstacle::NeverRule { rule } => format!("rule \"{rule}\" says never"),
        Obstacle::NoRuleHolds => "no rule says that they are one".to_owned(),
        Obstacle::OnlyStoppedKeys { keys } => format!(
            "they were never compared: they share {}, and too many records share {}",
            count(keys.len(), "key", "keys"),
            if keys.len() == 1 { "it" } else { "them" }
        ),
        Obstacle::NotACandidate => {
            "they were never compared: they share no key of any blocking rule".to_owned()
        }
        Obstacle::BelowTheCut { match_weight, cut } => {
            let probability = why_not.pair.weight.as_ref().map_or(0.0, |w| w.match_probability);
            format!(
                "the evidence does not suffice: it weighs {}, a probability of {}, and would have \
                 to be more than {} bits",
                bits(*match_weight),
                percent(probability),
                cut.bits()
            )
        }
        Obstacle::Refused { refusal } => {
            let own =
                refusal.link.left == why_not.pair.left && refusal.link.right == why_not.pair.right;
            let which = match own {
                true => "the link between them".to_owned(),
                false => format!(
                    "the link between {} and {} of their entities",
                    refusal.link.left, refusal.link.right
                ),
            };
            format!("{which} ({}) was refused: {}", by(&refusal.link), refused(refusal))
        }
    }
}

/// Why a link was refused.
fn refused(refusal: &RefusedLink) -> String {
    match &refusal.reason {
        RefusalReason::CannotLink { between: (left, right) } => {
            format!("a person decided that {left} and {right} are two customers")
        }
        RefusalReason::NeverRule { never, between: (left, right) } => {
            format!("rule \"{never}\" says never of {left} and {right}")
        }
        RefusalReason::Limit { field, at_most, found } => format!(
            "together they would have {found} values of {field}, and {at_most} is the most that \
             one customer may have"
        ),
        RefusalReason::OnePerSource { source } => {
            format!("both hold a record of {source}, which has each customer once")
        }
        RefusalReason::Outweighed { sum } => format!(
            "taken together, all pairs of records between their two groups speak against it ({})",
            bits(*sum)
        ),
    }
}

pub(super) fn entity(how: &EntityExplanation) -> String {
    let mut sources: Vec<&str> = how.records.iter().map(|key| key.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let records = count(how.records.len(), "record", "records");
    let sources = count(sources.len(), "source", "sources");
    let mut text = format!("Entity {} holds {records} of {sources}.", how.entity_id);
    if let (Some(first), Some(last)) = (how.steps.first(), how.steps.last()) {
        text += &format!(
            " First {} and {} were joined by {}",
            first.link.left,
            first.link.right,
            by(&first.link)
        );
        if how.steps.len() > 1 {
            let (one, two) = last.sizes;
            text += &format!(
                "; last, {} and {} by {} ({} and {})",
                count(one, "record", "records"),
                two,
                by(&last.link),
                last.link.left,
                last.link.right
            );
        }
        text += ".";
    }
    if let Some(bridge) = how.bridge.as_ref().filter(|_| how.records.len() > 2) {
        text += &format!(
            " It hangs together by {} and {}: without that link it would part into {} and {}",
            bridge.link.left,
            bridge.link.right,
            count(bridge.sides.0.len(), "record", "records"),
            bridge.sides.1.len()
        );
        if let Some(contrast) = bridge.contrast {
            text += &format!(", between which the evidence is {}", bits(contrast.sum));
        }
        text += ".";
    }
    if let Some(neighbour) = &how.neighbour {
        text += &format!(
            " The nearest other entity is {} ({}), kept apart because {}.",
            neighbour.entity_id,
            count(neighbour.records, "record", "records"),
            refused(&neighbour.refusal)
        );
    }
    text
}
