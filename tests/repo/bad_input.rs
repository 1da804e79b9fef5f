//! Every test that `docs/bad-input.md` names is there.

use super::{path, read};

#[test]
fn every_test_that_the_table_names_exists() {
    let mut sources = String::new();
    let mut folders = vec![path("tests"), path("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let table = read("docs/bad-input.md");
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && line.contains("| ")).collect();
    assert_eq!(rows.len(), 31, "30 inputs and the head");
    let named: Vec<&str> = rows
        .iter()
        .skip(1)
        .flat_map(|row| row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 25, "the table was not understood");
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}
