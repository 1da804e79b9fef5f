//! Sequences of commands, kills and faults, chosen at random.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Event {
    Run(Command, Option<Cut>),
    Resume,
    Abort(Option<Cut>),
    Happens(Happening),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (0..8_u8).prop_map(Command::Deploy),
        2 => Just(Command::Stop(StopMode::Savepoint)),
        1 => Just(Command::Stop(StopMode::Discard)),
        2 => Just(Command::Start),
        2 => Just(Command::Restore),
        1 => Just(Command::Delete),
    ]
}

fn cut() -> impl Strategy<Value = Option<Cut>> {
    let kind = prop::sample::select(vec![
        Kind::Interrupted,
        Kind::Unreachable,
        Kind::Denied,
        Kind::Timeout,
        Kind::Other,
    ]);
    prop_oneof![
        2 => Just(None),
        2 => (0..24_usize).prop_map(|after| Some(Cut::Kill(after))),
        1 => (0..24_usize, kind).prop_map(|(after, kind)| Some(Cut::Error(after, kind))),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop::sample::select(vec![
        Happening::Progress,
        Happening::Progress,
        Happening::Progress,
        Happening::Checkpoint,
        Happening::Checkpoint,
        Happening::Savepoint,
        Happening::Restart,
        Happening::Recovery,
        Happening::Failure,
        Happening::End,
        Happening::Silence,
    ])
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (command(), cut()).prop_map(|(command, cut)| Event::Run(command, cut)),
        1 => Just(Event::Resume),
        1 => cut().prop_map(Event::Abort),
        6 => happening().prop_map(Event::Happens),
    ]
}

/// What comes of these events, and whether it held all along.
fn world(events: &[Event]) -> std::result::Result<World, TestCaseError> {
    let mut world = World::default();
    for event in events {
        match event {
            Event::Run(command, cut) => {
                world.run(*command, *cut);
            }
            Event::Resume => {
                world.resume();
            }
            Event::Abort(cut) => {
                world.abort(*cut);
            }
            Event::Happens(happening) => world.happens(*happening),
        }
        holds(&mut world)?;
    }
    Ok(world)
}

fn holds(world: &mut World) -> std::result::Result<(), TestCaseError> {
    world.check();
    prop_assert!(world.violations.is_empty(), "{:?}\n{world:#?}", world.violations);
    Ok(())
}

/// The same once nothing is unfinished and everybody answers.
fn settled(events: &[Event]) -> std::result::Result<World, TestCaseError> {
    let mut world = world(events)?;
    world.wake();
    for _ in 0..4 {
        world.resume();
        holds(&mut world)?;
    }
    prop_assert!(!world.is_unfinished(), "it does not come to an end\n{world:#?}");
    Ok(world)
}

/// More than a run has moments at which it can be cut off.
const MOMENTS: usize = 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_done_twice_and_every_operation_comes_to_an_end(
        events in vec(event(), 1..40),
    ) {
        settled(&events)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_command_again_comes_to_where_an_undisturbed_one_does(
        events in vec(event(), 0..12),
        command in command(),
        other in command(),
    ) {
        let before = settled(&events)?;
        let mut undisturbed = before.clone();
        let done = undisturbed.run(command, None);
        holds(&mut undisturbed)?;
        for after in 0..MOMENTS {
            let mut killed = before.clone();
            if killed.run(command, Some(Cut::Kill(after))) || !done {
                break;
            }
            holds(&mut killed)?;
            let mut undone = killed.clone();
            if killed.is_unfinished() && other != command {
                let shape = killed.shape();
                prop_assert!(!killed.run(other, None));
                prop_assert_eq!(killed.shape(), shape, "a different command did something");
            }
            killed.run(command, None);
            holds(&mut killed)?;
            prop_assert_eq!(killed.shape(), undisturbed.shape(), "killed after {} moments", after);

            // The way back, where there is one; whatever runs commits something before.
            undone.happens(Happening::Progress);
            undone.happens(Happening::Checkpoint);
            if !undone.abort(None) {
                undone.resume();
            }
            holds(&mut undone)?;
            prop_assert!(!undone.is_unfinished());
        }
    }
}
