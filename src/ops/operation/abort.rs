//! What giving an operation up means, by how far it is. Pure.

use crate::error::{Error, Kind};
use crate::model::ids::JobId;
use crate::model::name::Generation;
use crate::ops::observed::Run;
use crate::ops::operation::record::{Direction, Record};
use crate::ops::plan::{From, Step, Stop, Verb};

/// The way back to the state before.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// Nothing was changed that has to be undone: the record goes, and that is all.
    Forget,
    /// A stop may have been sent: Flink decides. If it was not, [`Way::Forget`]; if it was, it is waited
    /// for, and the plan's fallback brings the old job back.
    Ask {
        /// Generation of the job.
        generation: Generation,
        /// The job.
        job: JobId,
        /// How it was to be stopped.
        how: Stop,
    },
    /// These steps.
    Back(Vec<Step>),
    /// None: the operation can only be finished. Why, and what to do then.
    OnlyForward(&'static str),
}

/// The way back from where `record` stands.
pub fn way(record: &Record) -> Way {
    if record.direction == Direction::Back {
        return Way::Back(record.plan.fallback.clone());
    }
    let steps = &record.plan.steps;
    let done = steps.get(..record.step).unwrap_or_default();
    let begun = steps.get(..=record.step).unwrap_or_default();
    let any = |steps: &[Step], is: fn(&Step) -> bool| steps.iter().any(is);
    let destroys = |step: &Step| {
        matches!(step, Step::Retire { .. } | Step::RetireApplication | Step::DeleteClaim { .. })
    };
    if any(begun, destroys) {
        return Way::OnlyForward(match record.plan.verb {
            Verb::Delete => "objects of the application are deleted already",
            _ => "the new generation is proven, and the old one is being removed",
        });
    }
    if any(done, |step| matches!(step, Step::Prove { .. })) {
        return Way::OnlyForward("the new generation is proven");
    }
    match record.current() {
        Some(Step::Stop { generation, job, how }) => {
            return Way::Ask { generation: *generation, job: *job, how: how.clone() };
        }
        None => return Way::OnlyForward("all of it is done"),
        Some(_) => {}
    }
    if any(done, |step| matches!(step, Step::Stop { .. })) {
        return match record.plan.fallback.is_empty() {
            true => Way::OnlyForward("the job is stopped"),
            false => Way::Back(record.plan.fallback.clone()),
        };
    }
    undo(record, begun)
}

/// Undoes what was begun where no job was stopped.
fn undo(record: &Record, begun: &[Step]) -> Way {
    let started = begun.iter().find_map(|step| match step {
        Step::Start { revision, from } => Some((revision, from)),
        _ => None,
    });
    let Some((revision, from)) = started else { return Way::Forget };
    let generation = revision.generation;
    match &record.before {
        // The generation was there before, and this operation only waits for it.
        Some(anchor) if anchor.generation == generation => Way::Forget,
        Some(anchor) => {
            let mut steps = vec![Step::Quiesce { generation }];
            // What went on from where the application was may have got further. What went back, or began anew, has
            // not.
            if *from == From::Found || record.snapshot_of(from) == record.latest {
                steps.push(Step::Salvage { generation, job: revision.job_id });
            }
            steps.push(Step::Reinstate { anchor: anchor.clone() });
            steps.push(Step::Retire { generation });
            Way::Back(steps)
        }
        None => Way::Back(vec![Step::Retire { generation }, Step::RetireApplication]),
    }
}

/// The error about an operation that cannot be undone.
pub fn only_forward(record: &Record, why: &str) -> Error {
    let name = &record.plan.application;
    let error = Error::new(
        Kind::Conflict,
        format!("{} of {name} cannot be undone any more: {why}", record.plan.verb),
    )
    .hint(format!("Finish it with `kubectl flink operation resume {name}`: nothing is lost."));
    match record.plan.verb {
        Verb::Stop => error.hint(format!("Then go on with `kubectl flink start {name}`.")),
        Verb::Delete => error.hint(format!(
            "Then bring it back with `kubectl flink restore {name}`, unless its storage was to go too."
        )),
        Verb::Deploy | Verb::Start | Verb::Restore | Verb::Move => match was_stopped(record) {
            Some(snapshot) => error.hint(format!(
                "Then go back with `kubectl flink restore {name} --from {snapshot}`."
            )),
            None => error,
        },
    }
}

fn was_stopped(record: &Record) -> Option<String> {
    let ran = record.before.as_ref().is_some_and(|anchor| anchor.run == Run::Running);
    let left = record.stopped_at.as_ref().or(record.latest.as_ref());
    left.filter(|_| ran).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::lifecycle;
    use crate::ops::observed::Job;
    use crate::ops::testing::{
        active, names, operation, recorded, recorded_stop, recorded_upgrade, revision, snapshot,
    };

    fn at(record: &Record, step: usize) -> Way {
        let mut record = record.clone();
        record.step = step;
        way(&record)
    }

    fn back(way: &Way) -> Vec<String> {
        match way {
            Way::Back(steps) => names(steps),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_upgrade_goes_back_until_the_new_generation_is_proven() {
        // Stop 4, Quiesce 4, Start 5, Prove 5, Catalogue 5, Retire 4
        let record = recorded_upgrade();
        assert!(matches!(at(&record, 0), Way::Ask { .. }), "a stop may have been sent");
        for step in 1..=3 {
            assert_eq!(back(&at(&record, step)), names(&record.plan.fallback), "{step}");
        }
        for step in 4..=6 {
            assert!(matches!(at(&record, step), Way::OnlyForward(_)), "{step}");
        }
    }

    #[test]
    fn a_stop_that_was_proven_is_finished_and_not_undone() {
        let record = recorded_stop();
        assert!(matches!(at(&record, 0), Way::Ask { .. }));
        assert!(matches!(at(&record, 1), Way::OnlyForward(_)));
        let error = only_forward(&record, "the job is stopped");
        assert!(error.hints().iter().any(|hint| hint.contains("kubectl flink start orders")));
    }

    #[test]
    fn a_new_application_is_removed_and_its_claim_is_not() {
        let mut record = recorded_upgrade();
        record.before = None;
        record.old = None;
        record.plan.fallback.clear();
        record.plan.steps.retain(|step| {
            !matches!(step, Step::Stop { .. } | Step::Quiesce { .. } | Step::Retire { .. })
        });
        let claim = Step::Claim {
            name: "orders-state".to_owned(),
            request: "pvc:1Gi".parse().expect("valid"),
        };
        record.plan.steps.insert(0, claim);
        assert_eq!(at(&record, 0), Way::Forget, "the claim stays, as it does in delete");
        for step in [1, 2] {
            assert_eq!(back(&at(&record, step)), ["Retire 5", "RetireApplication"]);
        }
    }

    #[test]
    fn a_start_leaves_the_application_stopped_as_it_was() {
        let mut stopped = active(4, Run::Stopped, Job::Unreachable);
        stopped.latest = Some(snapshot("savepoint-1"));
        let plan = lifecycle::start(&stopped, Generation::new(4), &operation()).expect("a plan");
        let record = recorded(plan, &stopped);
        // Verify, Start 5, Prove 5, Catalogue 5, Retire 4
        assert_eq!(at(&record, 0), Way::Forget);
        let Way::Back(steps) = at(&record, 1) else { panic!("no way back") };
        assert!(matches!(&steps[..], [
            Step::Quiesce { generation },
            Step::Salvage { .. },
            Step::Reinstate { anchor },
            Step::Retire { .. },
        ] if generation.number() == 5 && anchor.generation.number() == 4));
        assert!(matches!(at(&record, 3), Way::OnlyForward(_)));
    }

    #[test]
    fn a_delete_that_has_begun_to_delete_is_finished() {
        let running = active(4, Run::Running, Job::Running);
        let plan = lifecycle::delete(Some(&running), &revision(4), false, &operation());
        let record = recorded(plan, &running);
        // Catalogue 4, Stop 4, Retire 4, RetireApplication
        assert_eq!(at(&record, 0), Way::Forget);
        assert!(matches!(at(&record, 1), Way::Ask { .. }));
        for step in [2, 3] {
            assert!(matches!(at(&record, step), Way::OnlyForward(_)), "{step}");
        }
        // Retire 4, RetireApplication
        let stopped = active(4, Run::Stopped, Job::Unreachable);
        let plan = lifecycle::delete(Some(&stopped), &revision(4), false, &operation());
        assert!(matches!(at(&recorded(plan, &stopped), 0), Way::OnlyForward(_)));
    }

    #[test]
    fn going_back_goes_on_going_back() {
        let mut record = recorded_upgrade();
        record.direction = Direction::Back;
        record.step = 2;
        assert_eq!(back(&way(&record)), names(&record.plan.fallback));
    }
}
