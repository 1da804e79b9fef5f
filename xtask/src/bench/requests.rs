//! `requests`: what each command asks of the API server, beside the least it could do with. The counting is a
//! command-line test's, through a proxy.

use anyhow::{Context, Result};

use super::plane::Plane;
use super::report::{Measured, Round};
use crate::test;

/// The test, and the variable that tells it where to write a line for each command.
const TEST: &str = "requests::";
const REPORT: &str = "KUBECTL_FLINK_TEST_REQUESTS";

pub(super) fn measure(plane: &Plane) -> Result<Vec<Measured>> {
    let lines = test::report(&plane.site, TEST, REPORT)?;
    lines.lines().map(|line| measured(line).with_context(|| format!("the line {line:?}"))).collect()
}

/// `requests`, `least` and the command, with tabs between them.
fn measured(line: &str) -> Result<Measured> {
    let mut columns = line.splitn(3, '\t');
    let mut next = || columns.next().context("a column is missing");
    let (ours, baseline) = (next()?.parse()?, next()?.parse()?);
    Ok(Measured {
        name: "requests",
        metric: next()?.to_owned(),
        unit: "requests",
        goal: 1.2,
        rounds: vec![Round { ours, baseline }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_row() -> Result<()> {
        let row = measured("12\t10\tlist -A")?;
        assert_eq!(row.metric, "list -A");
        assert_eq!(row.rounds, [Round { ours: 12.0, baseline: 10.0 }]);
        assert!(measured("12\tten\tlist").is_err());
        Ok(())
    }
}
