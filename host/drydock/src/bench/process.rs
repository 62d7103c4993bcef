//! What processes have used, as the system counts it; none where it can't be read.

/// Processor time of all threads.
pub struct Cpu;

impl Cpu {
    /// Seconds so far, in steps of a hundredth.
    pub fn now() -> Option<f64> {
        Cpu::of(std::process::id())
    }

    /// The same of another process.
    pub fn of(pid: u32) -> Option<f64> {
        // The name of the process, in parentheses, may contain anything; what follows it are numbers.
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        // Linux counts these in hundredths of a second on every architecture it shows them on.
        Some((user + system) / 100.0)
    }
}

/// Megabytes of memory that this process has in use: now, and at most so far.
pub fn memory() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1_024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = Cpu::now().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while Cpu::now().unwrap() <= before {
            assert!(std::time::Instant::now() < deadline);
        }
    }

    #[test]
    fn the_most_is_no_less_than_now() {
        let (now, most) = memory().unwrap();
        assert!(now > 0.0 && now <= most);
    }
}
