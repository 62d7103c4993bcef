//! What comes before a program's own output: the login shell's startup files may print, and the script says that the
//! program starts.

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

/// The beginning of a program's stdout or stderr.
#[derive(Debug)]
pub struct Prologue {
    started: Vec<u8>,
    no_directory: Vec<u8>,
    kept_back: Vec<u8>,
    start: Start,
}

impl Prologue {
    pub fn new(nonce: &str) -> Prologue {
        Prologue {
            started: started_mark(nonce).into_bytes(),
            no_directory: no_directory_mark(nonce).into_bytes(),
            kept_back: Vec::new(),
            start: Start::Awaited,
        }
    }

    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Takes what arrived, and gives what of it is the program's.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.start != Start::Awaited {
            return bytes.to_vec();
        }
        self.kept_back.extend_from_slice(bytes);
        if let Some((text, after)) = self.line_after(&self.started) {
            let number = std::str::from_utf8(&self.kept_back[text..after - 1]).ok();
            self.start = match number.and_then(|number| number.parse().ok()) {
                // 1 would stand for every process there is.
                Some(group) if group > 1 => Start::Started(group),
                _ => Start::Unheard,
            };
            return std::mem::take(&mut self.kept_back).split_off(after);
        }
        if self.line_after(&self.no_directory).is_some() {
            self.start = Start::NoDirectory;
        } else if self.kept_back.len() > KEPT_BACK {
            self.start = Start::Unheard;
            return self.rest();
        }
        Vec::new()
    }

    /// What was kept back while no program started.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept_back)
    }

    /// Where the text behind a mark begins, and where its line is over; only of a complete line.
    fn line_after(&self, mark: &[u8]) -> Option<(usize, usize)> {
        let text = self.kept_back.windows(mark.len()).position(|window| window == mark)? + mark.len();
        let end = self.kept_back[text..].iter().position(|byte| *byte == b'\n')?;
        Some((text, text + end + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_wherever_it_is_cut() {
        let all = b"motd\ndrydock-77 started 4242\nhello drydock-77 started 1\n";
        for cut in 0..all.len() {
            let mut prologue = Prologue::new("77");
            let mut passed = prologue.pass(&all[..cut]);
            passed.extend(prologue.pass(&all[cut..]));
            assert_eq!(passed, b"hello drydock-77 started 1\n", "cut at {cut}");
            assert_eq!(*prologue.start(), Start::Started(4242), "cut at {cut}");
            assert!(prologue.rest().is_empty());
        }
    }

    #[test]
    fn a_missing_directory_is_told_with_the_shells_reason() {
        let mut prologue = Prologue::new("77");
        assert!(prologue.pass(b"sh: can't cd to /x\ndrydock-77 no directory\n").is_empty());
        assert_eq!(*prologue.start(), Start::NoDirectory);
        assert!(prologue.rest().starts_with(b"sh: can't cd to /x\n"));
    }

    #[test]
    fn without_a_mark_nothing_is_lost() {
        let mut prologue = Prologue::new("77");
        assert!(prologue.pass(b"no account\n").is_empty());
        assert_eq!(*prologue.start(), Start::Awaited);
        assert_eq!(prologue.rest(), b"no account\n");

        let mut prologue = Prologue::new("77");
        let noise = vec![b'x'; KEPT_BACK + 1];
        assert_eq!(prologue.pass(&noise), noise);
        assert_eq!(*prologue.start(), Start::Unheard);
    }

    #[test]
    fn a_process_group_that_would_hit_everybody_is_not_believed() {
        for number in ["0", "1", "-5", "x", ""] {
            let mut prologue = Prologue::new("77");
            prologue.pass(format!("drydock-77 started {number}\n").as_bytes());
            assert_eq!(*prologue.start(), Start::Unheard, "{number}");
        }
    }
}
