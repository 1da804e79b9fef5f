use super::*;
use crate::model::storage::{AccessMode, ClaimStorage, StateStorage};
use crate::storage::testing::local_store;
use proptest::prelude::{any, prop_assert_eq, proptest};

const HEAD: [u8; 8] = [0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 6];
const JOB: &str = "0000000000000000000000000000000a";

fn layout() -> anyhow::Result<StateLayout> {
    let claim = ClaimStorage { claim: "c".into(), path: "team".into(), access: AccessMode::Rwo };
    Ok(StateStorage::Claim(claim).layout("shop", &"orders".parse()?))
}

/// A volume with one of everything, written oldest first.
fn volume() -> anyhow::Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    let base = dir.path().join("team/shop/orders");
    let files = [
        (format!("checkpoints/{JOB}/chk-7/_metadata"), 1),
        (format!("checkpoints/{JOB}/chk-7/part"), 100),
        (format!("checkpoints/{JOB}/chk-8/part"), 100),
        (format!("checkpoints/{JOB}/shared/_metadata"), 5),
        ("savepoints/savepoint-abc123-000000000001/_metadata".to_owned(), 2),
        ("savepoints/0123456789/savepoint-abc123-000000000002/_metadata".to_owned(), 3),
        ("savepoints/0123456789/savepoint-abc123-000000000002/state".to_owned(), 50),
        ("savepoints/unfinished/savepoint-abc123-000000000003/state".to_owned(), 50),
    ];
    for (number, (path, size)) in files.iter().enumerate() {
        let path = base.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&base))?;
        let mut content = HEAD.to_vec();
        content.resize(8 + size, 0);
        std::fs::write(&path, content)?;
        let time =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + number as u64);
        std::fs::File::options().write(true).open(&path)?.set_modified(time)?;
    }
    Ok(dir)
}

#[tokio::test]
async fn lists_complete_snapshots_newest_first() -> anyhow::Result<()> {
    let dir = volume()?;
    let found = list(&local_store(dir.path()), &layout()?).await?;
    let rows: Vec<(&str, SnapshotKind, u64, bool)> =
        found.iter().map(|s| (s.path.name(), s.kind, s.size_bytes, s.job_id.is_some())).collect();
    assert_eq!(
        rows,
        [
            ("savepoint-abc123-000000000002", SnapshotKind::Savepoint, 8 + 3 + 8 + 50, false),
            ("savepoint-abc123-000000000001", SnapshotKind::Savepoint, 8 + 2, false),
            ("chk-7", SnapshotKind::Checkpoint, 8 + 1 + 8 + 100, true),
        ]
    );
    assert_eq!(found[2].job_id, Some(JOB.parse()?));
    assert_eq!(found[0].created.as_second(), 1_000_005);
    Ok(())
}

#[tokio::test]
async fn what_a_store_dates_to_the_same_second_is_told_apart_by_its_number() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, layout) = (local_store(dir.path()), layout()?);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let put = |path: &str, number: u64| -> anyhow::Result<()> {
        let path = dir.path().join("team/shop/orders").join(path).join("_metadata");
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(&path, [&HEAD[..], &number.to_be_bytes()].concat())?;
        Ok(std::fs::File::options().write(true).open(&path)?.set_modified(time)?)
    };
    put("savepoints/0123456789/savepoint-abc123-00000000000a", 9)?;
    put("savepoints/0123456789/savepoint-abc123-00000000000b", 11)?;
    put("savepoints/0123456789/savepoint-abc123-00000000000c", 7)?;
    put(&format!("checkpoints/{JOB}/chk-10"), 0)?;
    let found = list(&store, &layout).await?;
    let names: Vec<&str> = found.iter().map(|snapshot| snapshot.path.name()).collect();
    assert_eq!(names[..2], ["savepoint-abc123-00000000000b", "chk-10"]);
    assert!(names[2].ends_with('a') && names[3].ends_with('c'), "{names:?}");
    let mine = of_operation(&store, &layout, &"0123456789".parse()?).await?;
    assert_eq!(mine.as_ref(), found.first());
    Ok(())
}

#[tokio::test]
async fn an_operation_finds_only_its_own_finished_savepoint() -> anyhow::Result<()> {
    let dir = volume()?;
    let (store, layout) = (local_store(dir.path()), layout()?);
    let mine = of_operation(&store, &layout, &"0123456789".parse()?).await?;
    let path = mine.map(|snapshot| snapshot.path);
    assert_eq!(path.as_ref().map(SnapshotPath::name), Some("savepoint-abc123-000000000002"));
    assert!(of_operation(&store, &layout, &"unfinished".parse()?).await?.is_none());
    assert!(of_operation(&store, &layout, &"9999999999".parse()?).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn verifies_that_a_snapshot_is_there_and_flinks() -> anyhow::Result<()> {
    let dir = volume()?;
    let store = local_store(dir.path());
    let base = layout()?.base().to_owned();
    let at = |path: &str| format!("{base}/{path}").parse::<SnapshotPath>();
    let good = at("savepoints/savepoint-abc123-000000000001")?;
    assert_eq!(verify(&store, &good).await?, MetadataHead { version: 6, size: 10 });
    for missing in ["savepoints/absent", "savepoints/unfinished/savepoint-abc123-000000000003"] {
        let error = verify(&store, &at(missing)?).await.expect_err(missing);
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(error.to_string().contains(missing), "{error}");
    }
    let folder = dir.path().join("team/shop/orders/savepoints");
    for (name, content, says) in [
        ("text", &b"not a snapshot"[..], "does not start with Flink's mark"),
        ("other", &[0x49, 0x60, 0x67, 0x2e, 0, 0, 0, 6][..], "does not start with Flink's mark"),
        ("cut", &HEAD[..5], "is cut off"),
        ("newer", &[0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 99][..], "version 99"),
    ] {
        std::fs::create_dir_all(folder.join(name))?;
        std::fs::write(folder.join(name).join("_metadata"), content)?;
        let error = verify(&store, &at(&format!("savepoints/{name}"))?).await.expect_err(name);
        assert_eq!(error.kind(), Kind::Preflight);
        assert!(error.to_string().contains(says), "{error}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn only_flinks_mark_with_a_known_version_is_a_snapshot(head in any::<[u8; 8]>()) {
        let good = head[..7] == HEAD[..7] && (1..=6).contains(&head[7]);
        prop_assert_eq!(parse_head(&head).is_ok(), good);
    }
}
