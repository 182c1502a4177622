//! Answers without what tells one board from the next.

/// What a board said of itself in its hello. Later answers have to say the same.
#[derive(Debug, Default)]
pub struct Identity {
    fields: Vec<(String, String)>,
}

impl Identity {
    /// Reads the answer to `hello`.
    #[must_use]
    pub fn of(hello: &str) -> Self {
        let fields = words(hello).into_iter().filter_map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        Self {
            fields: fields.collect(),
        }
    }

    /// What the hello said of this.
    #[must_use]
    #[track_caller]
    pub fn value(&self, key: &str) -> &str {
        let found = self.fields.iter().find(|(of, _)| of == key);
        found.map_or_else(|| panic!("no {key} in {self:?}"), |(_, value)| value)
    }

    /// A line of an answer with `*` for every value that may differ between boards, and without
    /// the keys that only some have.
    #[must_use]
    pub fn normal(&self, line: &str) -> String {
        let words = words(line).into_iter().filter_map(|word| {
            let Some((key, value)) = word.split_once('=') else {
                return Some(word.to_owned());
            };
            if OPTIONAL.contains(&key) {
                return None;
            }
            let masked = self.is_own(key, value) || is_measured(key, value);
            Some(format!("{key}={}", if masked { "*" } else { value }))
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// As [`Identity::normal`], for a row that a person sees: key, colon, blanks, value.
    #[must_use]
    pub fn normal_row(&self, row: &str) -> String {
        let Some((key, value)) = row.split_once(':') else {
            return row.to_owned();
        };
        let value = value.trim_start();
        let masked = self.is_own(key, value) || key == "uptime";
        format!("{key}: {}", if masked { "*" } else { value })
    }

    fn is_own(&self, key: &str, value: &str) -> bool {
        let key = if key == "last_boot" { "boot" } else { key };
        OWN.contains(&key) && self.value(key) == value
    }
}

fn is_measured(key: &str, value: &str) -> bool {
    MEASURED.contains(&key) && value.parse::<f64>().is_ok()
}

/// Splits at blanks outside of quotes.
fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |letter| {
        let ends = letter == ' ' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })
    .collect()
}

/// What a board is, and goes on being: later answers have to agree with its hello.
const OWN: [&str; 11] = [
    "name",
    "kind",
    "firmware",
    "backend",
    "boot",
    "boot_source",
    "cause",
    "line_max",
    "window",
    "queue",
    "mtu",
];
/// Numbers that nobody can know beforehand.
const MEASURED: [&str; 5] = [
    "uptime_ms",
    "agent_uptime_ms",
    "sessions",
    "load",
    "pending_left_ms",
];
/// What only some boards tell.
const OPTIONAL: [&str; 2] = ["build", "memory_available_kib"];
