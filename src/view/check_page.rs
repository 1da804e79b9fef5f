//! A check of state storage as a page that needs nothing else: pictures are SVG, and there is no script.

use std::fmt::Write;

use jiff::Timestamp;

use super::check::{CheckView, time};
use crate::model::check::{Grade, Percentiles, Throughput};
use crate::ui::human;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2733;--soft:#667085;--line:#d8dee8;--paper:#fff;--good:#1a7f4b;--fair:#a15c00;--bad:#b42318;--write:#2563c9;--read:#0b8a8f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#364152;--paper:#11161f;--good:#4cc38a;--fair:#f5b14c;--bad:#ff7a6b;--write:#7aa7ff;--read:#4fd1c5}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p.at{color:var(--soft);margin:.2rem 0 1.5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500}th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}
.good{color:var(--good)}.fair,.unknown{color:var(--fair)}.bad{color:var(--bad)}b.grade{font-weight:600}
ul{margin:0;padding-left:1.1rem}svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:12px}
.axis{stroke:var(--line)}.write{stroke:var(--write);fill:var(--write)}.read{stroke:var(--read);fill:var(--read)}.curve{fill:none;stroke-width:2}
";

/// Width and height of a picture, and its margins, in its own units.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 90.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 16.0;

/// The page. Everything that others wrote is escaped.
pub fn page(view: &CheckView, now: Timestamp) -> String {
    let title = escape(&format!("Storage check: {}", view.storage));
    let at = now.strftime("%Y-%m-%d %H:%M UTC");
    let mut body = format!("<h1>{title}</h1>\n<p class=\"at\">{at}{}</p>\n", places(view));
    body.push_str(&verdicts(view));
    body.push_str(&latency(view));
    body.push_str(&throughput(&view.measured.throughput));
    body.push_str(&facts(view));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn places(view: &CheckView) -> String {
    let nodes: Vec<String> = view.nodes().into_iter().map(escape).collect();
    if nodes.is_empty() { String::new() } else { format!(", measured on {}", nodes.join(", ")) }
}

fn verdicts(view: &CheckView) -> String {
    let mut rows = String::new();
    for verdict in &view.verdicts {
        let grade = match verdict.grade {
            Grade::Good => "good",
            Grade::Fair => "fair",
            Grade::Unknown => "unknown",
            Grade::Bad => "bad",
        };
        let reasons: String =
            verdict.reasons.iter().map(|r| format!("<li>{}</li>", escape(r))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td><b class=\"grade {grade}\">{grade}</b></td><td><ul>{reasons}</ul></td></tr>",
            verdict.purpose.name()
        );
    }
    format!(
        "<h2>Verdict</h2>\n<table>\n<tr><th>Use</th><th>Grade</th><th>Why</th></tr>\n{rows}</table>\n"
    )
}

fn latency(view: &CheckView) -> String {
    let Some(latency) = &view.measured.latency else { return String::new() };
    let kinds = [
        ("write", &latency.write),
        ("read", &latency.read),
        ("list", &latency.list),
        ("delete", &latency.delete),
    ];
    let mut rows = String::new();
    for (name, samples) in kinds {
        let Some(Percentiles { p50, p99, max }) = Percentiles::of(samples) else { continue };
        let cells: String =
            [p50, p99, max].map(|t| format!("<td class=\"n\">{}</td>", time(t))).concat();
        let _ = writeln!(rows, "<tr><td>{name}</td>{cells}</tr>");
    }
    format!(
        "<h2>Latency of 4 KiB files</h2>\n<table>\n<tr><th></th><th class=\"n\">p50</th><th class=\"n\">p99</th><th class=\"n\">max</th></tr>\n{rows}</table>\n{}",
        histogram(&latency.write)
    )
}

/// Writes by powers of two of their microseconds.
fn histogram(samples: &[u64]) -> String {
    let bucket = |micros: u64| micros.max(1).ilog2();
    let (Some(low), Some(high)) = (samples.iter().min(), samples.iter().max()) else {
        return String::new();
    };
    let buckets: Vec<u32> = (bucket(*low)..=bucket(*high)).collect();
    let counts: Vec<usize> =
        buckets.iter().map(|b| samples.iter().filter(|&&s| bucket(s) == *b).count()).collect();
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let step = (WIDTH - LEFT) / buckets.len() as f64;
    let mut marks = axis(&format!("{most} writes"));
    for (i, (bucket, count)) in buckets.iter().zip(&counts).enumerate() {
        let height = (HEIGHT - BOTTOM - TOP) * *count as f64 / most;
        let (x, y) = (LEFT + step * i as f64, HEIGHT - BOTTOM - height);
        let (wide, middle, label) = (step * 0.8, x + step * 0.4, time(2 << bucket));
        let _ = writeln!(
            marks,
            "<rect class=\"write\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{height:.1}\"><title>{count} below {label}</title></rect><text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">&lt; {label}</text>",
            HEIGHT - BOTTOM + 16.0
        );
    }
    svg("Writes by duration", &marks)
}

fn throughput(runs: &[Throughput]) -> String {
    let most = runs.iter().map(Throughput::rate).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut streams: Vec<u32> = runs.iter().map(|run| run.streams).collect();
    streams.sort_unstable();
    streams.dedup();
    let step = (WIDTH - LEFT - 60.0) / (streams.len().max(2) - 1) as f64;
    let x = |n: u32| LEFT + 30.0 + step * streams.iter().position(|&s| s == n).unwrap_or(0) as f64;
    let y = |rate: u64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * rate as f64 / most as f64;
    let mut marks = axis(&format!("{}/s", human::bytes(most)));
    for n in &streams {
        let _ = writeln!(
            marks,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">×{n}</text>",
            x(*n),
            HEIGHT - BOTTOM + 16.0
        );
    }
    for (writes, name) in [(true, "write"), (false, "read")] {
        let runs: Vec<&Throughput> = runs.iter().filter(|run| run.writes == writes).collect();
        let points: Vec<String> =
            runs.iter().map(|run| format!("{:.1},{:.1}", x(run.streams), y(run.rate()))).collect();
        let _ = writeln!(
            marks,
            "<polyline class=\"{name} curve\" style=\"fill:none\" points=\"{}\"/>",
            points.join(" ")
        );
        for run in runs {
            let _ = writeln!(
                marks,
                "<circle class=\"{name}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{name} ×{}: {}/s</title></circle>",
                x(run.streams),
                y(run.rate()),
                run.streams,
                human::bytes(run.rate())
            );
        }
    }
    let legend = "<p class=\"at\"><span style=\"color:var(--write)\">● write</span> &nbsp; <span style=\"color:var(--read)\">● read</span>, by streams at once</p>\n";
    format!("<h2>Throughput</h2>\n{}{legend}", svg("Throughput by streams", &marks))
}

/// Everything else, as the terminal says it.
fn facts(view: &CheckView) -> String {
    let text = escape(&view.facts().to_plain());
    format!("<h2>Details</h2>\n<pre>{text}</pre>\n")
}

/// The lines below and beside a picture, and the value at the top.
fn axis(most: &str) -> String {
    let (bottom, label) = (HEIGHT - BOTTOM, escape(most));
    format!(
        "<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {TOP}V{bottom}H{WIDTH}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text><text x=\"{:.1}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n",
        LEFT - 8.0,
        TOP + 6.0,
        LEFT - 8.0
    )
}

fn svg(name: &str, marks: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name}\">\n{marks}</svg>\n"
    )
}

fn escape(text: &str) -> String {
    let text = crate::ui::sanitize::text(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::check::testing;
    use super::*;

    #[test]
    fn a_page_stands_alone_and_nothing_in_it_is_markup_of_others() {
        let mut view = testing::view();
        view.storage = "<script>alert(1)</script>".to_owned();
        let page = page(&view, Timestamp::UNIX_EPOCH);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing from elsewhere");
        for part in ["<h2>Verdict</h2>", "Writes by duration", "Throughput by streams", "×8"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
