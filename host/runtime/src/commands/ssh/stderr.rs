//! What the login script says on stderr, told apart from what the program says.

use super::super::quote::{no_directory_mark, started_mark};

/// Bytes before the mark that are kept back. A login shell that says more before the program starts is not waited for.
const KEPT_BACK: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// The script has not spoken yet.
    Awaited,
    /// The program runs as this process, the leader of a group of the same number.
    Started(u32),
    NoDirectory,
    /// What came was not the script's.
    Unheard,
}

/// The beginning of a command's stderr.
#[derive(Debug)]
pub struct Stderr {
    started: Vec<u8>,
    no_directory: Vec<u8>,
    kept_back: Vec<u8>,
    start: Start,
}

impl Stderr {
    pub fn new(nonce: &str) -> Stderr {
        Stderr {
            started: started_mark(nonce).into_bytes(),
            no_directory: no_directory_mark(nonce).into_bytes(),
            kept_back: Vec::new(),
            start: Start::Awaited,
        }
    }

    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Takes what arrived and gives what is the program's (or its login shell's).
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.start != Start::Awaited {
            return bytes.to_vec();
        }
        self.kept_back.extend_from_slice(bytes);
        if let Some((at, after, line)) = self.line_after(&self.started) {
            match std::str::from_utf8(&self.kept_back[line..after - 1]).ok().and_then(|pid| pid.parse().ok()) {
                // The number 1 would stand for every process there is.
                Some(pid) if pid > 1 => self.start = Start::Started(pid),
                _ => self.start = Start::Unheard,
            }
            let mut text = std::mem::take(&mut self.kept_back);
            text.drain(at..after);
            return text;
        }
        if let Some((at, after, _)) = self.line_after(&self.no_directory) {
            self.start = Start::NoDirectory;
            let mut text = std::mem::take(&mut self.kept_back);
            text.drain(at..after);
            return text;
        }
        if self.kept_back.len() > KEPT_BACK {
            self.start = Start::Unheard;
            return std::mem::take(&mut self.kept_back);
        }
        Vec::new()
    }

    /// What was kept back and turned out to be no mark.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept_back)
    }

    /// Where a mark begins, where its line has ended, and where its text is over; only of a complete line.
    fn line_after(&self, mark: &[u8]) -> Option<(usize, usize, usize)> {
        let at = self.kept_back.windows(mark.len()).position(|window| window == mark)?;
        let text = at + mark.len();
        let end = self.kept_back[text..].iter().position(|byte| *byte == b'\n')?;
        Some((at, text + end + 1, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_wherever_it_is_cut() {
        let all = b"motd\ndrydock-77 started 4242\nhello drydock-77 started 1\n";
        for cut in 0..all.len() {
            let mut stderr = Stderr::new("77");
            let mut passed = stderr.pass(&all[..cut]);
            passed.extend(stderr.pass(&all[cut..]));
            assert_eq!(passed, b"motd\nhello drydock-77 started 1\n", "cut at {cut}");
            assert_eq!(*stderr.start(), Start::Started(4242), "cut at {cut}");
            assert!(stderr.rest().is_empty());
        }
    }

    #[test]
    fn a_missing_directory_is_told_with_the_shells_reason() {
        let mut stderr = Stderr::new("77");
        let passed = stderr.pass(b"sh: can't cd to /x\ndrydock-77 no directory\n");
        assert_eq!(passed, b"sh: can't cd to /x\n");
        assert_eq!(*stderr.start(), Start::NoDirectory);
    }

    #[test]
    fn without_a_mark_nothing_is_lost() {
        let mut stderr = Stderr::new("77");
        assert!(stderr.pass(b"no account\n").is_empty());
        assert_eq!(*stderr.start(), Start::Awaited);
        assert_eq!(stderr.rest(), b"no account\n");

        let mut stderr = Stderr::new("77");
        let noise = vec![b'x'; KEPT_BACK + 1];
        assert_eq!(stderr.pass(&noise), noise);
        assert_eq!(*stderr.start(), Start::Unheard);
    }

    #[test]
    fn a_process_group_that_would_hit_everybody_is_not_believed() {
        for pid in ["0", "1", "-5", "x", ""] {
            let mut stderr = Stderr::new("77");
            stderr.pass(format!("drydock-77 started {pid}\n").as_bytes());
            assert_eq!(*stderr.start(), Start::Unheard, "{pid}");
        }
    }
}
