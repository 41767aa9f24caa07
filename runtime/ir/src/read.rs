//! Reads what Cascade wrote: programs of `cascadec build` and of journals, values, records. A program
//! that the interpreter could not run to its end is refused: it may be damaged or made by hand.

use std::fmt;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Deserializer, Value};

use crate::{FORMAT, Program, Visitor, Work, walk_work};

/// How deep the lists and objects of a program may be nested. The deepest program that the
/// compiler accepts stays below it.
pub const MAX_NESTING: usize = 4_096;
/// How many slots an activation may have.
pub const MAX_SLOTS: u64 = 1 << 20;

/// Why a program cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// It is not a program, or a damaged one: what is wrong.
    Damaged(String),
    /// It is of another format than [`FORMAT`]: that of the program.
    OtherFormat(u64),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(why) => f.write_str(why),
            Self::OtherFormat(n) => write!(f, "it has format {n}, and this version reads format {FORMAT}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a program.
///
/// # Errors
/// When the bytes are not a program of this format, or one that could not be run: nested too
/// deeply, with too many slots, with calls that lead in a circle.
pub fn read_program(bytes: &[u8]) -> Result<Program, ReadError> {
    let damaged = |e: serde_json::Error| ReadError::Damaged(e.to_string());
    let whole: Value = read_json(bytes)?;
    match whole.get("format").and_then(Value::as_u64) {
        Some(n) if n == u64::from(FORMAT) => {}
        Some(n) => return Err(ReadError::OtherFormat(n)),
        None => return Err(ReadError::Damaged("it has no format number".to_owned())),
    }
    check_slots(&whole)?;
    check_functions(&whole)?;
    let program = Program::deserialize(serde_stacker::Deserializer::new(whole)).map_err(damaged)?;
    check_cascades(&program)?;
    Ok(program)
}

/// Reads JSON that Cascade wrote, which may be nested deeper than JSON from outside: the values of
/// a program, and what records say of them.
///
/// # Errors
/// When the bytes are not JSON of this type, or nested deeper than [`MAX_NESTING`].
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let damaged = |e: serde_json::Error| ReadError::Damaged(e.to_string());
    check_nesting(bytes)?;
    let mut reader = Deserializer::from_slice(bytes);
    reader.disable_recursion_limit();
    let value = T::deserialize(serde_stacker::Deserializer::new(&mut reader)).map_err(damaged)?;
    reader.end().map_err(damaged)?;
    Ok(value)
}

fn check_nesting(bytes: &[u8]) -> Result<(), ReadError> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(ReadError::Damaged("it is nested too deeply".to_owned()));
        }
    }
    Ok(())
}

/// Calls a function with each member of the objects in a value.
fn for_each_member<'v>(value: &'v Value, call: &mut dyn FnMut(&'v str, &'v Value)) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    call(name, member);
                    waiting.push(member);
                }
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
}

fn check_slots(whole: &Value) -> Result<(), ReadError> {
    let mut too_many = None;
    for_each_member(whole, &mut |name, member| {
        if name == "slots" && member.as_u64().is_some_and(|n| n > MAX_SLOTS) {
            too_many = member.as_u64();
        }
    });
    match too_many {
        Some(n) => Err(ReadError::Damaged(format!("an activation of it has {n} slots, more than {MAX_SLOTS}"))),
        None => Ok(()),
    }
}

/// A call is of a function that is there, and none leads back to the function itself.
fn check_functions(whole: &Value) -> Result<(), ReadError> {
    let functions: &[Value] = whole.get("functions").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    let calls_in = |part: &Value| {
        let mut called = Vec::new();
        for_each_member(part, &mut |name, member| {
            if let ("Call", Some(id)) = (name, member.get(0).and_then(Value::as_u64)) {
                called.push(usize::try_from(id).unwrap_or(usize::MAX));
            }
        });
        called
    };
    if let Some(unknown) = calls_in(whole).into_iter().find(|id| *id >= functions.len()) {
        return Err(ReadError::Damaged(format!("it calls function {unknown}, which it does not have")));
    }
    let calls: Vec<Vec<usize>> = functions.iter().map(calls_in).collect();
    match leads_back(&calls) {
        true => Err(ReadError::Damaged("a function of it calls itself".to_owned())),
        false => Ok(()),
    }
}

/// Whether one of the nodes leads back to itself by what it calls.
fn leads_back(calls: &[Vec<usize>]) -> bool {
    // Nodes without open calls are taken away until none is left, or only circles are.
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); calls.len()];
    let mut open: Vec<usize> = calls.iter().map(Vec::len).collect();
    for (caller, called) in calls.iter().enumerate() {
        called.iter().for_each(|callee| callers[*callee].push(caller));
    }
    let mut done: Vec<usize> = (0..calls.len()).filter(|node| open[*node] == 0).collect();
    let mut count = 0;
    while let Some(node) = done.pop() {
        count += 1;
        for caller in &callers[node] {
            open[*caller] -= 1;
            if open[*caller] == 0 {
                done.push(*caller);
            }
        }
    }
    count < calls.len()
}

/// A call is of a cascade that is there, and none leads back to the cascade itself.
fn check_cascades(program: &Program) -> Result<(), ReadError> {
    struct Calls(Vec<usize>);
    impl<'p> Visitor<'p> for Calls {
        fn visit_work(&mut self, work: &'p Work) {
            if let Work::Cascade(id, ..) = work {
                self.0.push(id.index());
            }
            walk_work(self, work);
        }
    }
    let mut all = Vec::with_capacity(program.cascades.len());
    for cascade in &program.cascades {
        let mut calls = Calls(Vec::new());
        calls.visit_cascade(cascade);
        if let Some(unknown) = calls.0.iter().find(|id| **id >= program.cascades.len()) {
            let message = format!("`{}` calls cascade {unknown}, which it does not have", cascade.name);
            return Err(ReadError::Damaged(message));
        }
        all.push(calls.0);
    }
    match leads_back(&all) {
        true => Err(ReadError::Damaged("a cascade of it calls itself".to_owned())),
        false => Ok(()),
    }
}
