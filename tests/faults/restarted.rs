//! A JobManager that restarts while it takes a savepoint.

use crate::support::{App, PATIENCE, Sandbox, fault};

#[test]
#[ignore = "needs a node: cargo xtask test --layer faults"]
fn a_jobmanager_that_restarts_during_a_savepoint_is_asked_again() {
    let sandbox = Sandbox::new();
    let app = App::new(&sandbox, "orders");
    app.deploy(&[], &["--slow-snapshot-ms", "8000"]).success();
    app.wait_for_commits(50);

    for (verb, kind) in [("savepoint", "SAVEPOINT"), ("stop", "SYNC_SAVEPOINT")] {
        let run = app.begin(&[verb, "orders"]);
        app.wait_for_snapshot(kind);
        let jobmanager = app.pods("jobmanager")[0].metadata.name.clone().unwrap();
        sandbox.cluster.exec(&sandbox.namespace, &jobmanager, &["sh", "-c", "kill 1"]);
        let outcome = sandbox.finish(run, PATIENCE);
        assert!(outcome.success().contains("/savepoints/"), "{outcome}");
        assert!(outcome.stderr.contains("warning: "), "it was not lost\n{outcome}");
        if verb == "stop" {
            app.is_at_rest();
            app.run("start", &[]).success();
            assert_eq!(app.restored_from(), outcome.last_line());
        }
        app.is_whole();
        let savepoints = app.savepoints();
        let named = savepoints.iter().any(|path| path == outcome.last_line());
        assert!(named, "{savepoints:?}\n{outcome}");
    }
    fault::seen(
        22,
        "savepoint",
        "exit 0: triggered again when the job ran again, every record once",
    );
    fault::seen(22, "stop", "exit 0: stopped again when the job ran again, every record once");
}
