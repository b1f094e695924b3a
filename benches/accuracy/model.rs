//! What was learned of a data set, as text for people.

use std::fmt::Write;

use cdm_core::Model;

/// The classes of pairs, and how often each level is reached in each.
pub(crate) fn describe(model: &Model) -> String {
    let Some(parameters) = model.parameters() else { return String::new() };
    let mut text = format!("matches {:.5}", parameters.prior);
    for coincidence in &parameters.coincidences {
        let _ = write!(text, ", {} {:.5}", coincidence.name, coincidence.share);
    }
    let _ = writeln!(text, ", chance {:.5}\n\n```text", parameters.chance);
    for (comparison, levels) in model.plan().comparisons().iter().zip(&parameters.comparisons) {
        let _ = writeln!(text, "{}", comparison.name);
        for level in 0..levels.m_probability.len() {
            let label = comparison.label(level as u8);
            let (m, u) = (levels.m_probability[level], levels.u_probability[level]);
            let _ = write!(text, "  {label:<40} m {m:.5}  u {u:.6}");
            for coincidence in &parameters.coincidences {
                if let Some(own) = coincidence.u_probability.get(&comparison.name) {
                    let _ = write!(text, "  {} {:.4}", coincidence.name, own[level]);
                }
            }
            text.push('\n');
        }
    }
    text + "```\n"
}
