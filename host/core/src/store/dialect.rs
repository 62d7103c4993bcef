//! The few places where the SQL of the two engines differs. Everything else is written once, with these holes.

use crate::model::rows::{Column, Row};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The statement's one argument, a JSON document.
    pub fn doc(self) -> &'static str {
        match self {
            Dialect::Sqlite => "$1",
            Dialect::Postgres => "$1::jsonb",
        }
    }

    /// A row source `j` with a column `value`: the elements of an array in the argument, or of the argument itself.
    pub fn each(self, field: Option<&str>) -> String {
        match (self, field) {
            // The binary form: a row as text would be written and parsed again for each of its cells.
            (Dialect::Sqlite, None) => "jsonb_each($1) as j".to_owned(),
            (Dialect::Sqlite, Some(field)) => format!("jsonb_each($1, '$.{field}') as j"),
            (Dialect::Postgres, None) => "jsonb_array_elements($1::jsonb) as j(value)".to_owned(),
            (Dialect::Postgres, Some(field)) => {
                format!("jsonb_array_elements($1::jsonb -> '{field}') as j(value)")
            }
        }
    }

    /// A text element of an array row source.
    pub fn text(self) -> &'static str {
        match self {
            Dialect::Sqlite => "j.value",
            Dialect::Postgres => "(j.value #>> '{}')",
        }
    }

    /// The columns of a row as one JSON array in text.
    pub fn row<R: Row>(self, alias: &str) -> String {
        let columns: Vec<String> = R::COLUMNS.iter().map(|(name, _)| format!("{alias}.{name}")).collect();
        match self {
            Dialect::Sqlite => format!("json_array({})", columns.join(", ")),
            Dialect::Postgres => format!("json_build_array({})::text", columns.join(", ")),
        }
    }

    /// The cell of a row that comes as a JSON array.
    pub fn cell(self, index: usize, column: Column) -> String {
        match column {
            Column::Text => format!("j.value ->> {index}"),
            Column::Int => format!("cast(j.value ->> {index} as bigint)"),
        }
    }

    /// A text that sorts by its bytes, as it does in the program, whatever language the database speaks.
    pub fn words(self) -> &'static str {
        match self {
            Dialect::Sqlite => "text",
            Dialect::Postgres => "text collate \"C\"",
        }
    }

    /// A number that later rows have higher.
    pub fn sequence(self) -> &'static str {
        match self {
            Dialect::Sqlite => "integer primary key autoincrement",
            Dialect::Postgres => "bigserial primary key",
        }
    }

    pub fn blob(self) -> &'static str {
        match self {
            Dialect::Sqlite => "blob",
            Dialect::Postgres => "bytea",
        }
    }
}
