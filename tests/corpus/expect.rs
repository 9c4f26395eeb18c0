//! `expect.toml`: what each class of fault must raise.

use regex::Regex;
use serde_json::{Map, Value};

pub struct Expect {
    /// Alarms that are never false.
    pub benign: Regex,
    pub classes: Vec<Class>,
    /// Starts and stops that are no faults, and still use the words of one.
    pub ordinary: Vec<Class>,
}

#[derive(Default)]
pub struct Class {
    pub name: String,
    action: Option<Regex>,
    about: Option<Regex>,
    /// One of these must be active while the fault is.
    pub must: Vec<String>,
    /// These are right too.
    pub may: Vec<String>,
    /// No log shows this fault.
    pub hidden: bool,
    /// The logs show it only if one of their lines matches.
    pub shown: Option<Regex>,
    /// The logs show it only if they refuse the fault's client.
    pub needs_refusal: bool,
    /// A field of the fault that must equal a param of the alarm.
    pub same: Vec<(String, String)>,
    /// How long after the recovery an alarm still belongs to the fault, in milliseconds.
    pub timeout: i64,
}

impl Expect {
    pub fn parse(text: &str) -> Expect {
        let all: toml::Table = text.parse().expect("expect.toml is TOML");
        let list =
            |key: &str| all.get(key).and_then(toml::Value::as_array).into_iter().flatten().map(Class::read).collect();
        let benign = all.get("benign").and_then(toml::Value::as_str).expect("benign");
        Expect { benign: regex(benign), classes: list("class"), ordinary: list("ordinary") }
    }

    /// The class of a fault: the first that fits.
    pub fn class_of(&self, action: &str, about: &str) -> Option<&Class> {
        self.classes.iter().find(|c| c.fits(action, about))
    }
}

impl Class {
    fn read(value: &toml::Value) -> Class {
        let text = |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).map(str::to_owned);
        let names = |key: &str| {
            let list = value.get(key).and_then(toml::Value::as_array).into_iter().flatten();
            list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let matched = value.get("match").expect("a class has `match`");
        let same = value.get("same").and_then(toml::Value::as_table).into_iter().flatten();
        Class {
            name: text(value.get("name")).expect("a class has a name"),
            action: text(matched.get("action")).map(|r| regex(&r)),
            about: text(matched.get("about")).map(|r| regex(&r)),
            must: names("must"),
            may: names("may"),
            hidden: value.get("none").is_some(),
            shown: text(value.get("shown")).map(|r| regex(&r)),
            needs_refusal: value.get("unless").is_some(),
            same: same.filter_map(|(field, param)| Some((field.clone(), param.as_str()?.to_owned()))).collect(),
            timeout: value.get("timeout").and_then(toml::Value::as_integer).expect("a class has a timeout") * 1000,
        }
    }

    pub fn fits(&self, action: &str, about: &str) -> bool {
        let holds = |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|r| r.is_match(text));
        holds(&self.action, action) && holds(&self.about, about)
    }

    pub fn allows(&self, alarm: &str) -> bool {
        self.requires(alarm) || self.may.iter().any(|a| a == alarm)
    }

    pub fn requires(&self, alarm: &str) -> bool {
        self.must.iter().any(|a| a == alarm)
    }

    /// The params that tie an alarm to this fault are the fault's.
    pub fn is_same(&self, fault: &Map<String, Value>, params: &Map<String, Value>) -> bool {
        self.same.iter().all(|(field, param)| fault.get(field).is_some_and(|f| params.get(param) == Some(f)))
    }
}

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|e| panic!("expect.toml: {e}"))
}
