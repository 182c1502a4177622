//! JSON text read so that a name given twice is noticed.
//!
//! RFC 8259, section 4, leaves open what an object means in which a name stands twice, and readers
//! differ: some take the first value, some the last. A call like that is never run.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A JSON text, and the first name that stands twice in one of its objects.
#[derive(Debug, PartialEq)]
pub(super) struct UniqueValue {
    /// The value; of a name that stands twice it has the first.
    pub(super) value: Value,
    /// The path of that name, as in `params.in` or `params.0.a`.
    pub(super) repeated: Option<String>,
}

impl UniqueValue {
    /// Reads a text of exactly one value.
    ///
    /// # Errors
    ///
    /// The error of the reader, if `text` is no JSON.
    pub(super) fn read(text: &str) -> serde_json::Result<Self> {
        let mut names = NamePath::default();
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = ValueSeed(&mut names).deserialize(&mut reader)?;
        reader.end()?;
        let repeated = names.repeated;
        Ok(Self { value, repeated })
    }
}

/// The reader's position, and the first repeated name that it met.
#[derive(Default)]
struct NamePath {
    steps: Vec<String>,
    repeated: Option<String>,
}

impl NamePath {
    /// Reads what is found one step further down.
    fn below<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let read = read(self);
        self.steps.pop();
        read
    }

    fn repeat(&mut self, name: &str) {
        if self.repeated.is_none() {
            let mut path = self.steps.join(".");
            if !path.is_empty() {
                path.push('.');
            }
            self.repeated = Some(path + name);
        }
    }
}

/// Reads one value.
struct ValueSeed<'p>(&'p mut NamePath);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let step = values.len().to_string();
            let next = self
                .0
                .below(step, |path| array.next_element_seed(ValueSeed(path)))?;
            match next {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = self
                .0
                .below(name.clone(), |path| object.next_value_seed(ValueSeed(path)))?;
            if values.contains_key(&name) {
                self.0.repeat(&name);
            } else {
                values.insert(name, value);
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, repeated: Option<&str>) {
        let read = UniqueValue::read(text).expect(text);
        assert_eq!(read.repeated.as_deref(), repeated, "{text}");
        if repeated.is_none() {
            assert_eq!(read.value, serde_json::from_str::<Value>(text).expect(text));
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_found_at_any_depth_however_it_is_spelled() {
        check(r#"{"a":1,"b":[{"a":2},{"a":3}],"c":{"a":null}}"#, None);
        check(r#"[-1, 2.5, 18446744073709551615, "x", true, null]"#, None);
        check(r#"{"a":1,"a":1}"#, Some("a"));
        check(r#"{"in":1,"\u0069n":2}"#, Some("in"));
        check(r#"{"a":{"b":1,"b":2}}"#, Some("a.b"));
        check(r#"{"a":[0,{"b":1,"c":2,"b":3}]}"#, Some("a.1.b"));
        check(r#"{"a":{"b":1,"b":2},"a":3}"#, Some("a.b"));
        check(r#"{"":1,"":2}"#, Some(""));
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in ["", "{", "{}{}", "[1,]", "{\"a\":}", "\"\\ud800\"", "nul"] {
            assert!(UniqueValue::read(text).is_err(), "{text}");
        }
    }
}
