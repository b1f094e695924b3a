//! Charts as SVG, drawn with the colours of the page.

use std::fmt::Write;

use super::html::{escape, number};
use crate::evaluate::Expectation;
use crate::explain::{Part, PartKind};

/// A chart of bars along one axis: label, start and end in bits, class.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) class: &'static str,
    pub(super) note: String,
}

/// The parts of a weight, one after the other, and their sum.
pub(super) fn waterfall(parts: &[Part], total: f64) -> String {
    let mut sum = 0.0;
    let mut bars: Vec<Bar> = parts
        .iter()
        .map(|part| {
            let (from, bits) = (sum, part.weight.bits());
            sum += bits;
            let class = match part.kind {
                PartKind::Prior => "start",
                _ if bits < 0.0 => "against",
                _ => "for",
            };
            Bar { label: part.label.clone(), from, to: sum, class, note: format!("{bits:+.1}") }
        })
        .collect();
    let note = format!("{total:+.1}");
    bars.push(Bar { label: "match weight".to_owned(), from: 0.0, to: total, class: "sum", note });
    bars_along(&bars, "Parts of the match weight in bits")
}

/// Bars along one axis, with their labels on the left.
pub(super) fn bars_along(bars: &[Bar], title: &str) -> String {
    const ROW: f64 = 22.0;
    const LABELS: f64 = 210.0;
    const WIDTH: f64 = 640.0;
    let ends = bars.iter().flat_map(|bar| [bar.from, bar.to]);
    let (low, high) =
        ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let span = (high - low).max(1e-9);
    let x = |bits: f64| LABELS + 46.0 + (bits - low) / span * (WIDTH - LABELS - 100.0);
    let height = bars.len() as f64 * ROW + 8.0;
    let mut svg = open(WIDTH, height, title);
    let zero = x(0.0);
    let _ =
        write!(svg, r#"<line class="zero" x1="{zero:.1}" x2="{zero:.1}" y1="0" y2="{height}"/>"#);
    for (row, bar) in bars.iter().enumerate() {
        let top = row as f64 * ROW + 4.0;
        let (left, right) = (x(bar.from.min(bar.to)), x(bar.from.max(bar.to)));
        let text = top + 14.0;
        let label = shortened(&bar.label, 34);
        let _ = write!(
            svg,
            r#"<text x="{LABELS}" y="{text}" text-anchor="end">{}<title>{}</title></text><rect class="{}" x="{left:.1}" y="{top}" width="{:.1}" height="16" rx="2"/>"#,
            escape(&label),
            escape(&bar.label),
            bar.class,
            (right - left).max(1.0),
        );
        let (anchor, at) = match bar.to < bar.from {
            true => ("end", left - 4.0),
            false => ("start", right + 4.0),
        };
        let _ = write!(
            svg,
            r#"<text class="note" x="{at:.1}" y="{text}" text-anchor="{anchor}">{}</text>"#,
            escape(&bar.note)
        );
    }
    svg + "</svg>"
}

/// How the weights of candidate pairs are spread, the cut between.
pub(super) fn weights(expectation: &Expectation) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 250.0;
    let bins = &expectation.weights;
    let mut svg =
        open(WIDTH, HEIGHT, "How many candidate pairs have each weight; the line is the cut");
    let most = bins.iter().map(|bin| bin.pairs).max().unwrap_or(1).max(1) as f64;
    // Few links stand beside very many strangers: heights grow with the logarithm.
    let tall = |pairs: u64| libm::log2(1.0 + pairs as f64) / libm::log2(1.0 + most);
    let first = bins.first().map_or(0, |bin| bin.from_bits);
    let wide = (WIDTH - 60.0) / bins.len().max(1) as f64;
    let x = |bits: i32| 50.0 + f64::from(bits - first) * wide;
    for bin in bins {
        let high = tall(bin.pairs) * (HEIGHT - 50.0);
        let share = bin.together as f64 / bin.pairs.max(1) as f64;
        let (left, together) = (x(bin.from_bits), high * share);
        let base = HEIGHT - 30.0;
        let _ = write!(
            svg,
            r#"<g><title>{} to {} bits: {} pairs, {} of them together</title><rect class="against" x="{left:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/><rect class="for" x="{left:.1}" y="{:.1}" width="{:.1}" height="{together:.1}"/></g>"#,
            bin.from_bits,
            bin.from_bits + 1,
            number(bin.pairs * expectation.one_in),
            number(bin.together * expectation.one_in),
            base - high,
            (wide - 1.0).max(0.5),
            high - together,
            base - together,
            (wide - 1.0).max(0.5),
        );
    }
    let last = bins.last().map_or(0, |bin| bin.from_bits + 1);
    for bits in (first..=last).filter(|bits| bits % 10 == 0) {
        let _ = write!(
            svg,
            r#"<text class="note" x="{:.1}" y="{}" text-anchor="middle">{bits}</text>"#,
            x(bits),
            HEIGHT - 12.0
        );
    }
    if first <= 0 && last >= 0 {
        let zero = x(0);
        let _ = write!(
            svg,
            r#"<line class="cut" x1="{zero:.1}" x2="{zero:.1}" y1="8" y2="{}"/><text class="note" x="{:.1}" y="16">cut</text>"#,
            HEIGHT - 30.0,
            zero + 5.0
        );
    }
    svg + "</svg>"
}

/// A line: its name, its class, and its points.
pub(super) type Line<'l> = (&'l str, &'l str, Vec<(f64, f64)>);

/// Shares from 0 to 1 along a threshold in bits.
pub(super) fn curve(lines: &[Line<'_>], title: &str) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 260.0;
    let points = || lines.iter().flat_map(|(.., points)| points);
    let ends = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (bits, _)| {
        (low.min(*bits), high.max(*bits))
    });
    let mut svg = open(WIDTH, HEIGHT, title);
    if ends.0 > ends.1 {
        return svg + "</svg>";
    }
    let least = points().map(|(_, share)| *share).fold(1.0, f64::min);
    let floor = ((least - 0.02) * 10.0).floor().max(0.0) / 10.0;
    let x = |bits: f64| 50.0 + (bits - ends.0) / (ends.1 - ends.0).max(1e-9) * (WIDTH - 150.0);
    let y = |share: f64| 10.0 + (1.0 - share) / (1.0 - floor).max(1e-9) * (HEIGHT - 50.0);
    for step in 0..=4 {
        let share = floor + (1.0 - floor) * f64::from(step) / 4.0;
        let _ = write!(
            svg,
            r#"<line class="grid" x1="50" x2="{}" y1="{at:.1}" y2="{at:.1}"/><text class="note" x="44" y="{:.1}" text-anchor="end">{share:.2}</text>"#,
            WIDTH - 100.0,
            y(share) + 4.0,
            at = y(share),
        );
    }
    let step = (((ends.1 - ends.0) / 8.0).ceil() as i64).max(1);
    let mut bits = (ends.0.ceil() as i64).div_euclid(step) * step;
    while (bits as f64) <= ends.1 {
        if bits as f64 >= ends.0 {
            let _ = write!(
                svg,
                r#"<text class="note" x="{:.1}" y="{}" text-anchor="middle">{bits}</text>"#,
                x(bits as f64),
                HEIGHT - 18.0
            );
        }
        bits += step;
    }
    let mut labels: Vec<f64> = Vec::new();
    for (name, class, points) in lines {
        let path: Vec<String> = points
            .iter()
            .map(|(bits, share)| format!("{:.1},{:.1}", x(*bits), y(*share)))
            .collect();
        let mut at = points.last().map_or(0.0, |(_, share)| y(*share)) + 4.0;
        // Lines that end together must not write over each other.
        let step = if at > HEIGHT / 2.0 { -13.0 } else { 13.0 };
        while labels.iter().any(|other| (other - at).abs() < 13.0) {
            at += step;
        }
        labels.push(at);
        let _ = write!(
            svg,
            r#"<polyline class="line {class}" points="{}"/><text class="name {class}" x="{:.1}" y="{at:.1}">{}</text>"#,
            path.join(" "),
            WIDTH - 94.0,
            escape(name)
        );
    }
    svg + "</svg>"
}

/// A node of a graph: its label and whether it stands out. An edge: its ends, class and note.
pub(super) type Edge = (usize, usize, &'static str, String);

/// Records around a circle, and the links between them.
pub(super) fn graph(nodes: &[String], edges: &[Edge], title: &str) -> String {
    const WIDTH: f64 = 430.0;
    const HEIGHT: f64 = 260.0;
    let mut svg = open(WIDTH, HEIGHT, title);
    let place = |node: usize| {
        let turn = node as f64 / nodes.len().max(1) as f64 * std::f64::consts::TAU;
        let (sin, cos) = (libm::sin(turn), libm::cos(turn));
        (WIDTH / 2.0 + 95.0 * sin, HEIGHT / 2.0 - 95.0 * cos)
    };
    for (left, right, class, note) in edges {
        let ((x1, y1), (x2, y2)) = (place(*left), place(*right));
        let _ = write!(
            svg,
            r#"<line class="edge {class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"><title>{}</title></line>"#,
            escape(note)
        );
    }
    for (node, label) in nodes.iter().enumerate() {
        let (x, y) = place(node);
        let (anchor, dx) = match x {
            x if x > WIDTH / 2.0 + 5.0 => ("start", 9.0),
            x if x < WIDTH / 2.0 - 5.0 => ("end", -9.0),
            _ => ("middle", 0.0),
        };
        let dy = if anchor == "middle" { if y < HEIGHT / 2.0 { -10.0 } else { 18.0 } } else { 4.0 };
        let _ = write!(
            svg,
            r#"<circle class="node" cx="{x:.1}" cy="{y:.1}" r="6"/><text class="note" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}<title>{}</title></text>"#,
            x + dx,
            y + dy,
            escape(&shortened(label, 14)),
            escape(label)
        );
    }
    svg + "</svg>"
}

fn open(width: f64, height: f64, title: &str) -> String {
    format!(
        r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}" style="max-width:{width}px"><title>{title}</title>"#,
        title = escape(title)
    )
}

fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
