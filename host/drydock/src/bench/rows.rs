//! Rows of figures, and how they are printed.

use serde::{Deserialize, Serialize};

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: String,
    /// The same unit: what the machine could do at best, measured in the same run, or known from the task.
    pub floor: Option<f64>,
    /// `value` divided by `floor`.
    pub ratio: Option<f64>,
    /// What the ratio has to keep; where there is none, the value.
    pub bound: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Of counts.
    Exactly(f64),
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Row {
        Row { name: name.into(), value, unit: unit.to_owned(), floor: None, ratio: None, bound: None }
    }

    pub fn against(self, floor: f64, bound: Bound) -> Row {
        Row { floor: Some(floor), ratio: Some(self.value / floor), bound: Some(bound), ..self }
    }

    /// A value as it is printed: of a count, all of it.
    fn figure(&self, value: f64) -> String {
        if self.unit == "count" { format!("{value:.0}") } else { figure(value) }
    }

    /// A bound for the value itself.
    pub fn within(self, bound: Bound) -> Row {
        Row { bound: Some(bound), ..self }
    }

    /// Whether the ratio, or else the value, keeps its bound; none where there is nothing to keep.
    pub fn kept(&self) -> Option<bool> {
        let judged = self.ratio.unwrap_or(self.value);
        match self.bound? {
            Bound::AtLeast(least) => Some(judged >= least),
            Bound::AtMost(most) => Some(judged <= most),
            Bound::Exactly(count) => Some(judged == count),
        }
    }
}

/// A table for people.
pub fn table(rows: &[Row]) -> String {
    let head = ["", "value", "unit", "floor", "ratio", "bound", ""].map(str::to_owned);
    let lines = rows.iter().map(|row| {
        let bound = match row.bound {
            Some(Bound::AtLeast(least)) => format!("≥ {}", figure(least)),
            Some(Bound::AtMost(most)) => format!("≤ {}", figure(most)),
            Some(Bound::Exactly(count)) => format!("= {}", figure(count)),
            None => String::new(),
        };
        let kept = match row.kept() {
            Some(true) => "kept",
            Some(false) => "MISSED",
            None => "",
        };
        [
            row.name.clone(),
            row.figure(row.value),
            row.unit.clone(),
            row.floor.map(|floor| row.figure(floor)).unwrap_or_default(),
            row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            bound,
            kept.to_owned(),
        ]
    });
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(lines).collect();
    let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let mut printed = String::new();
        for (i, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[i] - cell.chars().count());
            // Names and units are read from their start, figures from their end.
            printed += &if matches!(i, 0 | 2 | 6) { format!("{cell}{pad}  ") } else { format!("{pad}{cell}  ") };
        }
        text += printed.trim_end();
        text.push('\n');
    }
    text
}

/// Three digits that mean something, and no more.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        huge if huge >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_judged_by_its_bound() {
        let fast = Row::new("fast", 70.0, "leases/s").against(100.0, Bound::AtLeast(0.6));
        assert_eq!((fast.ratio, fast.kept()), (Some(0.7), Some(true)));
        let slow = Row::new("slow", 50.0, "leases/s").against(100.0, Bound::AtLeast(0.6));
        assert_eq!(slow.kept(), Some(false));
        let late = Row::new("late", 11.0, "ms").against(1.0, Bound::AtMost(10.0));
        assert_eq!(late.kept(), Some(false));
        let more = Row::new("count", 4.0, "statements").against(3.0, Bound::Exactly(1.0));
        assert_eq!(more.kept(), Some(false));
        let as_many = Row::new("count", 3.0, "statements").against(3.0, Bound::Exactly(1.0));
        assert_eq!(as_many.kept(), Some(true));
    }

    #[test]
    fn without_a_floor_the_value_is_judged() {
        assert_eq!(Row::new("calls", 0.0, "calls").within(Bound::Exactly(0.0)).kept(), Some(true));
        assert_eq!(Row::new("calls", 1.0, "calls").within(Bound::Exactly(0.0)).kept(), Some(false));
        assert_eq!(Row::new("cost", 0.5, "ms").within(Bound::AtMost(0.6)).kept(), Some(true));
        assert_eq!(Row::new("memory", 20.0, "MB").kept(), None);
    }

    #[test]
    fn the_table_says_which_bounds_are_missed() {
        let rows = [
            Row::new("store, 1 caller", 450.25, "leases/s").against(900.0, Bound::AtLeast(0.6)),
            Row::new("memory", 20.0, "MB"),
        ];
        let expected = concat!(
            "                 value  unit      floor  ratio   bound\n",
            "store, 1 caller    450  leases/s    900   0.50  ≥ 0.60  MISSED\n",
            "memory            20.0  MB\n",
        );
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn a_row_is_one_flat_object() {
        let row = Row::new("memory", 20.5, "MB");
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, r#"{"name":"memory","value":20.5,"unit":"MB","floor":null,"ratio":null,"bound":null}"#);
    }
}
