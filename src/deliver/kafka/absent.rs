//! A build without Kafka: whoever asks for it hears how to get it.

use std::ops::ControlFlow;

use super::target::Target;
use super::topic::{Found, Plan};
use super::trouble::{Kind, Trouble};
use super::{From, Heard, Message};
use crate::deliver::sink::Sink;

fn absent<T>() -> Result<T, Trouble> {
    let why = "this build of tocsin has no Kafka: build it with `--features kafka`, or with the default features";
    Err(Trouble::new(Kind::Build, why))
}

pub fn check(_: &Target) -> Result<(), Trouble> {
    absent()
}

pub fn open(_: &Target, _: u64, _: impl Fn() + Send + Sync + 'static) -> Result<Box<dyn Sink>, Trouble> {
    absent()
}

pub fn ask(_: &Target) -> Result<Option<Found>, Trouble> {
    absent()
}

pub fn create(_: &Target, _: Option<usize>, _: Option<usize>) -> Result<Plan, Trouble> {
    absent()
}

pub fn last(_: &Target, _: i64) -> Result<Vec<Message>, Trouble> {
    absent()
}

pub fn read(_: &Target, _: From, _: &mut dyn FnMut(Heard) -> ControlFlow<()>) -> Result<(), Trouble> {
    absent()
}
