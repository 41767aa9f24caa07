//! A live tree on a terminal: what runs, for how long, what it cost so far.
//!
//! A thread redraws it ten times a second; the run itself only notes events. A question is asked below the tree, which
//! goes on meanwhile.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use cascade_runtime::{Asked, Event, Reply};

use super::{
    meter::Meter,
    question::{Question, Typed},
    terminal::{self, KeyMode, Keys},
    tree::{TICK, Tree},
};
use crate::people;

/// How often it is looked whether a question is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// The tree and the thread that draws it.
pub struct Live {
    state: Arc<Mutex<Tree>>,
    stop: Arc<AtomicBool>,
    painter: Mutex<Option<JoinHandle<()>>>,
}

impl Live {
    /// Starts drawing.
    pub fn new(color: bool, meter: Option<Meter>) -> Self {
        let state = Arc::new(Mutex::new(Tree::new(color, meter)));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, flag) = (Arc::clone(&state), Arc::clone(&stop));
        let painter = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                while !flag.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    lock_tree(&shared).draw();
                }
            })
            .ok();
        Self { state, stop, painter: Mutex::new(painter) }
    }

    /// What is drawn, for one who asks below it.
    pub fn state(&self) -> Arc<Mutex<Tree>> {
        Arc::clone(&self.state)
    }

    /// Notes an event.
    pub fn event(&self, event: &Event) {
        lock_tree(&self.state).event(event);
    }

    /// Draws for the last time and leaves the tree where it is.
    pub fn finish(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let painter = self.painter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(painter) = painter {
            painter.thread().unpark();
            let _ = painter.join();
        }
        lock_tree(&self.state).draw_last();
        // Who asks may be waiting for a key still.
        terminal::restore_terminal();
    }
}

/// Asks below the tree until there is an answer, or nobody wants one any more.
pub fn ask_below_tree(state: &Mutex<Tree>, asked: &Asked) -> Reply {
    if !lock_tree(state).is_open(&asked.path) {
        return Reply::Withdrawn;
    }
    let Ok(_keys) = KeyMode::enter() else { return Reply::NobodyThere };
    lock_tree(state).ask(Question::new(asked));
    loop {
        let keys = terminal::read_keys(LOOK);
        let mut tree = lock_tree(state);
        let Some(question) = tree.question_mut() else { return Reply::Withdrawn };
        let typed = match keys {
            Keys::None => continue,
            Keys::Bytes(bytes) => question.take_bytes(&bytes),
            Keys::Closed => Typed::Closed,
        };
        match typed {
            Typed::Unfinished => {}
            Typed::Closed => {
                tree.close_question("nobody is there");
                return Reply::NobodyThere;
            }
            Typed::Line(line) => match people::parse_line(asked, &line) {
                Ok(answer) => {
                    tree.close_question(&line);
                    return Reply::Answer(answer);
                }
                Err(why) => question.show_complaint(&why),
            },
        }
        tree.draw_now();
    }
}

fn lock_tree(state: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
