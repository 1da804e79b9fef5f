use super::*;
use crate::storage::testing::{LocalShell, local_store};
use proptest::prelude::{any, prop_assert, proptest};

const BASE: &str = "file:///flink/state";

fn uri(path: &str) -> String {
    format!("{BASE}/{path}")
}

#[tokio::test]
async fn writes_whole_files_and_reads_them_back() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let store = local_store(dir.path());
    let content: Vec<u8> = (0..=255).collect();
    store.write(&uri("a/b/c.bin"), &content).await?;
    assert_eq!(std::fs::read(dir.path().join("a/b/c.bin"))?, content);
    assert_eq!(store.read(&uri("a/b/c.bin"), 1000).await?, content);
    assert_eq!(store.read(&uri("a/b/c.bin"), 4).await?, &content[..4]);
    store.write(&uri("a/b/c.bin"), b"second").await?;
    assert_eq!(store.read(&uri("a/b/c.bin"), 1000).await?, b"second");
    assert_eq!(std::fs::read_dir(dir.path().join("a/b"))?.count(), 1, "no partial file is left");
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_cut_leaves_the_old_file() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let store = local_store(dir.path());
    store.write(&uri("record"), b"old").await?;
    let path = dir.path().join("record").to_string_lossy().into_owned();
    let mut half: &[u8] = b"ha";
    let streams = Streams { stdin: Some(&mut half), stdout: None };
    let ended = LocalShell.run(WRITE, &[&path, "4"], streams).await?;
    assert_eq!(ended.exit_code, 75);
    assert_eq!(store.read(&uri("record"), 10).await?, b"old");
    assert_eq!(std::fs::read_dir(dir.path())?.count(), 1, "the partial file is gone");
    Ok(())
}

#[tokio::test]
async fn a_write_that_fails_still_takes_all_of_its_input() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("file"), "")?;
    let content = vec![7; 1024 * 1024];
    for (script, args) in
        [(WRITE, vec!["file/x", "1048576"]), (UPLOAD, vec!["file/x", "1048576", "sum", "0"])]
    {
        let path = dir.path().join(args[0]).to_string_lossy().into_owned();
        let args: Vec<&str> =
            std::iter::once(path.as_str()).chain(args[1..].iter().copied()).collect();
        let mut source = content.as_slice();
        let streams = Streams { stdin: Some(&mut source), stdout: None };
        let ended = LocalShell.run(script, &args, streams).await?;
        assert_eq!((ended.exit_code, source.len()), (74, 0), "{}", ended.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn lists_by_depth_and_leaves_out_what_is_to_be_skipped() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    for file in ["x/one", "x/shared/many", "x/deep/er/two", "x/a b\nc"] {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(path, "12345")?;
    }
    let store = local_store(dir.path());
    let mut found = store.list(&uri("x"), 2, &["shared", "taskowned"]).await?;
    found.sort_by(|a, b| a.uri.cmp(&b.uri));
    let names: Vec<&str> =
        found.iter().map(|e| e.uri.rsplit_once("/x/").map_or("", |p| p.1)).collect();
    assert_eq!(names, ["a b\nc", "deep", "deep/er", "one"]);
    assert_eq!((found[3].size, found[3].is_folder, found[1].is_folder), (5, false, true));
    let age = Timestamp::now().duration_since(found[3].modified);
    assert!(age.as_secs().abs() < 60, "{age}");
    assert!(store.list(&uri("absent"), 3, &[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn stat_tells_files_from_folders_and_from_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("d"))?;
    std::fs::write(dir.path().join("-n"), "abc")?;
    let store = local_store(dir.path());
    assert_eq!(store.stat(&uri("d")).await?.map(|e| e.is_folder), Some(true));
    let file = store.stat(&uri("-n")).await?.map(|e| (e.uri, e.is_folder, e.size));
    assert_eq!(file, Some((uri("-n"), false, 3)));
    assert_eq!(store.stat(&uri("absent")).await?, None);
    Ok(())
}

#[tokio::test]
async fn names_are_never_commands_and_paths_never_leave_the_storage() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let store = local_store(dir.path());
    let evil = uri("$(touch pwned); `touch pwned` '\" -rf");
    store.write(&evil, b"x").await?;
    assert_eq!(store.read(&evil, 9).await?, b"x");
    assert!(!dir.path().join("pwned").exists() && !std::path::Path::new("pwned").exists());
    for outside in [
        "file:///etc/passwd",
        "s3://bucket/key",
        "file:///flink/state/../x",
        "file:///flink/statement",
    ] {
        let error = store.read(outside, 1).await.expect_err(outside);
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_file_is_an_error_that_names_it() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let error = local_store(dir.path()).read(&uri("absent"), 1).await.expect_err("absent");
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(
        error.to_string().starts_with("failed to read file:///flink/state/absent: "),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_full_and_a_read_only_volume_are_told_apart() {
    let ended =
        |stderr: &str| Ended { exit_code: 1, stdout: Vec::new(), stderr: stderr.to_owned() };
    let full = failed(
        &ended("head: error writing 'standard output': No space left on device"),
        "upload x",
    );
    assert!(full.hints().concat().contains("larger"), "{full}");
    let denied = failed(&ended("mkdir: cannot create directory: Permission denied"), "write x");
    assert!(denied.hints().concat().contains("9999"), "{denied}");
}

proptest! {
    #[test]
    fn any_listing_parses_without_a_panic(output in any::<Vec<u8>>()) {
        for entry in parse_entries(&output, BASE) {
            prop_assert!(entry.uri.starts_with(BASE));
        }
    }
}

#[tokio::test]
async fn the_free_space_is_the_volumes_also_of_a_folder_that_is_not_there() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let free = local_store(dir.path()).free("file:///flink/state/not/yet").await?;
    assert!(free.is_some_and(|free| free > 0), "{free:?}");
    assert!(local_store(dir.path()).free("s3://bucket/x").await.is_err());
    Ok(())
}
