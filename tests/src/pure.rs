//! Well-typed pure expressions with their values, made from any bytes.
//!
//! [`Maker`] writes an expression of the language together with a Rust function that computes its value; the compiled
//! program must have the same result.

/// How Rust computes a value, given the variables of the lambdas around. `None`: it fails.
pub type Compute<T> = std::rc::Rc<dyn Fn(&[i64]) -> Option<T>>;

/// An expression and its value.
pub struct Made<T> {
    /// The expression in Cascade.
    pub text: String,
    /// Its value.
    pub value: Compute<T>,
}

/// Makes expressions; each decision takes a byte.
#[derive(Debug)]
pub struct Maker<'b> {
    bytes: std::slice::Iter<'b, u8>,
    variables: usize,
}

fn made<T>(text: String, value: impl Fn(&[i64]) -> Option<T> + 'static) -> Made<T> {
    Made { text, value: std::rc::Rc::new(value) }
}

impl<'b> Maker<'b> {
    /// From these bytes; when they end, expressions end too.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter(), variables: 0 }
    }

    fn next(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// An `int`.
    pub fn int(&mut self, depth: u32) -> Made<i64> {
        let choice = if depth == 0 { self.next() % 3 } else { self.next() % 13 };
        match choice {
            0 => {
                let n = i64::from(self.next());
                made(n.to_string(), move |_| Some(n))
            }
            1 if self.variables > 0 => {
                let index = usize::from(self.next()) % self.variables;
                made(format!("x{index}"), move |v| v.get(index).copied())
            }
            1 | 2 => {
                let n = i64::MAX - i64::from(self.next());
                made(n.to_string(), move |_| Some(n))
            }
            3 => self.binary(depth, "+", i64::checked_add),
            4 => self.binary(depth, "-", i64::checked_sub),
            5 => self.binary(depth, "*", i64::checked_mul),
            6 => self.binary(depth, "/", i64::checked_div),
            7 => self.binary(depth, "%", i64::checked_rem),
            8 => {
                let a = self.int(depth - 1);
                made(format!("(-({}))", a.text), move |v| (a.value)(v)?.checked_neg())
            }
            9 => {
                let (c, a, b) = (self.bool(depth - 1), self.int(depth - 1), self.int(depth - 1));
                made(format!("(if {} {{ {} }} else {{ {} }})", c.text, a.text, b.text), move |v| {
                    if (c.value)(v)? { (a.value)(v) } else { (b.value)(v) }
                })
            }
            10 => {
                let l = self.list(depth - 1);
                made(format!("{}.len()", l.text), move |v| i64::try_from((l.value)(v)?.len()).ok())
            }
            11 => {
                let (l, at, other) = (self.list(depth - 1), self.next() % 5, self.int(depth - 1));
                made(format!("({}[{at}] ?? {})", l.text, other.text), move |v| {
                    let l = (l.value)(v)?;
                    l.get(usize::from(at)).copied().map_or_else(|| (other.value)(v), Some)
                })
            }
            _ => {
                let (a, b, first) = (self.int(depth - 1), self.int(depth - 1), self.next().is_multiple_of(2));
                let field = if first { "a" } else { "b" };
                made(format!("pair({}, {}).{field}", a.text, b.text), move |v| {
                    let (a, b) = ((a.value)(v)?, (b.value)(v)?);
                    Some(if first { a } else { b })
                })
            }
        }
    }

    fn binary(&mut self, depth: u32, sign: &str, of: fn(i64, i64) -> Option<i64>) -> Made<i64> {
        let (a, b) = (self.int(depth - 1), self.int(depth - 1));
        made(format!("({} {sign} {})", a.text, b.text), move |v| of((a.value)(v)?, (b.value)(v)?))
    }

    /// A `bool`.
    pub fn bool(&mut self, depth: u32) -> Made<bool> {
        let choice = if depth == 0 { 0 } else { self.next() % 6 };
        match choice {
            0 => {
                let b = self.next().is_multiple_of(2);
                made(b.to_string(), move |_| Some(b))
            }
            1 => {
                let (a, b) = (self.int(depth - 1), self.int(depth - 1));
                made(format!("({} < {})", a.text, b.text), move |v| Some((a.value)(v)? < (b.value)(v)?))
            }
            2 => {
                let (a, b) = (self.list(depth - 1), self.list(depth - 1));
                made(format!("({} == {})", a.text, b.text), move |v| Some((a.value)(v)? == (b.value)(v)?))
            }
            3 => {
                let (a, b) = (self.bool(depth - 1), self.bool(depth - 1));
                made(format!("({} and {})", a.text, b.text), move |v| Some((a.value)(v)? && (b.value)(v)?))
            }
            4 => {
                let (a, b) = (self.bool(depth - 1), self.bool(depth - 1));
                made(format!("({} or {})", a.text, b.text), move |v| Some((a.value)(v)? || (b.value)(v)?))
            }
            _ => {
                let a = self.bool(depth - 1);
                made(format!("(not {})", a.text), move |v| Some(!(a.value)(v)?))
            }
        }
    }

    /// A `list<int>`.
    pub fn list(&mut self, depth: u32) -> Made<Vec<i64>> {
        let choice = if depth == 0 { 0 } else { self.next() % 5 };
        match choice {
            0 => {
                let n = i64::from(self.next() % 6);
                made(format!("range({n})"), move |_| Some((0..n).collect()))
            }
            1 => {
                let parts: Vec<_> = (0..=self.next() % 3).map(|_| self.int(depth - 1)).collect();
                let texts: Vec<_> = parts.iter().map(|p| p.text.clone()).collect();
                made(format!("[{}]", texts.join(", ")), move |v| parts.iter().map(|p| (p.value)(v)).collect())
            }
            2 => {
                let (a, b) = (self.list(depth - 1), self.list(depth - 1));
                made(format!("({} + {})", a.text, b.text), move |v| Some([(a.value)(v)?, (b.value)(v)?].concat()))
            }
            3 => {
                let l = self.list(depth - 1);
                let (name, body) = self.lambda(|m| m.int(depth - 1));
                made(format!("{}.map(|{name}| {})", l.text, body.text), move |v| {
                    (l.value)(v)?.into_iter().map(|x| (body.value)(&[v, &[x]].concat())).collect()
                })
            }
            _ => {
                let l = self.list(depth - 1);
                let (name, body) = self.lambda(|m| m.bool(depth - 1));
                made(format!("{}.filter(|{name}| {})", l.text, body.text), move |v| {
                    let mut kept = Vec::new();
                    for x in (l.value)(v)? {
                        if (body.value)(&[v, &[x]].concat())? {
                            kept.push(x);
                        }
                    }
                    Some(kept)
                })
            }
        }
    }

    fn lambda<T>(&mut self, body: impl FnOnce(&mut Self) -> T) -> (String, T) {
        let name = format!("x{}", self.variables);
        self.variables += 1;
        let body = body(self);
        self.variables -= 1;
        (name, body)
    }
}

/// A program that gives the value of an int and a list.
pub fn program(int: &Made<i64>, list: &Made<Vec<i64>>) -> String {
    format!(
        "type Pair {{ a: int, b: int }}\n\nfn pair(a: int, b: int) -> Pair = {{ a: a, b: b }}\n\ncascade main() -> {{ n: int, l: list<int> }} {{\n  let n = {}\n  let l: list<int> = {}\n  return {{ n: n, l: l }}\n}}\n",
        int.text, list.text
    )
}
