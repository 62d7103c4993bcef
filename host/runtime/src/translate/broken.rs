use super::escaped;
use drydock_core::plugin::Fault;
use std::fmt;

/// Where in an answer the contract was broken, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// A path such as `allocations[3].slots[0]`; empty for the answer as a whole.
    field: String,
    what: String,
}

impl Broken {
    pub(crate) fn new(what: impl Into<String>) -> Broken {
        Broken { field: String::new(), what: what.into() }
    }

    /// The same, one level further out.
    pub(crate) fn within(mut self, outer: &str) -> Broken {
        if self.field.is_empty() {
            self.field = outer.to_owned();
        } else if self.field.starts_with('[') {
            self.field.insert_str(0, outer);
        } else {
            self.field = format!("{outer}.{}", self.field);
        }
        self
    }

    /// The fault of a call of `function` that answered this.
    pub(crate) fn in_answer_of(self, function: &str) -> Fault {
        Fault::BrokeContract(format!("`{function}` answered what it may not: {self}"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { write!(f, "{}", self.what) } else { write!(f, "`{}` {}", self.field, self.what) }
    }
}

pub(super) type Checked<T> = Result<T, Broken>;

/// Names the field that a check was about.
pub(super) trait At<T> {
    fn at(self, field: &str) -> Checked<T>;
}

impl<T> At<T> for Checked<T> {
    fn at(self, field: &str) -> Checked<T> {
        self.map_err(|broken| broken.within(field))
    }
}

/// Checks each element of a list of at most `limit`.
pub(super) fn each<A, B>(
    list: impl IntoIterator<Item = A, IntoIter: ExactSizeIterator>,
    limit: usize,
    check: impl Fn(A) -> Checked<B>,
) -> Checked<Vec<B>> {
    let list = list.into_iter();
    if list.len() > limit {
        return Err(Broken::new(format!("has {} elements; at most {limit} are allowed", list.len())));
    }
    list.enumerate().map(|(i, element)| check(element).at(&format!("[{i}]"))).collect()
}

/// A guest's text inside one of our sentences.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, 80))
}
