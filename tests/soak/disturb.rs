//! What happens to writers, followers and the server, one thing after the other.

use std::fmt;
use std::time::Duration;

use annals_tests::ledger::Ledger;
use annals_tests::postgres::{Server, connect_patiently};
use annals_tests::random::Random;

use crate::process::Process;
use crate::{FOLLOWING, Outcome, WRITING};

/// How long nothing happens between two disturbances, at the most.
const PAUSE_MS: u64 = 700;

/// How long a process is frozen, at the most.
const FROZEN_MS: u64 = 1_500;

/// What was done so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done {
    killed_writers: u64,
    killed_followers: u64,
    frozen: u64,
    killed_sessions: u64,
    restarts: u64,
    crashes: u64,
    ended: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} writers and {} followers killed, {} processes frozen, {} of the server's sessions \
             killed, {} restarts and {} crashes of the server, {} processes gave up meanwhile",
            self.killed_writers,
            self.killed_followers,
            self.frozen,
            self.killed_sessions,
            self.restarts,
            self.crashes,
            self.ended
        )
    }
}

/// A run that is going on.
pub(crate) struct Disturbance {
    server: Server,
    url: String,
    random: Random,
    writing: Vec<Process>,
    following: Vec<Process>,
    ledger: Ledger,
    done: Done,
}

impl Disturbance {
    pub(crate) fn start(server: Server, url: String, random: Random) -> Outcome<Self> {
        let (writing, following) = (Vec::new(), Vec::new());
        let (ledger, done) = (Ledger::default(), Done::default());
        let mut run = Self { server, url, random, writing, following, ledger, done };
        for _ in 0..WRITING {
            let writer = run.another("write")?;
            run.writing.push(writer);
        }
        for _ in 0..FOLLOWING {
            let follower = run.another("follow")?;
            run.following.push(follower);
        }
        Ok(run)
    }

    pub(crate) fn so_far(&self) -> &Done {
        &self.done
    }

    /// Waits a little, then does one thing, and sees to it that everybody is there again.
    pub(crate) async fn disturb(&mut self) -> Outcome {
        self.pause(PAUSE_MS).await;
        match self.random.below(100) {
            0..=44 => self.kill_a_writer()?,
            45..=64 => self.kill_a_follower()?,
            65..=79 => self.freeze().await?,
            80..=89 => {
                self.server.kill_9_a_session().await;
                self.done.killed_sessions += 1;
            }
            90..=92 => {
                // A PostgreSQL that is asked to stop while it recovers may wait for its own
                // checkpointer for ever.
                connect_patiently(&self.server.url()).await;
                self.server.stop_fast();
                self.server.start_again().await;
                self.done.restarts += 1;
            }
            93..=96 => {
                self.server.stop_immediate();
                self.server.start_again().await;
                self.done.crashes += 1;
            }
            _ => {
                self.server.kill_9();
                self.server.start_again().await;
                self.done.crashes += 1;
            }
        }
        self.replace_who_has_ended()
    }

    /// Kills everybody. Returns the server, which goes on, and what the writers were told.
    pub(crate) fn stop(mut self) -> Outcome<(Server, Ledger, Done)> {
        for process in self.writing.into_iter().chain(self.following) {
            self.ledger.merge(process.kill()?);
        }
        Ok((self.server, self.ledger, self.done))
    }

    fn another(&mut self, role: &str) -> Outcome<Process> {
        Process::start(role, &self.url, self.random.number())
    }

    fn kill_a_writer(&mut self) -> Outcome {
        let place = self.random.below(self.writing.len() as u64) as usize;
        let next = self.another("write")?;
        let killed = std::mem::replace(&mut self.writing[place], next);
        self.ledger.merge(killed.kill()?);
        self.done.killed_writers += 1;
        Ok(())
    }

    fn kill_a_follower(&mut self) -> Outcome {
        let place = self.random.below(self.following.len() as u64) as usize;
        let next = self.another("follow")?;
        std::mem::replace(&mut self.following[place], next).kill()?;
        self.done.killed_followers += 1;
        Ok(())
    }

    async fn freeze(&mut self) -> Outcome {
        let place = self.random.below(WRITING + FOLLOWING) as usize;
        let everybody = || self.writing.iter().chain(&self.following);
        everybody().nth(place).map_or(Ok(()), |process| process.signal("-STOP"))?;
        let milliseconds = self.random.below(FROZEN_MS);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let everybody = || self.writing.iter().chain(&self.following);
        everybody().nth(place).map_or(Ok(()), |process| process.signal("-CONT"))?;
        self.done.frozen += 1;
        Ok(())
    }

    /// Who lost the server for too long has ended with an error, and was told so.
    fn replace_who_has_ended(&mut self) -> Outcome {
        for place in 0..self.writing.len() {
            if self.writing[place].has_ended()? {
                let next = self.another("write")?;
                let ended = std::mem::replace(&mut self.writing[place], next);
                self.ledger.merge(ended.kill()?);
                self.done.ended += 1;
            }
        }
        for place in 0..self.following.len() {
            if self.following[place].has_ended()? {
                self.following[place] = self.another("follow")?;
                self.done.ended += 1;
            }
        }
        Ok(())
    }

    async fn pause(&mut self, at_most_ms: u64) {
        let milliseconds = self.random.below(at_most_ms);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}
