use super::*;
use proptest::prelude::{any, prop_assert, proptest};
use std::io::Write;

fn jar(dir: &Path, manifest: Option<&str>) -> anyhow::Result<PathBuf> {
    let path = dir.join("job.jar");
    let mut archive = zip::ZipWriter::new(File::create(&path)?);
    let options = zip::write::SimpleFileOptions::default();
    if let Some(manifest) = manifest {
        archive.start_file("META-INF/MANIFEST.MF", options)?;
        archive.write_all(manifest.as_bytes())?;
    }
    archive.start_file("org/example/Job.class", options)?;
    archive.write_all(&[0xca, 0xfe, 0xba, 0xbe])?;
    archive.finish()?;
    Ok(path)
}

#[tokio::test]
async fn reads_size_checksum_and_main_class() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path =
        jar(dir.path(), Some("Manifest-Version: 1.0\r\nMain-Class: org.example.Job\r\n\r\n"))?;
    let found = inspect(&path).await?;
    let content = std::fs::read(&path)?;
    let expected: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((found.size, found.sha256), (content.len() as u64, expected));
    assert_eq!(
        (found.name.as_str(), found.main_class.as_deref()),
        ("job.jar", Some("org.example.Job"))
    );
    assert_eq!(inspect(&jar(dir.path(), None)?).await?.main_class, None);
    Ok(())
}

#[tokio::test]
async fn what_is_not_a_jar_is_refused_before_anything_else() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let text = dir.path().join("Job.java");
    std::fs::write(&text, "class Job {}")?;
    let empty = dir.path().join("empty.jar");
    std::fs::write(&empty, "")?;
    for (path, says) in [
        (text.as_path(), "is not a jar"),
        (empty.as_path(), "is not a jar"),
        (dir.path(), "is a folder"),
        (Path::new("absent.jar"), "cannot read absent.jar"),
    ] {
        let error = inspect(path).await.expect_err(says);
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.hints().is_empty());
    }
    Ok(())
}

#[test]
fn manifests_fold_lines_and_program_class_wins() {
    let class = |text| parse_main_class(text);
    assert_eq!(class("Main-Class: org.exam\r\n ple.Job\r\n").as_deref(), Some("org.example.Job"));
    assert_eq!(class("main-class:a.B\nprogram-class: c.D\n").as_deref(), Some("c.D"));
    assert_eq!(class("Manifest-Version: 1.0\n\nName: x\nMain-Class: a.B\n"), None);
    assert_eq!(class("Main-Class: \n"), None);
}

proptest! {
    #[test]
    fn any_manifest_parses_without_a_panic(text in any::<String>()) {
        prop_assert!(parse_main_class(&text).is_none_or(|class| !class.is_empty()));
    }
}
