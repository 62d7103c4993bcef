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

    /// A row source with columns `key` and `value`: the fields of an object, found by a path in a document.
    pub fn fields(self, document: &str, path: &[&str], alias: &str) -> String {
        match (self, path) {
            (Dialect::Sqlite, _) => {
                let path: String = path.iter().map(|name| format!(".{name}")).collect();
                format!("json_each({document}, '${path}') as {alias}")
            }
            (Dialect::Postgres, []) => format!("jsonb_each({document}::jsonb) as {alias}"),
            (Dialect::Postgres, path) => {
                format!("jsonb_each_text({document}::jsonb #> '{{{}}}') as {alias}", path.join(","))
            }
        }
    }

    /// The texts of an array in a document, as rows with the column `value`.
    pub fn texts(self, document: &str, alias: &str) -> String {
        match self {
            Dialect::Sqlite => format!("json_each({document}) as {alias}"),
            Dialect::Postgres => format!("jsonb_array_elements_text({document}::jsonb) as {alias}(value)"),
        }
    }

    /// A JSON array in text.
    pub fn array(self, columns: &str) -> String {
        match self {
            Dialect::Sqlite => format!("json_array({columns})"),
            Dialect::Postgres => format!("json_build_array({columns})::text"),
        }
    }

    /// What is JSON in text, as a part of other JSON.
    pub fn json(self, text: &str) -> String {
        match self {
            Dialect::Sqlite => format!("json({text})"),
            Dialect::Postgres => format!("({text})::json"),
        }
    }

    /// A field of a document in text, as text.
    pub fn field(self, document: &str, name: &str) -> String {
        match self {
            Dialect::Sqlite => format!("({document} ->> '{name}')"),
            Dialect::Postgres => format!("({document}::jsonb ->> '{name}')"),
        }
    }

    /// A field of a document in text, as a document.
    pub fn part(self, document: &str, name: &str) -> String {
        match self {
            Dialect::Sqlite => format!("({document} -> '{name}')"),
            Dialect::Postgres => format!("({document}::jsonb -> '{name}')"),
        }
    }

    /// Whether a document, which may be absent, is an array that has this text.
    pub fn has_text(self, document: &str, text: &str) -> String {
        match self {
            Dialect::Sqlite => format!("exists (select 1 from json_each({document}) e where e.value = {text})"),
            Dialect::Postgres => format!("coalesce(jsonb_exists({document}, {text}), false)"),
        }
    }

    /// The text under a key in a document.
    pub fn entry(self, document: &str, key: &str) -> String {
        match self {
            // A key may have anything in it that a path would make something of.
            Dialect::Sqlite => format!("(select e.value from json_each({document}) e where e.key = {key})"),
            Dialect::Postgres => format!("({document}::jsonb ->> ({key}))"),
        }
    }

    /// Whether what is under a key in a document is this JSON, which has no spaces and its keys in order.
    pub fn same_entry(self, document: &str, key: &str, json: &str) -> String {
        match self {
            Dialect::Sqlite => {
                let found =
                    format!("(select {document} -> e.fullkey from json_each({document}) e where e.key = {key})");
                format!("{found} is {json}")
            }
            Dialect::Postgres => format!("({document}::jsonb -> ({key})) is not distinct from ({json})::jsonb"),
        }
    }

    /// All of a group in one JSON array, in no order.
    pub fn gather(self, json: &str) -> String {
        match self {
            Dialect::Sqlite => format!("json_group_array({json})"),
            Dialect::Postgres => format!("coalesce(json_agg({json}), '[]')"),
        }
    }

    /// The columns of a row as one JSON array in text.
    pub fn row<R: Row>(self, alias: &str) -> String {
        let columns: Vec<String> = R::COLUMNS.iter().map(|(name, _)| format!("{alias}.{name}")).collect();
        self.array(&columns.join(", "))
    }

    /// The cell of a row that comes as a JSON array.
    pub fn cell(self, index: usize, column: Column) -> String {
        match column {
            Column::Text => format!("j.value ->> {index}"),
            Column::Int => format!("cast(j.value ->> {index} as bigint)"),
        }
    }

    /// Of a statement that writes: what a broken constraint does. It ends the whole transaction in any case; SQLite, told
    /// so, does not copy every page before it writes it, to be able to take back this statement alone.
    pub fn or_roll_back(self) -> &'static str {
        match self {
            Dialect::Sqlite => " or rollback",
            Dialect::Postgres => "",
        }
    }

    /// A text that sorts by its bytes, as it does in the program, whatever language the database speaks.
    pub fn words(self) -> &'static str {
        match self {
            Dialect::Sqlite => "text",
            Dialect::Postgres => "text collate \"C\"",
        }
    }

    /// A text from the argument as what such columns are compared and joined with.
    pub fn bytes(self, text: &str) -> String {
        match self {
            Dialect::Sqlite => text.to_owned(),
            Dialect::Postgres => format!("{text} collate \"C\""),
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
