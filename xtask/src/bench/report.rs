//! Medians, ratios, the table and the JSON.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

/// One round: both measured once, in the same minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Round {
    /// Our figure.
    pub(super) ours: f64,
    /// The figure of what we compare with.
    pub(super) baseline: f64,
}

/// A benchmark's rounds.
#[derive(Debug)]
pub(super) struct Measured {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What was measured.
    pub(super) metric: String,
    /// The unit of both figures.
    pub(super) unit: &'static str,
    /// The ratio ours / baseline that is to be reached or undercut.
    pub(super) goal: f64,
    /// At least one.
    pub(super) rounds: Vec<Round>,
}

/// One entry of the JSON list: medians over the rounds, and the range of the rounds' ratios.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    metric: String,
    unit: &'static str,
    ours: f64,
    baseline: f64,
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
    goal: f64,
    met: bool,
}

impl Entry {
    /// A row of a table in Markdown.
    pub(super) fn markdown(&self) -> String {
        let Entry { name, metric, unit, ours, baseline, ratio, ratio_min, ratio_max, goal, met } =
            self;
        let figure = |figure: f64| match *unit {
            "s" => format!("{figure:.3} s"),
            "requests" => format!("{figure:.0}"),
            unit => format!("{figure:.1} {unit}"),
        };
        let verdict = if *met { "met" } else { "missed" };
        format!(
            "| {name} | {metric} | {} | {} | {ratio:.2} ({ratio_min:.2}–{ratio_max:.2}) | ≤ {goal:.2} | {verdict} |\n",
            figure(*ours),
            figure(*baseline)
        )
    }
}

impl Measured {
    /// The figures over all rounds. The ratio is the median of the rounds' ratios, since a round's two
    /// figures were taken together.
    pub(super) fn result(&self) -> Entry {
        let ratios = sorted(self.rounds.iter().map(|round| round.ours / round.baseline));
        let ratio = median(&ratios);
        Entry {
            name: self.name,
            metric: self.metric.clone(),
            unit: self.unit,
            ours: round_to_ms(median(&sorted(self.rounds.iter().map(|round| round.ours)))),
            baseline: round_to_ms(median(&sorted(self.rounds.iter().map(|round| round.baseline)))),
            ratio: round_to_ms(ratio),
            ratio_min: round_to_ms(ratios[0]),
            ratio_max: round_to_ms(ratios[ratios.len() - 1]),
            goal: self.goal,
            met: ratio <= self.goal,
        }
    }

    fn range(&self, figure: impl Fn(&Round) -> f64) -> String {
        let figures = sorted(self.rounds.iter().map(figure));
        let (min, max) = (figures[0], figures[figures.len() - 1]);
        format!("{:.2} ({min:.2}–{max:.2}) {}", median(&figures), self.unit)
    }
}

/// The table: median and range of each figure, and whether the goal is met.
pub(super) fn table(measured: &[Measured]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["NAME", "METRIC", "OURS", "BASELINE", "RATIO", "GOAL", "VERDICT"]);
    for benchmark in measured {
        let result = benchmark.result();
        table.add_row([
            benchmark.name.to_owned(),
            benchmark.metric.clone(),
            benchmark.range(|round| round.ours),
            benchmark.range(|round| round.baseline),
            format!("{:.2} ({:.2}–{:.2})", result.ratio, result.ratio_min, result.ratio_max),
            format!("≤ {:.2}", benchmark.goal),
            if result.met { "met" } else { "missed" }.to_owned(),
        ]);
    }
    table.to_string()
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// The median of a sorted, non-empty list.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

fn round_to_ms(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rounds: &[(f64, f64)]) -> Measured {
        Measured {
            name: "deploy",
            metric: "time to RUNNING".to_owned(),
            unit: "s",
            goal: 0.4,
            rounds: rounds.iter().map(|&(ours, baseline)| Round { ours, baseline }).collect(),
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let result = measured(&[(5.0, 10.0), (4.0, 20.0), (6.0, 20.0)]).result();
        assert_eq!((result.ours, result.baseline), (5.0, 20.0));
        assert_eq!((result.ratio, result.ratio_min, result.ratio_max), (0.3, 0.2, 0.5));
        assert!(result.met);
        assert!(!measured(&[(5.0, 10.0)]).result().met);
    }

    #[test]
    fn the_table_says_met_or_missed() {
        let table = table(&[measured(&[(5.0, 10.0), (7.0, 10.0)])]);
        assert!(table.contains("6.00 (5.00–7.00) s"), "{table}");
        assert!(table.contains("0.60 (0.50–0.70)") && table.contains("missed"), "{table}");
    }
}
