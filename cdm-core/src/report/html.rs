//! Text into HTML, and the frame of the page.

use super::data::Report;
use super::sections;
use crate::model::Parameters;
use crate::plan::Plan;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Text for a place between tags or within an attribute's quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // A control character is no HTML.
            letter if letter.is_control() && letter != '\n' && letter != '\t' => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            // A narrow space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// JSON for a place within a script tag.
pub(super) fn json_within(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// A table that can be scrolled sideways on a narrow screen; cells are HTML.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=col>{name}</th>")).collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells: String = row.iter().map(|cell| format!("<td>{cell}</td>")).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!(
        "<div class=scroll tabindex=0><table><thead><tr>{head}</tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}

impl Report {
    /// The report as one HTML page: no network, light and dark, for screens and phones, by keyboard.
    ///
    /// The review queue in it makes a file of decisions that
    /// [`Decisions::from_json`](crate::Decisions::from_json) reads. `plan` and `parameters` are those
    /// of the model that resolved.
    #[must_use]
    pub fn html(&self, plan: &Plan, parameters: Option<&Parameters>) -> String {
        let sections = [
            ("summary", "Summary", "Summary", sections::summary(self)),
            ("quality", "Quality", "Data quality", sections::quality(self)),
            ("model", "Model", "What the model learned", sections::model(plan, parameters)),
            ("weights", "Weights", "How weights are spread", sections::weights(self)),
            ("thresholds", "Thresholds", "If the cut were elsewhere", sections::thresholds(self)),
            ("entities", "Entities", "Entities to look at", sections::entities(self)),
            ("pairs", "Pairs", "Pairs explained", sections::pairs(self)),
            ("golden", "Golden records", "Golden records", sections::golden(self)),
            ("review", "Review", "Review queue", sections::review(self)),
        ];
        let menu: String = sections
            .iter()
            .map(|(id, short, ..)| format!("<li><a href=\"#{id}\">{short}</a></li>"))
            .collect();
        let body: String = sections
            .iter()
            .map(|(id, _, title, html)| {
                format!("<section id={id} aria-labelledby=h-{id}><h2 id=h-{id}>{title}</h2>{html}</section>")
            })
            .collect();
        let title = escape(&self.title);
        let decisions = json_within(&self.decisions);
        format!(
            "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width, initial-scale=1\">\
             <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\
             <meta name=color-scheme content=\"light dark\"><link rel=icon href=\"data:,\">\
             <title>{title}: identity resolution report</title><style>{STYLE}</style></head><body>\
             <a class=skip href=\"#summary\">To the content</a>\
             <header><h1>{title}</h1><p>Identity resolution report</p></header>\
             <nav aria-label=Sections><ul>{menu}</ul></nav><main>{body}</main>\
             <script type=\"application/json\" id=decisions>{decisions}</script>\
             <script>{SCRIPT}</script></body></html>\n"
        )
    }
}
