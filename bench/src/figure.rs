//! A figure: what was measured, and the bar it must meet.

use std::fmt;

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is the value of, such as `encode an ACK`.
    pub name: String,
    /// The value, in `unit`; not a number if it could not be measured.
    pub value: f64,
    /// What it is counted in.
    pub unit: Unit,
    /// What it must be, where the project has promised something.
    pub bar: Option<Bar>,
    /// How it is measured, as the part of a sentence behind the name.
    pub measured: &'static str,
}

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// 10⁶ bytes a second.
    MegabytesPerSecond,
    /// 10⁹ bytes a second.
    GigabytesPerSecond,
    /// Bytes.
    Bytes,
    /// 1,024 bytes.
    Kibibytes,
    /// Times another figure.
    Times,
    /// Hundredths of another figure.
    Percent,
    /// A number of things.
    Count,
}

/// What a value must be, in the value's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
    /// More than this.
    Above(f64),
    /// This or more.
    AtLeast(f64),
}

impl Figure {
    /// A figure without a bar.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: Unit, measured: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            bar: None,
            measured,
        }
    }

    /// The same figure with a bar to meet.
    #[must_use]
    pub const fn with_bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    /// Whether the value meets its bar; `None` if it has none.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let value = self.value;
        self.bar.map(|bar| match bar {
            Bar::AtMost(most) => value <= most,
            Bar::Below(limit) => value < limit,
            Bar::Above(limit) => value > limit,
            Bar::AtLeast(least) => value >= least,
        })
    }

    /// The value with its unit.
    #[must_use]
    pub fn shown(&self) -> String {
        self.unit.shown(self.value)
    }

    /// The bar with its unit; empty if there is none.
    #[must_use]
    pub fn shown_bar(&self) -> String {
        let Some(bar) = self.bar else {
            return String::new();
        };
        let (word, value) = match bar {
            Bar::AtMost(most) => ("at most", most),
            Bar::Below(limit) => ("below", limit),
            Bar::Above(limit) => ("above", limit),
            Bar::AtLeast(least) => ("at least", least),
        };
        format!("{word} {}", self.unit.shown(value))
    }

    /// `met` or `missed`; empty if there is no bar.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self.is_met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        }
    }
}

/// Whether every figure that has a bar meets it.
pub fn all_met<'f>(figures: impl IntoIterator<Item = &'f Figure>) -> bool {
    figures
        .into_iter()
        .all(|figure| figure.is_met() != Some(false))
}

impl Unit {
    /// Returns whether it tells of time, which a busy machine stretches. Hundredths are of simulated time.
    #[must_use]
    pub const fn is_of_time(self) -> bool {
        !matches!(
            self,
            Self::Bytes | Self::Kibibytes | Self::Percent | Self::Count
        )
    }

    fn shown(self, value: f64) -> String {
        if value.is_nan() {
            return "not measured".to_owned();
        }
        match self {
            Self::Nanos => format!("{value:.1} ns"),
            Self::Micros => format!("{value:.1} µs"),
            Self::Millis => format!("{value:.1} ms"),
            Self::Seconds => format!("{value:.2} s"),
            Self::MegabytesPerSecond => format!("{value:.0} MB/s"),
            Self::GigabytesPerSecond => format!("{value:.2} GB/s"),
            Self::Bytes => format!("{} bytes", grouped(value)),
            Self::Kibibytes => format!("{} KiB", grouped(value)),
            Self::Times => format!("{value:.3} times"),
            Self::Percent => format!("{value:.1} %"),
            Self::Count => grouped(value),
        }
    }
}

/// A count as a figure's value.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "nothing is measured that counts to 2^53"
)]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, bar) = (self.shown(), self.shown_bar());
        let line = format!("{:<52} {value:>18}  {bar:<20} ", self.name);
        f.write_str((line + self.verdict()).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bar: Bar, value: f64, met: bool) {
        let figure = Figure::new("x", value, Unit::Nanos, "").with_bar(bar);
        assert_eq!(figure.is_met(), Some(met), "{bar:?} {value}");
    }

    #[test]
    fn only_some_bars_may_be_touched() {
        for (bar, below, at, above) in [
            (Bar::AtMost(25.0), true, true, false),
            (Bar::Below(25.0), true, false, false),
            (Bar::Above(25.0), false, false, true),
            (Bar::AtLeast(25.0), false, true, true),
        ] {
            check(bar, 24.9, below);
            check(bar, 25.0, at);
            check(bar, 25.1, above);
        }
    }

    #[test]
    fn what_is_not_a_number_meets_no_bar() {
        check(Bar::AtMost(1.0), f64::NAN, false);
        check(Bar::AtLeast(1.0), f64::NAN, false);
    }

    #[test]
    fn one_missed_bar_is_enough() {
        let plain = Figure::new("x", 2.0, Unit::Times, "");
        let met = plain.clone().with_bar(Bar::AtMost(2.0));
        let missed = plain.clone().with_bar(Bar::Below(2.0));
        assert!(all_met([]));
        assert!(all_met([&plain, &met]));
        assert!(!all_met([&plain, &missed, &met]));
    }

    #[test]
    fn values_are_shown_with_their_units() {
        for (unit, value, shown) in [
            (Unit::Nanos, 9.04, "9.0 ns"),
            (Unit::Bytes, 1_234_567.0, "1,234,567 bytes"),
            (Unit::Count, 100.0, "100"),
            (Unit::Times, 1.249, "1.249 times"),
            (Unit::Millis, f64::NAN, "not measured"),
        ] {
            assert_eq!(unit.shown(value), shown);
        }
    }
}
